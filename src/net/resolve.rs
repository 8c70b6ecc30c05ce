//! Names to addresses, not for longer than the caller can wait.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::time::Duration;

/// Twice what musl, for whose threads its own resolver is written, gives a thread that says nothing. Rust's 2 MiB are the size
/// of a huge page, and where the kernel has `transparent_hugepage=always`, as Debian's has, the first byte of such a stack
/// costs all of it: nearly as much memory as the rest of this program.
const STACK_BYTES: usize = 256 * 1024;

/// Why a name gave no answer.
#[derive(Debug)]
pub enum ResolveError {
    /// The resolver knows no address.
    NotFound(io::Error),
    /// It has not answered in time.
    TimedOut,
    /// It could not be asked.
    NotAsked(io::Error),
}

/// The addresses of `host`, with `port`; asked for at most `timeout`.
///
/// # Errors
/// Those of the resolver, or that it is silent.
pub fn addresses(host: &str, port: u16, timeout: Duration) -> Result<Vec<SocketAddr>, ResolveError> {
    let host = host.to_owned();
    on_a_thread(move || Ok((host.as_str(), port).to_socket_addrs()?.collect()), timeout)
}

/// The resolver cannot be told to be quick, and a name server that does not answer would hold up a caller that has others
/// to ask; so it is asked on a thread, which outlives its use where the resolver is slow: its answer is dropped then.
fn on_a_thread<T: Send + 'static>(
    ask: impl FnOnce() -> io::Result<T> + Send + 'static,
    timeout: Duration,
) -> Result<T, ResolveError> {
    let (sender, receiver) = mpsc::channel();
    let spawned = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        let _ = sender.send(ask());
    });
    spawned.map_err(ResolveError::NotAsked)?;
    match receiver.recv_timeout(timeout) {
        Ok(answer) => answer.map_err(ResolveError::NotFound),
        Err(_) => Err(ResolveError::TimedOut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_that_is_silent_is_left_alone() {
        let (_keep, never) = mpsc::channel::<()>();
        let silent = on_a_thread(move || never.recv().map_err(io::Error::other), Duration::ZERO);
        assert!(matches!(silent, Err(ResolveError::TimedOut)), "{silent:?}");
    }

    #[test]
    fn what_the_resolver_says_is_the_answer() {
        let hour = Duration::from_secs(3600);
        assert_eq!(on_a_thread(|| Ok(7), hour).unwrap(), 7);
        let failed = on_a_thread::<()>(|| Err(io::Error::other("no such name")), hour);
        assert!(matches!(failed, Err(ResolveError::NotFound(error)) if error.to_string() == "no such name"));
        let literal = addresses("127.0.0.1", 6443, hour).unwrap();
        assert_eq!(literal, [SocketAddr::from(([127, 0, 0, 1], 6443))]);
    }
}
