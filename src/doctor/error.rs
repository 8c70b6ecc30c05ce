//! What is wrong with a node, and no join says.

use std::fmt;
use std::time::SystemTime;

use crate::clock::apart;
use crate::error::{Code, Explain, codes, debug_as_display};
use crate::node::paths;
use crate::text::UntrustedText;

/// What is wrong with a node.
pub(super) enum NodeTrouble {
    /// Its certificate has expired: when, where that is known, and what time it is.
    CertificateExpired(Option<SystemTime>, SystemTime),
    /// What it authenticates with cannot be used, or its configuration is missing.
    FilesUnusable(String),
    /// Its Node is not Ready: reason and message of the condition.
    NotReady(UntrustedText),
    /// Its kube-proxy does not run.
    KubeProxy(UntrustedText),
}

impl fmt::Display for NodeTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeTrouble::CertificateExpired(Some(end), now) => write!(
                f,
                "the kubelet's certificate expired {} ago, at {}; the time is {}",
                apart(*end, *now),
                httpdate::fmt_http_date(*end),
                httpdate::fmt_http_date(*now)
            ),
            NodeTrouble::CertificateExpired(None, _) => f.write_str("the kubelet's certificate has expired"),
            NodeTrouble::FilesUnusable(why) => write!(f, "{} is there, but {why}", paths::KUBELET_CONF),
            NodeTrouble::NotReady(why) => write!(f, "the Node is not Ready: {why}"),
            NodeTrouble::KubeProxy(why) => write!(f, "kube-proxy does not run on this node: {why}"),
        }
    }
}

debug_as_display!(NodeTrouble);

impl std::error::Error for NodeTrouble {}

impl Explain for NodeTrouble {
    fn code(&self) -> &'static Code {
        match self {
            NodeTrouble::CertificateExpired(..) => &codes::NODE_CERTIFICATE_EXPIRED,
            NodeTrouble::FilesUnusable(_) => &codes::NODE_FILES_UNUSABLE,
            NodeTrouble::NotReady(_) => &codes::NODE_NOT_READY,
            NodeTrouble::KubeProxy(_) => &codes::NODE_KUBE_PROXY,
        }
    }
}
