//! The phases of a join, in their order. Can be killed anywhere and run again.

use std::path::Path;

use super::case::Case;
use super::certificate::request_certificate;
use super::cluster_config::{ClusterSettings, cluster_config};
use super::control_plane::{self, Joining, Prepared, Role, in_order};
use super::etcd_member::{self, CheckedEtcd, EtcdMember};
use super::finish_control_plane::finish;
use super::kubelet_start::{self, Waiting, wait_bootstrap};
use super::outcome::{CertificateSource, KubeletState, Outcome};
use super::{already_joined, findings, keep, renewal};
use crate::clock::{self, Clock};
use crate::cluster::control_plane::ControlPlaneConfiguration;
use crate::control_plane::ControlPlaneError;
use crate::discovery::{BootstrapCredentials, ClusterInfo, Discovered, discover};
use crate::error::{Explain, Failure};
use crate::kube::access_review::Right;
use crate::kube::client::Client;
use crate::net::dial::Proxies;
use crate::node::changes;
use crate::node::files::{KubeletCredential, NodeFiles};
use crate::node::paths;
use crate::node::state::{self, Conflict, NodeIdentity, NodeState};
use crate::node::unfinished_reset;
use crate::phase::Phase;
use crate::pki::request::common_name;
use crate::plan::{ChangePolicy, JoinPlan, Mode, Target, TlsBootstrapBy};
use crate::preflight::{self, ClusterRequirements, ControlPlaneRequirements, LocalChecksPassed};
use crate::report::Report;
use crate::reset;
use crate::rootfs::{FileSet, Root, RootError, TargetPath};
use crate::services::{self, InitSystem, ServiceError, Started};
use crate::text::UntrustedText;
use crate::tls_bootstrap::{Credentials, REQUEST, right_to};
use crate::values::Endpoint;

/// Makes this machine, or the tree under the target root, a node.
///
/// # Errors
/// The first phase that fails; what it has written is complete or absent.
pub fn join(plan: &JoinPlan, report: &Report) -> Result<Outcome, Failure> {
    report.phase(Phase::Preflight);
    let root = Root::open(plan.target.rootfs())?;
    let phases = plan.options.phases;
    let makes_node = phases.contains(Phase::KubeletStart);
    let makes_parts = plan.control_plane.is_some() && phases.has_control_plane();
    // Before anything is read or sent: a second run would spend a token on what it cannot write.
    let changes = plan.options.mode == Mode::Apply && (makes_node || makes_parts);
    let _lock = changes.then(|| root.lock(Path::new(paths::LOCKS))).transpose()?;
    let init = plan.target.init_system();
    let clock = plan.access.clock;
    if let Some(unfinished) = unfinished_reset::read(&root)? {
        if plan.options.mode == Mode::Apply && makes_node {
            reset::finish(&plan.target, &root, &plan.host, clock, unfinished, report)?;
            report.phase(Phase::Preflight);
        } else {
            report.warn(Phase::Preflight, None, "a reset was interrupted here; a whole join finishes it first");
        }
    } else if changes && root.exists(&paths::UNFINISHED_RESET)? {
        // Somebody has made a node of this machine since.
        root.commit(&unfinished_reset::ended())?;
    }
    let state = found_state(plan, &root)?;
    let role = Role::read(&root)?;
    refuse_other_role(plan, &state, role, report)?;
    // A control plane that is half made is gone on with.
    let is_finished = plan.control_plane.is_none() || role != Role::Unfinished;
    if let (NodeState::Joined(identity), Mode::Apply, true) = (&state, plan.options.mode, makes_node && is_finished) {
        return already_joined::finish(plan, &root, &init, identity.clone(), report);
    }
    if let (NodeState::Joined(_), Mode::DryRun, ChangePolicy::Apply) = (&state, plan.options.mode, plan.options.changes)
    {
        return Ok(Outcome::DryRun(changes::files(&changes::changes(&root, &plan.node)?)));
    }
    let is_unfinished = role == Role::Unfinished && matches!(state, NodeState::Joined(_));
    if plan.options.mode == Mode::Apply && (matches!(state, NodeState::Superseded(_)) || is_unfinished) {
        // Until the new identity is there, the old one goes on; where that fails, there is nothing to go on. And the member of
        // etcd that its kubelet starts may be the one that the cluster's quorum lacks.
        if let Err(Failure(error)) = start_stopped_kubelet(&plan.target, &init, InitSystem::start_at_once, report) {
            report.debug(1, Phase::KubeletStart, format_args!("{error}"));
        }
    }
    let passed =
        if phases.contains(Phase::Preflight) { Some(preflight::run(plan, &root, &state, report)?) } else { None };
    let machine = Machine { root: &root, init: &init, state: &state, role };
    if makes_node {
        return make_node(plan, machine, passed, report);
    }
    if let Some(outcome) = parts_of_control_plane(plan, machine, passed, report)? {
        return Ok(outcome);
    }
    if phases.contains(Phase::KubeletWaitBootstrap) {
        wait_bootstrap(Waiting::of(plan, &init), &root, report)?;
    }
    Ok(Outcome::PhasesDone)
}

