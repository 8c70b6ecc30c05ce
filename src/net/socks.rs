//! SOCKS version 5, as far as a client needs it to connect (RFC 1928) and to say who it is (RFC 1929).

use std::net::IpAddr;

use zeroize::Zeroizing;

use super::error::{Answer, Cause, Stage, TunnelError};
use super::stream::Stream;
use crate::values::Endpoint;
use crate::values::proxy::{Credentials, Proxy, ProxyError};

const VERSION: u8 = 5;
const LOGIN_VERSION: u8 = 1;
/// Authentication methods: none, and user with password.
const NO_METHOD: u8 = 0;
const PASSWORD: u8 = 2;
/// Address types.
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
/// The reply that refuses by a rule; 7 and 8 mean that the proxy does not have what is asked of it.
const NOT_ALLOWED: u8 = 2;

/// Asks the proxy behind `stream` to connect to `target`, and gives the stream back as one to there. Reads no byte more
/// than the proxy's answers have.
pub(super) fn connect(stream: Stream, proxy: &Proxy, target: &Endpoint) -> Result<Stream, TunnelError> {
    let mut peer = Peer { stream, proxy };
    let methods: &[u8] = if proxy.credentials.is_some() { &[NO_METHOD, PASSWORD] } else { &[NO_METHOD] };
    peer.send(&[&[VERSION, methods.len() as u8], methods].concat())?;
    match (peer.receive::<2>()?, &proxy.credentials) {
        ([VERSION, NO_METHOD], _) => {}
        ([VERSION, PASSWORD], Some(credentials)) => {
            peer.send(&login(credentials)?)?;
            match peer.receive()? {
                [LOGIN_VERSION, 0] => {}
                [LOGIN_VERSION, _] => return Err(TunnelError::Authentication { given: true }),
                _ => return Err(TunnelError::not_a_proxy("it does not speak SOCKS 5")),
            }
        }
        ([VERSION, _], credentials) => return Err(TunnelError::Authentication { given: credentials.is_some() }),
        _ => return Err(TunnelError::not_a_proxy("it does not speak SOCKS 5")),
    }
    peer.send(&request(target))?;
    let [version, reply, _, kind] = peer.receive()?;
    match (version, reply) {
        (VERSION, 0) => {}
        (VERSION, NOT_ALLOWED | 7 | 8) => return Err(TunnelError::Refused(Answer::Reply(reply))),
        (VERSION, _) => return Err(TunnelError::NoTarget(Answer::Reply(reply))),
        _ => return Err(TunnelError::not_a_proxy("it does not speak SOCKS 5")),
    }
    // Where the proxy connects from, which is not used: an address, and a port of two bytes.
    let rest = match kind {
        IPV4 => 4 + 2,
        IPV6 => 16 + 2,
        NAME => usize::from(peer.receive::<1>()?[0]) + 2,
        _ => return Err(TunnelError::not_a_proxy("its reply has an unknown type of address")),
    };
    for _ in 0..rest {
        peer.receive::<1>()?;
    }
    Ok(peer.stream)
}

/// RFC 1929, 2. Lengths are one byte each.
fn login(credentials: &Credentials) -> Result<Zeroizing<Vec<u8>>, TunnelError> {
    let mut message = Zeroizing::new(vec![LOGIN_VERSION]);
    for text in [credentials.user.expose(), credentials.password.expose()] {
        let length = u8::try_from(text.len()).map_err(|_| TunnelError::Variable(ProxyError::Credentials))?;
        message.push(length);
        message.extend_from_slice(text.as_bytes());
    }
    Ok(message)
}

/// RFC 1928, 4: connect to an address, or to a name that the proxy resolves. Names of endpoints are shorter than 256 bytes.
fn request(target: &Endpoint) -> Vec<u8> {
    let mut message = vec![VERSION, 1, 0];
    match target.ip().map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => {
            message.push(IPV4);
            message.extend_from_slice(&address.octets());
        }
        Some(IpAddr::V6(address)) => {
            message.push(IPV6);
            message.extend_from_slice(&address.octets());
        }
        None => {
            message.extend_from_slice(&[NAME, target.host.len() as u8]);
            message.extend_from_slice(target.host.as_bytes());
        }
    }
    message.extend_from_slice(&target.port.to_be_bytes());
    message
}

/// The proxy, which messages are exchanged with.
struct Peer<'p> {
    stream: Stream,
    proxy: &'p Proxy,
}

impl Peer<'_> {
    fn send(&mut self, bytes: &[u8]) -> Result<(), TunnelError> {
        self.stream.write_all(bytes).map_err(|cause| TunnelError::unreachable(self.proxy, cause))
    }

    fn receive<const N: usize>(&mut self) -> Result<[u8; N], TunnelError> {
        let mut bytes = [0; N];
        let mut filled = 0;
        while filled < N {
            let result = match self.stream.read(&mut bytes[filled..], Stage::Head) {
                Ok(0) => Err(Cause::Closed(Stage::Head)),
                other => other,
            };
            filled += result.map_err(|cause| TunnelError::unreachable(self.proxy, cause))?;
        }
        Ok(bytes)
    }
}
