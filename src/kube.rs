//! The few API types of a join, `Status`, and a typed client over a verified server.

pub mod client;
pub mod error;
pub mod types;
