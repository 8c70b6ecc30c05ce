//! Text from outside: what a server, a file or another program said is data until it has been masked, escaped and capped.
//!
//! Two other escapers write a foreign syntax and stay where that is: `values::Quoted` (Rust's quotes, in which the quote
//! itself is escaped) and `kubelet::go_quote` (Go's `%q`, byte for byte what kubeadm writes to files); the writer of
//! `yaml` is a third. None of them makes text fit for a terminal.

mod columns;
mod escape;
pub mod mask;
pub mod percent;
mod untrusted;
mod wrap;

pub use columns::aligned;
pub use escape::{escaped, printable};
pub use untrusted::UntrustedText;
#[cfg(test)]
pub(crate) use wrap::COLUMNS;
pub use wrap::wrap;
