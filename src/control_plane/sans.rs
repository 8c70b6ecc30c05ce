//! Names and addresses of a server's certificate (kubeadm `util/pkiutil/pki_helpers.go`).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::certificate_spec::CertificateSpec;
use super::certs_error::CertsError;
use super::leaves::SansOf;
use crate::values::NodeName;

/// Longest DNS name, in characters.
const MAX_NAME: usize = 253;

/// What a certificate is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sans {
    /// DNS names, sorted, each once.
    pub names: Vec<String>,
    /// Addresses, in the order in which they came, each once.
    pub addresses: Vec<IpAddr>,
    /// Entries of the ClusterConfiguration that are neither.
    pub ignored: Vec<String>,
}

impl Sans {
    pub fn of(which: SansOf, spec: &CertificateSpec<'_>) -> Result<Self, CertsError> {
        let advertise = spec.advertise_address;
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let (names, addresses, extra): (Vec<String>, Vec<IpAddr>, &[String]) = match which {
            SansOf::Client => return Ok(Sans::default()),
            SansOf::ApiServer => {
                let service = service_address(spec.service_subnet).ok_or_else(|| CertsError::ServiceSubnet {
                    subnet: crate::text::UntrustedText::new(spec.service_subnet, None),
                })?;
                let mut names =
                    ["kubernetes", "kubernetes.default", "kubernetes.default.svc"].map(str::to_owned).to_vec();
                if !spec.dns_domain.is_empty() {
                    names.push(format!("kubernetes.default.svc.{}", spec.dns_domain));
                }
                let mut addresses = vec![service, advertise];
                match spec.endpoint_host.map(|host| (host, address(host))) {
                    Some((_, Some(ip))) => addresses.push(ip),
                    Some((name, None)) => names.push(name.to_owned()),
                    None => {}
                }
                (names, addresses, spec.cert_sans)
            }
            SansOf::EtcdServer | SansOf::EtcdPeer => {
                let extra = if which == SansOf::EtcdServer { spec.etcd_server_sans } else { spec.etcd_peer_sans };
                (vec!["localhost".to_owned()], [&[advertise], loopback.as_slice()].concat(), extra)
            }
        };
        let mut sans = Sans { names, addresses, ignored: Vec::new() };
        sans.names.push(spec.node_name.to_owned());
        extra.iter().for_each(|entry| sans.add(&entry.to_lowercase()));
        Ok(sans.without_duplicates())
    }

    fn add(&mut self, entry: &str) {
        if let Some(address) = address(entry) {
            self.addresses.push(address);
        } else if is_name(entry) || entry.strip_prefix("*.").is_some_and(is_name) && entry.len() <= MAX_NAME {
            self.names.push(entry.to_owned());
        } else {
            self.ignored.push(entry.to_owned());
        }
    }

    fn without_duplicates(mut self) -> Self {
        self.names = self.names.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut seen = BTreeSet::new();
        self.addresses =
            self.addresses.iter().map(IpAddr::to_canonical).filter(|address| seen.insert(*address)).collect();
        self
    }
}

/// A DNS-1123 subdomain, which is what a Node's name is.
fn is_name(text: &str) -> bool {
    text.parse::<NodeName>().is_ok_and(|name| name.as_str() == text)
}

/// As Go's `ParseIPSloppy` reads it: zeros may lead in the numbers of an IPv4 address.
fn address(text: &str) -> Option<IpAddr> {
    let plain: Vec<_> = text.split('.').map(|number| number.trim_start_matches('0')).collect();
    let plain: Vec<_> = plain.into_iter().map(|number| if number.is_empty() { "0" } else { number }).collect();
    let is_whole = text.split('.').all(|number| !number.is_empty());
    text.parse().ok().or_else(|| plain.join(".").parse().ok().filter(|ip: &IpAddr| ip.is_ipv4() && is_whole))
}

/// The first address of the first subnet that a Service can have: that of the API server.
fn service_address(subnets: &str) -> Option<IpAddr> {
    let (network, prefix) = subnets.split(',').next()?.trim().split_once('/')?;
    let prefix: u32 = prefix.parse().ok()?;
    match address(network)? {
        IpAddr::V4(ip) if prefix < 32 => {
            let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
            Some(IpAddr::V4(((u32::from(ip) & mask) | 1).into()))
        }
        IpAddr::V6(ip) if prefix < 128 => {
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            Some(IpAddr::V6(((u128::from(ip) & mask) | 1).into()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_kubeadm_reads_them() {
        let ip = |text: &str| text.parse().ok();
        assert_eq!(address("10.0.0.1"), ip("10.0.0.1"));
        assert_eq!(address("010.000.0.01"), ip("10.0.0.1"));
        assert_eq!(address("fd00::1"), ip("fd00::1"));
        for text in ["10.0.0", "10.0.0.", "10..0.1", "a.b.c.d", "256.0.0.1", "", "1"] {
            assert_eq!(address(text), None, "{text}");
        }
    }

    #[test]
    fn the_api_server_has_the_first_address_of_the_first_subnet() {
        let cases = [
            ("10.96.0.0/12", Some("10.96.0.1")),
            ("10.100.7.9/12", Some("10.96.0.1")),
            ("fd00:10:96::/112,10.96.0.0/12", Some("fd00:10:96::1")),
            ("192.168.7.64/31", Some("192.168.7.65")),
            ("0.0.0.0/0", Some("0.0.0.1")),
            ("::/0", Some("::1")),
            ("192.168.7.64/32", None),
            ("10.96.0.0", None),
            ("", None),
        ];
        for (subnet, expected) in cases {
            assert_eq!(service_address(subnet), expected.map(|text| text.parse().unwrap()), "{subnet}");
        }
    }
}
