//! How an endpoint is reached: directly, or through a proxy. Decided once for each endpoint, because the one that
//! cluster-info names may need another way than the one that was asked.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::error::{Cause, NetError};
use super::http::Connection;
use super::proxy::{self, TunnelError};
use super::stream::Stream;
use super::tls::{self, TlsConfig, TrustRoots};
use crate::clock::Clock;
use crate::config::{Endpoint, Proxy, ProxyVariables};

/// What is known of proxies: what the environment says, and what a proxy that is spoken to over TLS is proved with.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    variables: ProxyVariables,
    tls: Option<TlsConfig>,
}

impl Proxies {
    /// `roots` are those of web servers, where the variables name a proxy that has to be proved; its certificate is judged
    /// by `clock`, the system's, because nobody is there yet whose word for another time counts.
    pub fn new(variables: &ProxyVariables, clock: Clock, roots: Option<&TrustRoots>) -> Self {
        let tls = roots.and_then(|roots| tls::strict(roots, clock.as_system(), None).ok());
        Proxies { variables: variables.clone(), tls }
    }
}

/// An endpoint, and the proxy on the way there. Shown as `host:port`, or `host:port (through the proxy http://p:3128)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    endpoint: Endpoint,
    proxy: Option<Arc<Through>>,
}

/// A proxy, and the TLS that it is spoken to with.
#[derive(Debug)]
struct Through {
    proxy: Proxy,
    tls: Option<TlsConfig>,
}

/// How it is spoken to follows from which proxy it is.
impl PartialEq for Through {
    fn eq(&self, other: &Self) -> bool {
        self.proxy == other.proxy
    }
}

impl Eq for Through {}

impl Route {
    /// Without a proxy, whatever the variables say.
    pub fn direct(endpoint: Endpoint) -> Self {
        Route { endpoint, proxy: None }
    }

    /// As the variables say. Error: they name a proxy that is none.
    pub fn new(endpoint: Endpoint, proxies: &Proxies) -> Result<Self, NetError> {
        match proxies.variables.for_https(&endpoint) {
            Ok(proxy) => {
                let through = |proxy| Arc::new(Through { proxy, tls: proxies.tls.clone() });
                Ok(Route { endpoint, proxy: proxy.map(through) })
            }
            Err(error) => Err(NetError::new(&Route::direct(endpoint), Cause::Proxy(TunnelError::Variable(error)))),
        }
    }

    /// Where it leads.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What lies on the way.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref().map(|through| &through.proxy)
    }

    /// Connects and completes a TLS handshake with the endpoint under `config`. A proxy is a piece of the wire: it sees the
    /// endpoint's name, which is resolved there and not here, and nothing that passes.
    pub fn connect(&self, config: &TlsConfig, deadline: Instant) -> Result<Connection, NetError> {
        let at = |cause| NetError::new(self, cause);
        let name = tls::server_name(&self.endpoint).map_err(at)?;
        let wire = match &self.proxy {
            Some(through) => proxy::tunnel(&through.proxy, through.tls.as_ref(), &self.endpoint, deadline)
                .map_err(|e| at(Cause::Proxy(e)))?,
            None => Stream::plain(&self.endpoint, deadline).map_err(at)?,
        };
        Ok(Connection::new(self.clone(), wire.secured(name, config).map_err(at)?))
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.proxy() {
            Some(proxy) => write!(f, "{} (through the proxy {proxy})", self.endpoint),
            None => write!(f, "{}", self.endpoint),
        }
    }
}
