//! Connecting to an endpoint as this machine has to: directly, or through a proxy. Decided once for each endpoint, because
//! the one that cluster-info names may need a proxy where the one that was asked does not.

use std::time::Instant;

use super::error::{Cause, NetError, TunnelError};
use super::http::Connection;
use super::proxy;
use super::route::Route;
use super::stream::Stream;
use super::tls::{self, TlsConfig, TrustRoots};
use crate::clock::Clock;
use crate::host::{Network, Obstacle};
use crate::values::{Endpoint, ProxyVariables};

/// What is known of proxies: what the environment says, and what a proxy that is spoken to over TLS is verified with; and of
/// this machine's own network, which a failed attempt is explained by.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    variables: ProxyVariables,
    tls: Option<TlsConfig>,
    network: Option<Network>,
}

impl Proxies {
    /// `roots` are the system trust store, where the variables name a proxy that has to be verified; its certificate is judged
    /// by `clock`, the system's, because no server has been verified yet whose time could count.
    pub fn new(variables: &ProxyVariables, clock: Clock, roots: Option<&TrustRoots>) -> Self {
        let tls = roots.and_then(|roots| tls::strict(roots, clock.as_system(), None).ok());
        Proxies { variables: variables.clone(), tls, network: None }
    }

    /// The same, with a network that failed attempts are explained by.
    pub fn on(self, network: Network) -> Self {
        Proxies { network: Some(network), ..self }
    }
}

/// How an endpoint is connected to.
#[derive(Clone, Debug)]
pub struct Dialer {
    route: Route,
    proxy_tls: Option<TlsConfig>,
    network: Option<Network>,
}

impl Dialer {
    /// Without a proxy, whatever the variables say.
    pub fn direct(endpoint: Endpoint) -> Self {
        Dialer { route: Route::direct(endpoint), proxy_tls: None, network: None }
    }

    /// As the variables say.
    ///
    /// # Errors
    /// They name a proxy that is none.
    pub fn new(endpoint: Endpoint, proxies: &Proxies) -> Result<Self, NetError> {
        let route = match proxies.variables.for_https(&endpoint) {
            Ok(Some(proxy)) => Route::through(endpoint, proxy),
            Ok(None) => Route::direct(endpoint),
            Err(error) => {
                return Err(NetError::new(&Route::direct(endpoint), Cause::Proxy(TunnelError::Variable(error))));
            }
        };
        Ok(Dialer { route, proxy_tls: proxies.tls.clone(), network: proxies.network.clone() })
    }

    /// Where it leads, and through what.
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// Connects and completes a TLS handshake with the endpoint under `config`. A proxy is a piece of the wire: it sees the
    /// endpoint's name, which is resolved there and not here, and nothing that passes.
    ///
    /// # Errors
    /// There is no connection; where this machine's network lacks something that is needed for one, with that.
    pub fn connect(&self, config: &TlsConfig, deadline: Instant) -> Result<Connection, NetError> {
        self.open(config, deadline).map(|(route, stream)| Connection::new(route, stream))
    }

    /// The same for what is not HTTP/1.1: the stream, and the route that it has taken.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn open(&self, config: &TlsConfig, deadline: Instant) -> Result<(Route, Stream), NetError> {
        self.open_once(config, deadline).map_err(|error| NetError { obstacle: self.obstacle(&error), ..error })
    }

    fn obstacle(&self, error: &NetError) -> Option<Box<Obstacle>> {
        Some(Box::new(self.network.as_ref()?.obstacle(error.needs()?)?))
    }

    fn open_once(&self, config: &TlsConfig, deadline: Instant) -> Result<(Route, Stream), NetError> {
        let at = |cause| NetError::new(&self.route, cause);
        let endpoint = self.route.endpoint();
        let name = tls::server_name(endpoint).map_err(at)?;
        let wire = match self.route.proxy() {
            Some(proxy) => proxy::tunnel(proxy, self.proxy_tls.as_ref(), endpoint, deadline)
                .map_err(|error| at(Cause::Proxy(error)))?,
            None => Stream::plain(endpoint, deadline).map_err(|error| NetError::connecting(&self.route, error))?,
        };
        let route = self.route.at(Some(wire.address()));
        let stream = wire.secured(name, config).map_err(|cause| NetError::new(&route, cause))?;
        Ok((route, stream))
    }
}
