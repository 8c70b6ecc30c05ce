//! What can go wrong on the wire, distinguished as far as the next step differs.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::SystemTime;

use super::local_route::{self, LocalRoute};
use super::route::Route;
use super::status::is_transient;
use crate::clock::apart;
use crate::error::{Code, Explain, codes, debug_as_display};
use crate::host::{Needs, Obstacle};
use crate::text::UntrustedText;
use crate::values::proxy::{Proxy, ProxyError};

/// An error of the wire. Names the endpoint it happened at, and the proxy in between.
#[derive(Clone, PartialEq, Eq)]
pub struct NetError {
    /// The endpoint that was spoken to, and how.
    pub route: Route,
    /// What happened.
    pub cause: Cause,
    /// What this machine's network lacks, where that may be why.
    pub obstacle: Option<Box<Obstacle>>,
}

/// What happened on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The name has no address (yet).
    NameNotFound,
    /// Nothing listens there, or a firewall refuses.
    Refused,
    /// The same, of an address of this machine's own.
    RefusedByThisMachine,
    /// The proxy in between gives no tunnel.
    Proxy(TunnelError),
    /// No route to the host or network.
    Unreachable(io::ErrorKind),
    /// This machine has a route, but a router or a firewall says that the host cannot be reached; or in the same network, no
    /// host answers for the address.
    RejectedOnTheWay(io::ErrorKind),
    /// Nothing came in time.
    TimedOut(Stage),
    /// The peer closed before the answer was complete.
    Closed(Stage),
    /// Any other error of the operating system.
    Io(io::ErrorKind),
    /// TLS did not come about; an alert or something that is not TLS.
    Tls(UntrustedText),
    /// The server does not accept the client certificate, or misses one.
    ClientCertificate(UntrustedText),
    /// The handshake was signed by a key that is not the one of the certificate shown.
    HandshakeSignature,
    /// The certificate does not chain to a CA that is trusted.
    UntrustedChain(UntrustedText),
    /// The server, or a certificate of its chain, uses an algorithm that cannot be verified here.
    Unsupported(UntrustedText),
    /// The certificate is good, but for other names.
    NameMismatch {
        /// DNS names and addresses in the certificate.
        presented: UntrustedText,
    },
    /// The certificate's validity does not contain the time it was judged at.
    Validity {
        /// The time it was judged at.
        judged_at: SystemTime,
        /// Which end of its validity that time is beyond, where the verifier says so.
        beyond: Option<Beyond>,
    },
    /// The certificate is valid by one of two clocks only, and neither is preferred unless the user says so.
    ClocksDisagree {
        /// This machine's clock.
        system: SystemTime,
        /// What the server says.
        server: SystemTime,
    },
    /// What came is not HTTP/1.1.
    NotHttp(UntrustedText),
    /// More header bytes than any API server sends.
    HeadersTooLarge,
    /// A body over the cap for what was asked.
    BodyTooLarge {
        /// The cap, in bytes.
        cap: usize,
    },
    /// A redirect; an API server never sends one, and following it would leave the server that was verified.
    Redirect {
        /// Where to.
        location: UntrustedText,
    },
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectError {
    /// What happened.
    pub cause: Cause,
    /// The address that was tried last, where there is one.
    pub address: Option<SocketAddr>,
}

impl From<Cause> for ConnectError {
    fn from(cause: Cause) -> Self {
        ConnectError { cause, address: None }
    }
}

/// The end of a validity that a time is beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// `notBefore` is yet to come.
    Begin(SystemTime),
    /// `notAfter` has passed.
    End(SystemTime),
}

/// The step of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Looking up the name.
    Resolve,
    /// TCP connect.
    Connect,
    /// TLS handshake.
    Handshake,
    /// Sending a request.
    Send,
    /// Waiting for, or reading, the head of an answer.
    Head,
    /// Reading the body of an answer.
    Body,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Resolve => "looking up the name",
            Stage::Connect => "connecting",
            Stage::Handshake => "negotiating TLS",
            Stage::Send => "sending the request",
            Stage::Head => "waiting for the answer",
            Stage::Body => "reading the answer",
        })
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_cause(f)?;
        self.obstacle.iter().try_for_each(|obstacle| write!(f, "; {obstacle}"))
    }
}

