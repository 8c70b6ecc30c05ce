//! A tunnel through a proxy: a byte stream to an endpoint that the proxy has connected to. As Go's net/http does it
//! (`Transport.dialConn`): the endpoint's name goes to the proxy as it is, and any status but 200 is a no.

use std::time::Instant;

use super::error::{Cause, NetError, TunnelError};
use super::http::{Connection, Tunnel};
use super::route::Route;
use super::socks;
use super::stream::Stream;
use super::tls::{self, TlsConfig};
use crate::values::Endpoint;
use crate::values::proxy::{Proxy, ProxyError, Scheme};

/// A stream to `target` through `proxy`, all of it before `deadline`; `config` is for one that is spoken to over TLS.
pub(super) fn tunnel(
    proxy: &Proxy,
    config: Option<&TlsConfig>,
    target: &Endpoint,
    deadline: Instant,
) -> Result<Stream, TunnelError> {
    let connect = || {
        let stream = Stream::plain(&proxy.endpoint, deadline);
        stream.map_err(|error| TunnelError::unreachable(proxy, error))
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
