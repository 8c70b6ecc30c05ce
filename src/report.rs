//! Events and their sinks. Every room may emit; only a sink prints.
//!
//! [`console`], [`kmsg`] (`/dev/kmsg`), [`json`], [`document`] (`--output=json`), always [`mod@result`] (`result.json`), and for
//! whoever started the run [`notify`] and [`cluster_api`].
//! [`Report`] passes every text through [`outgoing`] before any sink sees it: secrets are gone by then, and control
//! characters escaped. A sink decides form and place alone. Not in here: exit statuses, and what is worth reporting.

pub mod cluster_api;
pub mod console;
pub mod document;
mod event;
mod fields;
pub mod json;
pub mod kmsg;
mod level;
pub mod notify;
mod options;
pub mod outgoing;
mod reporter;
pub mod result;
mod sink;
mod stream;

pub use cluster_api::DIRECTORY as CLUSTER_API;
pub use json::JsonLines;
pub use options::ReportOptions;
pub use reporter::Report;

/// For the tests of other rooms.
#[cfg(test)]
pub(crate) use {event::Event, level::Level, sink::Sink};

#[cfg(test)]
mod tests;
