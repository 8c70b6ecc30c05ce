//! Why a call gave no answer.

use std::fmt;
use std::io::{self, ErrorKind};

use crate::error::debug_as_display;
use crate::text::UntrustedText;

/// Why a call gave no answer.
pub enum GrpcError {
    /// The stream failed.
    Io(io::Error),
    /// The stream's deadline has passed.
    TimedOut,
    /// The connection was closed.
    Closed,
    /// The peer does not speak HTTP/2.
    NotHttp2,
    /// The peer breaks the protocol, in this.
    Protocol(&'static str),
    /// The answer is larger than any that is expected.
    TooLarge,
    /// An HTTP status other than 200.
    Http(u16),
    /// The peer ended the call, for this reason (RFC 9113 7).
    Reset(u32),
    /// The peer is closing the connection, for this reason (RFC 9113 7), and has not answered the call.
    GoingAway(u32),
    /// The call failed there.
    Status {
        /// How.
        code: StatusCode,
        /// The peer's words, as sent.
        message: String,
    },
}

/// A status of gRPC (grpc `statuscodes.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusCode(pub u32);

impl StatusCode {
    /// The call succeeded.
    pub const OK: StatusCode = StatusCode(0);
    /// The peer itself has waited for too long.
    pub const DEADLINE_EXCEEDED: StatusCode = StatusCode(4);
    /// The peer cannot answer now.
    pub const UNAVAILABLE: StatusCode = StatusCode(14);
    /// The peer does not have this service or method.
    pub const UNIMPLEMENTED: StatusCode = StatusCode(12);
}

impl GrpcError {
    /// Whether another call on the same connection may get an answer: the peer has ended this one in an orderly way.
    pub(super) fn leaves_connection_usable(&self) -> bool {
        matches!(self, GrpcError::Status { .. } | GrpcError::Http(_) | GrpcError::Reset(_))
    }
}

impl From<io::Error> for GrpcError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => GrpcError::TimedOut,
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof => GrpcError::Closed,
            _ => GrpcError::Io(error),
        }
    }
}

impl fmt::Display for GrpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GrpcError::Io(error) => write!(f, "{error}"),
            GrpcError::TimedOut => f.write_str("no answer came in time"),
            GrpcError::Closed => f.write_str("the connection was closed before the answer was complete"),
            GrpcError::NotHttp2 => f.write_str("what answers does not speak gRPC"),
            GrpcError::Protocol(what) => write!(f, "what answers breaks the protocol: {what}"),
            GrpcError::TooLarge => f.write_str("the answer is too large"),
            GrpcError::Http(status) => write!(f, "HTTP status {status}"),
            GrpcError::Reset(reason) => write!(f, "the call was ended, HTTP/2 error {reason}"),
            GrpcError::GoingAway(reason) => write!(f, "the connection is being closed, HTTP/2 error {reason}"),
            GrpcError::Status { code, message } if message.is_empty() => write!(f, "{code}"),
            GrpcError::Status { code, message } => write!(f, "{code}: {}", UntrustedText::new(message, None)),
        }
    }
}

debug_as_display!(GrpcError);

impl std::error::Error for GrpcError {}

impl fmt::Display for StatusCode {
    /// grpc's name, as Go prints it, and the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 17] = [
            "OK",
            "Canceled",
            "Unknown",
            "InvalidArgument",
            "DeadlineExceeded",
            "NotFound",
            "AlreadyExists",
            "PermissionDenied",
            "ResourceExhausted",
            "FailedPrecondition",
            "Aborted",
            "OutOfRange",
            "Unimplemented",
            "Internal",
            "Unavailable",
            "DataLoss",
            "Unauthenticated",
        ];
        let name = usize::try_from(self.0).ok().and_then(|number| NAMES.get(number)).unwrap_or(&"unknown status");
        write!(f, "{name} ({})", self.0)
    }
}
