//! Why there are no manifests.

use std::fmt;

use crate::error::{Code, Explain, codes, debug_as_display};
use crate::patches::{PatchError, PatchTarget};
use crate::text::printable;

/// Why the manifests of a control plane cannot be made.
#[derive(Clone, PartialEq, Eq)]
pub enum StaticPodError {
    /// A release whose static Pods are not known.
    Release {
        /// `kubernetesVersion`, where it is said.
        version: Option<String>,
    },
    /// The components are to run as users of their own.
    Rootless,
    /// A patch that does not fit.
    Patch {
        /// Of which component.
        component: PatchTarget,
        /// Why not.
        error: Box<PatchError>,
    },
    /// A field that was right and that the patches have made wrong.
    Patched {
        /// Of which component.
        component: PatchTarget,
        /// Its path.
        field: &'static str,
        /// What it has to be, to follow "must be".
        expected: &'static str,
    },
}

impl fmt::Display for StaticPodError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StaticPodError::Release { version: Some(version) } => {
                write!(
                    f,
                    "the cluster runs Kubernetes {}; control planes of 1.28 to 1.37 are supported",
                    printable(version, 40)
                )
            }
            StaticPodError::Release { version: None } => {
                write!(f, "the cluster's configuration does not say which version of Kubernetes it runs")
            }
            StaticPodError::Rootless => {
                write!(f, "the cluster has the feature gate RootlessControlPlane, which is not supported")
            }
            StaticPodError::Patch { component, error } => write!(f, "{}: {error}", component.name()),
            StaticPodError::Patched { component, field, expected } => {
                write!(f, "{}: after the patches, {field} must be {expected}", component.name())
            }
        }
    }
}

debug_as_display!(StaticPodError);

impl std::error::Error for StaticPodError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StaticPodError::Patch { error, .. } => Some(&**error),
            _ => None,
        }
    }
}

impl Explain for StaticPodError {
    fn code(&self) -> &'static Code {
        match self {
            StaticPodError::Release { .. } => &codes::CONTROL_PLANE_RELEASE_UNSUPPORTED,
            StaticPodError::Rootless => &codes::CONTROL_PLANE_ROOTLESS,
            StaticPodError::Patch { error, .. } => error.code(),
            StaticPodError::Patched { .. } => &codes::PATCHES_DO_NOT_FIT,
        }
    }

    fn hint(&self) -> String {
        match self {
            StaticPodError::Patch { component, .. } | StaticPodError::Patched { component, .. } => format!(
                "correct the named patch; `kubectl -n kube-system get pods -l component={} -o yaml` on the control plane \
                 shows what it is applied to",
                component.name()
            ),
            _ => self.code().hint.to_owned(),
        }
    }
}
