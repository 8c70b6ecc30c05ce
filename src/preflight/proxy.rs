//! Which proxy a Go program, kubeadm or the kubelet, would take for an https connection (golang.org/x/net
//! `http/httpproxy`). We connect directly; a proxy in the environment is worth a word because the kubelet may not.

use std::net::IpAddr;

use crate::host::ProxyVariables;
use crate::secret::Secret;

/// The proxy for `https://host`, without user and password; `None` for a direct connection.
pub(super) fn for_host(variables: &ProxyVariables, host: &str) -> Option<String> {
    let proxy = variables.https_proxy.as_ref().map(Secret::expose).filter(|text| !text.is_empty())?;
    let excepted = variables.no_proxy.as_deref().is_some_and(|list| is_excepted(list, host));
    (!is_local(host) && !excepted).then(|| without_credentials(proxy))
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether `NO_PROXY` names the host: `*`, an address, a network, a domain (with what is below it), `.domain` or
/// `*.domain` (only what is below it); each with a port, perhaps, which here has to be 443, that of the URL kubeadm asks
/// about.
fn is_excepted(list: &str, host: &str) -> bool {
    let address = host.parse::<IpAddr>().ok();
    let host = host.to_lowercase();
    list.split(',').map(|item| item.trim().to_lowercase()).filter(|item| !item.is_empty()).any(|item| {
        if item == "*" {
            return true;
        }
        if let (Some((network, bits)), Some(address)) = (item.split_once('/'), address) {
            return contains(network, bits, address);
        }
        let (name, port) = split_port(&item);
        if port.is_some_and(|port| port != "443") {
            return false;
        }
        match (name.parse::<IpAddr>(), address) {
            (Ok(named), Some(address)) => named.to_canonical() == address.to_canonical(),
            (Ok(_), None) | (Err(_), Some(_)) => false,
            (Err(_), None) => {
                let name = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(name);
                match name.strip_prefix('.') {
                    Some(below) => host.strip_suffix(below).is_some_and(|rest| rest.ends_with('.')),
                    None => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
                }
            }
        }
    })
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

/// Whether the first `bits` of both are the same.
fn contains(network: &str, bits: &str, address: IpAddr) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    match (network, address.to_canonical()) {
        (IpAddr::V4(network), IpAddr::V4(address)) if bits <= 32 => {
            let difference = u32::from(network) ^ u32::from(address);
            difference.checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) if bits <= 128 => {
            let difference = u128::from(network) ^ u128::from(address);
            difference.checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

fn without_credentials(proxy: &str) -> String {
    let (scheme, rest) = proxy.split_once("://").unwrap_or(("http", proxy));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(no_proxy: &str, host: &str) -> Option<String> {
        let variables =
            ProxyVariables { https_proxy: Some(Secret::new("proxy:3128")), no_proxy: Some(no_proxy.to_owned()) };
        for_host(&variables, host)
    }

    #[test]
    fn exceptions_are_read_as_go_reads_them() {
        let table = [
            ("", "10.0.0.1", true),
            ("", "127.0.0.2", false),
            ("", "::1", false),
            ("", "localhost", false),
            ("*", "10.0.0.1", false),
            ("10.0.0.1", "10.0.0.1", false),
            ("10.0.0.0/8", "10.200.0.1", false),
            ("10.0.0.0/9", "10.200.0.1", true),
            ("0.0.0.0/0", "10.200.0.1", false),
            ("fd00::/8", "fd12::1", false),
            ("fd00::/8", "fe80::1", true),
            ("[fd00::1]:443", "fd00::1", false),
            ("fd00::1", "fd00::1", false),
            ("10.0.0.1:443", "10.0.0.1", false),
            ("10.0.0.1:6443", "10.0.0.1", true),
            ("example.com", "example.com", false),
            ("example.com", "cp.example.com", false),
            ("example.com", "badexample.com", true),
            (".example.com", "example.com", true),
            (".example.com", "cp.example.com", false),
            ("*.example.com", "cp.example.com", false),
            (" other.org , Example.COM ", "cp.example.com", false),
            ("example.com", "10.0.0.1", true),
            (":80,/8,nonsense/x", "10.0.0.1", true),
        ];
        for (list, host, expected) in table {
            assert_eq!(proxy(list, host).is_some(), expected, "{list:?} {host}");
        }
    }

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        let shown = |text: &str| {
            for_host(&ProxyVariables { https_proxy: Some(Secret::new(text)), no_proxy: None }, "h").unwrap_or_default()
        };
        assert_eq!(shown("http://user:pass@proxy:3128"), "http://proxy:3128");
        assert_eq!(shown("user:p@ss@proxy:3128"), "http://proxy:3128");
        assert_eq!(for_host(&ProxyVariables::default(), "h"), None);
    }
}