impl NetError {
    fn fmt_cause(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.route;
        let host = &at.endpoint().host;
        match &self.cause {
            Cause::NameNotFound => write!(f, "{at}: the name {host:?} has no address"),
            Cause::Refused => write!(f, "{at}: connection refused"),
            Cause::RefusedByThisMachine => {
                write!(f, "{at}: connection refused by this machine itself, which has that address")
            }
            Cause::Proxy(error) => write!(f, "{at}: {error}"),
            Cause::Unreachable(kind) => write!(f, "{at}: {kind}"),
            Cause::RejectedOnTheWay(kind) => write!(f, "{at}: {kind}, although this machine has a route to it"),
            Cause::TimedOut(stage) => write!(f, "{at}: timed out while {stage}"),
            Cause::Closed(stage) => write!(f, "{at}: connection closed while {stage}"),
            Cause::Io(kind) => write!(f, "{at}: {kind}"),
            Cause::Tls(text) | Cause::ClientCertificate(text) => write!(f, "{at}: TLS handshake failed: {text}"),
            Cause::HandshakeSignature => {
                write!(f, "{at}: the TLS handshake is not signed by the key of the certificate that was shown")
            }
            Cause::UntrustedChain(text) => {
                write!(f, "{at}: the serving certificate was not issued by a trusted CA: {text}")
            }
            Cause::Unsupported(text) => write!(f, "{at}: the server cannot be verified: {text}"),
            Cause::NameMismatch { presented } => {
                write!(f, "{at}: the serving certificate is not for {host:?} but for {presented}")
            }
            Cause::Validity { judged_at, beyond } => {
                let now = httpdate::fmt_http_date(*judged_at);
                match beyond {
                    Some(Beyond::Begin(begin)) => write!(
                        f,
                        "{at}: the serving certificate is not valid yet: it becomes so in {}, at {}; the time is {now}",
                        apart(*begin, *judged_at),
                        httpdate::fmt_http_date(*begin)
                    ),
                    Some(Beyond::End(end)) => write!(
                        f,
                        "{at}: the serving certificate expired {} ago, at {}; the time is {now}",
                        apart(*end, *judged_at),
                        httpdate::fmt_http_date(*end)
                    ),
                    None => write!(f, "{at}: the serving certificate is not valid at {now}"),
                }
            }
            Cause::ClocksDisagree { system, server } => write!(
                f,
                "{at}: the certificate's validity turns on the clock: this machine says {}, the server says {}, {} {}",
                httpdate::fmt_http_date(*system),
                httpdate::fmt_http_date(*server),
                apart(*system, *server),
                if server > system { "later" } else { "earlier" }
            ),
            Cause::NotHttp(text) => write!(f, "{at}: the answer is not HTTP/1.1: {text}"),
            Cause::HeadersTooLarge => write!(f, "{at}: the answer's headers are too large for an API server"),
            Cause::BodyTooLarge { cap } => write!(f, "{at}: the answer is larger than {cap} bytes"),
            Cause::Redirect { location } => write!(f, "{at}: redirected to {location}"),
        }
    }
}

debug_as_display!(NetError);

impl std::error::Error for NetError {}

impl Explain for NetError {
    fn code(&self) -> &'static Code {
        match &self.cause {
            Cause::NameNotFound => &codes::NET_NAME_NOT_FOUND,
            Cause::Proxy(error) => error.code(),
            Cause::Refused | Cause::RefusedByThisMachine => &codes::NET_REFUSED,
            Cause::Unreachable(_) | Cause::RejectedOnTheWay(_) => &codes::NET_UNREACHABLE,
            Cause::TimedOut(Stage::Resolve) => &codes::NET_NAME_NOT_FOUND,
            Cause::TimedOut(_) => &codes::NET_TIMED_OUT,
            Cause::Closed(_) => &codes::NET_CLOSED,
            Cause::Io(_) => &codes::NET_IO,
            Cause::Tls(_) | Cause::ClientCertificate(_) => &codes::TLS_HANDSHAKE,
            Cause::HandshakeSignature => &codes::TLS_SIGNATURE,
            Cause::UntrustedChain(_) => &codes::TLS_UNTRUSTED,
            Cause::Unsupported(_) => &codes::TLS_UNSUPPORTED,
            Cause::NameMismatch { .. } => &codes::TLS_NAME_MISMATCH,
            Cause::Validity { .. } => &codes::TLS_VALIDITY,
            Cause::ClocksDisagree { .. } => &codes::CLOCK_DISAGREES,
            Cause::NotHttp(_) => &codes::HTTP_NOT_HTTP,
            Cause::HeadersTooLarge => &codes::HTTP_HEADERS_TOO_LARGE,
            Cause::BodyTooLarge { .. } => &codes::HTTP_BODY_TOO_LARGE,
            Cause::Redirect { .. } => &codes::HTTP_REDIRECT,
        }
    }

    fn hint(&self) -> String {
        if let Some(obstacle) = &self.obstacle {
            return obstacle.hint().to_owned();
        }
        let hint = match &self.cause {
            Cause::RefusedByThisMachine => {
                "name an address of the control plane: this one is this machine's own, as with virtual machines that all have \
                 the same address behind NAT"
            }
            Cause::RejectedOnTheWay(_) => {
                "open the port to this machine in the firewall of the control plane, or of a router on the way (firewalld \
                 rejects like this); in the same network, check that the host is up"
            }
            _ => self.code().hint,
        };
        hint.to_owned()
    }
}

