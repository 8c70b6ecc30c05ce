//! What can be wrong with a configuration that the cluster holds for its nodes.

use std::fmt;

use super::patches::PatchError;
use crate::error::{Code, Explain, codes};
use crate::text::ForeignText;
use crate::yaml::YamlError;

/// Why a KubeletConfiguration or ClusterConfiguration cannot be used. Lines count from 1, in the text of the ConfigMap's
/// key or of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KubeletConfigError {
    /// Not UTF-8.
    Encoding,
    /// Not YAML.
    Yaml(YamlError),
    /// A document without `apiVersion` (with its group) and `kind`.
    NoKind {
        /// Where the document begins.
        line: usize,
    },
    /// A second document of the same kind.
    Twice {
        /// Where the second begins.
        line: usize,
    },
    /// A version of the API that kubeadm 1.37 does not know either.
    Version {
        /// Where `apiVersion` is.
        line: usize,
        /// The `apiVersion`.
        version: ForeignText,
    },
    /// A field that kubeadm's decoder, or the kubelet, would refuse.
    Field {
        /// Where the field is.
        line: usize,
        /// Its path.
        field: &'static str,
        /// What it has to be, to follow "must be".
        expected: &'static str,
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
            KubeletConfigError::Yaml(error) => error.fmt(f),
            KubeletConfigError::NoKind { line } => write!(f, "line {line}: the document lacks apiVersion and kind"),
            KubeletConfigError::Twice { line } => write!(f, "line {line}: a second document of the same kind begins"),
            KubeletConfigError::Version { line, version } => {
                write!(f, "line {line}: apiVersion {version} is not supported, only kubelet.config.k8s.io/v1beta1 is")
            }
            KubeletConfigError::Field { line, field, expected } => write!(f, "line {line}: {field} must be {expected}"),
            KubeletConfigError::Patch(error) => error.fmt(f),
            KubeletConfigError::Patched { field, expected } => {
                write!(f, "after the patches, {field} must be {expected}")
            }
        }
    }
}

impl std::error::Error for KubeletConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            KubeletConfigError::Yaml(error) => Some(error),
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
            _ => &codes::KUBELET_CONFIG_INVALID,
        }
    }
}

impl From<YamlError> for KubeletConfigError {
    fn from(error: YamlError) -> Self {
        KubeletConfigError::Yaml(error)
    }
}
