//! argv to a typed command, and the help texts.
//!
//! What is typed stays as typed ([`JoinArgs`]): nothing here looks at this machine, reads a file or resolves a default, so
//! help works on any half-booted one. Which flags there are is said by [`crate::config::settings_table`]; weighing the
//! sources against each other is [`crate::config`]'s.

mod arguments;
mod certs;
mod command;
mod command_table;
mod completion;
#[cfg(test)]
mod completion_tests;
mod config;
mod doctor;
mod ensure;
mod error;
mod explain;
mod flag_list;
mod help;
mod help_text;
mod join;
mod man;
#[cfg(test)]
mod man_tests;
mod parse;
mod pasted;
mod phase;
mod program;
#[cfg(test)]
mod reference_tests;
mod reset;
mod status;
#[cfg(test)]
mod tests;
mod token;
mod topic;
mod version;

pub use crate::config::settings::{LoggingFormat, Output};
pub use certs::{CertsArgs, CertsVerb};
pub use command::Command;
pub use command_table::command_of;
pub use config::ConfigCommand;
pub use doctor::DoctorArgs;
pub use ensure::EnsureArgs;
pub use join::JoinArgs;
pub use parse::parse;
pub use pasted::join_command;
pub use program::Program;
pub use reset::ResetArgs;
pub use status::StatusArgs;
pub use token::{TokenArgs, TokenCommand};
pub use version::Version;