impl NetError {
    /// An error on this route.
    pub fn new(route: &Route, cause: Cause) -> Self {
        NetError { route: route.clone(), cause, obstacle: None }
    }

    /// A connection that did not come about on this route.
    pub fn connecting(route: &Route, error: ConnectError) -> Self {
        NetError::new(&route.at(error.address), error.cause)
    }

    /// What a network has to have that this attempt may have failed without; `None` where it was another reason, or no
    /// network is needed.
    pub(super) fn needs(&self) -> Option<Needs> {
        match &self.cause {
            _ if self.route.endpoint().ip().is_some_and(|address| address.is_loopback()) => None,
            Cause::NameNotFound | Cause::TimedOut(Stage::Resolve) => Some(Needs::NameServer),
            Cause::Unreachable(_) => Some(Needs::Route),
            // There was a route, or the kernel would have said so at once.
            Cause::TimedOut(Stage::Connect) => Some(Needs::Nothing),
            Cause::Proxy(TunnelError::Unreachable(error)) => error.needs(),
            _ => None,
        }
    }
}

impl Cause {
    /// Why `address` takes no connection. The operating system's word for it is the same whether this machine has no route,
    /// or a firewall says that it may not be used; and whether the control plane refuses, or this machine itself. A local load
    /// balancer is meant where the address is a loopback one.
    pub(super) fn of_connect(error: &io::Error, address: SocketAddr) -> Cause {
        match Cause::from_io(error, Stage::Connect) {
            Cause::Unreachable(kind) if local_route::of(address) != LocalRoute::None => Cause::RejectedOnTheWay(kind),
            Cause::Refused if !address.ip().is_loopback() && local_route::of(address) == LocalRoute::ThisMachine => {
                Cause::RefusedByThisMachine
            }
            cause => cause,
        }
    }

    /// An error of the operating system during `stage`.
    pub fn from_io(error: &io::Error, stage: Stage) -> Cause {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::ConnectionRefused => Cause::Refused,
            Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown | Kind::AddrNotAvailable => {
                Cause::Unreachable(error.kind())
            }
            Kind::TimedOut | Kind::WouldBlock => Cause::TimedOut(stage),
            Kind::UnexpectedEof | Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => {
                Cause::Closed(stage)
            }
            kind => Cause::Io(kind),
        }
    }
}

/// Why a proxy gives no tunnel.
#[derive(Clone, PartialEq, Eq)]
pub enum TunnelError {
    /// `HTTPS_PROXY` names no proxy that can be used.
    Variable(ProxyError),
    /// The proxy cannot be reached, or says nothing; the error is at the proxy's endpoint.
    Unreachable(Box<NetError>),
    /// Its certificate cannot be verified; the error is at the proxy's endpoint.
    Certificate(Box<NetError>),
    /// It demands credentials, or others.
    Authentication {
        /// Credentials were sent.
        given: bool,
    },
    /// It will not connect to the endpoint.
    Refused(Answer),
    /// It cannot connect to the endpoint, now.
    NoTarget(Answer),
    /// What answers there is no proxy of that kind.
    NotAProxy(UntrustedText),
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
    pub(super) fn unreachable(proxy: &Proxy, error: impl Into<ConnectError>) -> Self {
        let route = Route::direct(proxy.endpoint.clone());
        TunnelError::Unreachable(Box::new(NetError::connecting(&route, error.into())))
    }

    /// What a failed handshake with the proxy itself means.
    pub(super) fn of_handshake(proxy: &Proxy, cause: Cause) -> Self {
        let is_certificate = matches!(
            cause,
            Cause::UntrustedChain(_) | Cause::NameMismatch { .. } | Cause::Validity { .. } | Cause::HandshakeSignature
        );
        let error = Box::new(NetError::new(&Route::direct(proxy.endpoint.clone()), cause));
        if is_certificate { TunnelError::Certificate(error) } else { TunnelError::Unreachable(error) }
    }

    pub(super) fn not_a_proxy(what: &str) -> Self {
        TunnelError::NotAProxy(UntrustedText::new(what, None))
    }

    /// What is transient is what a proxy says whose endpoint, or which itself, is not there at the moment.
    pub(super) fn of_status(status: u16, proxy: &Proxy) -> Self {
        match status {
            // 401 is what servers say; some proxies say it, too.
            401 | 407 => TunnelError::Authentication { given: proxy.credentials.is_some() },
            // CONNECT is unknown to it, or it looked for a page: a web server.
            404 | 405 => TunnelError::not_a_proxy(&format!("it answers with status {status}, as a web server does")),
            status if is_transient(status) => TunnelError::NoTarget(Answer::Status(status)),
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
            TunnelError::Certificate(error) => write!(f, "the proxy itself is not verified: {error}"),
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

debug_as_display!(TunnelError);

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
