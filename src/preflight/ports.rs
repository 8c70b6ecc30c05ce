//! `Port-*`: what will listen here can.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use super::verdict::Verdict;

/// Listens as a component will: on one address, or on every one.
pub(super) fn listen(port: u16, address: Option<IpAddr>) -> Vec<Verdict> {
    let bound = match address {
        Some(address) => TcpListener::bind(SocketAddr::new(address, port)),
        None => match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)) {
            // Without IPv6 in the kernel, or without addresses of it.
            Err(error) if error.kind() != ErrorKind::AddrInUse => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)),
            result => result,
        },
    };
    match (bound, address) {
        (Ok(_), _) => Vec::new(),
        (Err(error), _) if error.kind() == ErrorKind::AddrInUse => vec![Verdict::error(
            format!("Port {port} is in use"),
            format!("end what listens on port {port} of this machine, `ss -ltnp` shows it"),
        )],
        (Err(error), Some(address)) if error.kind() == ErrorKind::AddrNotAvailable => vec![Verdict::error(
            format!("{address} is not an address of this machine: nothing can listen on its port {port}"),
            "give an address of this machine with --apiserver-advertise-address, or localAPIEndpoint.advertiseAddress",
        )],
        (Err(error), _) => vec![Verdict::could_not_check(format_args!("listening on port {port}: {error}"))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Severity;

    #[test]
    fn a_port_is_tried_on_the_address_that_a_component_will_have() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let local = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        for address in [None, local] {
            let found: Vec<_> = listen(port, address).into_iter().map(|v| (v.severity, v.message)).collect();
            assert_eq!(found, [(Severity::Error, format!("Port {port} is in use"))]);
        }
        drop(listener);
        assert_eq!(listen(port, None), []);
        assert_eq!(listen(port, local), []);
        // An address of the documentation is no machine's.
        let found = listen(port, Some("198.51.100.77".parse().unwrap()));
        assert!(found[0].message.contains("is not an address of this machine"), "{found:?}");
    }
}
