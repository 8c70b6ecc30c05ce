//! One file per verb: typed arguments in, outcome out. A verb owns no rules; it calls the rooms that do, in order, and says
//! how it ended.

mod admin;
mod boot_reset;
mod certs;
mod config;
mod dispatch;
mod doctor;
mod ensure;
mod join;
mod join_outcome;
mod panics;
mod phase;
mod report_options;
mod reset;
mod show;
mod status;
mod token;
mod turn;

pub use dispatch::run;
pub use panics::report_panics;
