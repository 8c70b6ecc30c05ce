//! A tunnel through a proxy: a byte stream to an endpoint that the proxy has connected to. As Go's net/http does it
//! (`Transport.dialConn`): the endpoint's name goes to the proxy as it is, and any status but 200 is a no.

use std::fmt;
use std::time::Instant;

use super::error::{Cause, NetError};
use super::http::{Connection, Tunnel};
use super::route::Route;
use super::socks;
use super::stream::Stream;
use crate::config::Endpoint;
use crate::config::proxy::{Proxy, ProxyError, Scheme};
use crate::error::{Code, Explain, codes};
use crate::text::ForeignText;

/// A stream to `target` through `proxy`, all of it before `deadline`.
pub(super) fn tunnel(proxy: &Proxy, target: &Endpoint, deadline: Instant) -> Result<Stream, TunnelError> {
    let connect = || {
        let stream = Stream::plain(&proxy.endpoint, deadline);
        stream.map_err(|cause| TunnelError::unreachable(proxy, cause))
    };
    match proxy.scheme {
        Scheme::Http => {
            let connection = Connection::new(Route::direct(proxy.endpoint.clone()), connect()?);
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
        Scheme::Socks5 => socks::connect(connect()?, proxy, target),
        // It needs trust roots for the proxy: `connect()?.secured(...)` with them, then as above.
        Scheme::Https => Err(TunnelError::Variable(ProxyError::Scheme(proxy.scheme.to_string()))),
    }
}

/// Why there is no tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TunnelError {
    /// `HTTPS_PROXY` names no proxy that can be spoken to.
    Variable(ProxyError),
    /// The proxy cannot be reached, or says nothing; the error is at the proxy's endpoint.
    Unreachable(Box<NetError>),
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

    pub(super) fn not_a_proxy(what: &str) -> Self {
        TunnelError::NotAProxy(ForeignText::new(what, None))
    }

    /// 408, 429 and 5xx are what a proxy says whose endpoint, or who itself, is not there at the moment.
    fn of_status(status: u16, proxy: &Proxy) -> Self {
        match status {
            407 => TunnelError::Authentication { given: proxy.credentials.is_some() },
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
            TunnelError::Authentication { .. } => &codes::PROXY_AUTHENTICATION,
            TunnelError::Refused(_) => &codes::PROXY_REFUSED,
            TunnelError::NoTarget(_) => &codes::PROXY_NO_TARGET,
            TunnelError::NotAProxy(_) => &codes::PROXY_NOT_A_PROXY,
        }
    }
}
