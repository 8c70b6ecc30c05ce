//! The target root and the one way of writing to it: a `FileSet`, committed durably, in order, repeatably.
//! Knows nothing of Kubernetes.
//!
//! ```text
//! path of the root ─► Root::open ─► read, read_link, metadata, list      every path resolved inside the root
//! FileSet ─► Root::commit ─► Committed
//!            observe the tree ─► plan: a list of steps (pure) ─► run the steps
//! ```
//!
//! Names of files and what goes into them come from outside; so do decisions about what may be replaced or removed. Removing
//! and unmounting are steps of the same plan; they end at every mount and follow no link, and what stays is reported
//! ([`Left`]). What is not here: owners other than the caller, and extended attributes (an SELinux root wants a relabel after
//! an initramfs wrote to it).

mod commit;
mod error;
mod file_kind;
mod file_set;
mod left;
mod lock;
mod mounts;
mod observe;
mod path;
mod plan;
mod preview;
mod prune;
mod read;
mod resolve;
mod shred;
mod space;
mod survey;
mod unmount;
mod unmount_process;
mod write_times;

#[cfg(test)]
mod crash;

pub use error::{CommitError, RootError};
pub use file_kind::FileKind;
pub use file_set::{Entry, FileSet, Kind};
pub use left::{Left, LeftBecause};
pub use observe::temporary_in;
pub use path::{TargetPath, TargetPathError};
pub use preview::Preview;
pub use read::Metadata;
pub use resolve::Root;
pub use rustix::mount::UnmountFlags;
pub use unmount_process::was_unmount_process;
pub use write_times::WriteTimes;
