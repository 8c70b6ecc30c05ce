//! What an API server can answer instead of what was asked for.

use std::fmt;
use std::time::Duration;

use super::wanted::Wanted;
use crate::error::{Code, Explain, codes, debug_as_display};
use crate::net::error::NetError;
use crate::text::UntrustedText;

/// A request to the API that did not give the object.
#[derive(Clone, PartialEq, Eq)]
pub struct KubeError {
    /// What was asked for, such as `ConfigMap kube-system/kubelet-config`.
    pub object: String,
    /// Why it was not given.
    pub cause: KubeCause,
}

/// Why an object was not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KubeCause {
    /// The exchange itself failed.
    Net(NetError),
    /// 401: the credential is not known.
    Unauthorized(UntrustedText),
    /// 403: the credential is known and may not.
    Forbidden(UntrustedText),
    /// 404.
    NotFound {
        /// What it said.
        message: UntrustedText,
        /// It is an API server's word about the object: a Status.
        is_status: bool,
    },
    /// 409 on a create.
    AlreadyExists,
    /// 429, 503 and other signs of a server that cannot answer now; also 401, to somebody whom it has known before.
    Busy {
        /// Status code.
        status: u16,
        /// What it said.
        message: UntrustedText,
        /// How long it asked us to stay away.
        retry_after: Option<Duration>,
    },
    /// Any other status.
    Rejected {
        /// Status code.
        status: u16,
        /// What it said.
        message: UntrustedText,
    },
    /// A success that does not hold the object asked for.
    UnexpectedObject(UntrustedText),
}

impl KubeError {
    /// The exchange itself failed.
    pub(super) fn net(wanted: &Wanted, error: NetError) -> Self {
        KubeError { object: wanted.to_string(), cause: KubeCause::Net(error) }
    }

    /// What came is not the object.
    pub(super) fn unexpected(wanted: &Wanted, text: UntrustedText) -> Self {
        KubeError { object: wanted.to_string(), cause: KubeCause::UnexpectedObject(text) }
    }

    /// The same, to somebody whose credential has been accepted before (`was_known`): an API server that is starting does not know
    /// bootstrap tokens until it has read them (`plugin/pkg/auth/authenticator/token/bootstrap`), and refuses all of them.
    pub(super) fn for_one_who_was(mut self, was_known: bool) -> Self {
        self.cause = match self.cause {
            KubeCause::Unauthorized(message) if was_known => {
                KubeCause::Busy { status: 401, message, retry_after: None }
            }
            cause => cause,
        };
        self
    }

    /// Whether an API server says this only to those whose credential it knows.
    pub(super) fn is_to_one_who_is_known(&self) -> bool {
        matches!(
            self.cause,
            KubeCause::Forbidden(_) | KubeCause::NotFound { is_status: true, .. } | KubeCause::AlreadyExists
        )
    }

    /// Nothing came.
    pub(super) fn no_answer(wanted: &Wanted) -> Self {
        KubeError::unexpected(wanted, UntrustedText::new("no answer", None))
    }
}

impl fmt::Display for KubeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = &self.object;
        match &self.cause {
            KubeCause::Net(error) => write!(f, "{object}: {error}"),
            KubeCause::Unauthorized(text) => {
                write!(f, "{object}: the API server does not accept the credential: {text}")
            }
            KubeCause::Forbidden(text) => write!(f, "{object}: forbidden: {text}"),
            KubeCause::NotFound { message, is_status: true } => write!(f, "{object}: not found: {message}"),
            KubeCause::NotFound { message, is_status: false } => {
                write!(f, "{object}: not found, which no API server says in these words: {message}")
            }
            KubeCause::AlreadyExists => write!(f, "{object}: already exists"),
            KubeCause::Busy { status, message, retry_after } => {
                write!(f, "{object}: the API server cannot answer now (status {status}")?;
                if let Some(wait) = retry_after {
                    write!(f, ", asks to wait {} s", wait.as_secs())?;
                }
                write!(f, "): {message}")
            }
            KubeCause::Rejected { status, message } => write!(f, "{object}: status {status}: {message}"),
            KubeCause::UnexpectedObject(text) => write!(f, "{object}: the answer is something else: {text}"),
        }
    }
}

debug_as_display!(KubeError);

impl std::error::Error for KubeError {}

impl Explain for KubeError {
    fn code(&self) -> &'static Code {
        match &self.cause {
            KubeCause::Net(error) => error.code(),
            KubeCause::Unauthorized(_) => &codes::API_UNAUTHORIZED,
            KubeCause::Forbidden(_) => &codes::API_FORBIDDEN,
            KubeCause::NotFound { .. } => &codes::API_NOT_FOUND,
            KubeCause::AlreadyExists => &codes::API_REJECTED,
            KubeCause::Busy { .. } => &codes::API_BUSY,
            KubeCause::Rejected { .. } => &codes::API_REJECTED,
            KubeCause::UnexpectedObject(_) => &codes::API_NOT_THE_OBJECT,
        }
    }

    fn hint(&self) -> String {
        match &self.cause {
            KubeCause::Net(error) => error.hint(),
            KubeCause::NotFound { is_status: false, .. } => {
                "find out who answers at the endpoint: an ingress or a load balancer in front of the API server, most likely"
                    .to_owned()
            }
            _ => self.code().hint.to_owned(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match &self.cause {
            KubeCause::Busy { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
