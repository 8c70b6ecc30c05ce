//! Why a token cannot be made, listed or deleted.

use std::fmt;

use crate::error::{Code, Explain, codes, debug_as_display};
use crate::kube::error::KubeError;
use crate::values::TokenError;

/// Why a token cannot be made, listed or deleted.
#[derive(Clone, PartialEq, Eq)]
pub enum TokensError {
    /// A text is no token; what else it could have been.
    Token(TokenError, Option<&'static str>),
    /// Something else of it cannot be used: what, and why.
    Invalid(String),
    /// There is one with this id.
    Exists(String),
    /// The API server does not do it.
    Kube(KubeError),
    /// The kernel gave no random numbers.
    NoRandom,
    /// A kubeconfig without a CA, from which no join command can be made.
    NoCa,
}

impl fmt::Display for TokensError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokensError::Token(error, None) => write!(f, "{error}"),
            TokensError::Token(error, Some(expected)) => write!(f, "a token is named by {expected}: {error}"),
            TokensError::Invalid(what) => f.write_str(what),
            TokensError::Exists(id) => write!(f, "a token with id {id} already exists"),
            TokensError::Kube(error) => write!(f, "{error}"),
            TokensError::NoRandom => f.write_str("the kernel gave no random numbers"),
            TokensError::NoCa => {
                f.write_str("the kubeconfig has no certificate-authority-data, whose hash would be the pin")
            }
        }
    }
}

debug_as_display!(TokensError);

impl std::error::Error for TokensError {}

impl From<KubeError> for TokensError {
    fn from(error: KubeError) -> Self {
        TokensError::Kube(error)
    }
}

impl Explain for TokensError {
    fn code(&self) -> &'static Code {
        match self {
            TokensError::Token(..) | TokensError::Invalid(_) => &codes::CONFIG_INVALID,
            TokensError::Exists(_) => &codes::TOKEN_EXISTS,
            TokensError::Kube(error) => error.code(),
            TokensError::NoRandom => &codes::TOKEN_NOT_MADE,
            TokensError::NoCa => &codes::CONFIG_INCOMPLETE,
        }
    }

    fn hint(&self) -> String {
        match self {
            TokensError::Kube(error) => error.hint(),
            TokensError::NoCa => "give the administrator's kubeconfig of the control plane as --kubeconfig".to_owned(),
            _ => self.code().hint.to_owned(),
        }
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            TokensError::Kube(error) => error.retry_after(),
            _ => None,
        }
    }
}
