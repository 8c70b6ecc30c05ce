//! The container runtime, asked as the kubelet will ask it: CRI v1 (`k8s.io/cri-api` `runtime/v1/api.proto`) on its socket.
//!
//! In here: connecting with a time limit, the few calls that kubeadm makes of a runtime before a join and in a reset, and their
//! messages.
//! Not in here: which runtime is asked, and what an answer means for a join.

mod error;
mod runtime;
mod sandboxes;
mod socket;

pub use error::CriError;
pub use runtime::{Condition, Runtime};
pub use sandboxes::Sandbox;
pub use socket::{CALL_TIMEOUT, dial};

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;
