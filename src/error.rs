//! What every error of this crate has in common: a stable code, an exit class, one line and one hint.
//!
//! Each room has its own enum. Its `Display` is one line that names the object (lower case, no full stop); its [`Code`]
//! comes from the one catalogue in [`codes`], whose table stands in `codes.md`; what `kubejoin explain` adds is in
//! `explanations.txt`. What checks found is a list of [`Finding`]s
//! and stays one until a sink prints it.

mod class;
mod code;
pub mod codes;
mod explain;
mod explanation;
mod finding;

/// Lets `Debug` of an error say what its `Display` says. The standard library asks for one of every error; a derived one
/// would bring the names of all fields and variants into the binary, for nobody.
macro_rules! debug_as_display {
    ($error:ty) => {
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}
pub(crate) use debug_as_display;

pub use class::Class;
pub use code::Code;
pub use explain::{Explain, Failure};
pub use explanation::Explanation;
pub use finding::{Finding, Severity};
