//! The way to the cluster, which discovery goes in one piece: from the code of its error it is known how far it came.

use std::time::Duration;

use super::chain::Chain;
use crate::discovery::{Discovered, discover};
use crate::error::{Explain, Failure};
use crate::kube::client::REQUEST_TIMEOUT;
use crate::plan::JoinPlan;
use crate::retry::Retry;
use crate::values::CaCertHash;

/// The links, in the order in which a connection comes about and is verified; and the beginnings of the codes of each. A
/// code belongs to the first link that has its beginning.
const LINKS: [(&str, &[&str]); 10] = [
    ("route", &["net.unreachable"]),
    ("name", &["net.name-not-found"]),
    ("TCP", &["net."]),
    ("proxy", &["proxy."]),
    ("TLS", &["tls.handshake", "tls.unsupported"]),
    (
        "cluster-info",
        &[
            "http.",
            "api.",
            "discovery.anonymous",
            "discovery.unexpected",
            "discovery.cluster-info",
            "discovery.file",
            "discovery.url",
            "discovery.kubeconfig",
            "discovery.several",
        ],
    ),
    ("token", &["discovery.token", "discovery.credentials", "config."]),
    ("signature", &["discovery.jws"]),
    ("CA", &["discovery.ca"]),
    ("serving certificate", &["tls.", "clock."]),
];

/// Of the links before this one another machine may say something else.
const FIRST_OF_THE_SERVER: usize = 4;

/// One question has no longer than this.
pub(super) fn once(wait: Duration) -> Retry {
    Retry::once(wait.min(REQUEST_TIMEOUT))
}

/// Finds the cluster and verifies it, asked once. `None` where a link is broken, or cannot be seen from here.
pub(super) fn look(chain: &mut Chain<'_>, plan: &JoinPlan) -> Option<Discovered> {
    let error = match discover(&plan.access, once(plan.options.timeouts.discovery), chain.report) {
        Ok(found) => {
            let hashes: Vec<_> =
                found.info.ca_certificates().iter().map(|ca| CaCertHash(ca.public_key_digest()).to_string()).collect();
            for (name, _) in LINKS {
                match name {
                    "TCP" => chain.good(name, found.info.endpoint()),
                    "CA" => chain.good(name, hashes.join(", ")),
                    name => chain.good(name, ""),
                }
            }
            return Some(found);
        }
        Err(error) => error,
    };
    let broken = link_of(error.code().name);
    for (name, _) in &LINKS[..broken] {
        chain.good(name, "");
    }
    let name = LINKS[broken].0;
    // A disk in a reader: its own machine may have another network.
    match plan.host.is_target_machine || broken >= FIRST_OF_THE_SERVER {
        true => chain.broken(name, Failure::from(error)),
        false => chain.not_seen(name, format_args!("{error}; this is another machine's network")),
    }
    for (name, _) in &LINKS[broken + 1..] {
        chain.not_looked_at(name, "");
    }
    None
}

/// The number of the link that a code belongs to; that of the last one where none says.
fn link_of(code: &str) -> usize {
    let is_of = |(_, beginnings): &(&str, &[&str])| beginnings.iter().any(|beginning| code.starts_with(beginning));
    LINKS.iter().position(is_of).unwrap_or(LINKS.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::codes;

    #[test]
    fn every_code_of_the_way_belongs_to_the_link_that_breaks_with_it() {
        for (code, link) in [
            (&codes::NET_UNREACHABLE, "route"),
            (&codes::NET_NAME_NOT_FOUND, "name"),
            (&codes::NET_REFUSED, "TCP"),
            (&codes::NET_TIMED_OUT, "TCP"),
            (&codes::PROXY_REFUSED, "proxy"),
            (&codes::TLS_HANDSHAKE, "TLS"),
            (&codes::HTTP_REDIRECT, "cluster-info"),
            (&codes::DISCOVERY_MISSING, "cluster-info"),
            (&codes::DISCOVERY_TOKEN_UNKNOWN, "token"),
            (&codes::CONFIG_NO_TOKEN_YET, "token"),
            (&codes::DISCOVERY_JWS, "signature"),
            (&codes::DISCOVERY_HASH_MISMATCH, "CA"),
            (&codes::DISCOVERY_CA_VALIDITY, "CA"),
            (&codes::TLS_NAME_MISMATCH, "serving certificate"),
            (&codes::CLOCK_DISAGREES, "serving certificate"),
        ] {
            assert_eq!(LINKS[link_of(code.name)].0, link, "{}", code.name);
        }
        assert_eq!(LINKS[FIRST_OF_THE_SERVER].0, "TLS");
    }
}
