//! The way to a server, decided and said.

use crate::config::Endpoint;
use crate::net::error::NetError;
use crate::net::route::{Proxies, Route};
use crate::phase::Phase;
use crate::report::Report;

/// The way to `endpoint`; where it leads through a proxy, that is worth a line.
pub(super) fn route(endpoint: &Endpoint, proxies: &Proxies, report: &Report) -> Result<Route, NetError> {
    let route = Route::new(endpoint.clone(), proxies)?;
    if let Some(proxy) = route.proxy() {
        report.info(Phase::Discovery, format_args!("Going to {endpoint} through the proxy {proxy}"));
    }
    Ok(route)
}
