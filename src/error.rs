//! What every error of this crate has in common: a stable code, an exit class, one line and one hint.
//!
//! Each room has its own enum. Its `Display` is one line that names the object (lower case, no full stop); its [`Code`]
//! comes from the one catalogue in [`codes`], whose table stands in `codes.md`. What checks found is a list of [`Finding`]s
//! and stays one until a sink prints it.

mod class;
mod code;
pub mod codes;
mod explain;
mod finding;

pub use class::Class;
pub use code::Code;
pub use explain::{Explain, Failure};
pub use finding::{Finding, Severity};
