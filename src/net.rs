//! The wire: TCP, TLS and HTTP/1.1. Knows nothing of Kubernetes.
//!
//! [`tls`] is the only file that configures rustls, [`http`] the only one that speaks HTTP. A server is first an
//! [`UnverifiedServer`](server::UnverifiedServer), which can be asked for one public document and sent nothing else; verified, it is a
//! [`Server`](server::Server), the only thing that credentials can be sent to. How either is reached is in its
//! [`Dialer`](dial::Dialer): TLS runs from end to end, also through a proxy.

pub mod dial;
pub mod error;
pub mod http;
mod local_route;
mod proxy;
pub mod resolve;
pub mod route;
pub mod server;
mod socks;
pub mod status;
pub mod stream;
pub mod tls;
pub mod verification;
