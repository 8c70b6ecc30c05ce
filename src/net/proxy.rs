//! A tunnel through a proxy: a byte stream to an endpoint that the proxy has connected to. As Go's net/http does it
//! (`Transport.dialConn`): the endpoint's name goes to the proxy as it is, and any status but 200 is a no.

use std::fmt;
use std::time::Instant;

use super::error::{Cause, NetError};
use super::http::{Connection, Tunnel};
use super::route::Route;
use super::socks;
use super::stream::Stream;
use super::tls::{self, TlsConfig};
use crate::config::Endpoint;
use crate::config::proxy::{Proxy, ProxyError, Scheme};
use crate::error::{Code, Explain, codes};
use crate::text::ForeignText;

/// A stream to `target` through `proxy`, all of it before `deadline`; `config` is for one that is spoken to over TLS.
pub(super) fn tunnel(
    proxy: &Proxy,
    config: Option<&TlsConfig>,
    target: &Endpoint,
    deadline: Instant,
) -> Result<Stream, TunnelError> {
    let connect = || {
        let stream = Stream::plain(&proxy.endpoint, deadline);
        stream.map_err(|cause| TunnelError::unreachable(proxy, cause))
    };
    match (proxy.scheme, config) {
        (Scheme::Http, _) => by_connect(connect()?, proxy, target, deadline),
        (Scheme::Socks5, _) => socks::connect(connect()?, proxy, target),
        (Scheme::Https, Some(config)) => {
            let name = tls::server_name(&proxy.endpoint).map_err(|cause| TunnelError::unreachable(proxy, cause))?;
            let secured = connect()?.secured(name, config).map_err(|cause| TunnelError::of_handshake(proxy, cause))?;
            by_connect(secured, proxy, target, deadline)
        }
        (Scheme::Https, None) => Err(TunnelError::Variable(ProxyError::Scheme(proxy.scheme.to_string()))),
    }
}

/// Asks for the tunnel by CONNECT.
fn by_connect(stream: Stream, proxy: &Proxy, target: &Endpoint, deadline: Instant) -> Result<Stream, TunnelError> {
    let connection = Connection::new(Route::direct(proxy.endpoint.clone()), stream);
    match connection.tunnel(target, proxy.credentials.as_ref(), deadline) {
        Ok(Tunnel::Open(stream)) => Ok(stream),
        Ok(Tunnel::Refused(status)) => Err(TunnelError::of_status(status, proxy)),
        Err(NetError { cause: Cause::NotHttp(text), .. }) => Err(TunnelError::NotAProxy(text)),
        Err(NetError { cause: Cause::HeadersTooLarge, .. }) => {
            Err(TunnelError::not_a_proxy("the head of its answer does not end"))
        }
        Err(error) => Err(TunnelError::Unreachable(Box::new(error))),
    }
}

/// Why there is no tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TunnelError {
    /// `HTTPS_PROXY` names no proxy that can be spoken to.
    Variable(ProxyError),
    /// The proxy cannot be reached, or says nothing; the error is at the proxy's endpoint.
    Unreachable(Box<NetError>),
    /// It shows a certificate that is not to be believed; the error is at the proxy's endpoint.
    Certificate(Box<NetError>),
    /// It wants to know who asks, or does not believe it.
    Authentication {
        /// It was told credentials.
        given: bool,
    },
    /// It will not connect to the endpoint.
    Refused(Answer),
    /// It cannot connect to the endpoint, now.
    NoTarget(Answer),
    /// What answers there is no proxy of that kind.
    NotAProxy(ForeignText),
}

/// What a proxy answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A status of HTTP.
    Status(u16),
    /// A reply of SOCKS 5 (RFC 1928, 6).
    Reply(u8),
}

impl TunnelError {
    pub(super) fn unreachable(proxy: &Proxy, cause: Cause) -> Self {
        TunnelError::Unreachable(Box::new(NetError::new(&Route::direct(proxy.endpoint.clone()), cause)))
    }

    /// What a failed handshake with the proxy itself means.
    fn of_handshake(proxy: &Proxy, cause: Cause) -> Self {
        let is_certificate = matches!(
            cause,
            Cause::UntrustedChain(_) | Cause::NameMismatch { .. } | Cause::Validity { .. } | Cause::HandshakeSignature
        );
        let error = Box::new(NetError::new(&Route::direct(proxy.endpoint.clone()), cause));
        if is_certificate { TunnelError::Certificate(error) } else { TunnelError::Unreachable(error) }
    }

    pub(super) fn not_a_proxy(what: &str) -> Self {
        TunnelError::NotAProxy(ForeignText::new(what, None))
    }

    /// 408, 429 and 5xx are what a proxy says whose endpoint, or who itself, is not there at the moment.
    fn of_status(status: u16, proxy: &Proxy) -> Self {
        match status {
            // 401 is what servers say; some proxies say it, too.
            401 | 407 => TunnelError::Authentication { given: proxy.credentials.is_some() },
            408 | 429 | 500..=599 => TunnelError::NoTarget(Answer::Status(status)),
            400..=499 => TunnelError::Refused(Answer::Status(status)),
            _ => TunnelError::not_a_proxy(&format!("it answers with status {status}")),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Status(status) => write!(f, "status {status}"),
            Answer::Reply(reply) => write!(f, "SOCKS reply {reply}"),
        }
    }
}

impl fmt::Display for TunnelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TunnelError::Variable(error) => write!(f, "{error}"),
            TunnelError::Unreachable(error) => write!(f, "the proxy cannot be reached: {error}"),
            TunnelError::Certificate(error) => write!(f, "the proxy itself is not proved: {error}"),
            TunnelError::Authentication { given: false } => f.write_str("the proxy demands a user and a password"),
            TunnelError::Authentication { given: true } => {
                f.write_str("the proxy does not accept the user and the password of HTTPS_PROXY")
            }
            TunnelError::Refused(answer) => write!(f, "the proxy refuses to connect there ({answer})"),
            TunnelError::NoTarget(answer) => write!(f, "the proxy cannot connect there ({answer})"),
            TunnelError::NotAProxy(text) => write!(f, "what answers at the proxy's address is no proxy: {text}"),
        }
    }
}

impl std::error::Error for TunnelError {}

impl Explain for TunnelError {
    fn code(&self) -> &'static Code {
        match self {
            TunnelError::Variable(error) => error.code(),
            TunnelError::Unreachable(_) => &codes::PROXY_UNREACHABLE,
            TunnelError::Certificate(_) => &codes::PROXY_CERTIFICATE,
            TunnelError::Authentication { .. } => &codes::PROXY_AUTHENTICATION,
            TunnelError::Refused(_) => &codes::PROXY_REFUSED,
            TunnelError::NoTarget(_) => &codes::PROXY_NO_TARGET,
            TunnelError::NotAProxy(_) => &codes::PROXY_NOT_A_PROXY,
        }
    }
}
