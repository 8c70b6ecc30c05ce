//! The workflow, top to bottom.

mod certificate;
mod outcome;

use std::time::{Duration, Instant};

use crate::clock::ClockMode;
use crate::cluster_config::{self, ClusterConfig};
use crate::discovery::{ClusterInfo, Discovered, discover};
use crate::error::{Explain, codes};
use crate::kube::client::Client;
use crate::kubelet::configuration::KubeletConfiguration;
use crate::kubelet::cri_socket::{self, CriSocketHandover};
use crate::net::retry::Retry;
use crate::node::files::{self, Identity};
use crate::node::health;
use crate::node::kubelet_bootstrap;
use crate::node::name_check::{self, Verdict};
use crate::node::paths;
use crate::node::state::{self, Existing, Foreign};
use crate::phase::Phase;
use crate::pki::request::common_name;
use crate::plan::{Bootstrap, Discovery, JoinPlan, Run, Trust};
use crate::preflight::{self, Wishes};
use crate::report::Report;
use crate::rootfs::{Entry, FileSet, Root};
use crate::services::{Control, Enabling, Started, enabling};
use crate::text::ForeignText;
use crate::tls_bootstrap::Credentials;

use certificate::request_certificate;
pub use outcome::{CertificateSource, Failure, KubeletState, Outcome};

/// The service.
const KUBELET: &str = "kubelet";
/// Largest file of ours that is read back, in bytes.
const READ_LIMIT: usize = 1 << 20;

/// Makes this machine, or the tree under the target root, a node. Can be killed anywhere and run again.
pub fn join(plan: &JoinPlan, report: &Report) -> Result<Outcome, Failure> {
    report.phase(Phase::Preflight);
    let root = Root::open(&plan.rootfs)?;
    let control = if plan.is_this_system() { Control::detect(&plan.host.path) } else { Control::Offline };
    let now = plan.clock.is_plausible().then(|| plan.clock.now());
    let existing = state::read(&root, &plan.node_name, &plan.discovery, now)?;
    let makes_a_node = plan.phases.kubelet_start;
    if let (Existing::Joined(identity), Run::Join, true) = (&existing, plan.run, makes_a_node) {
        return already_joined(plan, &root, &control, identity.clone(), report);
    }
    let passed = if plan.phases.preflight { Some(preflight::run(plan, &root, &existing, report)?) } else { None };
    if !makes_a_node {
        if plan.phases.wait {
            wait_bootstrap(Waiting::of(plan, &control), &root, report)?;
        }
        return Ok(Outcome::PhasesDone);
    }
    if let Existing::Unusable(why) = &existing {
        let text = format_args!("{} is there, but {why}: joining again", paths::KUBELET_CONF);
        report.warn(Phase::Preflight, None, text);
    }

    report.phase(Phase::Discovery);
    let Discovered { info, server, bootstrap } = discover(plan, plan.retry(plan.timeouts.discovery), report)?;
    trust_is_proved(plan, &info, report);
    let mut client = Client::new(server, bootstrap.credentials.token.clone());
    let api_call = plan.retry(plan.timeouts.kubernetes_api_call);
    let (config, node) = cluster_config::fetch(&mut client, plan, api_call, report)?;
    say_whose_node(name_check::judge(node.as_ref(), plan)?, plan, report);

    // Rendered once without credentials: what cannot become files is refused before a certificate is asked for.
    let service = at_boot(plan, &root, report)?;
    let identity = match (&existing, plan.bootstrap) {
        (Existing::Foreign(Foreign::Operator), _) => Identity::Operator,
        (_, Bootstrap::Kubelet) => Identity::Kubelet(&bootstrap),
        (_, Bootstrap::Here) => Identity::NotYet,
    };
    let mut node = files::render(plan, &info, &config, identity, service.clone())?;
    for warning in &node.warnings {
        report.warn(Phase::KubeletStart, None, warning);
    }
    if let Some(passed) = passed {
        passed.after_discovery(&Wishes {
            kubelet: &node.kubelet,
            api_server: config.cluster.kubernetes_version(),
            authorities: info.authorities(),
        })?;
    }
    if plan.run == Run::DryRun {
        say_what_would_be_done(plan, identity, &control, report);
        return Ok(Outcome::DryRun(node.files));
    }

    let mut credentials = None;
    match identity {
        Identity::NotYet | Identity::Signed(_) => {
            report.phase(Phase::TlsBootstrap);
            let retry = plan.retry(plan.timeouts.tls_bootstrap);
            let signed = request_certificate(plan, &root, &mut client, &info, retry, report)?;
            node = files::render(plan, &info, &config, Identity::Signed(&signed), service)?;
            credentials = Some(signed);
        }
        Identity::Operator => {
            let text = format!("{} stays as it is: the kubelet goes on with its credentials", paths::KUBELET_CONF);
            report.info(Phase::TlsBootstrap, text);
            let wanted = common_name(plan.node_name.as_str());
            if let Some(name) = state::operators_name(&root)?.filter(|name| *name != wanted) {
                let text = format_args!(
                    "the certificate in it is that of {}; only {wanted} may register this node",
                    ForeignText::new(&name, None)
                );
                report.warn(Phase::TlsBootstrap, None, text);
            }
        }
        Identity::Kubelet(_) => {
            report.info(Phase::TlsBootstrap, "Left to the kubelet, which is given the token for it")
        }
    }
    drop(client);

    report.phase(Phase::KubeletStart);
    if let Err(error) = control.stop(KUBELET) {
        report.warn(Phase::KubeletStart, Some(error.code()), error);
    }
    if !matches!(existing, Existing::Nothing | Existing::Foreign(Foreign::Operator)) {
        // The commit point of an earlier life: left there, it would vouch for what is half written next to it.
        let mut stale = FileSet::new();
        stale.absent(paths::KUBELET_CONF);
        root.commit(&stale)?;
    }
    root.commit(&node.files)?;
    let state = start(plan, &root, &control, &node.kubelet, report)?;
    let state = registered(plan, &info, &config, credentials.as_ref(), state, report);
    let certificate = match (credentials, &existing) {
        (Some(credentials), _) => CertificateSource::Request(credentials.request().to_owned()),
        (None, Existing::Foreign(Foreign::Operator)) => CertificateSource::Operator,
        (None, _) => CertificateSource::Kubelet { token_left: root.exists(&paths::BOOTSTRAP_KUBELET_CONF)? },
    };
    Ok(Outcome::Joined { certificate, server: format!("https://{}", info.server()), kubelet: state })
}

