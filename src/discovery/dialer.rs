//! The way to a server, decided and said.

use crate::net::dial::{Dialer, Proxies};
use crate::net::error::NetError;
use crate::phase::Phase;
use crate::report::Report;
use crate::values::Endpoint;

/// The way to `endpoint`; where it leads through a proxy, that is worth a line.
pub(super) fn dialer_for(endpoint: &Endpoint, proxies: &Proxies, report: &Report) -> Result<Dialer, NetError> {
    let dialer = Dialer::new(endpoint.clone(), proxies)?;
    if let Some(proxy) = dialer.route().proxy() {
        report.info(Phase::Discovery, format_args!("Going to {endpoint} through the proxy {proxy}"));
    }
    Ok(dialer)
}
