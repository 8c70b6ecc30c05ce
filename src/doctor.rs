//! What keeps a machine from being a node: every link of a chain is looked at in the order in which they depend on each other, and
//! the first broken one is the answer. What hangs on it is not looked at.
//!
//! Enters: a plan of a join, or why there is none, and the target root. Leaves: an [`Examination`]. Two chains: [`bootstrap`] is that
//! of a machine that has not joined, [`node`] that of one that has. Neither judges anything: they ask the rooms that a join asks,
//! which is why an answer has the code that the join would end with. They change nothing, and send nothing but questions: the
//! token goes to a verified server alone.

mod bare_plan;
mod bootstrap;
mod chain;
mod error;
mod examine;
mod kubelet;
mod network;
mod node;
mod report_text;

pub use bare_plan::bare_plan;
pub use chain::{Examination, SECTION};
pub use examine::examine;
pub use report_text::report_text;
