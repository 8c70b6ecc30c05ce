//! What a node of the control plane has beyond a worker: the certificates and keys that all of them share, its own
//! certificates, the kubeconfigs of its components, their static Pods, and what its Node says.
//!
//! ```text
//! Secret kubeadm-certs + certificate key ─► Downloaded ─┐
//! target root ────────────────────────────► PkiFiles ◄──┘   what is on the disk, under what was downloaded
//! PkiFiles + CertificateSpec ─────────────► Certificates    every leaf, issued or kept
//! PkiFiles + KubeconfigSpec ──────────────► Kubeconfigs     admin.conf, controller-manager.conf, scheduler.conf
//! ClusterConfiguration + StaticPodSpec ───► Manifest        the static Pods
//! ```
//!
//! None of these writes or connects: what is new becomes entries of a [`FileSet`](crate::rootfs::FileSet). No CA is ever
//! made, because one that only this node has would be another cluster's. [`endpoints`], [`mark`] and [`wait`] ask the API.

mod certificate_spec;
pub mod certs;
mod certs_error;
pub mod download_certs;
pub mod endpoints;
mod error;
mod existing;
pub mod expiration;
mod expiration_table;
pub mod kubeconfigs;
mod leaf_files;
mod leaves;
pub mod mark;
pub mod pki_files;
pub mod pki_layout;
mod sans;
pub mod shared_certs;
pub mod static_pods;
pub mod upload_certs;
pub mod user_kubeconfig;
pub mod wait;

pub use certificate_spec::CertificateSpec;
pub use certs_error::CertsError;
pub use error::ControlPlaneError;
