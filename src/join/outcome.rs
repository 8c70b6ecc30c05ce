//! How a join ends.

use super::case::Case;
use crate::node::state::NodeIdentity;
use crate::rootfs::FileSet;

/// How a run ended well.
#[derive(Debug)]
pub enum Outcome {
    /// The node has been made; and whether the kubelet runs and its Node exists.
    Joined {
        /// What this run has found.
        case: Case,
        /// Where the kubelet's certificate comes from.
        certificate: CertificateSource,
        /// URL of the API server that the kubelet will use.
        server: String,
        /// Whether the kubelet runs.
        kubelet: KubeletState,
    },
    /// It was a node of this cluster already; and whether its settings had changed.
    AlreadyJoined(NodeIdentity, Case),
    /// What would be written, and nothing was.
    DryRun(FileSet),
    /// No node was to be made: the phases that were asked for are done.
    PhasesDone,
}

/// Where the kubelet's certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// From the CertificateSigningRequest of this name, which was made here.
    Request(String),
    /// The kubelet requests it.
    Kubelet {
        /// The token for that is still in `bootstrap-kubelet.conf`.
        token_left: bool,
    },
    /// It was there before.
    Existing,
}

/// Whether the kubelet runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KubeletState {
    /// Started here, healthy, and its Node exists.
    Registered,
    /// Started here and healthy; its Node has not appeared.
    Healthy,
    /// Started here, and not waited for.
    Started,
    /// The init system starts it once the unit that this program runs in has started.
    Queued,
    /// Enabled in the target root; it starts when that root is booted.
    Enabled,
    /// Nothing in the target root starts it.
    NotEnabled,
    /// No init system here can start it.
    Unmanaged,
}

impl KubeletState {
    /// The name in `result.json`.
    pub fn name(self) -> &'static str {
        match self {
            KubeletState::Registered => "registered",
            KubeletState::Healthy => "healthy",
            KubeletState::Started => "started",
            KubeletState::Queued => "queued",
            KubeletState::Enabled => "enabled",
            KubeletState::NotEnabled => "not-enabled",
            KubeletState::Unmanaged => "unmanaged",
        }
    }
}
