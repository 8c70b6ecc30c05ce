//! Waits until a machine has joined, or its Node is Ready. Each is reported once, as it becomes true.

use std::time::Duration;

use super::trouble::Trouble;
use crate::clock::Clock;
use crate::config::settings::WaitFor;
use crate::error::{Class, Code, Explain, Failure, codes};
use crate::kube::client::{Client, REQUEST_TIMEOUT};
use crate::kube::types::Node;
use crate::kube::wanted::Wanted;
use crate::net::dial::{Dialer, Proxies};
use crate::net::server::Server;
use crate::net::tls::TrustRoots;
use crate::node::paths;
use crate::node::state::{self, NodeIdentity, NodeState};
use crate::pki::certificate::Certificate;
use crate::report::Report;
use crate::retry::{Again, Retry};
use crate::rootfs::Root;
use crate::text::printable;

/// What lines of it belong to.
const SECTION: &str = "status";
/// Between two looks at the files, and two questions to the API server: a fleet may wait.
const FILES_INTERVAL: Duration = Duration::from_millis(500);
const NODE_INTERVAL: Duration = Duration::from_secs(2);
/// Characters of what the Node says of itself.
const MAX_MESSAGE: usize = 300;

/// What is waited for, and with what.
pub struct Waiting<'a> {
    /// The root.
    pub root: &'a Root,
    /// For what.
    pub what: WaitFor,
    /// For how long.
    pub retry: Retry,
    /// The clock of the moment: it may be set meanwhile.
    pub clock: &'a dyn Fn() -> Clock,
    /// Proxies between this machine and the API server.
    pub proxies: Proxies,
}

/// Waits.
///
/// # Errors
/// Exit status 3: the time is over; what is missing is said. At once: the files may not be read, or what answers in the place
/// of the API server is another.
pub fn wait(waiting: &Waiting<'_>, report: &Report) -> Result<(), Failure> {
    // From now on what is said again in the same words is not shown again.
    report.begin_attempt();
    let mut client = None;
    let waited = waiting.retry.poll(|| step(waiting, &mut client, report), |_, _| {});
    Ok(waited?)
}

fn step(waiting: &Waiting<'_>, client: &mut Option<Client>, report: &Report) -> Result<(), Again<Trouble>> {
    let clock = (waiting.clock)();
    let identity = joined(waiting.root, clock, report)?;
    report.info(SECTION, format_args!("{} has joined the cluster at {}", identity.node, identity.server));
    if waiting.what == WaitFor::Joined {
        return Ok(());
    }
    let mut asked = match client.take() {
        Some(client) => client,
        None => self::client(waiting, clock, report)?,
    };
    let wanted = Wanted::node(&identity.node);
    let node = asked.node(&wanted, waiting.retry.exchange_deadline(REQUEST_TIMEOUT));
    let node = node.map_err(|error| not_asked(&error, report))?;
    *client = Some(asked);
    report.info(SECTION, format_args!("{wanted} is registered"));
    if !node.is_ready() {
        let text = format!("{wanted} is not Ready: {}", why(&node));
        return Err(not_yet(&codes::NODE_NOT_READY, text, NODE_INTERVAL, report));
    }
    report.info(SECTION, format_args!("{wanted} is Ready"));
    Ok(())
}

/// The identity, once it is there and a control plane is whole.
fn joined(root: &Root, clock: Clock, report: &Report) -> Result<NodeIdentity, Again<Trouble>> {
    let failed = |error| Again::Failed(Trouble::of(&error));
    let conf = paths::KUBELET_CONF;
    let now = clock.is_plausible().then(|| clock.now());
    let (code, missing) = match state::read_any(root, now).map_err(failed)? {
        NodeState::Joined(_) if root.exists(&paths::UNFINISHED_CONTROL_PLANE).map_err(failed)? => {
            (&codes::NODE_JOIN_UNFINISHED, "the join of this control plane has not ended".to_owned())
        }
        NodeState::Joined(identity) => return Ok(identity),
        NodeState::Nothing => (&codes::NODE_NOT_JOINED, format!("this is not a node: there is no {conf}")),
        NodeState::Unusable(why) => (&codes::NODE_NOT_JOINED, format!("{conf} is there, but {why}")),
        NodeState::Conflict(conflict) | NodeState::Superseded(conflict) => {
            (&codes::NODE_NOT_JOINED, format!("{conf} is there, but {conflict}"))
        }
    };
    Err(not_yet(code, missing, FILES_INTERVAL, report))
}

/// A client with the node's own certificate, for the API server in `kubelet.conf`, which the CA there verifies.
fn client(waiting: &Waiting<'_>, clock: Clock, report: &Report) -> Result<Client, Again<Trouble>> {
    let access = state::access(waiting.root).map_err(|error| Again::Failed(Trouble::of(&error)))?;
    let not_ready = |text: &str| not_yet(&codes::NODE_NOT_READY, text.to_owned(), NODE_INTERVAL, report);
    if !clock.is_plausible() {
        return Err(not_ready("this machine's clock is not set, so that the API server cannot be verified"));
    }
    let Some(access) = access else { return Err(not_ready("kubelet.conf is being written, or names no server")) };
    // TLS does not ask a CA for its validity.
    let now = clock.now();
    let is_valid = |ca: &&Certificate| ca.ca().problem().is_none() && ca.not_before() <= now && now <= ca.not_after();
    let ders: Vec<_> = access.ca_certificates.iter().filter(is_valid).map(|ca| ca.der().clone()).collect();
    let Some(roots) = TrustRoots::new(&ders) else { return Err(not_ready("no CA in kubelet.conf is valid now")) };
    let identity = access.credentials.as_ref().and_then(|credentials| credentials.identity.as_ref());
    let server = Dialer::new(access.server, &waiting.proxies)
        .and_then(|dialer| Server::new(dialer, &roots, clock, identity))
        .map_err(|error| not_asked(&error, report))?;
    Ok(Client::new(server, None))
}

/// The API server has not said how the Node is. What answers in its place and is another ends the wait.
fn not_asked(error: &dyn Explain, report: &Report) -> Again<Trouble> {
    match error.code().class {
        Class::Unsafe => Again::Failed(Trouble::of(error)),
        _ => not_yet(
            &codes::NODE_NOT_READY,
            format!("it is not known whether the Node is Ready: {error}"),
            NODE_INTERVAL,
            report,
        ),
    }
}

fn not_yet(code: &'static Code, text: String, pause: Duration, report: &Report) -> Again<Trouble> {
    report.debug(1, SECTION, &text);
    Again::not_yet(Trouble::new(code, text), pause)
}

/// What its condition says.
fn why(node: &Node) -> String {
    match node.status.conditions.iter().find(|condition| condition.kind == "Ready") {
        Some(condition) => printable(&format!("{}: {}", condition.reason, condition.message), MAX_MESSAGE),
        None => "its kubelet has not said so yet".to_owned(),
    }
}
