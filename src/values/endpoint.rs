//! `host:port` of an API server.
//!
//! kubeadm only asks that the text splits at a colon (Go's `net.SplitHostPort`). Here the halves are checked as well,
//! so that a typing mistake is named before anything is dialled.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::misprint::Misprint;
use super::quoted::Quoted;
use crate::error::debug_as_display;

/// `host:port` of an API server; IPv6 literals are held without brackets, names in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// DNS name or IP literal.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Endpoint {
    /// The address, when the host is a literal one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Endpoint { host: address.ip().to_string(), port: address.port() }
    }
}

/// As in a URL: IPv6 literals in brackets.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text.is_empty() {
            return Err(EndpointError::Empty);
        }
        if let Some((_, rest)) = text.split_once("://") {
            let without_scheme = rest.split('/').next().unwrap_or(rest);
            return Err(EndpointError::Scheme { without_scheme: without_scheme.to_owned() });
        }
        let fail = |reason| EndpointError::Form { text: text.to_owned(), reason };
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or_else(|| fail(Reason::Bracket))?;
                let port = rest.strip_prefix(':').ok_or_else(|| fail(Reason::NoPort))?;
                // RFC 6874 zone identifiers name an interface of this machine; no certificate can hold one.
                let address: Ipv6Addr = host.parse().map_err(|_| fail(Reason::Ipv6))?;
                (address.to_string(), port)
            }
            None => {
                let (host, port) = text.rsplit_once(':').ok_or_else(|| fail(Reason::NoPort))?;
                if host.contains(':') {
                    let bare = text.parse::<Ipv6Addr>().is_ok() || host.parse::<Ipv6Addr>().is_ok();
                    return Err(fail(if bare { Reason::BracketsMissing } else { Reason::SecondColon }));
                }
                (host_name(host).map_err(fail)?, port)
            }
        };
        Ok(Endpoint { host, port: port_number(port).ok_or_else(|| fail(Reason::Port))? })
    }
}

/// A number from 1 to 65535 without a sign, which `parse` would take.
fn port_number(text: &str) -> Option<u16> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|port| *port > 0)
}

/// A DNS name or an IPv4 literal, in lower case.
fn host_name(host: &str) -> Result<String, Reason> {
    if host.is_empty() {
        return Err(Reason::NoHost);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !host.chars().all(allowed) || host.len() > 253 {
        return Err(Reason::Host);
    }
    // What ends in a number is an address (WHATWG URL, "ends in a number checker"); resolvers read `010.0.0.1` as octal.
    let last_label = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    if last_label.bytes().all(|b| b.is_ascii_digit()) && host.parse::<Ipv4Addr>().is_err() {
        return Err(Reason::Ipv4);
    }
    Ok(host.to_ascii_lowercase())
}

/// Why a text is not an endpoint.
#[derive(Clone, PartialEq, Eq)]
pub enum EndpointError {
    /// Nothing was given.
    Empty,
    /// A URL was given.
    Scheme {
        /// What would be right, as far as it was there.
        without_scheme: String,
    },
    /// Anything else.
    Form {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: Reason,
    },
}

/// What is wrong with the form of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing before the colon.
    NoHost,
    /// A character that no host name has.
    Host,
    /// Ends in a number, and is not an IPv4 address.
    Ipv4,
    /// What is in brackets is not an IPv6 address.
    Ipv6,
    /// `[` without `]`.
    Bracket,
    /// An IPv6 address without brackets.
    BracketsMissing,
    /// Two colons outside of brackets.
    SecondColon,
    /// No port; there is no default, in kubeadm neither.
    NoPort,
    /// Not a number from 1 to 65535.
    Port,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndpointError::Empty => f.write_str("the API server endpoint is empty"),
            EndpointError::Scheme { without_scheme } => {
                write!(f, "an API server endpoint is host:port without a scheme, write {}", Quoted(without_scheme))
            }
            EndpointError::Form { text, reason } => {
                write!(f, "invalid API server endpoint {}: {reason}", Quoted(text))?;
                Misprint::find(text).map_or(Ok(()), |misprint| write!(f, "; it {misprint}"))
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::NoHost => "there is no host before the port",
            Reason::Host => "the host is neither a DNS name nor an IP address",
            Reason::Ipv4 => "the host ends in a number but is not an IPv4 address",
            Reason::Ipv6 => "what stands in brackets is not an IPv6 address",
            Reason::Bracket => "the bracket is not closed",
            Reason::BracketsMissing => "an IPv6 address stands in brackets, as in [fd00::1]:6443",
            Reason::SecondColon => "there is more than one colon",
            Reason::NoPort => "the port is missing, usually it is :6443",
            Reason::Port => "the port is not a number from 1 to 65535",
        })
    }
}

debug_as_display!(EndpointError);

impl std::error::Error for EndpointError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_split_and_shown_as_in_a_url() {
        let table = [
            ("10.0.0.1:6443", "10.0.0.1", 6443, "10.0.0.1:6443"),
            ("Kube.Example.COM:443", "kube.example.com", 443, "kube.example.com:443"),
            ("[fd00::0:1]:6443", "fd00::1", 6443, "[fd00::1]:6443"),
            ("[::ffff:10.0.0.1]:1", "::ffff:10.0.0.1", 1, "[::ffff:10.0.0.1]:1"),
            ("cp_1.local.:65535", "cp_1.local.", 65535, "cp_1.local.:65535"),
            ("node1:06443", "node1", 6443, "node1:6443"),
        ];
        for (text, host, port, shown) in table {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!((endpoint.host.as_str(), endpoint.port), (host, port), "{text}");
            assert_eq!(endpoint.to_string(), shown);
        }
    }

    #[test]
    fn other_texts_are_refused_with_their_reason() {
        let table = [
            ("10.0.0.1", Reason::NoPort),
            ("[fd00::1]", Reason::NoPort),
            ("10.0.0.1:", Reason::Port),
            ("10.0.0.1:0", Reason::Port),
            ("10.0.0.1:+6443", Reason::Port),
            ("10.0.0.1:65536", Reason::Port),
            ("10.0.0.1:https", Reason::Port),
            ("10.0.0.1:6443/", Reason::Port),
            (":6443", Reason::NoHost),
            ("fd00::1:6443", Reason::BracketsMissing),
            ("fd00::1", Reason::BracketsMissing),
            ("a:b:6443", Reason::SecondColon),
            ("[fd00::1:6443", Reason::Bracket),
            ("[fe80::1%eth0]:6443", Reason::Ipv6),
            ("[10.0.0.1]:6443", Reason::Ipv6),
            ("10.0.0.300:6443", Reason::Ipv4),
            ("010.0.0.1:6443", Reason::Ipv4),
            ("10.0.1:6443", Reason::Ipv4),
            ("user@host:6443", Reason::Host),
            ("a b:6443", Reason::Host),
            ("--token:6443x", Reason::Port),
        ];
        for (text, expected) in table {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert_eq!(error, EndpointError::Form { text: text.to_owned(), reason: expected }, "{text}");
        }
        assert_eq!("".parse::<Endpoint>().unwrap_err(), EndpointError::Empty);
    }

    #[test]
    fn a_pasted_url_is_answered_with_what_to_write() {
        let error = "https://10.0.0.1:6443/api".parse::<Endpoint>().unwrap_err();
        assert_eq!(error.to_string(), "an API server endpoint is host:port without a scheme, write \"10.0.0.1:6443\"");
    }
}
