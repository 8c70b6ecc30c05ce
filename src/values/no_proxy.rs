//! `NO_PROXY`: what is connected to directly although a proxy is named (golang.org/x/net `http/httpproxy`, `useProxy`).

use std::net::{IpAddr, Ipv6Addr};

use super::endpoint::Endpoint;

/// Whether Go never takes a proxy: `localhost` and the loopback addresses.
pub(super) fn is_local(endpoint: &Endpoint) -> bool {
    endpoint.host == "localhost" || endpoint.ip().is_some_and(|ip| ip.to_canonical().is_loopback())
}

/// Whether `list` names the endpoint. Items stand between commas: `*`, a network such as `10.0.0.0/8`, an address, a domain
/// (with what is below it), `.domain` or `*.domain` (only what is below it); the last three with a port, perhaps. What is
/// none of these names nothing.
pub(super) fn excepts(list: &str, endpoint: &Endpoint) -> bool {
    let address = endpoint.ip().map(|ip| ip.to_canonical());
    list.split(',').map(|item| item.trim().to_lowercase()).filter(|item| !item.is_empty()).any(|item| {
        if item == "*" {
            return true;
        }
        if let Some((network, bits)) = network(&item) {
            return address.is_some_and(|address| contains(network, bits, address));
        }
        let (name, port) = split_port(&item);
        if name.is_empty() || port.is_some_and(|port| !port.is_empty() && port != endpoint.port.to_string()) {
            return false;
        }
        match (name.parse::<IpAddr>(), address) {
            (Ok(named), Some(address)) => named.to_canonical() == address,
            (Err(_), None) => is_below(&endpoint.host, name),
            _ => false,
        }
    })
}

/// Whether a host is the domain `name` or below it; only the latter where the name begins with a dot.
fn is_below(host: &str, name: &str) -> bool {
    let name = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(name);
    match name.strip_prefix('.') {
        Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
        None => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
    }
}

/// `name:port` or `[address]:port` in two; anything else is a name.
fn split_port(item: &str) -> (&str, Option<&str>) {
    if let Some((address, port)) = item.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
        return (address, Some(port));
    }
    match item.split_once(':') {
        Some((name, port)) if !port.contains(':') => (name, Some(port)),
        _ => (item, None),
    }
}

/// `address/bits`.
fn network(item: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = item.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    // `parse` would take a sign.
    let bits = bits.bytes().all(|b| b.is_ascii_digit()).then(|| bits.parse().ok())??;
    (bits <= longest).then_some((address, bits))
}

/// Whether the first `bits` of both are the same. `::ffff:10.0.0.0/104` is `10.0.0.0/8`, as in Go.
fn contains(network: IpAddr, bits: u32, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (u32::from(network) ^ u32::from(address)).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), address) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            let first = Ipv6Addr::from(u128::from(network) & mask);
            match (first.to_ipv4_mapped(), address) {
                // Only 96 bits and more leave the prefix of mapped addresses whole.
                (Some(first), address @ IpAddr::V4(_)) => contains(IpAddr::V4(first), bits.saturating_sub(96), address),
                (None, IpAddr::V6(address)) => u128::from(address) & mask == u128::from(first),
                _ => false,
            }
        }
        _ => false,
    }
}
