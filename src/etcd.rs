//! The etcd members of a stacked control plane, over gRPC (etcd `api/etcdserverpb/rpc.proto`): who they are, how they are, and
//! this machine as one more of them.
//!
//! ```text
//! client URLs, CA, certificate ─► Etcd ─► view: every member and what it answers        only looks
//! View + Ours ─► decide ─► Decision: add, take over, resume, replace, or refuse         pure
//! Etcd + Ours ─► ensure_member ─► Membership with the initial cluster                   changes the cluster
//! Membership ─► promote ─► a voter                                                      changes the cluster
//! View + OwnMember ─► decide_removal ─► Removal: remove, last, or no quorum              pure
//! Etcd + OwnMember ─► remove_member                                                     changes the cluster
//! ```
//!
//! Only what changes the number of members can lose a quorum, so that is done in one order: a member is added as a learner,
//! which counts for nothing; it becomes a voter once its data is there. A stale member of this machine is removed first.
//!
//! `message` has requests and answers as bytes, `client` calls of one member, `endpoints` those of several, `view` what is
//! known of them, `decision` what to do about it, `member` does it, `progress` how far a learner is, `removal` takes this
//! machine's member out, `data_directory` is what is on the disk, `disk` how fast that is.

mod client;
mod data_directory;
mod decision;
mod disk;
mod endpoints;
mod error;
mod member;
mod message;
mod progress;
mod removal;
mod view;

pub use client::Access;
pub use data_directory::{DataDirectory, data_directory, member_data};
pub use decision::{Decision, NodeOwner, Ours, Refusal, decide};
pub use disk::{SLOW, TOO_SLOW_FOR_DEFAULTS, measure_disk};
pub use endpoints::Etcd;
pub use error::EtcdError;
pub use member::Membership;
pub use message::{Member, Status};
pub use progress::Patience;
pub use removal::{OwnMember, Removal};
pub use view::{Health, Quorum, Seen, View};

#[cfg(test)]
mod fake;
#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests;