/// The state of the target root, as this plan sees it.
///
/// # Errors
/// The root cannot be read.
pub fn found_state(plan: &JoinPlan, root: &Root) -> Result<NodeState, RootError> {
    let clock = plan.access.clock;
    let now = clock.is_plausible().then(|| clock.now());
    Ok(followed(state::read(root, &plan.node.name, &plan.access.discovery, now)?, plan.options.changes))
}

/// The state, where what has changed in the settings is to be made so: an identity of another node or cluster is then one that
/// is replaced. What no join has written stays an obstacle.
fn followed(state: NodeState, changes: ChangePolicy) -> NodeState {
    match state {
        NodeState::Conflict(conflict @ (Conflict::Cluster | Conflict::Node)) if changes == ChangePolicy::Apply => {
            NodeState::Superseded(conflict)
        }
        state => state,
    }
}

/// A node that has joined, and whose settings say nothing, or cannot be used. Its certificate is renewed where it is about to
/// expire, and its kubelet started where it does not run. `None` where there is no such node. `proxies` is asked only where
/// the cluster has to be reached.
///
/// # Errors
/// The root cannot be read or locked, or the kubelet cannot be started.
pub fn keep_without_settings(
    target: &Target,
    mode: Mode,
    clock: Clock,
    proxies: &dyn Fn() -> Result<Proxies, Failure>,
    report: &Report,
) -> Result<Option<(NodeIdentity, Case)>, Failure> {
    let root = Root::open(target.rootfs())?;
    let init = target.init_system();
    let now = clock.is_plausible().then(|| clock.now());
    let NodeState::Joined(identity) = state::read_any(&root, now)? else { return Ok(None) };
    if Role::read(&root)? == Role::Unfinished {
        let text = "the join of this control plane has not ended, and its settings are gone";
        report.warn(Phase::Preflight, Some(ControlPlaneError::JoinedAsControlPlane.code()), text);
    }
    if mode == Mode::DryRun {
        return Ok(Some((identity, Case::Well)));
    }
    if renewal::is_due(&root, &identity, clock)? {
        let _lock = root.lock(Path::new(paths::LOCKS))?;
        if let Some(renewed) = renewal::renewed(&root, &identity, &proxies()?, clock, report)? {
            if target.is_this_system() {
                // It reads its certificate once, when it starts.
                report.phase(Phase::KubeletStart);
                init.start(services::KUBELET)?;
            }
            return Ok(Some((renewed, Case::Renewed)));
        }
    }
    start_stopped_kubelet(target, &init, InitSystem::start, report)?;
    Ok(Some((identity, Case::Well)))
}

/// Starts a kubelet that does not run, on this system.
fn start_stopped_kubelet(
    target: &Target,
    init: &InitSystem,
    start: fn(&InitSystem, &str) -> Result<Started, ServiceError>,
    report: &Report,
) -> Result<(), Failure> {
    if target.is_this_system() && matches!(init.is_active(services::KUBELET), Ok(false)) {
        report.phase(Phase::KubeletStart);
        if start(init, services::KUBELET)? == Started::Now {
            report.info(Phase::KubeletStart, "Starting the kubelet with the identity that is there");
        }
    }
    Ok(())
}