/// `kubelet-wait-bootstrap` by itself: what it has to know, which is much less than a join.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// For the kubelet's healthz.
    pub healthy: Duration,
    /// For its `kubelet.conf`.
    pub bootstrapped: Duration,
    /// Wait, or only say so.
    pub run: Run,
    /// The target root is the system that runs.
    pub is_this_system: bool,
    /// Who keeps its log.
    pub control: &'a Control,
    /// It was started by `control`, just now: what that says of it counts.
    pub started_here: bool,
}

impl<'a> Waiting<'a> {
    fn of(plan: &JoinPlan, control: &'a Control) -> Self {
        Waiting {
            healthy: plan.timeouts.kubelet_health_check,
            bootstrapped: plan.timeouts.tls_bootstrap,
            run: plan.run,
            is_this_system: plan.is_this_system(),
            control,
            started_here: false,
        }
    }
}

/// Waits for a kubelet that has been started by whoever: healthz, then `kubelet.conf`; then its token goes.
pub fn wait_bootstrap(waiting: Waiting<'_>, root: &Root, report: &Report) -> Result<(), Failure> {
    report.phase(Phase::KubeletWaitBootstrap);
    if !waiting.is_this_system {
        report.info(Phase::KubeletWaitBootstrap, "Nothing to wait for: the target root is not running");
        return Ok(());
    }
    if waiting.run == Run::DryRun {
        report.info(Phase::KubeletWaitBootstrap, "Would wait for the kubelet and its certificate");
        return Ok(());
    }
    let written = root.read(&paths::KUBELET_CONFIG, READ_LIMIT)?.unwrap_or_default();
    wait_for(waiting, root, &KubeletConfiguration::read(&written)?, report)
}

/// The token goes, also when the waiting was in vain (kubeadm does the same): the next run writes it again.
fn wait_for(
    waiting: Waiting<'_>,
    root: &Root,
    configuration: &KubeletConfiguration,
    report: &Report,
) -> Result<(), Failure> {
    report.phase(Phase::KubeletWaitBootstrap);
    let control = waiting.control;
    // Who cannot say that it has ended says nothing.
    let runs = || !waiting.started_here || !matches!(control.is_active(KUBELET), Ok(false));
    let waited = health::healthy(configuration.healthz(), waiting.healthy, runs, report)
        .map_err(Failure::from)
        .and_then(|()| Ok(kubelet_bootstrap::wait(root, waiting.bootstrapped, report)?));
    if waited.is_err() {
        say_the_end_of_the_log(control, Phase::KubeletWaitBootstrap, report);
    }
    if root.exists(&paths::BOOTSTRAP_KUBELET_CONF)? {
        kubelet_bootstrap::forget_token(root)?;
    }
    waited
}

