//! What can be wrong with a KubeletConfiguration.

use std::fmt;

use crate::cluster::document::DocumentError;
use crate::error::{Code, Explain, codes, debug_as_display};
use crate::patches::PatchError;
use crate::text::UntrustedText;

/// Why a KubeletConfiguration cannot be used. Lines count from 1, in the text of the ConfigMap's
/// key or of the file.
#[derive(Clone, PartialEq, Eq)]
pub enum KubeletConfigError {
    /// Not UTF-8.
    Encoding,
    /// Not a KubeletConfiguration, or a field of it is wrong.
    Document(DocumentError),
    /// A version of the API that kubeadm 1.37 does not know either.
    Version {
        /// Where `apiVersion` is.
        line: usize,
        /// The `apiVersion`.
        version: UntrustedText,
    },
    /// A patch that does not fit.
    Patch(Box<PatchError>),
    /// A field that was right and that the patches have made wrong.
    Patched {
        /// Its path.
        field: &'static str,
        /// What it has to be, to follow "must be".
        expected: &'static str,
    },
}

impl fmt::Display for KubeletConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KubeletConfigError::Encoding => write!(f, "the text is not UTF-8"),
            KubeletConfigError::Document(error) => error.fmt(f),
            KubeletConfigError::Version { line, version } => {
                write!(f, "line {line}: apiVersion {version} is not supported, only kubelet.config.k8s.io/v1beta1 is")
            }
            KubeletConfigError::Patch(error) => error.fmt(f),
            KubeletConfigError::Patched { field, expected } => {
                write!(f, "after the patches, {field} must be {expected}")
            }
        }
    }
}

debug_as_display!(KubeletConfigError);

impl std::error::Error for KubeletConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            KubeletConfigError::Document(error) => Some(error),
            KubeletConfigError::Patch(error) => Some(&**error),
            _ => None,
        }
    }
}

impl Explain for KubeletConfigError {
    fn code(&self) -> &'static Code {
        match self {
            KubeletConfigError::Version { .. } => &codes::KUBELET_CONFIG_VERSION,
            KubeletConfigError::Patch(error) => error.code(),
            KubeletConfigError::Patched { .. } => &codes::PATCHES_DO_NOT_FIT,
            KubeletConfigError::Document(error) => error.code(),
            KubeletConfigError::Encoding => &codes::KUBELET_CONFIG_INVALID,
        }
    }
}

impl From<DocumentError> for KubeletConfigError {
    fn from(error: DocumentError) -> Self {
        KubeletConfigError::Document(error)
    }
}
