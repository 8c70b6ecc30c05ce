//! A certificate that is about to expire, and that its kubelet does not renew: a new one is requested with it. Nothing else of
//! the node is asked for or written, so that this needs no settings.

use std::time::{Duration, SystemTime};

use super::certificate::request_certificate;
use super::keep::as_node;
use super::kubelet_start::written_configuration;
use crate::clock::Clock;
use crate::discovery::{Discovered, discover};
use crate::error::Failure;
use crate::kube::client::Client;
use crate::kubelet::configuration::KubeletConfiguration;
use crate::net::dial::Proxies;
use crate::node::files::renewed_pair;
use crate::node::paths;
use crate::node::state::{self, NodeIdentity, NodeState};
use crate::phase::Phase;
use crate::plan::Access;
use crate::report::Report;
use crate::retry::{Jitter, Retry};
use crate::rootfs::Root;
use crate::values::NodeName;

/// A certificate is about to expire when less than this share of its life is left: kubelets renew theirs at the latest then
/// (client-go `certificate_manager.go`, `jitteryDuration`: between 70 and 90 %).
const LAST_SHARE: u32 = 10;

/// With so much left, a kubelet that is started now still renews its certificate itself.
const TIME_TO_ROTATE: Duration = Duration::from_secs(3600);

/// How long the cluster is asked, by a node that is well without it.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(15);
/// The first pause between two attempts, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// From when on a certificate of this validity is about to expire.
pub fn due_from(not_before: SystemTime, not_after: SystemTime) -> SystemTime {
    not_after - not_after.duration_since(not_before).unwrap_or_default() / LAST_SHARE
}

/// Whether the certificate is about to expire and has to be renewed here: its kubelet does not do that, or may start too late
/// for it. A clock that cannot be right says nothing about that.
///
/// # Errors
/// The kubelet's configuration cannot be read.
pub fn is_due(root: &Root, identity: &NodeIdentity, clock: Clock) -> Result<bool, Failure> {
    if !clock.is_plausible() {
        return Ok(false);
    }
    if clock.now() < due_from(identity.not_before, identity.not_after) {
        return Ok(false);
    }
    let left = identity.not_after.duration_since(clock.now()).unwrap_or_default();
    // What the kubelet cannot read, it does not obey either.
    let rotates =
        KubeletConfiguration::read(&written_configuration(root)?).is_ok_and(|read| read.rotates_certificates());
    Ok(!rotates || left <= TIME_TO_ROTATE)
}

/// The identity with a new certificate; nothing where that was not possible: the node still has the old one.
pub(super) fn renewed(
    root: &Root,
    identity: &NodeIdentity,
    proxies: &Proxies,
    clock: Clock,
    report: &Report,
) -> Result<Option<NodeIdentity>, Failure> {
    let (Some(own), Ok(node)) = (state::access(root)?, identity.node.parse()) else {
        let path = paths::KUBELET_CONF;
        let text = format_args!("the certificate is about to expire, and cannot be renewed with what {path} says");
        report.warn(Phase::TlsBootstrap, None, text);
        return Ok(None);
    };
    if let Err(Failure(error)) = renew(root, identity, &node, &as_node(own, proxies, clock), report) {
        let text = format_args!("the certificate that is about to expire could not be renewed: {error}");
        report.warn(Phase::TlsBootstrap, Some(error.code()), text);
        return Ok(None);
    }
    match state::read_any(root, None)? {
        NodeState::Joined(renewed) => Ok(Some(NodeIdentity { is_compared: identity.is_compared, ..renewed })),
        _ => Ok(None),
    }
}

fn renew(
    root: &Root,
    identity: &NodeIdentity,
    node: &NodeName,
    access: &Access,
    report: &Report,
) -> Result<(), Failure> {
    let retry = Retry::within(RENEWAL_TIMEOUT, FIRST_PAUSE, LONGEST_PAUSE, Jitter::of(&[Some(&identity.node)]));
    report.phase(Phase::TlsBootstrap);
    let Discovered { info, server, bootstrap } = discover(access, retry, report)?;
    let mut client = Client::new(server, bootstrap.credentials.token);
    let issued = request_certificate(node, root, &mut client, &info, retry, report)?;
    // Each mixture of old and new is the identity of this node: nothing has to be taken away first.
    root.commit(&renewed_pair(&issued, &identity.pair))?;
    let request = issued.request();
    let text = format_args!("The certificate was about to expire; the new one was requested as {request}");
    report.info(Phase::TlsBootstrap, text);
    Ok(())
}
