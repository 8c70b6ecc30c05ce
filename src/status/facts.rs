//! What has been seen of a node.

use super::certificate::CertificateFacts;
use super::kubelet::KubeletFacts;
use super::last_run::LastRun;
use super::trouble::Trouble;

/// A node, or what is not one.
#[derive(Debug)]
pub struct Status {
    /// Whether it has joined.
    pub membership: Membership,
    /// A control plane, as its static pods say; `None` where they may not be seen.
    pub is_control_plane: Option<bool>,
    /// Name of the Node.
    pub node: Option<String>,
    /// `server` of `kubelet.conf`, such as `https://10.0.0.1:6443`.
    pub server: Option<String>,
    /// Pins of the CAs in `kubelet.conf`, as `--discovery-token-ca-cert-hash` takes them.
    pub ca_cert_hashes: Vec<String>,
    /// The kubelet's client certificate.
    pub certificate: Option<CertificateFacts>,
    /// The kubelet.
    pub kubelet: KubeletFacts,
    /// How kubejoin ended last; none where no result is there, or the root is not that of this system.
    pub last_run: Option<LastRun>,
    /// What this user may not see, one line each.
    pub unseen: Vec<String>,
    /// The first thing that is wrong.
    pub trouble: Option<Trouble>,
}

/// Whether a machine has joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// It has an identity that can be used.
    Joined,
    /// It has none.
    NotJoined,
    /// A join was begun and has not ended.
    JoinUnfinished,
    /// A reset was begun and has not ended.
    ResetUnfinished,
    /// It has an identity that cannot be used.
    Unusable,
    /// Something is there that this user may not read.
    Unseen,
}

impl Membership {
    /// The name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Membership::Joined => "joined",
            Membership::NotJoined => "not-joined",
            Membership::JoinUnfinished => "join-unfinished",
            Membership::ResetUnfinished => "reset-unfinished",
            Membership::Unusable => "unusable",
            Membership::Unseen => "unseen",
        }
    }

    /// The words for people.
    pub fn words(self) -> &'static str {
        match self {
            Membership::Joined => "joined",
            Membership::NotJoined => "not joined",
            Membership::JoinUnfinished => "a join has not ended",
            Membership::ResetUnfinished => "a reset has not ended",
            Membership::Unusable => "joined, with files that cannot be used",
            Membership::Unseen => "kubelet.conf is there, and was not read",
        }
    }
}
