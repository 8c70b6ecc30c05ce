//! The wire: TCP, TLS and HTTP/1.1. Knows nothing of Kubernetes.
//!
//! [`tls`] is the only file that configures rustls, [`http`] the only one that speaks HTTP. A server is first an
//! [`UnprovedServer`](server::UnprovedServer), which can be asked for one public document and told nothing; proof turns it into a
//! [`Server`](server::Server), the only thing that credentials can be sent to.

pub mod error;
pub mod http;
pub mod retry;
pub mod server;
pub mod stream;
pub mod tls;
