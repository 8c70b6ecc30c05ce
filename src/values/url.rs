//! An `https://` URL of a discovery file.
//!
//! Only what a file is fetched with: host, port, path and query (RFC 3986). A query may hold a signature that is as good as
//! a password (presigned URLs), so it is never shown; user and password before the host are refused.

use std::fmt;
use std::str::FromStr;

use super::endpoint::{Endpoint, EndpointError};
use crate::error::debug_as_display;

/// `https://host[:port][/path][?query]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    endpoint: Endpoint,
    /// Begins with `/`.
    target: String,
}

/// Why a text is not such a URL.
#[derive(Clone, PartialEq, Eq)]
pub enum UrlError {
    /// Another scheme, or none.
    Scheme,
    /// User or password before the host.
    Credentials,
    /// A character that a URL has only percent-encoded.
    Character,
    /// The host or the port cannot be one.
    Endpoint(EndpointError),
}

impl Url {
    /// The server to ask; the port is 443 where none is given.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What to ask for: path and query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The URL that a `Location` means when it comes as an answer to this one (RFC 9110, 10.2.2).
    ///
    /// # Errors
    /// It leads to something else than an `https://` URL.
    pub fn redirected(&self, location: &str) -> Result<Url, UrlError> {
        let has_scheme = location.split(['/', '?', '#']).next().is_some_and(|start| start.contains(':'));
        let path = self.target.split('?').next().unwrap_or("/");
        let absolute = match location {
            _ if has_scheme => location.to_owned(),
            _ if location.starts_with("//") => format!("https:{location}"),
            _ if location.starts_with('/') => format!("https://{}{location}", self.endpoint),
            _ if location.starts_with('?') => format!("https://{}{path}{location}", self.endpoint),
            // `path` begins with a slash.
            _ => format!(
                "https://{}{}/{location}",
                self.endpoint,
                path.rsplit_once('/').map_or("", |(before, _)| before)
            ),
        };
        let Url { endpoint, target } = absolute.parse()?;
        Ok(Url { endpoint, target: without_dots(&target) })
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("https") {
            return Err(UrlError::Scheme);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::Character);
        }
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlError::Credentials);
        }
        let has_port = authority.rsplit(']').next().is_some_and(|after| after.contains(':'));
        let with_port = if has_port { authority.to_owned() } else { format!("{authority}:443") };
        let endpoint = with_port.parse().map_err(UrlError::Endpoint)?;
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Url { endpoint, target })
    }
}

/// A target without the segments `.` and `..` (RFC 3986, 5.2.4): few servers make sense of them.
fn without_dots(target: &str) -> String {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let mut kept = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        kept.push("");
    }
    format!("/{}{query}", kept.join("/"))
}

/// A text that is not such a URL, for an error: without query and fragment, and without user and password.
pub fn without_secrets(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = text.split_once("//").unwrap_or(("", text));
    match rest.rsplit_once('@') {
        Some((_, rest)) => format!("{scheme}//{rest}"),
        None => text.to_owned(),
    }
}

/// Without the query.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Endpoint { host, port } = &self.endpoint;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        write!(f, "https://{host}")?;
        if *port != 443 {
            write!(f, ":{port}")?;
        }
        let (path, query) = self.target.split_once('?').map_or((self.target.as_str(), ""), |(path, _)| (path, "?..."));
        write!(f, "{path}{query}")
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UrlError::Scheme => f.write_str("only https:// URLs are followed"),
            UrlError::Credentials => f.write_str("user and password in a URL are not sent"),
            UrlError::Character => f.write_str("a URL has only ASCII characters, others are percent-encoded"),
            UrlError::Endpoint(error) => error.fmt(f),
        }
    }
}

debug_as_display!(UrlError);

impl std::error::Error for UrlError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_an_endpoint_and_a_target() {
        let table = [
            ("https://files.example.com/a/b.conf", "files.example.com:443", "/a/b.conf"),
            ("HTTPS://Files.example.com:8443/B?x=1#top", "files.example.com:8443", "/B?x=1"),
            ("https://[fd00::1]/c", "[fd00::1]:443", "/c"),
            ("https://[fd00::1]:8443", "[fd00::1]:8443", "/"),
            ("https://10.0.0.1?q", "10.0.0.1:443", "/?q"),
        ];
        for (text, endpoint, target) in table {
            let url: Url = text.parse().unwrap();
            assert_eq!((url.endpoint().to_string().as_str(), url.target()), (endpoint, target), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_their_reason() {
        let table = [
            ("http://a/", UrlError::Scheme),
            ("/etc/file", UrlError::Scheme),
            ("https://user:password@host/", UrlError::Credentials),
            ("https://host/a b", UrlError::Character),
            ("https://host/ü", UrlError::Character),
            ("https://host/a\r\nHost: b", UrlError::Character),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<Url>().unwrap_err(), expected, "{text}");
        }
        for text in ["https://", "https:///x", "https://a:b/", "https://a_b!/", "https://fd00::1/"] {
            assert!(matches!(text.parse::<Url>(), Err(UrlError::Endpoint(_))), "{text}");
        }
    }

    #[test]
    fn a_query_is_not_shown() {
        let url: Url = "https://h:443/path/file?X-Signature=secret".parse().unwrap();
        assert_eq!(url.to_string(), "https://h/path/file?...");
        assert_eq!(format!("{url:?}"), "Url(https://h/path/file?...)");
    }

    #[test]
    fn a_location_is_read_from_where_it_was_said() {
        let from: Url = "https://a.example:8443/dir/file?q=1".parse().unwrap();
        let table = [
            ("https://b.example/x?y", Ok(("b.example:443", "/x?y"))),
            ("//b.example/x", Ok(("b.example:443", "/x"))),
            ("/x", Ok(("a.example:8443", "/x"))),
            ("x", Ok(("a.example:8443", "/dir/x"))),
            ("?z", Ok(("a.example:8443", "/dir/file?z"))),
            ("./x/../y?z=/../", Ok(("a.example:8443", "/dir/y?z=/../"))),
            ("../../x/.", Ok(("a.example:8443", "/x/"))),
            ("https://b.example/x/..", Ok(("b.example:443", "/"))),
            ("https://b.example/x/...//y", Ok(("b.example:443", "/x/...//y"))),
            ("x?u=http://c", Ok(("a.example:8443", "/dir/x?u=http://c"))),
            ("http://a.example/x", Err(UrlError::Scheme)),
            ("file:///etc/shadow", Err(UrlError::Scheme)),
            ("https://u:p@b.example/", Err(UrlError::Credentials)),
            ("/a b", Err(UrlError::Character)),
        ];
        for (location, expected) in table {
            let found = from.redirected(location);
            let found = found.as_ref().map(|url| (url.endpoint().to_string(), url.target().to_owned()));
            let expected = expected.map(|(endpoint, target)| (endpoint.to_owned(), target.to_owned()));
            assert_eq!(found.map_err(Clone::clone), expected, "{location}");
        }
    }
}
