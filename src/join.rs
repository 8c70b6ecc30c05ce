//! The workflow, top to bottom.

mod already_joined;
mod case;
mod certificate;
mod cluster_config;
mod control_plane;
mod etcd_member;
mod findings;
mod finish_control_plane;
mod keep;
mod kubelet_start;
mod outcome;
mod renewal;
mod workflow;

pub use case::Case;
pub use cluster_config::cluster_config;
pub use findings::report_cluster;
pub use keep::as_node;
pub use kubelet_start::{StartedBy, Waiting, wait_bootstrap, written_configuration};
pub use outcome::{CertificateSource, KubeletState, Outcome};
pub use renewal::due_from as renewal_due_from;
pub use renewal::is_due;
pub use workflow::{found_state, join, keep_without_settings};
