//! The whole of it, in order.

use super::error::BootstrapError;
use super::issued::Credentials;
use super::request::CsrRequest;
use super::wait::CsrWait;
use crate::discovery::ClusterInfo;
use crate::kube::client::{Client, REQUEST_TIMEOUT};
use crate::phase::Phase;
use crate::pki::key::PrivateKey;
use crate::report::Report;
use crate::retry::Retry;
use crate::values::NodeName;

/// What has become of a request that an earlier run has made with `key`; whether there is one. Requests nothing.
///
/// # Errors
/// It waits for somebody, was refused, or has not given what was asked for; or it cannot be asked about.
pub fn look_at_request(
    client: &mut Client,
    node: &NodeName,
    key: PrivateKey,
    info: &ClusterInfo,
    retry: Retry,
    report: &Report,
) -> Result<bool, BootstrapError> {
    let request = CsrRequest::new(node, &key)?;
    let found = match request.read(client, retry.exchange_deadline(REQUEST_TIMEOUT)) {
        Err(BootstrapError::Deleted { .. }) => return Ok(false),
        found => found?,
    };
    let issued = CsrWait::new(&request, retry, report).issued(found)?;
    Credentials::check(&issued, node, key, info, request.name()).map(|_| true)
}

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
