//! What the cluster has issued, matched against what was asked for, before any of it is written.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::{BootstrapError, Mismatch};
use crate::discovery::ClusterInfo;
use crate::net::tls;
use crate::pki::certificate::Certificate;
use crate::pki::key::PrivateKey;
use crate::pki::request::{NODES_GROUP, common_name};
use crate::text::UntrustedText;
use crate::values::NodeName;

/// How far this machine's clock may be behind the signer's: what kubeadm's and the controller's own dating back allow for.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(300);

/// Most certificates that are stored: the node's, and the intermediates up to a root. Signers have one or two of those.
const MAX_CERTIFICATES: usize = 8;
/// Largest PEM text that is stored, in bytes.
const MAX_PEM: usize = 64 * 1024;

/// A signed certificate and its key. Made by [`check`](Self::check) alone.
#[derive(Debug)]
pub struct Credentials {
    key: PrivateKey,
    chain: Vec<Certificate>,
    request: String,
}

impl Credentials {
    /// `issued` is the certificate as it is in the object `request`.
    ///
    /// # Errors
    /// It is not that of `key` and `node`, not of the cluster, or not valid.
    pub(super) fn check(
        issued: &str,
        node: &NodeName,
        key: PrivateKey,
        info: &ClusterInfo,
        request: &str,
    ) -> Result<Self, BootstrapError> {
        match matched(issued, node, &key, info) {
            Ok(chain) => Ok(Credentials { key, chain, request: request.to_owned() }),
            Err(mismatch) => Err(BootstrapError::Certificate { node: node.clone(), mismatch }),
        }
    }

    /// The private key.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The node's certificate first, then what the signer sent with it.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The name of the request object.
    pub fn request(&self) -> &str {
        &self.request
    }

    /// When the certificate's validity begins, in seconds since 1970.
    pub fn issued_at(&self) -> u64 {
        let begin = self.chain.first().map(Certificate::not_before);
        begin.and_then(|t| t.duration_since(UNIX_EPOCH).ok()).map_or(0, |d| d.as_secs())
    }
}

fn matched(issued: &str, node: &NodeName, key: &PrivateKey, info: &ClusterInfo) -> Result<Vec<Certificate>, Mismatch> {
    let pem = STANDARD.decode(issued).map_err(|_| Mismatch::Unreadable)?;
    if pem.len() > MAX_PEM {
        return Err(Mismatch::TooLong);
    }
    let chain = Certificate::all_from_pem(&pem).map_err(|_| Mismatch::Unreadable)?;
    if chain.len() > MAX_CERTIFICATES {
        return Err(Mismatch::TooLong);
    }
    let Some((leaf, intermediates)) = chain.split_first() else { return Err(Mismatch::Unreadable) };
    if leaf.public_key_info() != key.public_key_info() {
        return Err(Mismatch::Key);
    }
    if leaf.common_name() != common_name(node.as_str()) || leaf.organizations() != [NODES_GROUP] {
        return Err(Mismatch::Subject(UntrustedText::new(leaf.subject(), None)));
    }
    let now = info.clock().now();
    // Before the chain, whose check would give the same answer with less to say.
    if leaf.not_after() < now {
        return Err(Mismatch::Expired { now, not_after: leaf.not_after() });
    }
    // A signer that does not date back is a second ahead of any clock behind it; the kubelet lives through that.
    let at = now.max(leaf.not_before().min(now + MAX_CLOCK_SKEW));
    if leaf.not_before() > at {
        return Err(Mismatch::NotYetValid { now, not_before: leaf.not_before() });
    }
    let intermediates: Vec<_> = intermediates.iter().map(|c| c.der().clone()).collect();
    tls::verify_client_certificate(leaf.der(), &intermediates, info.roots(), at).map_err(Mismatch::Issuer)?;
    Ok(chain)
}
