//! The node's certificate, and the key that may be waiting for one since an earlier run.

use std::fmt;

use crate::discovery::ClusterInfo;
use crate::error::{Code, Explain, Failure, codes, debug_as_display};
use crate::kube::client::Client;
use crate::node::paths;
use crate::pki::key::{KeyError, PrivateKey};
use crate::report::Report;
use crate::retry::Retry;
use crate::rootfs::{FileSet, Root};
use crate::tls_bootstrap::{self, BootstrapError, Credentials, Mismatch};
use crate::values::NodeName;

/// Largest key that is read back, in bytes.
const MAX_KEY_FILE: usize = 1 << 16;

/// A certificate, with the pending key of an interrupted run where there is one.
pub(super) fn request_certificate(
    node: &NodeName,
    root: &Root,
    client: &mut Client,
    info: &ClusterInfo,
    retry: Retry,
    report: &Report,
) -> Result<Credentials, Failure> {
    let key = pending_key(root)?;
    match tls_bootstrap::obtain(client, node, key, info, retry, report) {
        // The request of a run that was interrupted so long ago that its answer is of no use any more.
        Err(BootstrapError::Certificate { mismatch: Mismatch::Expired { .. }, .. }) => {
            let key = new_pending_key(root)?;
            Ok(tls_bootstrap::obtain(client, node, key, info, retry, report)?)
        }
        result => Ok(result?),
    }
}

/// The key whose request may be known to the cluster already, unless somebody else may know it, too; else a new one, written before it is used: a machine that
/// loses power while the request waits for approval comes back with the same request.
fn pending_key(root: &Root) -> Result<PrivateKey, Failure> {
    let found = root.read_private(&paths::PENDING_KEY, MAX_KEY_FILE)?;
    match found.and_then(|text| PrivateKey::from_pem(&text).ok()) {
        Some(key) => Ok(key),
        None => new_pending_key(root),
    }
}

fn new_pending_key(root: &Root) -> Result<PrivateKey, Failure> {
    let key = PrivateKey::generate().map_err(NoKey)?;
    let pem = zeroize::Zeroizing::new(key.to_pem().as_bytes().to_vec());
    let mut pending = FileSet::new();
    pending.directory(paths::KUBELET, 0o700).directory(paths::KUBELET_PKI, 0o755).secret_file(
        paths::PENDING_KEY,
        0o600,
        pem,
    );
    root.commit(&pending)?;
    Ok(key)
}

/// The kernel gave no key.
struct NoKey(KeyError);

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "making a private key: {}", self.0)
    }
}

debug_as_display!(NoKey);

impl std::error::Error for NoKey {}

impl Explain for NoKey {
    fn code(&self) -> &'static Code {
        &codes::BOOTSTRAP_KEY
    }
}