/// The machine as this run has found it.
#[derive(Clone, Copy)]
struct Machine<'a> {
    root: &'a Root,
    init: &'a InitSystem,
    state: &'a NodeState,
    role: Role,
}

impl Machine<'_> {
    /// Whether what is here of a control plane is its own: a join of it was interrupted, or has ended, and its kubelet's
    /// identity has become unusable since.
    fn is_gone_on_with(&self) -> bool {
        match self.role {
            Role::Worker => false,
            Role::Unfinished => true,
            Role::ControlPlane => matches!(self.state, NodeState::Unusable(_)),
        }
    }
}

/// `kubelet-start`, with discovery and TLS bootstrap in it.
fn make_node(
    plan: &JoinPlan,
    machine: Machine<'_>,
    passed: Option<LocalChecksPassed<'_>>,
    report: &Report,
) -> Result<Outcome, Failure> {
    let why: Option<(&dyn std::fmt::Display, _)> = match machine.state {
        NodeState::Unusable(why) => Some((why, Some(why.code()))),
        NodeState::Superseded(conflict) => Some((conflict, None)),
        _ => None,
    };
    if let Some((why, code)) = why {
        report.warn(Phase::Preflight, code, format_args!("{} is there, but {why}: joining again", paths::KUBELET_CONF));
    }
    let case = Case::of(machine.state, machine.root)?;
    report.phase(Phase::Discovery);
    let (access, options) = (&plan.access, &plan.options);
    let Discovered { info, server, bootstrap } = discover(access, options.retry(options.timeouts.discovery), report)?;
    findings::report_cluster(access, &info, report);
    set_clock(plan, &info, report);
    let mut client = Client::new(server, bootstrap.credentials.token.clone());
    let ClusterSettings { cluster, text, raw } = cluster_config(plan, &mut client, report)?;
    let host_ca_directories = control_plane::host_ca_directories(machine.root);
    let joining = joining(plan, machine, &info, &host_ca_directories, report);
    let prepared = match joining {
        Some(joining) if options.phases.has_control_plane() => {
            let configuration = checked_configuration(joining, passed.as_ref(), text)?;
            Some(joining.prepare(configuration, &mut client)?)
        }
        _ => None,
    };
    let control_plane = joining.zip(prepared.as_ref());

    // Before a certificate is requested: what cannot become files is refused here.
    let unit_links = kubelet_start::unit_links(&plan.target, machine.root, report)?;
    let server = control_plane::kubelet_server(plan, &cluster, &info);
    let files = NodeFiles::render(&plan.node, &info, &server, &cluster, raw.as_ref())?;
    for warning in files.warnings() {
        report.warn(Phase::KubeletStart, None, warning);
    }
    if let Some(passed) = &passed {
        passed.after_discovery(&ClusterRequirements {
            kubelet: files.kubelet(),
            api_server: cluster.kubernetes_version(),
            ca_certificates: info.ca_certificates(),
        })?;
    }
    let etcd = match control_plane {
        Some((joining, prepared)) => {
            let etcd = etcd_member::check(joining, prepared)?;
            pull_images(joining, &prepared.configuration, etcd.as_ref(), passed.as_ref())?;
            etcd
        }
        None => None,
    };
    let credential = planned_credential(machine.state, options.tls_bootstrap, &bootstrap);
    if options.mode == Mode::DryRun {
        if !matches!(credential, KubeletCredential::KeepExisting)
            && let Right::Refused(error) = right_to(REQUEST, &mut client)
        {
            return Err(error.into());
        }
        let tree = files.with(credential, &unit_links);
        let tree = match control_plane {
            Some((joining, prepared)) => {
                let member = etcd.map(|etcd| etcd.join(joining, prepared)).transpose()?.flatten();
                let made = prepared.files(joining, member.as_ref().map(EtcdMember::files));
                in_order(made, tree, &kept(plan, machine.root)?)
            }
            None => tree,
        };
        findings::report_dry_run(plan, credential, machine.init, report);
        return Ok(Outcome::DryRun(tree));
    }

    let issued = tls_bootstrap(plan, machine.root, credential, client, &info, report)?;
    let credential = issued.as_ref().map_or(credential, KubeletCredential::Issued);

    // The certificate is there: nothing of what may still be refused comes behind the new member.
    let member = match control_plane {
        Some((joining, prepared)) => add_member(joining, prepared, etcd, machine)?,
        None => None,
    };
    report.phase(Phase::KubeletStart);
    let mut tree = files.with(credential, &unit_links);
    if let Some((joining, prepared)) = control_plane {
        let made = prepared.files(joining, member.as_ref().map(EtcdMember::files));
        tree = in_order(made, tree, &kept(plan, machine.root)?);
    }
    if options.changes == ChangePolicy::Apply {
        keep::remember_endpoints(access, info.server(), &mut tree);
    }
    write(machine, &tree, report)?;
    let kubelet = match control_plane {
        Some((joining, prepared)) => {
            let kubelet =
                kubelet_start::start_control_plane(plan, machine.root, machine.init, files.kubelet(), report)?;
            if kubelet == KubeletState::Queued {
                return Err(ControlPlaneError::KubeletQueued.into());
            }
            finish(joining, prepared, member)?;
            machine.root.commit(&control_plane::ended(prepared))?;
            if kubelet == KubeletState::Healthy { KubeletState::Registered } else { kubelet }
        }
        None => {
            let kubelet = kubelet_start::start(plan, machine.root, machine.init, files.kubelet(), report)?;
            kubelet_start::wait_for_registration(plan, &info, &cluster, issued.as_ref(), kubelet, report)
        }
    };
    joined(machine.root, credential, &server, kubelet, case)
}

