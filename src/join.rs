//! The workflow, top to bottom.

mod already_joined;
mod certificate;
mod findings;
mod kubelet_start;
mod outcome;
mod workflow;

pub use kubelet_start::{StartedBy, Waiting, wait_bootstrap};
pub use outcome::{CertificateSource, KubeletState, Outcome};
pub use workflow::join;
