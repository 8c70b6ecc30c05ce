//! Connecting to a socket of this machine, not for longer than it may take.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, sockopt};

/// kubeadm's time for connecting, and for each call (`util/runtime/runtime.go`).
pub const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// Connects within `timeout`: a runtime that hangs accepts nothing, and connecting waits.
///
/// # Errors
/// Those of connect(2); `EAGAIN` when the time is over.
pub fn dial(socket: &Path, timeout: Duration) -> Result<UnixStream, Errno> {
    let address = SocketAddrUnix::new(socket)?;
    let fd = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_timeout(&fd, sockopt::Timeout::Send, Some(timeout))?;
    connect(&fd, &address)?;
    Ok(UnixStream::from(fd))
}
