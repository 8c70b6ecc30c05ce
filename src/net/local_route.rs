//! What this machine's own routing table says about an address. Nothing is sent.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Where an address is, as seen from this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LocalRoute {
    /// There is no route to it.
    None,
    /// It is an address of this machine's own.
    ThisMachine,
    /// It is somewhere else.
    Elsewhere,
}

/// Looks it up by connecting a UDP socket, which chooses a source address and sends nothing. To an address of its own a
/// machine speaks from that very address.
pub(super) fn of(address: SocketAddr) -> LocalRoute {
    match source_for(address) {
        Ok(source) if source == address.ip() => LocalRoute::ThisMachine,
        Ok(_) => LocalRoute::Elsewhere,
        Err(_) => LocalRoute::None,
    }
}

fn source_for(address: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(address)?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_machine_is_known() {
        assert_eq!(of("127.0.0.1:6443".parse().unwrap()), LocalRoute::ThisMachine);
    }
}
