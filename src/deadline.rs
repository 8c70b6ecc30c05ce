//! The deadline of an exchange: for all of it, and checked at every read and write, so that a peer that sends a byte a
//! second cannot hold us longer than one that sends nothing.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};

/// A connected socket that no call can hold beyond its deadline.
#[derive(Debug)]
pub struct DeadlineSocket<S> {
    socket: S,
    deadline: Instant,
}

impl<S: AsFd> DeadlineSocket<S> {
    /// Takes the socket.
    pub fn new(socket: S, deadline: Instant) -> Self {
        DeadlineSocket { socket, deadline }
    }

    /// Sets the deadline of whatever is read and written from now on.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    fn limit(&self, direction: Timeout) -> io::Result<()> {
        Ok(set_socket_timeout(&self.socket, direction, Some(remaining(self.deadline)?))?)
    }
}

/// The time that is left.
///
/// # Errors
/// `TimedOut` where there is none.
pub fn remaining(deadline: Instant) -> io::Result<Duration> {
    match deadline.checked_duration_since(Instant::now()) {
        Some(left) if !left.is_zero() => Ok(left),
        _ => Err(io::ErrorKind::TimedOut.into()),
    }
}

impl<S: Read + AsFd> Read for DeadlineSocket<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.limit(Timeout::Recv)?;
        self.socket.read(buffer)
    }
}

impl<S: Write + AsFd> Write for DeadlineSocket<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.limit(Timeout::Send)?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_peer_that_drips_does_not_move_the_deadline() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut ours = DeadlineSocket::new(ours, Instant::now() + Duration::from_millis(300));
        let dripping = std::thread::spawn(move || {
            while theirs.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let error = ours.read_to_end(&mut Vec::new()).unwrap_err();
        assert!(matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock), "{error}");
        assert_eq!(ours.write(b"x").unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(ours);
        dripping.join().unwrap();
    }
}