/// What the kubelet itself says of its trouble, before the error: the machine may be one that nobody can log in to.
fn say_the_end_of_the_log(control: &Control, phase: Phase, report: &Report) {
    let Some(end) = control.log_end(KUBELET) else { return };
    report.info(phase, format_args!("The kubelet's log ends with ({}):", end.source));
    for line in end.lines {
        report.info(phase, format_args!("| {line}"));
    }
}

/// Running it again on a joined node: nothing to do but what an interruption may have left, the kubelet's start and the
/// pending key. Neither network nor disk is touched otherwise.
fn already_joined(
    plan: &JoinPlan,
    root: &Root,
    control: &Control,
    identity: state::Identity,
    report: &Report,
) -> Result<Outcome, Failure> {
    if !identity.is_compared {
        let text = "whether it is a node of this very cluster was not looked at: nothing that was given names a CA";
        report.warn(Phase::Preflight, None, text);
    }
    if let Some(server) = plan.server.as_ref().filter(|server| format!("https://{server}") != identity.server) {
        let text =
            format_args!("--server {server} changes nothing on a node that has joined; it has {}", identity.server);
        report.warn(Phase::Preflight, None, text);
    }
    if root.exists(&paths::PENDING_KEY)? || root.exists(&paths::BOOTSTRAP_KUBELET_CONF)? {
        let mut leftover = FileSet::new();
        // The key goes only after kubelet.conf's directory has been synced: an interruption may lie before that.
        leftover.absent(paths::BOOTSTRAP_KUBELET_CONF).absent(paths::PENDING_KEY);
        root.commit(&leftover)?;
    }
    if plan.is_this_system() && matches!(control.is_active(KUBELET), Ok(false)) {
        report.phase(Phase::KubeletStart);
        let written = root.read(&paths::KUBELET_CONFIG, READ_LIMIT)?.unwrap_or_default();
        let configuration = KubeletConfiguration::read(&written)?;
        start(plan, root, control, &configuration, report)?;
    }
    Ok(Outcome::AlreadyJoined(identity))
}

/// Starts the kubelet where it can be started, and waits until it is healthy.
fn start(
    plan: &JoinPlan,
    root: &Root,
    control: &Control,
    configuration: &KubeletConfiguration,
    report: &Report,
) -> Result<KubeletState, Failure> {
    let started = control.start(KUBELET).inspect_err(|_| say_the_end_of_the_log(control, Phase::KubeletStart, report));
    match started? {
        Started::Now => report.info(Phase::KubeletStart, "Starting the kubelet"),
        Started::AtBoot if enabling(root, KUBELET)?.is_in_vain() => return Ok(KubeletState::NotEnabled),
        Started::AtBoot => return Ok(KubeletState::Enabled),
        Started::ByOthers => {
            let text = "no service manager is known here: start the kubelet by your own means";
            report.warn(Phase::KubeletStart, None, text);
            return Ok(KubeletState::Unmanaged);
        }
    }
    if !plan.phases.wait {
        return Ok(KubeletState::Started);
    }
    wait_for(Waiting { started_here: true, ..Waiting::of(plan, control) }, root, configuration, report)?;
    Ok(KubeletState::Healthy)
}

/// Waits for the Node of a kubelet that is healthy; a cluster of before 1.34 wants an annotation on it.
fn registered(
    plan: &JoinPlan,
    info: &ClusterInfo,
    config: &ClusterConfig,
    credentials: Option<&Credentials>,
    state: KubeletState,
    report: &Report,
) -> KubeletState {
    let wanted = CriSocketHandover::of(&config.cluster).annotation;
    let annotation = wanted.then_some((cri_socket::ANNOTATION, plan.cri_socket.as_str()));
    if let (KubeletState::Healthy, Some(credentials)) = (state, credentials)
        && health::registered(plan, info, credentials, annotation, report)
    {
        return KubeletState::Registered;
    }
    if let Some((name, value)) = annotation {
        let text = format_args!("the Node has to be annotated with {name}={value} once it is registered");
        report.warn(Phase::KubeletWaitBootstrap, Some(&codes::NODE_NOT_ANNOTATED), text);
    }
    state
}