/// The cluster's CA where it is there already: what a control plane has verified stays, byte by byte.
fn kept(plan: &JoinPlan, root: &Root) -> Result<Vec<TargetPath>, Failure> {
    let path = &plan.node.ca_cert_path;
    Ok(if root.exists(path)? { vec![path.clone()] } else { Vec::new() })
}

/// Adds this machine's member of etcd, once it is written down that a join has begun. Where nothing could be added, that goes
/// again: the next run may not take what it finds here for its own.
fn add_member(
    joining: Joining<'_>,
    prepared: &Prepared,
    etcd: Option<CheckedEtcd<'_>>,
    machine: Machine<'_>,
) -> Result<Option<EtcdMember>, Failure> {
    machine.root.commit(&control_plane::begun(prepared))?;
    let Some(etcd) = etcd else { return Ok(None) };
    let member = etcd.join(joining, prepared);
    if member.is_err() && machine.role == Role::Worker {
        machine.root.commit(&control_plane::ended(prepared))?;
    }
    member
}

/// What this machine is to be, if that is a control plane.
fn joining<'a>(
    plan: &'a JoinPlan,
    machine: Machine<'a>,
    info: &'a ClusterInfo,
    host_ca_directories: &'a [&'static str],
    report: &'a Report,
) -> Option<Joining<'a>> {
    plan.control_plane.as_ref().map(|spec| Joining {
        plan,
        spec,
        root: machine.root,
        info,
        host_ca_directories,
        is_resumed: machine.is_gone_on_with(),
        report,
    })
}

/// The cluster's configuration, once this machine is known to be able to be a control plane of it.
fn checked_configuration(
    joining: Joining<'_>,
    passed: Option<&LocalChecksPassed<'_>>,
    text: Result<String, String>,
) -> Result<ControlPlaneConfiguration, Failure> {
    let configuration = joining.configuration(text)?;
    if let Some(passed) = passed {
        passed.as_control_plane(ControlPlaneRequirements {
            configuration: &configuration,
            spec: joining.spec,
            is_resumed: joining.is_resumed,
        })?;
    }
    Ok(configuration)
}

/// Lets the container runtime pull the images of a control plane: a learner that waits for one is in everybody's way.
fn pull_images(
    joining: Joining<'_>,
    configuration: &ControlPlaneConfiguration,
    etcd: Option<&CheckedEtcd<'_>>,
    passed: Option<&LocalChecksPassed<'_>>,
) -> Result<(), Failure> {
    if let Some(passed) = passed.filter(|_| joining.plan.options.mode == Mode::Apply) {
        let images = joining.images(configuration, etcd.and_then(CheckedEtcd::image))?;
        passed.pull_images(&images, joining.spec.image_pull_policy)?;
    }
    Ok(())
}

