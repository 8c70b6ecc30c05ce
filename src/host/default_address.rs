//! The address by which other machines know this one: that of the interface with the default route, as kubeadm chooses it
//! (apimachinery `pkg/util/net/interface.go`, `chooseHostInterfaceFromRoute`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::kernel;

/// The first global address of the first interface with a default route, of IPv4 where there is one.
pub(super) fn read(prefix: &Path) -> Option<IpAddr> {
    let text = |path: &str| kernel::read(&prefix.join(path)).unwrap_or_default();
    let ipv4 = || of_ipv4(&text("proc/net/route"), &text("proc/net/fib_trie")).map(IpAddr::V4);
    let ipv6 = || of_ipv6(&text("proc/net/ipv6_route"), &text("proc/net/if_inet6")).map(IpAddr::V6);
    ipv4().or_else(ipv6)
}

/// Which address belongs to which interface is not in `/proc`: it is the one inside a network that the interface is
/// connected to.
fn of_ipv4(routes: &str, trie: &str) -> Option<Ipv4Addr> {
    // Interface, destination, gateway, flags, three counters, mask; numbers as they are in memory.
    let rows = || {
        routes.lines().filter_map(|line| {
            let fields: Vec<_> = line.split_ascii_whitespace().take(8).collect();
            let &[interface, to, gateway, _, _, _, _, mask] = &fields[..] else { return None };
            let number = |text: &str| u32::from_str_radix(text, 16).ok().map(u32::to_be);
            Some((interface, number(to)?, number(gateway)?, number(mask)?))
        })
    };
    let own: Vec<Ipv4Addr> = local_addresses(trie);
    rows().filter(|(_, to, _, mask)| (*to, *mask) == (0, 0)).find_map(|(interface, ..)| {
        let mut connected = rows().filter(|(name, _, gateway, mask)| (*name, *gateway) == (interface, 0) && *mask != 0);
        connected.find_map(|(_, network, _, mask)| {
            own.iter().copied().find(|address| address.to_bits() & mask == network && is_global(*address))
        })
    })
}

/// The addresses of this machine's own: a line with a prefix length and `host LOCAL`, below the one with the address.
fn local_addresses(trie: &str) -> Vec<Ipv4Addr> {
    let (mut address, mut found) = (None, Vec::<Ipv4Addr>::new());
    for line in trie.lines() {
        match line.trim_start().strip_prefix("|-- ") {
            Some(leaf) => address = leaf.trim().parse::<Ipv4Addr>().ok(),
            None if line.trim_end().ends_with("/32 host LOCAL") => found.extend(address),
            None => {}
        }
    }
    found.dedup();
    found
}

fn is_global(address: Ipv4Addr) -> bool {
    !address.is_loopback() && !address.is_link_local() && !address.is_multicast() && !address.is_unspecified()
}

fn of_ipv6(routes: &str, addresses: &str) -> Option<Ipv6Addr> {
    // Destination, its prefix length, six more, and the interface.
    let mut defaults = routes.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let is_default = fields.next()?.bytes().all(|b| b == b'0') && fields.next() == Some("00");
        fields.last().filter(|name| is_default && *name != "lo")
    });
    // Address, index, prefix length, scope (0 is global), flags, name.
    defaults.find_map(|interface| {
        addresses.lines().find_map(|line| {
            let fields: Vec<_> = line.split_ascii_whitespace().collect();
            let &[address, _, _, "00", _, name] = &fields[..] else { return None };
            let address = u128::from_str_radix(address, 16).ok().filter(|_| name == interface);
            address.map(Ipv6Addr::from_bits)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &str = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
                          eth1\t000A0A0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
                          eth0\t00000000\t016433C6\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                          eth0\t006433C6\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
    const TRIE: &str = "Local:\n     |-- 10.10.10.7\n        /32 host LOCAL\n     |-- 127.0.0.1\n        /32 host LOCAL\n     \
                        |-- 198.51.100.2\n        /32 host LOCAL\n     |-- 198.51.100.255\n        /32 link BROADCAST\n";

    #[test]
    fn the_address_is_that_of_the_interface_with_the_default_route() {
        assert_eq!(of_ipv4(ROUTES, TRIE), Some(Ipv4Addr::new(198, 51, 100, 2)));
        let without_default: String = ROUTES.lines().filter(|line| !line.contains("0003")).collect();
        assert_eq!(of_ipv4(&without_default, TRIE), None);
        assert_eq!(of_ipv4(ROUTES, ""), None);
    }

    #[test]
    fn without_ipv4_it_is_one_of_ipv6() {
        let zero = "0".repeat(32);
        let rest = format!("{zero} 00 {zero} 00000400 00000001 00000000 00000003");
        let routes = format!("{zero} 00 {rest} lo\n{zero} 00 {rest} eth0\n");
        let addresses = "fe800000000000000000000000000002 02 40 20 80 eth0\n\
                         20010db8000000000000000000000009 03 40 00 80 eth1\n\
                         20010db8000000000000000000000002 02 40 00 80 eth0\n";
        assert_eq!(of_ipv6(&routes, addresses), Some("2001:db8::2".parse().unwrap()));
        assert_eq!(of_ipv6("", addresses), None);
    }
}
