//! The one door for the tests of this repository: what they use of the rooms, by the paths that it has there. Nobody else may
//! use it. What stands neither here nor in the program is dead, and the compiler says so.
#![allow(missing_docs, reason = "the documentation stands where the items do")]

pub mod cli {
    pub use crate::cli::{Command, parse};
}

pub mod clock {
    pub use crate::clock::{Clock, ClockMode, build_date};
}

pub mod cluster {
    pub mod cluster_configuration {
        pub use crate::cluster::cluster_configuration::ClusterConfiguration;
    }
    pub mod control_plane {
        pub use crate::cluster::control_plane::ControlPlaneConfiguration;
    }
}

pub mod commands {
    pub use crate::commands::report_panics;
}

pub mod config {
    pub mod migrate {
        pub use crate::config::migrate::{Allow, join_defaults, migrate, reset_defaults, validate};
    }
}

pub mod control_plane {
    pub use crate::control_plane::CertsError;
    pub mod certs {
        pub use crate::control_plane::CertificateSpec;
        pub use crate::control_plane::certs::Certificates;
    }
    pub mod kubeconfigs {
        pub use crate::control_plane::kubeconfigs::{KubeconfigSpec, Kubeconfigs};
    }
    pub mod pki_files {
        pub use crate::control_plane::pki_files::PkiFiles;
    }
    pub mod pki_layout {
        pub use crate::control_plane::pki_layout::{EtcdPki, PkiLayout};
    }
    pub mod static_pods {
        pub use crate::control_plane::static_pods::{
            HOST_CA_DIRECTORIES, Manifest, Release, StaticPodError, StaticPodSpec, control_plane, etcd, etcd_image,
            flex_volume_directory, images,
        };
    }
}

pub mod discovery {
    pub use crate::discovery::{Discovered, discover};
    pub mod cluster_info {
        pub use crate::discovery::cluster_info::read;
    }
    pub mod error {
        pub use crate::discovery::error::DiscoveryError;
    }
    pub mod jws {
        pub use crate::discovery::jws::verify;
    }
}

pub mod error {
    pub use crate::error::{Class, Explain};
    pub mod codes {
        pub use crate::error::codes::ALL;
    }
}

pub mod etcd {
    pub use crate::etcd::{
        Access, DataDirectory, Decision, Etcd, EtcdError, Health, Member, Membership, NodeOwner, Ours, OwnMember,
        Patience, Quorum, Refusal, Removal, SLOW, Seen, Status, TOO_SLOW_FOR_DEFAULTS, View, data_directory, decide,
        measure_disk,
    };
}

pub mod inputs {
    pub use crate::inputs::{Discovery, Trust, kubelet_overrides, kustomize_fragments};
}

pub mod join {
    pub use crate::join::{StartedBy, Waiting, wait_bootstrap};
}

pub mod kube {
    pub mod client {
        pub use crate::kube::client::Client;
    }
    pub mod wanted {
        pub use crate::kube::wanted::Wanted;
    }
}

pub mod kubeconfig {
    pub use crate::kubeconfig::ClusterAccess;
}

pub mod kubelet {
    pub mod configuration {
        pub use crate::kubelet::configuration::{KubeletConfiguration, KubeletInputs};
    }
    pub mod flags {
        pub use crate::kubelet::flags::render;
    }
    pub mod instance {
        pub use crate::kubelet::instance::render;
    }
    pub mod kubeconfig {
        pub use crate::kubelet::kubeconfig::render;
    }
    pub mod raw {
        pub use crate::kubelet::raw::RawKubeletConfig;
    }
}

pub mod net {
    pub mod dial {
        pub use crate::net::dial::{Dialer, Proxies};
    }
    pub mod error {
        pub use crate::net::error::{Cause, NetError};
    }
    pub mod http {
        pub use crate::net::http::{Connection, Method, Request, Response};
    }
    pub mod route {
        pub use crate::net::route::Route;
    }
    pub mod server {
        pub use crate::net::server::{Server, UnverifiedServer};
    }
    pub mod stream {
        pub use crate::net::stream::Stream;
    }
    pub mod tls {
        pub use crate::net::tls::TrustRoots;
    }
    pub mod verification {
        pub use crate::net::verification::Verification;
    }
}

pub mod node {
    pub mod paths {
        pub use crate::node::paths::client_certificate;
    }
    pub mod registration {
        pub use crate::node::registration::{NotRegistered, Registered};
    }
    pub mod state {
        pub use crate::node::state::{NodeState, read};
    }
}

pub mod patches {
    pub use crate::patches::{PatchTarget, Patches};
}

pub mod phase {
    pub use crate::phase::NAMES;
}

pub mod pki {
    pub mod ca {
        pub use crate::pki::ca::CaProblem;
    }
    pub mod certificate {
        pub use crate::pki::certificate::Certificate;
    }
    pub mod identity {
        pub use crate::pki::identity::ClientIdentity;
    }
    pub mod key {
        pub use crate::pki::key::PrivateKey;
    }
    pub mod key_algorithm {
        pub use crate::pki::key_algorithm::KeyAlgorithm;
    }
    pub mod request {
        pub use crate::pki::request::{pem_for_node, public_key_info_of};
    }
}

pub mod plan {
    pub use crate::plan::{Access, Mode, Target};
}

pub mod report {
    pub use crate::report::{JsonLines, Report, ReportOptions};
}

pub mod retry {
    pub use crate::retry::{Jitter, Retry};
}

pub mod rootfs {
    pub use crate::rootfs::{FileSet, Left, LeftBecause, Root, TargetPath, UnmountFlags};
}

pub mod secret {
    pub use crate::secret::Secret;
}

pub mod services {
    pub use crate::services::InitSystem;
}

pub mod status {
    pub use crate::status::{Running, Scope, look};
}

pub mod tls_bootstrap {
    pub use crate::tls_bootstrap::obtain;
}

pub mod values {
    pub use crate::values::{BootstrapToken, CaCertHash, Endpoint, NodeName, Proxy, ProxyVariables, Url};
}

pub mod yaml {
    pub use crate::yaml::{Document, MAX_BYTES, MAX_DEPTH, YamlError, parse, parse_one, to_string};
}
