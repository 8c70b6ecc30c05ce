//! What this machine's network still lacks, for whoever has just failed to reach a server: the cause that is nearest to it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::interfaces::interfaces;
use super::kernel;

/// Where the network of this machine is looked at: what stands before `/proc`, `/sys` and `/etc`.
#[derive(Clone, Debug)]
pub struct Network {
    prefix: PathBuf,
}

/// What is not there (yet).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// There is nothing but loopback.
    NoInterface,
    /// These have not been brought up.
    Down(String),
    /// There is nothing at the other end of these.
    NoLink(String),
    /// No address but loopback's and link-local ones.
    NoAddress,
    /// No route to other networks.
    NoDefaultRoute,
    /// `/etc/resolv.conf` is missing, or names no server.
    NoNameServer,
}

/// What an attempt has needed, beyond a link and an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// No more: the kernel had a route.
    Nothing,
    /// A route.
    Route,
    /// A name server, and a route to it.
    NameServer,
}

impl Network {
    /// That of a machine whose `/proc`, `/sys` and `/etc` are below `prefix`; `/` outside of tests.
    pub fn new(prefix: &Path) -> Self {
        Network { prefix: prefix.to_owned() }
    }

    /// The first thing that is missing, as it is now. What cannot be read is not missed.
    pub fn obstacle(&self, needs: Needs) -> Option<Obstacle> {
        self.link().or_else(|| (!self.has_address()).then_some(Obstacle::NoAddress)).or_else(|| match needs {
            Needs::NameServer if !self.has_name_server() => Some(Obstacle::NoNameServer),
            Needs::NameServer | Needs::Route if !self.has_default_route() => Some(Obstacle::NoDefaultRoute),
            _ => None,
        })
    }

    /// Where there are devices, only those count: a bridge without a cable has a link all the same.
    fn link(&self) -> Option<Obstacle> {
        if !self.prefix.join("sys/class/net").is_dir() {
            return None;
        }
        let mut found = interfaces(&self.prefix);
        if found.iter().any(|interface| interface.is_physical) {
            found.retain(|interface| interface.is_physical);
        }
        if found.iter().any(|interface| interface.carrier == Some(true)) {
            return None;
        }
        let is_up = found.iter().any(|interface| interface.carrier.is_some());
        found.retain(|interface| interface.carrier.is_some() == is_up);
        let names: Vec<_> = found.into_iter().map(|interface| interface.name).collect();
        Some(match names.join(", ") {
            names if names.is_empty() => Obstacle::NoInterface,
            names if is_up => Obstacle::NoLink(names),
            names => Obstacle::Down(names),
        })
    }

    fn has_address(&self) -> bool {
        // An address of this machine's own is a line with its prefix length and `host LOCAL`, below the one with the address.
        let ipv4 = self.read("proc/net/fib_trie").map(|text| {
            let mut address = "";
            text.lines().any(|line| match line.trim_start().strip_prefix("|-- ") {
                Some(leaf) => {
                    address = leaf;
                    false
                }
                None => line.trim_end().ends_with("/32 host LOCAL") && !address.starts_with("127."),
            })
        });
        // Address, index, prefix length, scope (0 is global), flags, name.
        let ipv6 = self.read("proc/net/if_inet6").map(|text| {
            text.lines().any(|line| {
                let fields: Vec<_> = line.split_ascii_whitespace().collect();
                matches!(fields[..], [_, _, _, "00", _, name] if name != "lo")
            })
        });
        match (ipv4, ipv6) {
            (None, None) => true,
            (ipv4, ipv6) => ipv4.unwrap_or(false) || ipv6.unwrap_or(false),
        }
    }

    fn has_default_route(&self) -> bool {
        // Interface, destination, gateway, flags, three counters, mask.
        let ipv4 = self.read("proc/net/route").map(|text| {
            text.lines().any(|line| {
                let fields: Vec<_> = line.split_ascii_whitespace().take(8).collect();
                matches!(fields[..], [_, "00000000", _, _, _, _, _, "00000000"])
            })
        });
        // Destination, its prefix length, six more, and the interface: the kernel's own refusals are on loopback.
        let ipv6 = self.read("proc/net/ipv6_route").map(|text| {
            text.lines().any(|line| {
                let mut fields = line.split_ascii_whitespace();
                fields.next().is_some_and(|to| to.bytes().all(|b| b == b'0'))
                    && fields.next() == Some("00")
                    && fields.last().is_some_and(|name| name != "lo")
            })
        });
        match (ipv4, ipv6) {
            (None, None) => true,
            (ipv4, ipv6) => ipv4.unwrap_or(false) || ipv6.unwrap_or(false),
        }
    }

    fn has_name_server(&self) -> bool {
        let text = self.read("etc/resolv.conf").unwrap_or_default();
        text.lines().any(|line| line.split_ascii_whitespace().next() == Some("nameserver"))
    }

    fn read(&self, path: &str) -> Option<String> {
        kernel::read(&self.prefix.join(path))
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::NoInterface => f.write_str("this machine has no network interface yet"),
            Obstacle::Down(names) => write!(f, "not brought up yet: {names}"),
            Obstacle::NoLink(names) => write!(f, "no link on {names}"),
            Obstacle::NoAddress => f.write_str("this machine has no address yet"),
            Obstacle::NoDefaultRoute => f.write_str("this machine has no default route"),
            Obstacle::NoNameServer => f.write_str("/etc/resolv.conf names no name server"),
        }
    }
}

