//! Which proxy a connection for https goes through, by the variables and the rules of Go's programs, kubeadm and the
//! kubelet among them (golang.org/x/net `http/httpproxy`; which schemes there are: net/http `Transport.dialConn`). Pure;
//! `tests/proxy` holds it against Go's own.
//!
//! One thing is ours: where `HTTPS_PROXY` cannot be read, Go connects directly, or to a host called `http`; here it is an
//! error. Names with letters beyond ASCII are not converted (IDNA).

use std::fmt;

use super::endpoint::Reason;
use super::endpoint::{Endpoint, EndpointError};
use super::no_proxy;
use super::quoted::Quoted;
use crate::error::{Code, Explain, codes, debug_as_display};
use crate::secret::Secret;
use crate::text::percent;

/// The variables that Go programs take an https proxy from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyVariables {
    /// `HTTPS_PROXY`, or in lower case. Can hold a password.
    pub https_proxy: Option<Secret>,
    /// `NO_PROXY`, or in lower case.
    pub no_proxy: Option<String>,
}

impl ProxyVariables {
    /// The proxy for connections to `https://endpoint`. `None` where they go there directly: no proxy is named, the host is
    /// this machine, or `NO_PROXY` names it, perhaps with just this port. Errors: one would be used, and is none.
    pub fn for_https(&self, endpoint: &Endpoint) -> Result<Option<Proxy>, ProxyError> {
        let Some(text) = self.https_proxy.as_ref().filter(|text| !text.expose().is_empty()) else { return Ok(None) };
        if no_proxy::is_local(endpoint) || no_proxy::excepts(self.no_proxy.as_deref().unwrap_or_default(), endpoint) {
            return Ok(None);
        }
        Proxy::parse(text).map(Some)
    }

    /// Whether the proxy is spoken to over TLS.
    pub fn has_tls(&self) -> bool {
        let proxy = self.https_proxy.as_ref().and_then(|text| Proxy::parse(text).ok());
        proxy.is_some_and(|proxy| proxy.scheme == Scheme::Https)
    }

    /// The password in them, for those who keep it out of what is shown.
    pub fn password(&self) -> Option<Secret> {
        let proxy = self.https_proxy.as_ref().and_then(|text| Proxy::parse(text).ok())?;
        proxy.credentials.map(|credentials| credentials.password)
    }
}

/// A proxy. Shown without its credentials: `http://proxy.example:3128`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// What it speaks.
    pub scheme: Scheme,
    /// Where it is.
    pub endpoint: Endpoint,
    /// What it is told about us.
    pub credentials: Option<Credentials>,
}

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP, by CONNECT.
    Http,
    /// The same inside of TLS.
    Https,
    /// SOCKS version 5. Names are always resolved by the proxy, so `socks5h` is the same (as in Go).
    Socks5,
}

/// User and password, percent-decoded; either can be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: Secret,
    /// The password.
    pub password: Secret,
}

impl Proxy {
    /// Reads the text of `HTTPS_PROXY`: a URL, of which path and query are ignored, or `host[:port]` for an http one.
    pub fn parse(text: &Secret) -> Result<Self, ProxyError> {
        let text = text.expose();
        let (scheme, rest) = match text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
            Some((scheme, rest)) => (Scheme::named(scheme)?, rest),
            None => (Scheme::Http, text),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let (credentials, host) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(Credentials::parse(credentials)?), host),
            None => (None, authority),
        };
        // What follows the last colon is a port, unless that colon is one of an IPv6 address.
        let address = match host.rsplit_once(':') {
            Some((_, port)) if !port.is_empty() && !port.ends_with(']') => host.to_owned(),
            _ => format!("{}:{}", host.strip_suffix(':').unwrap_or(host), scheme.default_port()),
        };
        let endpoint = address.parse().map_err(|error| match error {
            EndpointError::Form { reason, .. } => ProxyError::Address(reason),
            EndpointError::Empty | EndpointError::Scheme { .. } => ProxyError::Address(Reason::Host),
        })?;
        Ok(Proxy { scheme, endpoint, credentials })
    }
}

impl Scheme {
    fn named(name: &str) -> Result<Self, ProxyError> {
        match name.to_ascii_lowercase().as_str() {
            "http" => Ok(Scheme::Http),
            "https" => Ok(Scheme::Https),
            "socks5" | "socks5h" => Ok(Scheme::Socks5),
            _ => Err(ProxyError::Scheme(name.to_owned())),
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
            Scheme::Socks5 => 1080,
        }
    }
}

