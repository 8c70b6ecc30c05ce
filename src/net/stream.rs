//! The byte stream that HTTP and gRPC run on: TCP as it is (the kubelet's healthz on this machine, and what is said to a proxy), or with
//! TLS. Its deadline is that of a whole exchange.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::net::sockopt;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::error::{Cause, ConnectError, Stage};
use super::resolve::{self, ResolveError};
use super::tls;
use crate::deadline::{DeadlineSocket, remaining};
use crate::values::Endpoint;

/// That of Go's clients, kubeadm's among them (`net.KeepAliveConfig`); they ask nine times, which is more than two minutes.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEP_ALIVE_PROBES: u32 = 3;

/// Resolves and connects, trying each address in turn with an equal share of the time that is left.
fn connect(endpoint: &Endpoint, deadline: Instant) -> Result<(DeadlineSocket<TcpStream>, SocketAddr), ConnectError> {
    let addresses = addresses(endpoint, deadline)?;
    let mut last = ConnectError::from(Cause::NameNotFound);
    for (tried, address) in addresses.iter().enumerate() {
        let failed =
            |error: io::Error| ConnectError { cause: Cause::of_connect(&error, *address), address: Some(*address) };
        // Divisor is at least 1: `tried` is an index into `addresses`. At most 16 bits of addresses, so no truncation.
        let share = remaining(deadline).map_err(failed)? / (addresses.len() - tried).min(u16::MAX.into()) as u32;
        match TcpStream::connect_timeout(address, share) {
            Ok(socket) => {
                // Requests leave in one write each; waiting to coalesce them would cost a round trip.
                socket.set_nodelay(true).map_err(failed)?;
                // Without it a wait may be longer, and nothing else.
                keep_alive(&socket).ok();
                return Ok((DeadlineSocket::new(socket, deadline), *address));
            }
            Err(error) => last = failed(error),
        }
    }
    Err(last)
}

/// Who waits for an event reads for minutes without a word. A peer that is gone by then is noticed, and what stands in between
/// does not forget the connection.
fn keep_alive(socket: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, KEEP_ALIVE_INTERVAL)?;
    sockopt::set_tcp_keepintvl(socket, KEEP_ALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(socket, KEEP_ALIVE_PROBES)
}

fn addresses(endpoint: &Endpoint, deadline: Instant) -> Result<Vec<SocketAddr>, Cause> {
    if let Some(address) = endpoint.ip() {
        return Ok(vec![(address, endpoint.port).into()]);
    }
    let timeout = remaining(deadline).map_err(|error| Cause::from_io(&error, Stage::Resolve))?;
    resolve::addresses(&endpoint.host, endpoint.port, timeout).map_err(|error| match error {
        ResolveError::NotFound(_) => Cause::NameNotFound,
        ResolveError::TimedOut => Cause::TimedOut(Stage::Resolve),
        ResolveError::NotAsked(error) => Cause::from_io(&error, Stage::Resolve),
    })
}

/// What HTTP and gRPC run on: a socket, perhaps with TLS, and where that is with a proxy, with another TLS inside of it.
#[derive(Debug)]
pub struct Stream {
    address: SocketAddr,
    wire: Wire,
    tls: Option<Box<ClientConnection>>,
}

/// What the innermost TLS, or what is spoken plainly, goes over.
#[derive(Debug)]
struct Wire {
    socket: DeadlineSocket<TcpStream>,
    /// With a proxy.
    tls: Option<Box<ClientConnection>>,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.socket).read(buffer),
            None => self.socket.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.socket).write(bytes),
            None => self.socket.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.socket).flush(),
            None => self.socket.flush(),
        }
    }
}

impl Stream {
    /// An unencrypted stream. As it is, only this machine's own kubelet and a proxy are spoken to over it; others over what
    /// [`secured`](Self::secured) makes of it.
    ///
    /// # Errors
    /// The name has no address, or none of its addresses takes a connection.
    pub fn plain(endpoint: &Endpoint, deadline: Instant) -> Result<Self, ConnectError> {
        let (socket, address) = connect(endpoint, deadline)?;
        Ok(Stream { address, wire: Wire { socket, tls: None }, tls: None })
    }

    /// The same after a TLS handshake with `name` under `config`, before the stream's deadline. A stream that has TLS already,
    /// which is that with a proxy, has both afterwards.
    pub fn secured(self, name: ServerName<'static>, config: &tls::TlsConfig) -> Result<Self, Cause> {
        let address = self.address;
        let mut wire = Wire { socket: self.wire.socket, tls: self.tls.or(self.wire.tls) };
        let mut connection = ClientConnection::new(Arc::clone(config.rustls()), name).map_err(|e| tls::cause(&e))?;
        while connection.is_handshaking() {
            connection.complete_io(&mut wire).map_err(|e| config.cause_of_io(&e))?;
        }
        Ok(Stream { address, wire, tls: Some(Box::new(connection)) })
    }

    /// What it is connected to: the endpoint, or the proxy in between.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the deadline of whatever is read and written from now on.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.wire.socket.set_deadline(deadline);
    }

    /// Reads some bytes; 0 is a clean end. A cut without TLS's `close_notify` is [`Cause::Closed`].
    pub fn read(&mut self, buffer: &mut [u8], stage: Stage) -> Result<usize, Cause> {
        Read::read(self, buffer).map_err(|e| tls::cause_of_io(&e, stage))
    }

    /// Writes everything.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Cause> {
        let result = Write::write_all(self, bytes).and_then(|()| self.flush());
        result.map_err(|e| tls::cause_of_io(&e, Stage::Send))
    }
}

/// For what reads and writes by itself, as gRPC does.
impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.wire).read(buffer),
            None => self.wire.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.wire).write(bytes),
            None => self.wire.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.wire).flush(),
            None => self.wire.flush(),
        }
    }
}
