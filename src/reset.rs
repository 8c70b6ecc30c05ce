//! A node undone: what a join has written, removed, in an order that can be interrupted anywhere.
//!
//! ```text
//! ResetPlan ─► survey      what is here: node, member of etcd, Pods                          only looks
//! Survey ─► settle         what etcd's data means to its cluster: remove, last, or refuse    only looks
//! settled ─► begin         it is written down, and kubelet.conf goes: no node any more
//!         ─► etcd          this machine's member leaves, while its API server still answers
//!         ─► clean up      kubelet stopped; certificates, static Pods; Pods end; unmounted; files
//!         ─► ended         what was written down goes last
//! ```
//!
//! An interrupted reset is gone on with by the next one, and by the next join ([`finish`]). What is removed goes by the one
//! writer of [`crate::rootfs`], which crosses no mount and follows no link. What stays because it could not go ends the run
//! with a status of its own; what stays on purpose is listed with the command that removes it.

mod cleanup;
mod error;
mod etcd;
mod files;
mod leftovers;
mod outcome;
mod plan;
mod pods;
mod workflow;

pub use plan::{Phases, ResetPlan};
pub use workflow::{finish, reset};