/// A control plane stays one, and a worker does.
fn refuse_other_role(plan: &JoinPlan, state: &NodeState, role: Role, report: &Report) -> Result<(), ControlPlaneError> {
    if plan.control_plane.is_some() && plan.options.phases.needs_running_system() && !plan.target.is_this_system() {
        return Err(ControlPlaneError::NotThisSystem);
    }
    if !plan.options.phases.contains(Phase::KubeletStart) {
        return Ok(());
    }
    let is_joined = matches!(state, NodeState::Joined(_));
    let follows_settings = plan.options.changes == ChangePolicy::Apply;
    match (&plan.control_plane, role) {
        (Some(_), Role::Worker) if is_joined => Err(ControlPlaneError::JoinedAsWorker),
        // Its kubelet would start the static pods, and whatever state its etcd is in.
        (None, Role::Unfinished) => Err(ControlPlaneError::JoinedAsControlPlane),
        (None, Role::ControlPlane) if !is_joined || !follows_settings => Err(ControlPlaneError::JoinedAsControlPlane),
        (None, Role::ControlPlane) => {
            let text = "this machine is a control plane, which its settings do not say; it stays one";
            report.warn(Phase::Preflight, None, text);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Phases of a control plane without `kubelet-start`: those of `join phase`, or what `--skip-phases` leaves of the join.
/// `None` where there are none.
fn parts_of_control_plane(
    plan: &JoinPlan,
    machine: Machine<'_>,
    passed: Option<LocalChecksPassed<'_>>,
    report: &Report,
) -> Result<Option<Outcome>, Failure> {
    let (options, root) = (&plan.options, machine.root);
    let has_parts = options.phases.has_control_plane();
    // As in kubeadm, the checks of a control plane ask the cluster what it is to run.
    if plan.control_plane.is_none() || !has_parts && passed.is_none() {
        return Ok(None);
    }
    report.phase(Phase::Discovery);
    let Discovered { info, server, bootstrap } =
        discover(&plan.access, options.retry(options.timeouts.discovery), report)?;
    findings::report_cluster(&plan.access, &info, report);
    let mut client = Client::new(server, bootstrap.credentials.token.clone());
    let host_ca_directories = control_plane::host_ca_directories(root);
    let Some(joining) = joining(plan, machine, &info, &host_ca_directories, report) else { return Ok(None) };
    let ClusterSettings { text, .. } = cluster_config(plan, &mut client, report)?;
    let configuration = checked_configuration(joining, passed.as_ref(), text)?;
    if !has_parts {
        pull_images(joining, &configuration, None, passed.as_ref())?;
        return Ok(None);
    }
    let prepared = joining.prepare(configuration, &mut client)?;
    let etcd = etcd_member::check(joining, &prepared)?;
    pull_images(joining, &prepared.configuration, etcd.as_ref(), passed.as_ref())?;
    let member = etcd.map(|etcd| etcd.join(joining, &prepared)).transpose()?.flatten();
    let files = prepared.files(joining, member.as_ref().map(EtcdMember::files));
    if options.mode == Mode::DryRun {
        return Ok(Some(Outcome::DryRun(files)));
    }
    for path in root.commit(&files)?.changed() {
        report.debug(1, Phase::ControlPlane, format_args!("wrote or removed {path}"));
    }
    finish(joining, &prepared, member)?;
    if options.phases.contains(Phase::KubeletWaitBootstrap) {
        wait_bootstrap(Waiting::of(plan, machine.init), root, report)?;
    }
    Ok(Some(Outcome::PhasesDone))
}

/// Steps the system clock to the verified server's time, where that was asked for and is needed.
fn set_clock(plan: &JoinPlan, info: &ClusterInfo, report: &Report) {
    if !plan.options.set_clock || plan.options.mode == Mode::DryRun || !findings::clock_is_replaced(&plan.access, info)
    {
        return;
    }
    match clock::set_system(info.clock().now()) {
        Ok(()) => report.info(Phase::Discovery, "The system clock has been set to the server's time"),
        Err(error) => report.warn(Phase::Discovery, None, format_args!("the system clock could not be set: {error}")),
    }
}

/// What the kubelet is going to authenticate with.
fn planned_credential<'a>(
    state: &NodeState,
    tls_bootstrap: TlsBootstrapBy,
    bootstrap: &'a BootstrapCredentials,
) -> KubeletCredential<'a> {
    match (state, tls_bootstrap) {
        // That of a control plane whose join was interrupted behind it is as good as new.
        (NodeState::Conflict(Conflict::Preexisting) | NodeState::Joined(_), _) => KubeletCredential::KeepExisting,
        (_, TlsBootstrapBy::Kubelet) => KubeletCredential::BootstrapToken(bootstrap),
        (_, TlsBootstrapBy::Kubejoin) => KubeletCredential::Placeholder,
    }
}

/// `tls-bootstrap`: the node's certificate, where this program requests it. The connection ends here.
fn tls_bootstrap(
    plan: &JoinPlan,
    root: &Root,
    credential: KubeletCredential<'_>,
    mut client: Client,
    info: &ClusterInfo,
    report: &Report,
) -> Result<Option<Credentials>, Failure> {
    match credential {
        KubeletCredential::Placeholder | KubeletCredential::Issued(_) => {
            report.phase(Phase::TlsBootstrap);
            let retry = plan.options.retry(plan.options.timeouts.tls_bootstrap);
            return request_certificate(&plan.node.name, root, &mut client, info, retry, report).map(Some);
        }
        KubeletCredential::KeepExisting => {
            let text = format!("{} stays as it is: the kubelet goes on with its credentials", paths::KUBELET_CONF);
            report.info(Phase::TlsBootstrap, text);
            let knows_cluster = state::preexisting_ca(root)?
                .is_none_or(|own| own.iter().any(|ca| info.ca_certificates().iter().any(|of| ca.has_key_of(of))));
            if !knows_cluster {
                let text = "the CA in it is none of this cluster's: the kubelet will not believe the API server";
                report.warn(Phase::TlsBootstrap, None, text);
            }
            let wanted = common_name(plan.node.name.as_str());
            if let Some(name) = state::preexisting_name(root)?.filter(|name| *name != wanted) {
                let text = format_args!(
                    "the certificate in it is that of {}; only {wanted} may register this node",
                    UntrustedText::new(&name, None)
                );
                report.warn(Phase::TlsBootstrap, None, text);
            }
        }
        KubeletCredential::BootstrapToken(_) => {
            report.info(Phase::TlsBootstrap, "Left to the kubelet, which is given the token for it");
        }
    }
    Ok(None)
}

/// Stops the kubelet and commits the tree.
fn write(machine: Machine<'_>, files: &FileSet, report: &Report) -> Result<(), Failure> {
    // That of an unfinished control plane runs its etcd.
    if matches!(machine.state, NodeState::Joined(_)) {
        machine.root.commit(files)?;
        return Ok(());
    }
    if let Err(error) = machine.init.stop(services::KUBELET) {
        report.warn(Phase::KubeletStart, Some(error.code()), error);
    }
    let keeps_identity =
        matches!(machine.state, NodeState::Nothing | NodeState::Joined(_) | NodeState::Conflict(Conflict::Preexisting));
    if !keeps_identity {
        // The commit point of a previous join: left there, it would vouch for what is half written next to it.
        let mut stale = FileSet::new();
        stale.absent(paths::KUBELET_CONF);
        machine.root.commit(&stale)?;
    }
    for path in machine.root.commit(files)?.changed() {
        report.debug(1, Phase::KubeletStart, format_args!("wrote or removed {path}"));
    }
    Ok(())
}

fn joined(
    root: &Root,
    credential: KubeletCredential<'_>,
    server: &Endpoint,
    kubelet: KubeletState,
    case: Case,
) -> Result<Outcome, Failure> {
    let certificate = match credential {
        KubeletCredential::Issued(credentials) => CertificateSource::Request(credentials.request().to_owned()),
        KubeletCredential::KeepExisting => CertificateSource::Existing,
        KubeletCredential::Placeholder | KubeletCredential::BootstrapToken(_) => {
            CertificateSource::Kubelet { token_left: root.exists(&paths::BOOTSTRAP_KUBELET_CONF)? }
        }
    };
    Ok(Outcome::Joined { case, certificate, server: format!("https://{server}"), kubelet })
}
