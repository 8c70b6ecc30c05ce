//! The container runtime, asked as the kubelet will ask it: CRI v1 (`k8s.io/cri-api` `runtime/v1/api.proto`) on its socket.
//!
//! In here: connecting with a time limit, the few calls that kubeadm makes of a runtime before a join, and their messages.
//! Not in here: which runtime is asked, and what an answer means for a join.

mod grpc;

use std::fmt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, sockopt};

use grpc::{Connection, GrpcError};

use crate::text::UntrustedText;

/// kubeadm's limit for connecting, and for each call (`util/runtime/runtime.go`).
pub const LIMIT: Duration = Duration::from_secs(2);

/// A runtime that has answered `Version` of CRI v1.
#[derive(Debug)]
pub struct Runtime {
    connection: Connection,
    socket: PathBuf,
    limit: Duration,
}

/// How a runtime names itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeVersion {
    /// `containerd`, `cri-o`, `docker`.
    pub name: String,
    /// Its own version.
    pub version: String,
}

/// A condition of a runtime: `RuntimeReady`, `NetworkReady`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Its type.
    pub kind: String,
    /// Whether it is true.
    pub status: bool,
    /// In one word.
    pub reason: String,
    /// In several.
    pub message: String,
}

/// A runtime that cannot be talked to.
#[derive(Debug)]
pub enum CriError {
    /// Not a `unix://` URL with an absolute path that fits into a socket's address.
    Endpoint(String),
    /// Nobody accepts a connection.
    Connect {
        /// The socket.
        socket: PathBuf,
        /// Why.
        errno: Errno,
    },
    /// A call gave no answer.
    Call {
        /// The socket.
        socket: PathBuf,
        /// The method's name.
        method: &'static str,
        /// Why, and what the runtime says about it.
        problem: Problem,
    },
}

/// Why a call gave no answer.
#[derive(Debug)]
pub struct Problem(GrpcError);

/// Connects to a socket, in `limit` at the longest: a runtime that hangs accepts nothing, and connecting waits.
///
/// # Errors
/// Those of connect(2); `EAGAIN` when the time is over.
pub fn dial(socket: &Path, limit: Duration) -> Result<UnixStream, Errno> {
    let address = SocketAddrUnix::new(socket)?;
    let fd = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_timeout(&fd, sockopt::Timeout::Send, Some(limit))?;
    connect(&fd, &address)?;
    Ok(UnixStream::from(fd))
}

impl Runtime {
    /// Connects to the runtime at a `unix://` URL and asks for its version, which says whether it speaks CRI v1.
    ///
    /// # Errors
    /// All of [`CriError`].
    pub fn connect(endpoint: &str, limit: Duration) -> Result<(Runtime, RuntimeVersion), CriError> {
        let socket = endpoint.strip_prefix("unix://").map(PathBuf::from).filter(|path| path.is_absolute());
        let socket = socket.ok_or_else(|| CriError::Endpoint(endpoint.to_owned()))?;
        let stream = dial(&socket, limit).map_err(|errno| match errno {
            Errno::NAMETOOLONG | Errno::INVAL => CriError::Endpoint(endpoint.to_owned()),
            errno => CriError::Connect { socket: socket.clone(), errno },
        })?;
        let mut runtime = Runtime { connection: Connection::new(stream), socket, limit };
        let mut version = RuntimeVersion { name: String::new(), version: String::new() };
        let answer = runtime.call("/runtime.v1.RuntimeService/Version", &[])?;
        for field in fields(&answer) {
            match field {
                (2, Value::Bytes(bytes)) => version.name = text(bytes),
                (3, Value::Bytes(bytes)) => version.version = text(bytes),
                _ => {}
            }
        }
        Ok((runtime, version))
    }

    /// Asks the image service for something: whether there is one.
    ///
    /// # Errors
    /// [`CriError::Call`].
    pub fn image_service(&mut self) -> Result<(), CriError> {
        self.call("/runtime.v1.ImageService/ImageFsInfo", &[]).map(drop)
    }

