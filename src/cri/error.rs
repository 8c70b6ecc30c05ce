//! A runtime that cannot be talked to.

use std::fmt;
use std::path::PathBuf;

use rustix::io::Errno;

use crate::error::debug_as_display;
use crate::grpc::{GrpcError, StatusCode};
use crate::text::UntrustedText;

/// A runtime that cannot be talked to.
pub enum CriError {
    /// Not a `unix://` URL with an absolute path that fits into a socket's address.
    Endpoint(String),
    /// No connection is accepted.
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
pub struct Problem(pub(super) GrpcError);

impl CriError {
    /// The runtime, or whatever listens there, does not have the method.
    pub fn is_unimplemented(&self) -> bool {
        matches!(
            self,
            CriError::Call { problem: Problem(GrpcError::Status { code: StatusCode::UNIMPLEMENTED, .. }), .. }
        )
    }

    /// It may be there, and answer, a little later: nothing is wrong but the time.
    pub fn is_transient(&self) -> bool {
        match self {
            CriError::Endpoint(_) => false,
            CriError::Connect { errno, .. } => {
                matches!(*errno, Errno::NOENT | Errno::CONNREFUSED | Errno::AGAIN | Errno::CONNRESET)
            }
            CriError::Call { problem: Problem(error), .. } => match error {
                GrpcError::Status { code, .. } => {
                    [StatusCode::UNAVAILABLE, StatusCode::DEADLINE_EXCEEDED].contains(code)
                }
                GrpcError::TimedOut | GrpcError::Closed | GrpcError::Reset(_) | GrpcError::GoingAway(_) => true,
                _ => false,
            },
        }
    }

    /// What answers does not speak gRPC, and is no runtime.
    pub fn is_not_grpc(&self) -> bool {
        matches!(self, CriError::Call { problem: Problem(GrpcError::NotHttp2), .. })
    }
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

debug_as_display!(CriError);

impl std::error::Error for CriError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
