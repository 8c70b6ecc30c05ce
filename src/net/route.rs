//! Where an exchange goes: an endpoint, and the proxy in between. What every error of the wire names.

use std::fmt;
use std::sync::Arc;

use crate::values::{Endpoint, Proxy};

/// An endpoint, and the proxy in between. Shown as `host:port`, or `host:port (through the proxy http://p:3128)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    endpoint: Endpoint,
    proxy: Option<Arc<Proxy>>,
}

impl Route {
    /// Without a proxy.
    pub fn direct(endpoint: Endpoint) -> Self {
        Route { endpoint, proxy: None }
    }

    /// Through this proxy.
    pub fn through(endpoint: Endpoint, proxy: Proxy) -> Self {
        Route { endpoint, proxy: Some(Arc::new(proxy)) }
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
        match &self.proxy {
            Some(proxy) => write!(f, "{} (through the proxy {proxy})", self.endpoint),
            None => write!(f, "{}", self.endpoint),
        }
    }
}
