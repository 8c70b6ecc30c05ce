//! A TCP connection with a deadline, and the byte stream that HTTP runs on: plain (the kubelet's healthz on this machine, and
//! what a proxy is told) or TLS.
//!
//! The deadline is for a whole exchange and is checked at every read and write, so that a peer that sends a byte a second
//! cannot hold us longer than one that sends nothing.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::error::{Cause, Stage};
use super::tls;
use crate::values::Endpoint;

/// A TCP socket that no call can hold beyond its deadline.
#[derive(Debug)]
pub struct DeadlineSocket {
    socket: TcpStream,
    deadline: Instant,
}

impl DeadlineSocket {
    /// Resolves and connects, trying each address in turn with an equal share of the time that is left.
    pub fn connect(endpoint: &Endpoint, deadline: Instant) -> Result<Self, Cause> {
        let addresses = addresses(endpoint, deadline)?;
        let mut last = Cause::NameNotFound;
        for (tried, address) in addresses.iter().enumerate() {
            // Divisor is at least 1: `tried` is an index into `addresses`. At most 16 bits of addresses, so no truncation.
            let share = remaining(deadline).map_err(|e| Cause::from_io(&e, Stage::Connect))?
                / (addresses.len() - tried).min(u16::MAX.into()) as u32;
            match TcpStream::connect_timeout(address, share) {
                Ok(socket) => {
                    // Requests leave in one write each; waiting to coalesce them would cost a round trip.
                    socket.set_nodelay(true).map_err(|e| Cause::from_io(&e, Stage::Connect))?;
                    return Ok(DeadlineSocket { socket, deadline });
                }
                Err(error) => last = Cause::from_io(&error, Stage::Connect),
            }
        }
        Err(last)
    }
}

/// Asks the resolver on a thread of its own: it cannot be told to be quick, and a name server that does not answer would
/// hold up whoever has other endpoints to ask.
fn addresses(endpoint: &Endpoint, deadline: Instant) -> Result<Vec<SocketAddr>, Cause> {
    if let Some(address) = endpoint.ip() {
        return Ok(vec![(address, endpoint.port).into()]);
    }
    let (sender, receiver) = mpsc::channel();
    let (host, port) = (endpoint.host.clone(), endpoint.port);
    // The thread outlives its use when the resolver does; nobody receives then.
    std::thread::Builder::new()
        .spawn(move || {
            let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
            let _ = sender.send(found);
        })
        .map_err(|e| Cause::from_io(&e, Stage::Resolve))?;
    let limit = remaining(deadline).map_err(|e| Cause::from_io(&e, Stage::Resolve))?;
    match receiver.recv_timeout(limit) {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(_)) => Err(Cause::NameNotFound),
        Err(_) => Err(Cause::TimedOut(Stage::Resolve)),
    }
}

fn remaining(deadline: Instant) -> io::Result<Duration> {
    match deadline.checked_duration_since(Instant::now()) {
        Some(left) if !left.is_zero() => Ok(left),
        _ => Err(io::ErrorKind::TimedOut.into()),
    }
}

impl Read for DeadlineSocket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(remaining(self.deadline)?))?;
        self.socket.read(buffer)
    }
}

impl Write for DeadlineSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(remaining(self.deadline)?))?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What HTTP runs on: a socket, perhaps with TLS, and where that is with a proxy, with another TLS inside of it.
#[derive(Debug)]
pub struct Stream {
    wire: Wire,
    tls: Option<Box<ClientConnection>>,
}

/// What the innermost TLS, or what is spoken plainly, goes over.
#[derive(Debug)]
struct Wire {
    socket: DeadlineSocket,
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
    pub fn plain(endpoint: &Endpoint, deadline: Instant) -> Result<Self, Cause> {
        let socket = DeadlineSocket::connect(endpoint, deadline)?;
        Ok(Stream { wire: Wire { socket, tls: None }, tls: None })
    }

    /// The same after a TLS handshake with `name` under `config`, before the stream's deadline. A stream that has TLS already,
    /// which is that with a proxy, has both afterwards.
    pub fn secured(self, name: ServerName<'static>, config: &tls::TlsConfig) -> Result<Self, Cause> {
        let mut wire = Wire { socket: self.wire.socket, tls: self.tls.or(self.wire.tls) };
        let mut connection = ClientConnection::new(Arc::clone(config.rustls()), name).map_err(|e| tls::cause(&e))?;
        while connection.is_handshaking() {
            connection.complete_io(&mut wire).map_err(|e| config.cause_of_io(&e))?;
        }
        Ok(Stream { wire, tls: Some(Box::new(connection)) })
    }

    /// Sets the deadline of whatever is read and written from now on.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.wire.socket.deadline = deadline;
    }

    /// Reads some bytes; 0 is a clean end. A cut without TLS's `close_notify` is [`Cause::Closed`].
    pub fn read(&mut self, buffer: &mut [u8], stage: Stage) -> Result<usize, Cause> {
        let result = match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.wire).read(buffer),
            None => self.wire.read(buffer),
        };
        result.map_err(|e| tls::cause_of_io(&e, stage))
    }

    /// Writes everything.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Cause> {
        let result = match &mut self.tls {
            Some(tls) => {
                let mut stream = rustls::Stream::new(tls.as_mut(), &mut self.wire);
                stream.write_all(bytes).and_then(|()| stream.flush())
            }
            None => self.wire.write_all(bytes).and_then(|()| self.wire.flush()),
        };
        result.map_err(|e| tls::cause_of_io(&e, Stage::Send))
    }
}
