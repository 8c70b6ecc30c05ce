//! Whom we trust, and where: the security core of a join.
//!
//! Only this room can make a [`ClusterInfo`]; holding one means that discovery succeeded. The order of checks is part of
//! the contract: the signature is judged on raw bytes before any YAML of the network is parsed, then the pin, then the
//! recorded connection itself; nothing secret is sent before all three.

pub mod cluster_info;
pub mod error;
pub mod jws;
pub mod token;

use crate::clock::Clock;
use crate::config::Endpoint;
use crate::net::server::Server;
use crate::net::tls::TrustRoots;
use crate::pki::certificate::Certificate;

/// The cluster, proved.
#[derive(Clone, Debug)]
pub struct ClusterInfo {
    server: Endpoint,
    authorities: Vec<Certificate>,
    roots: TrustRoots,
    clock: Clock,
}

impl ClusterInfo {
    /// The API server to use from now on, as cluster-info names it.
    pub fn server(&self) -> &Endpoint {
        &self.server
    }

    /// The CA certificates that were proved, in the order of cluster-info.
    pub fn authorities(&self) -> &[Certificate] {
        &self.authorities
    }

    /// The same as PEM: the content of `ca.crt`.
    pub fn authorities_pem(&self) -> String {
        self.authorities.iter().map(Certificate::to_pem).collect()
    }

    /// The same as trust anchors.
    pub fn roots(&self) -> &TrustRoots {
        &self.roots
    }

    /// The clock that certificates are judged by from now on.
    pub fn clock(&self) -> Clock {
        self.clock
    }
}

/// What discovery gives: the facts, and a server that may be told the token.
#[derive(Debug)]
pub struct Discovered {
    /// The facts.
    pub info: ClusterInfo,
    /// The server named in the facts; over the connection that was proved, where it is the one that was asked.
    pub server: Server,
}