/// RFC 3986, 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

impl Credentials {
    /// `user:password` or `user`, with the characters that net/url allows there and no others.
    fn parse(text: &str) -> Result<Self, ProxyError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
        if !text.chars().all(allowed) {
            return Err(ProxyError::Credentials);
        }
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let decoded = |text| {
            let bytes = percent::decoded(text).ok_or(ProxyError::Credentials)?;
            String::from_utf8(bytes).map(Secret::new).map_err(|_| ProxyError::Credentials)
        };
        Ok(Credentials { user: decoded(user)?, password: decoded(password)? })
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Socks5 => "socks5",
        })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.endpoint)
    }
}

/// Why `HTTPS_PROXY` names no proxy. Never quotes it beyond its scheme: a password can be anywhere in it.
#[derive(Clone, PartialEq, Eq)]
pub enum ProxyError {
    /// A scheme that nobody here speaks.
    Scheme(String),
    /// What stands before the `@` has characters that a URL cannot have there, or a percent sign that stands for nothing;
    /// or is longer than SOCKS can say.
    Credentials,
    /// What stands behind it is no host, or has no port.
    Address(Reason),
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProxyError::Scheme(scheme) => {
                write!(f, "HTTPS_PROXY has the scheme {}, which is not supported", Quoted(scheme))
            }
            ProxyError::Credentials => f.write_str(
                "HTTPS_PROXY names no proxy: its user or password is not percent-encoded as in a URL, or too long",
            ),
            ProxyError::Address(reason) => write!(f, "HTTPS_PROXY names no proxy: {reason}"),
        }
    }
}

debug_as_display!(ProxyError);

impl std::error::Error for ProxyError {}

impl Explain for ProxyError {
    fn code(&self) -> &'static Code {
        match self {
            ProxyError::Scheme(_) => &codes::PROXY_SCHEME,
            ProxyError::Credentials | ProxyError::Address(_) => &codes::PROXY_VARIABLE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Proxy, ProxyError> {
        Proxy::parse(&Secret::new(text))
    }

    #[test]
    fn a_proxy_is_shown_without_its_credentials() {
        for (text, shown) in [
            ("http://user:s3cret@Proxy:3128/path", "http://proxy:3128"),
            ("user:s3cret@s3cret@proxy", "http://proxy:80"),
            ("SOCKS5h://user@[fd00::1]", "socks5://[fd00::1]:1080"),
            ("https://proxy:/?x", "https://proxy:443"),
        ] {
            let proxy = parse(text).unwrap();
            assert_eq!(proxy.to_string(), shown, "{text}");
            assert!(!format!("{proxy:?}").contains("s3cret"), "{proxy:?}");
        }
    }

    #[test]
    fn credentials_are_percent_decoded() {
        for (text, user, password) in [
            ("u:p@proxy", "u", "p"),
            ("u@proxy", "u", ""),
            ("@proxy", "", ""),
            ("a%40b:%C3%A9%25:x@proxy", "a@b", "\u{e9}%:x"),
        ] {
            let credentials = parse(text).unwrap().credentials.unwrap();
            assert_eq!((credentials.user.expose(), credentials.password.expose()), (user, password), "{text}");
        }
        assert_eq!(parse("proxy:3128").unwrap().credentials, None);
        for text in ["u:%4@proxy", "u:%zz@proxy", "u:%@proxy", "u:%ff@proxy", "u:a b@proxy", "u:\u{e9}@proxy"] {
            assert_eq!(parse(text), Err(ProxyError::Credentials), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_and_not_quoted() {
        for (text, expected) in [
            ("ftp://s3cret@proxy", ProxyError::Scheme("ftp".to_owned())),
            ("http://", ProxyError::Address(Reason::NoHost)),
            ("//s3cret", ProxyError::Address(Reason::NoHost)),
            ("http://s3cret@", ProxyError::Address(Reason::NoHost)),
            ("s3cret:s3cret:3128", ProxyError::Address(Reason::SecondColon)),
            ("proxy:s3cret", ProxyError::Address(Reason::Port)),
            ("http://proxy:3128 ", ProxyError::Address(Reason::Port)),
            ("http://proxy\n", ProxyError::Address(Reason::Host)),
            ("fd00::1", ProxyError::Address(Reason::BracketsMissing)),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, expected, "{text:?}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}
