//! The address of the cluster's DNS service: the tenth of the first service subnet
//! (`cmd/kubeadm/app/constants/constants.go`, `GetDNSIP`).

use std::net::IpAddr;

/// What kubeadm takes where the subnet gives no answer.
const DEFAULT: &str = "10.96.0.10";

/// The address for `networking.serviceSubnet`, a comma-separated list of CIDRs. All of them have to be right, only the
/// first counts; where it is too small, or the list is not right, kubeadm's constant.
pub(super) fn address(service_subnet: &str) -> String {
    let subnets: Option<Vec<_>> = service_subnet.split(',').map(subnet).collect();
    let first = subnets.and_then(|subnets| subnets.into_iter().next());
    first.and_then(tenth).map_or_else(|| DEFAULT.to_owned(), |address| address.to_string())
}

/// Network address, width in bits and prefix length.
type Subnet = (u128, u32, u32);

fn subnet(cidr: &str) -> Option<Subnet> {
    let (address, prefix) = cidr.split_once('/')?;
    let (bits, width) = match address.parse().ok()? {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= width)?;
    let host_bits = width - prefix;
    Some((bits.checked_shr(host_bits).unwrap_or(0).checked_shl(host_bits).unwrap_or(0), width, prefix))
}

fn tenth((network, width, prefix): Subnet) -> Option<IpAddr> {
    // 2^(width - prefix) addresses; with four bits there are sixteen.
    if width - prefix < 4 {
        return None;
    }
    // The network address ends in at least four zero bits: nothing is carried.
    let address = network | 10;
    match width {
        32 => u32::try_from(address).ok().map(|address| IpAddr::V4(address.into())),
        _ => Some(IpAddr::V6(address.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenth_address_of_the_first_subnet() {
        let cases = [
            ("10.96.0.0/12", "10.96.0.10"),
            ("10.100.7.9/12", "10.96.0.10"),
            ("172.20.0.0/16", "172.20.0.10"),
            ("192.168.7.64/28", "192.168.7.74"),
            ("0.0.0.0/0", "0.0.0.10"),
            ("fd00:10:96::/112", "fd00:10:96::a"),
            ("fd00::/108,10.96.0.0/12", "fd00::a"),
            ("::/0", "::a"),
            // Too small, or not right: kubeadm's constant.
            ("192.168.7.64/29", DEFAULT),
            ("10.0.0.0/12,", DEFAULT),
            ("10.0.0.0/12, fd00::/108", DEFAULT),
            ("10.0.0.0/33", DEFAULT),
            ("10.0.0.0", DEFAULT),
            ("", DEFAULT),
        ];
        for (subnet, dns) in cases {
            assert_eq!(address(subnet), dns, "{subnet}");
        }
    }
}
