//! The user's patches of the kubelet's `config.yaml` and of the static Pods, as kubeadm 1.37 reads and applies a directory
//! given with `--patches` (`cmd/kubeadm/app/util/patches/patches.go`).
//!
//! In come names and contents of files in the order of kubeadm's walk; reading them is
//! [`crate::inputs`]'s. Every patch is parsed at once, so that a broken one is refused before anything is sent.
//!
//! The three kinds are written here and not taken from crates: operators have files that work with kubeadm, whose two
//! libraries (evanphx/json-patch v4, apimachinery `strategicpatch`) go their own ways where the RFCs say otherwise
//! (`replace` of a missing member adds it, indices count from the end, nulls inside a new mapping are dropped).
//! `tests/kubelet/patches.jsonl` and `tests/control_plane/patches.jsonl` hold each of these ways against kubeadm's own code.

mod collection;
mod documents;
pub mod error;
pub mod file_name;
mod json;
mod kind;
mod merge;
mod schema;
mod strategic;
mod target;

pub use collection::Patches;
pub use error::{PatchError, PatchFileError};
pub use file_name::{FileName, Ignored};
pub use target::PatchTarget;
