//! The workflow, top to bottom.

mod already_joined;
mod case;
mod certificate;
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
pub use kubelet_start::{StartedBy, Waiting, wait_bootstrap};
pub use outcome::{CertificateSource, KubeletState, Outcome};
pub use workflow::{join, keep_without_settings};
