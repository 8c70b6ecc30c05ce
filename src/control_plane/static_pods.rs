//! The static Pods of a control plane node, as the kubeadm of the cluster's own release writes them into
//! `/etc/kubernetes/manifests` (`cmd/kubeadm/app/phases/controlplane/`, `phases/etcd/local.go`, `util/staticpod/utils.go`).
//!
//! In come the ClusterConfiguration and what the plan knows of this node, out go the texts of the manifests, serialized as
//! kubeadm does it. No I/O: what is on this machine (directories with CA certificates, proxy variables) is passed in.
//! kubeadm's releases 1.28 to 1.37 are written down in [`release`], each difference once.

mod arguments;
mod error;
mod etcd;
mod etcd_version;
mod kubernetes;
mod pod;
mod release;
mod render;
mod spec;
mod volumes;

pub use error::StaticPodError;
pub use release::{HOST_CA_DIRECTORIES, Release};
pub use render::{Manifest, control_plane, etcd, etcd_image, images};
pub use spec::StaticPodSpec;
pub use volumes::flex_volume_directory;
