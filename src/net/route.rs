//! Where an exchange goes: an endpoint, and the proxy in between. What every error of the wire names.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::values::{Endpoint, Proxy};

/// An endpoint, and the proxy in between. Shown as `host:port`, `host:port (192.0.2.10)` once a name's address is known, or
/// `host:port (through the proxy http://p:3128)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    endpoint: Endpoint,
    proxy: Option<Arc<Proxy>>,
    /// In a box, because every error has one of these in it.
    address: Option<Box<IpAddr>>,
}

impl Route {
    /// Without a proxy.
    pub fn direct(endpoint: Endpoint) -> Self {
        Route { endpoint, proxy: None, address: None }
    }

    /// Through this proxy.
    pub fn through(endpoint: Endpoint, proxy: Proxy) -> Self {
        Route { endpoint, proxy: Some(Arc::new(proxy)), address: None }
    }

    /// The same, once it is known which address was tried; without a proxy, which alone knows that of the endpoint.
    pub fn at(&self, address: Option<SocketAddr>) -> Self {
        let address = address.filter(|_| self.proxy.is_none()).map(|address| Box::new(address.ip()));
        Route { address, ..self.clone() }
    }

    /// Where it leads.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The proxy in between.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_deref()
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.endpoint)?;
        match (&self.proxy, &self.address) {
            (Some(proxy), _) => write!(f, " (through the proxy {proxy})"),
            (None, Some(address)) if self.endpoint.ip().is_none() => write!(f, " ({address})"),
            (None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_with_the_address_that_was_tried() {
        let address = Some("192.0.2.10:6443".parse().unwrap());
        let shown = |endpoint: &str| Route::direct(endpoint.parse().unwrap()).at(address).to_string();
        assert_eq!(shown("kube.example.org:6443"), "kube.example.org:6443 (192.0.2.10)");
        assert_eq!(shown("192.0.2.10:6443"), "192.0.2.10:6443");
        let direct = Route::direct("kube.example.org:6443".parse().unwrap());
        assert_eq!(direct.at(None).to_string(), "kube.example.org:6443");
    }
}