    /// `Status`: the conditions of the runtime.
    ///
    /// # Errors
    /// [`CriError::Call`].
    pub fn status(&mut self) -> Result<Vec<Condition>, CriError> {
        let answer = self.call("/runtime.v1.RuntimeService/Status", &[])?;
        let inside = |number| {
            move |field: (u32, Value<'_>)| match field {
                (found, Value::Bytes(bytes)) if found == number => Some(bytes.to_vec()),
                _ => None,
            }
        };
        let status: Vec<u8> = fields(&answer).filter_map(inside(1)).flatten().collect();
        Ok(fields(&status).filter_map(inside(1)).map(|bytes| condition(&bytes)).collect())
    }

    /// Whether the runtime has the method `RuntimeConfig`, by which it tells the kubelet its cgroup driver.
    ///
    /// # Errors
    /// [`CriError::Call`].
    pub fn has_runtime_config(&mut self) -> Result<bool, CriError> {
        match self.call("/runtime.v1.RuntimeService/RuntimeConfig", &[]) {
            Ok(_) => Ok(true),
            Err(error) if error.is_unimplemented() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn call(&mut self, method: &'static str, message: &[u8]) -> Result<Vec<u8>, CriError> {
        self.connection.call(method, message, self.limit).map_err(|error| CriError::Call {
            socket: self.socket.clone(),
            method: method.rsplit('/').next().unwrap_or(method),
            problem: Problem(error),
        })
    }
}

impl CriError {
    /// The runtime, or whatever listens there, does not have the method.
    pub fn is_unimplemented(&self) -> bool {
        matches!(self, CriError::Call { problem: Problem(GrpcError::Status { code: grpc::UNIMPLEMENTED, .. }), .. })
    }

    /// What answers does not speak gRPC, and is no runtime.
    pub fn is_not_grpc(&self) -> bool {
        matches!(self, CriError::Call { problem: Problem(GrpcError::NotHttp2), .. })
    }
}

fn condition(bytes: &[u8]) -> Condition {
    let mut condition = Condition::default();
    for field in fields(bytes) {
        match field {
            (1, Value::Bytes(bytes)) => condition.kind = text(bytes),
            (2, Value::Number(number)) => condition.status = number != 0,
            (3, Value::Bytes(bytes)) => condition.reason = text(bytes),
            (4, Value::Bytes(bytes)) => condition.message = text(bytes),
            _ => {}
        }
    }
    condition
}

fn text(bytes: &[u8]) -> String {
    UntrustedText::from_bytes(bytes, None).to_string()
}

/// A value of a message in protobuf's wire format (protobuf.dev `encoding`).
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

/// The fields of a message with their numbers, to its end or to what is none.
fn fields(mut message: &[u8]) -> impl Iterator<Item = (u32, Value<'_>)> {
    std::iter::from_fn(move || {
        let tag = varint(&mut message)?;
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut message)?),
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                Value::Bytes(message.split_off(..length)?)
            }
            1 => message.split_off(..8).map(|_| Value::Other)?,
            5 => message.split_off(..4).map(|_| Value::Other)?,
            _ => return None,
        };
        Some((u32::try_from(tag >> 3).ok()?, value))
    })
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = message.split_off_first()?;
        value |= u64::from(byte & 127) << shift;
        if *byte < 128 {
            return Some(value);
        }
    }
    None
}

impl fmt::Display for CriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CriError::Endpoint(endpoint) => {
                write!(f, "{} is not the unix:// URL of a socket", UntrustedText::new(endpoint, None))
            }
            CriError::Connect { socket, errno: Errno::AGAIN } => {
                write!(f, "{}: no connection was accepted in time", socket.display())
            }
            CriError::Connect { socket, errno } => write!(f, "{}: {errno}", socket.display()),
            CriError::Call { socket, method, problem } => write!(f, "{}: {method}: {problem}", socket.display()),
        }
    }
}

impl std::error::Error for CriError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;
