//! Whom we trust, and where: the security core of a join.
//!
//! Only this room can make a [`ClusterInfo`]; holding one means that discovery succeeded. The order of checks is part of
//! the contract: in token discovery the signature is judged on raw bytes before any YAML of the network is parsed, then
//! the pin, then the recorded connection itself. With a discovery file the CA is known before, and verifies the connection;
//! where the file has none, the system trust store does. Nothing secret is sent before all that.

mod cluster;
pub mod cluster_info;
mod dialer;
mod discover;
pub mod error;
mod file;
pub mod jws;
mod token;
mod url;

pub use cluster::{Announced, ClusterInfo};
pub use discover::{BootstrapCredentials, Discovered, discover};
