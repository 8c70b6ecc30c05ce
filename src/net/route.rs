//! How an endpoint is reached: directly, or through a proxy. Decided once for each endpoint, because the one that
//! cluster-info names may need another way than the one that was asked.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::error::{Cause, NetError};
use super::http::Connection;
use super::proxy::{self, TunnelError};
use super::stream::Stream;
use super::tls::{self, TlsConfig};
use crate::config::{Endpoint, Proxy, ProxyVariables};

/// An endpoint, and the proxy on the way there. Shown as `host:port`, or `host:port (through the proxy http://p:3128)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    endpoint: Endpoint,
    proxy: Option<Arc<Proxy>>,
}

impl Route {
    /// Without a proxy, whatever the variables say.
    pub fn direct(endpoint: Endpoint) -> Self {
        Route { endpoint, proxy: None }
    }

    /// As the variables say. Error: they name a proxy that is none.
    pub fn new(endpoint: Endpoint, variables: &ProxyVariables) -> Result<Self, NetError> {
        match variables.for_https(&endpoint) {
            Ok(proxy) => Ok(Route { endpoint, proxy: proxy.map(Arc::new) }),
            Err(error) => Err(NetError::new(&Route::direct(endpoint), Cause::Proxy(TunnelError::Variable(error)))),
        }
    }

    /// Where it leads.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What lies on the way.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_deref()
    }

    /// Connects and completes a TLS handshake with the endpoint under `config`. A proxy is a piece of the wire: it sees the
    /// endpoint's name, which is resolved there and not here, and nothing that passes.
    pub fn connect(&self, config: &TlsConfig, deadline: Instant) -> Result<Connection, NetError> {
        let at = |cause| NetError::new(self, cause);
        let name = tls::server_name(&self.endpoint).map_err(at)?;
        let wire = match &self.proxy {
            Some(proxy) => proxy::tunnel(proxy, &self.endpoint, deadline).map_err(|e| at(Cause::Proxy(e)))?,
            None => Stream::plain(&self.endpoint, deadline).map_err(at)?,
        };
        Ok(Connection::new(self.clone(), wire.secured(name, config).map_err(at)?))
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.proxy {
            Some(proxy) => write!(f, "{} (through the proxy {proxy})", self.endpoint),
            None => write!(f, "{}", self.endpoint),
        }
    }
}