/// What makes a root that is not running start the kubelet when it is booted.
fn at_boot(plan: &JoinPlan, root: &Root, report: &Report) -> Result<Vec<Entry>, Failure> {
    if plan.is_this_system() {
        return Ok(Vec::new());
    }
    let Enabling { entries, warnings } = enabling(root, KUBELET)?;
    for why in &warnings {
        report.warn(Phase::KubeletStart, Some(why.code()), format_args!("{why}; {}", why.hint()));
    }
    Ok(entries)
}

fn trust_is_proved(plan: &JoinPlan, info: &ClusterInfo, report: &Report) {
    let authorities = info.authorities().iter().map(|c| crate::values::CaCertHash(c.public_key_digest()).to_string());
    let authorities: Vec<_> = authorities.collect();
    let text = format_args!("The cluster at {} is proved: CA {}", info.endpoint(), authorities.join(", "));
    report.info(Phase::Discovery, text);
    if let Discovery::Token { trust: Trust::UnsafeSkipCaVerification, .. } = &plan.discovery {
        let text = "no hash of the CA was given: whoever knows the token can pose as the control plane. Compare the CA above \
                    with what `kubeadm token create --print-join-command` prints there";
        report.warn(Phase::Discovery, None, text);
    }
    if info.server() != info.endpoint() {
        let text = format_args!("The kubelet will use {}, as --server says; it is not asked now", info.server());
        report.info(Phase::Discovery, text);
    }
    let is_replaced = !plan.clock.is_plausible() && info.clock().mode() != ClockMode::System;
    if is_replaced {
        let at = httpdate::fmt_http_date(info.clock().now());
        let text = format_args!("This machine's clock cannot be right; certificates are judged by the server's: {at}");
        report.warn(Phase::Discovery, Some(&codes::CLOCK_REPLACED), text);
    }
    if is_replaced && plan.set_clock && plan.run == Run::Join {
        match crate::clock::set_system(info.clock().now()) {
            Ok(()) => report.info(Phase::Discovery, "The system clock has been set to the server's time"),
            Err(error) => {
                report.warn(Phase::Discovery, None, format_args!("the system clock could not be set: {error}"));
            }
        }
    }
}

/// What a dry run leaves out beside the files.
fn say_what_would_be_done(plan: &JoinPlan, identity: Identity<'_>, control: &Control, report: &Report) {
    let name = &plan.node_name;
    let certificate = match identity {
        Identity::NotYet | Identity::Signed(_) => format!("Would request a certificate for system:node:{name}"),
        Identity::Kubelet(_) => format!("Would let the kubelet request a certificate for system:node:{name}"),
        Identity::Operator => format!("Would leave {} as it is", paths::KUBELET_CONF),
    };
    report.info(Phase::TlsBootstrap, certificate);
    match control {
        Control::Systemd { .. } | Control::OpenRc { .. } => {
            report.info(Phase::KubeletStart, "Would stop the kubelet, write the files below, and start it");
            if plan.phases.wait {
                report.info(Phase::KubeletWaitBootstrap, "Would wait for the kubelet");
            }
        }
        Control::Offline => report.info(Phase::KubeletStart, "Would write the files below; the kubelet starts at boot"),
        Control::None => {
            report.info(Phase::KubeletStart, "Would write the files below; nobody here starts the kubelet")
        }
    }
}

fn say_whose_node(verdict: Verdict, plan: &JoinPlan, report: &Report) {
    let name = &plan.node_name;
    match verdict {
        Verdict::Free => {}
        Verdict::Ours => report.info(Phase::Discovery, format_args!("Node {name} is this machine's own: coming back")),
        Verdict::Abandoned => {
            let text = format_args!("Node {name} exists, is not Ready and may be another machine's: taking it over");
            report.warn(Phase::Discovery, None, text);
        }
    }
}

impl JoinPlan {
    /// Retries until `wait` from now, spread over the fleet.
    fn retry(&self, wait: Duration) -> Retry {
        Retry {
            deadline: Instant::now() + wait,
            first: Duration::from_millis(500),
            // kubeadm's interval for discovery (`DiscoveryRetryInterval`).
            cap: Duration::from_secs(5),
            seed: self.seed,
        }
    }
}
