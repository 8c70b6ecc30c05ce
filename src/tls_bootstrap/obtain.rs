//! The whole of it, in order.

use super::error::BootstrapError;
use super::issued::Credentials;
use super::request::CsrRequest;
use super::wait::CsrWait;
use crate::discovery::ClusterInfo;
use crate::kube::client::Client;
use crate::phase::Phase;
use crate::pki::key::PrivateKey;
use crate::report::Report;
use crate::retry::Retry;
use crate::values::NodeName;

/// Requests a certificate for `node` with `key`, waits for it as long as `retry` allows, and checks it.
///
/// # Errors
/// It is not issued in time, or not at all, or is not what was asked for.
pub fn obtain(
    client: &mut Client,
    node: &NodeName,
    key: PrivateKey,
    info: &ClusterInfo,
    retry: Retry,
    report: &Report,
) -> Result<Credentials, BootstrapError> {
    let request = CsrRequest::new(node, &key)?;
    let mut wait = CsrWait::new(&request, retry, report);
    let issued =
        retry.poll(|| wait.attempt(client), |error, pause| report.retrying(Phase::TlsBootstrap, error, pause))?;
    Credentials::check(&issued, node, key, info, request.name())
}