impl Obstacle {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Obstacle::NoInterface => {
                "check that the driver of the network interface is in this system (in an initramfs: its module and firmware)"
            }
            Obstacle::Down(_) => {
                "bring the interface up: check that the network is configured (in an initramfs: ip=dhcp or rd.neednet=1)"
            }
            Obstacle::NoLink(_) => "check the cable, and the port of the switch at its other end",
            Obstacle::NoAddress => "check that DHCP answers, or give this machine an address",
            Obstacle::NoDefaultRoute => "check what DHCP gives as router, or add a route to the endpoint",
            Obstacle::NoNameServer => "check what DHCP gives as name server, or name the endpoint by its address",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIE: &str = "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.1\n        /32 host LOCAL\n";
    const OWN: &str =
        "     |-- 198.51.100.2\n        /32 host LOCAL\n     |-- 198.51.100.255\n        /32 link BROADCAST\n";
    const ROUTES: &str = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
                          eth0\t006433C6\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
    const DEFAULT: &str = "eth0\t00000000\t016433C6\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
    const LINK_LOCAL: &str = "fe8000000000000000fc00fffe000001 02 40 20 80 eth0\n";
    const LOOPBACK: &str = "00000000000000000000000000000001 01 80 10 80 lo\n";
    const GLOBAL: &str = "20010db8000000000000000000000002 02 40 00 80 eth0\n";

    fn route6(device: &str) -> String {
        let zero = "0".repeat(32);
        format!("{zero} 00 {zero} 00 {zero} 00000400 00000001 00000000 00000003 {device}\n")
    }

    /// A machine of these files; `eth0` and `br0` with a carrier of 0, 1, or not brought up.
    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new(eth0: Option<&str>, files: &[(&str, &str)]) -> Self {
            let machine = Machine(tempfile::tempdir().unwrap());
            machine.write("sys/class/net/lo/ifindex", "1");
            machine.write("sys/class/net/lo/carrier", "1");
            machine.write("sys/class/net/br0/ifindex", "3");
            machine.write("sys/class/net/br0/carrier", "1");
            machine.write("sys/class/net/eth0/ifindex", "2");
            machine.write("sys/class/net/eth0/device/vendor", "");
            if let Some(carrier) = eth0 {
                machine.write("sys/class/net/eth0/carrier", carrier);
            }
            files.iter().for_each(|(path, text)| machine.write(path, text));
            machine
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }

        fn obstacle(&self, needs: Needs) -> Option<Obstacle> {
            Network::new(self.0.path()).obstacle(needs)
        }
    }

    #[test]
    fn a_link_is_missed_on_devices_first() {
        let named = |names: &str| names.to_owned();
        let table = [
            (None, Some(Obstacle::Down(named("eth0")))),
            (Some("0\n"), Some(Obstacle::NoLink(named("eth0")))),
            (Some("1\n"), None),
        ];
        for (carrier, expected) in table {
            assert_eq!(Machine::new(carrier, &[]).obstacle(Needs::Nothing), expected, "{carrier:?}");
        }
        let bare = tempfile::tempdir().unwrap();
        assert_eq!(Network::new(bare.path()).obstacle(Needs::Route), None, "what cannot be read is not missed");
        std::fs::create_dir_all(bare.path().join("sys/class/net/lo")).unwrap();
        assert_eq!(Network::new(bare.path()).obstacle(Needs::Nothing), Some(Obstacle::NoInterface));
    }

    #[test]
    fn the_first_thing_that_is_missing_is_named() {
        use Needs::{NameServer, Nothing, Route};
        let own = format!("{TRIE}{OWN}");
        let routes = format!("{ROUTES}{DEFAULT}");
        let (trie, inet6, route, resolv) =
            ("proc/net/fib_trie", "proc/net/if_inet6", "proc/net/route", "etc/resolv.conf");
        let own6 = format!("{LOOPBACK}{LINK_LOCAL}{GLOBAL}");
        let none6 = format!("{LOOPBACK}{LINK_LOCAL}");
        let (on_lo, on_eth0) = (route6("lo"), route6("eth0"));
        let table: [(&[(&str, &str)], Needs, Option<Obstacle>); 9] = [
            (&[(trie, TRIE), (inet6, &none6)], Nothing, Some(Obstacle::NoAddress)),
            (&[(trie, &own), (inet6, &none6)], Nothing, None),
            (&[(trie, TRIE), (inet6, &own6)], Nothing, None),
            (&[(trie, &own), (route, ROUTES)], Nothing, None),
            (&[(trie, &own), (route, ROUTES), ("proc/net/ipv6_route", &on_lo)], Route, Some(Obstacle::NoDefaultRoute)),
            (&[(trie, &own), (route, ROUTES), ("proc/net/ipv6_route", &on_eth0)], Route, None),
            (&[(trie, &own), (route, &routes)], Route, None),
            (
                &[(route, &routes), (resolv, "# nameserver 192.0.2.1\noptions edns0\n")],
                NameServer,
                Some(Obstacle::NoNameServer),
            ),
            (&[(route, &routes), (resolv, "search example.org\nnameserver 192.0.2.1\n")], NameServer, None),
        ];
        for (files, needs, expected) in table {
            assert_eq!(Machine::new(Some("1\n"), files).obstacle(needs), expected, "{files:?}");
        }
        let no_server = Machine::new(Some("1\n"), &[]).obstacle(NameServer);
        assert_eq!(no_server, Some(Obstacle::NoNameServer));
    }
}
