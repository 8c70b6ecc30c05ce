//! The way to the cluster, which discovery goes in one piece: from the code of its error it is known how far it came.

use std::time::Duration;

use super::chain::Chain;
use crate::discovery::{Discovered, discover};
use crate::error::{Explain, Failure};
use crate::inputs::Discovery;
use crate::kube::client::REQUEST_TIMEOUT;
use crate::plan::JoinPlan;
use crate::retry::Retry;
use crate::values::CaCertHash;

/// A link, and the beginnings of the codes that it breaks with.
type Link = (&'static str, &'static [&'static str]);

const ROUTE: Link = ("route", &["net.unreachable"]);
const NAME: Link = ("name", &["net.name-not-found"]);
const TCP: Link = ("TCP", &["net."]);
const PROXY: Link = ("proxy", &["proxy."]);
/// Of the links before this one another machine may say something else.
const TLS: Link = ("TLS", &["tls.handshake", "tls.unsupported"]);
const SERVING_CERTIFICATE: Link = ("serving certificate", &["tls.", "clock."]);
const FILE: Link = ("discovery file", &["discovery.kubeconfig", "discovery.file", "discovery.credentials"]);
const CLUSTER_INFO: Link = (
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
);
const TOKEN: Link = ("token", &["discovery.token", "discovery.credentials", "config."]);
const SIGNATURE: Link = ("signature", &["discovery.jws"]);
const CA: Link = ("CA", &["discovery.ca"]);

/// The links in the order in which a connection comes about and is verified. A code belongs to the first that has its beginning.
/// With a token the server is believed once cluster-info is, else before anything is asked.
fn links(discovery: &Discovery) -> &'static [Link] {
    match discovery {
        Discovery::Token { .. } => {
            &[ROUTE, NAME, TCP, PROXY, TLS, CLUSTER_INFO, TOKEN, SIGNATURE, CA, SERVING_CERTIFICATE]
        }
        Discovery::File { .. } | Discovery::Url { .. } => {
            &[FILE, ROUTE, NAME, TCP, PROXY, TLS, SERVING_CERTIFICATE, CLUSTER_INFO, CA]
        }
    }
}

/// One question has no longer than this.
pub(super) fn once(wait: Duration) -> Retry {
    Retry::once(wait.min(REQUEST_TIMEOUT))
}

/// Finds the cluster and verifies it, asked once. `None` where a link is broken, or cannot be seen from here.
pub(super) fn look(chain: &mut Chain<'_>, plan: &JoinPlan) -> Option<Discovered> {
    let links = links(&plan.access.discovery);
    let error = match discover(&plan.access, once(plan.options.timeouts.discovery), chain.report) {
        Ok(found) => {
            let hashes: Vec<_> =
                found.info.ca_certificates().iter().map(|ca| CaCertHash(ca.public_key_digest()).to_string()).collect();
            for (name, _) in links {
                match *name {
                    "TCP" => chain.good(name, found.info.endpoint()),
                    "CA" => chain.good(name, hashes.join(", ")),
                    name => chain.good(name, ""),
                }
            }
            return Some(found);
        }
        Err(error) => error,
    };
    // A code of nobody's says nothing of how far it came.
    let broken = link_of(links, error.code().name);
    let behind = broken.map_or(0, |broken| broken + 1);
    for (name, _) in &links[..broken.unwrap_or_default()] {
        chain.good(name, "");
    }
    let name = broken.map_or("way to the cluster", |broken| links[broken].0);
    let is_of_the_server = [TLS.0, FILE.0].contains(&name)
        || broken.is_none_or(|broken| links[..broken].iter().any(|(name, _)| *name == TLS.0));
    // A disk in a reader: its own machine may have another network.
    match plan.host.is_target_machine || is_of_the_server {
        true => chain.broken(name, Failure::from(error)),
        false => chain.not_seen(name, format_args!("{error}; this is another machine's network")),
    }
    for (name, _) in &links[behind..] {
        chain.not_looked_at(name, "");
    }
    None
}

/// The number of the link that a code belongs to.
fn link_of(links: &[Link], code: &str) -> Option<usize> {
    links.iter().position(|(_, beginnings)| beginnings.iter().any(|beginning| code.starts_with(beginning)))
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
            let links = [ROUTE, NAME, TCP, PROXY, TLS, CLUSTER_INFO, TOKEN, SIGNATURE, CA, SERVING_CERTIFICATE];
            assert_eq!(link_of(&links, code.name).map(|number| links[number].0), Some(link), "{}", code.name);
        }
    }
}
