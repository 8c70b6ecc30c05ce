//! What this machine, or a root that is mounted on it, is as a node: what `kubejoin status` shows, and waits for.
//!
//! ```text
//! files of the root, init system, healthz on the loopback, result.json ─► look ─► Status ─► screen, document
//! kubelet.conf + API server (only with --wait) ─► wait
//! ```
//!
//! It only looks: nothing is written, and [`look()`] opens no connection but the one to the kubelet's healthz on the loopback.
//! Whether an identity can be used is judged by [`crate::node::state`], as for `join` and `ensure`, and has the same codes.
//! What may not be read by this user is listed, and is a finding where nothing else is wrong.

mod certificate;
mod document;
mod facts;
mod kubelet;
mod last_run;
mod look;
mod screen;
mod trouble;
mod unseen;
mod wait;

pub use kubelet::Running;
pub use look::{Scope, look};
pub use wait::{Waiting, wait};
