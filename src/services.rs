//! Enable or start the kubelet: systemd, OpenRC, offline by symlink, none.
//!
//! What is here means what kubeadm means by it (`cmd/kubeadm/app/util/initsystem`): the same commands, the same reading
//! of their answers. Two things are ours: a command that hangs is ended, and a root that is not running gets the links
//! that make its init system start the kubelet at boot. What is not here: waiting for the kubelet to be healthy, and
//! the decision whether a service that does not start ends the join.

/// The kubelet's service, wherever it is managed.
pub const KUBELET: &str = "kubelet";

mod command;
mod error;
mod init_system;
mod log;
mod offline;
mod ordering;
mod output;
mod unit_command;
mod unit_file;

pub(crate) use command::{Commands, Running, find};
pub use error::ServiceError;
pub use init_system::{InitSystem, Started};
pub use offline::{Enablement, enablement};
pub(crate) use output::Output;
pub use unit_command::service_flags;

#[cfg(test)]
mod tests;
