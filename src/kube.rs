//! The few API types of a join, `Status`, and a typed client over a verified server.
//!
//! Enters: a [`Server`](crate::net::server::Server) and what to authenticate with. Leaves: typed objects, or a
//! [`KubeError`](error::KubeError) that names the object. When to ask again is not decided here.

pub mod access_review;
pub mod answer;
pub mod client;
pub mod control_plane;
pub mod error;
mod secrets;
pub mod types;
pub mod wanted;
pub mod watch;
