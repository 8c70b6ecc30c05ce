//! This machine's member of the cluster's etcd: looked for, added as a learner, made a voter.

use std::cell::RefCell;
use std::time::Duration;

use super::control_plane::{Joining, Prepared};
use crate::cluster::control_plane::{Etcd as EtcdConfiguration, LocalEtcd};
use crate::control_plane::ControlPlaneError;
use crate::control_plane::endpoints::{EtcdPods, etcd_pods};
use crate::control_plane::static_pods::{self, Manifest};
use crate::error::Failure;
use crate::etcd::{self, Decision, Etcd, EtcdError, NodeOwner, Ours, Patience, Refusal, Seen, View};
use crate::kube::client::{Client, REQUEST_TIMEOUT};
use crate::kube::error::{KubeCause, KubeError};
use crate::kube::wanted::Wanted;
use crate::net::tls::TrustRoots;
use crate::node::name_check::{Owner, owner_of};
use crate::node::paths;
use crate::phase::Phase;
use crate::plan::Mode;
use crate::retry::Again;
use crate::rootfs::TargetPath;

/// The pause between two looks at a cluster without a quorum.
const QUORUM_INTERVAL: Duration = Duration::from_secs(2);

/// A member, and the static pod that runs it.
pub(super) struct EtcdMember {
    etcd: Etcd,
    id: u64,
    is_learner: bool,
    data_directory: TargetPath,
    manifest: Manifest,
}

impl EtcdMember {
    /// `dataDir`, and `etcd.yaml`.
    pub(super) fn files(&self) -> (&TargetPath, &Manifest) {
        (&self.data_directory, &self.manifest)
    }
}

/// The cluster's etcd, which has a quorum.
pub(super) struct CheckedEtcd<'a> {
    local: &'a LocalEtcd,
    etcd: Etcd,
    view: View,
    image: Option<String>,
    /// Asks whose the Node of a member is.
    client: RefCell<Client>,
}

/// Looks at the members. `None` where etcd is not on the control planes, or where nobody asks for it.
pub(super) fn check<'a>(joining: Joining<'_>, prepared: &'a Prepared) -> Result<Option<CheckedEtcd<'a>>, Failure> {
    let Joining { plan, spec, info, report, .. } = joining;
    let local = match &prepared.configuration.etcd {
        EtcdConfiguration::Local(local) => local,
        EtcdConfiguration::External(_) => {
            report.info(Phase::EtcdJoin, "etcd of this cluster is not on its control planes: no member is added");
            return Ok(None);
        }
    };
    if !plan.options.phases.any(&[Phase::CheckEtcd, Phase::EtcdJoin]) {
        return Ok(None);
    }
    report.phase(Phase::CheckEtcd);
    let mut client = joining.admin_client(prepared.admin(), false)?;
    let retry = plan.options.retry(plan.options.timeouts.kubernetes_api_call);
    let EtcdPods { client_urls, image } = etcd_pods(&mut client, retry, report)?;
    let missing = || ControlPlaneError::Missing { phase: "certs", path: "etcd/healthcheck-client.crt".to_owned() };
    let (ca, identity) = prepared.pki.etcd().ok_or_else(missing)?;
    let roots = TrustRoots::new(&[ca.der().clone()]).ok_or_else(missing)?;
    let access = etcd::Access::new(&roots, identity, info.clock())?;
    let mut etcd = Etcd::new(access, client_urls.iter().map(String::as_str))?;
    let retry = plan.options.retry(plan.options.timeouts.etcd_api_call);
    // Members that were switched on together with this machine need a moment.
    let view = retry.poll(
        || {
            let view = etcd.view(&retry)?;
            match no_quorum(&view, &spec.peer_url()) {
                Some(refusal) => Err(Again::not_yet(EtcdError::Refused(refusal), QUORUM_INTERVAL)),
                None => Ok(view),
            }
        },
        |error, pause| report.retrying(Phase::CheckEtcd, error, pause),
    )?;
    report.info(Phase::CheckEtcd, format_args!("etcd: {}", view.quorum()));
    Ok(Some(CheckedEtcd { local, etcd, view, image, client: RefCell::new(client) }))
}

/// The quorum that is missing; not where this machine's own member, which may be what it lacks, is among the members.
fn no_quorum(view: &View, own_peer_url: &str) -> Option<Refusal> {
    let is_own = |seen: &Seen| seen.member.peer_urls.iter().any(|url| url == own_peer_url);
    if view.quorum().is_kept() || view.members.iter().any(is_own) {
        return None;
    }
    let voters = view.members.iter().filter(|seen| !seen.member.is_learner);
    let silent = voters.filter_map(|seen| Some(format!("{}: {}", seen.member, seen.problem()?))).collect();
    Some(Refusal::NoQuorum { quorum: view.quorum(), silent })
}

impl CheckedEtcd<'_> {
    /// The image that its members run.
    pub(super) fn image(&self) -> Option<&str> {
        self.image.as_deref()
    }

    /// Adds a member for this machine, or finds it; a dry run only says what would be done.
    pub(super) fn join(self, joining: Joining<'_>, prepared: &Prepared) -> Result<Option<EtcdMember>, Failure> {
        let Joining { plan, spec, root, report, .. } = joining;
        if !plan.options.phases.contains(Phase::EtcdJoin) {
            return Ok(None);
        }
        report.phase(Phase::EtcdJoin);
        let CheckedEtcd { local, mut etcd, view, image, client } = self;
        let data_directory: TargetPath = local.data_dir.parse().map_err(|error| {
            ControlPlaneError::NoClusterConfiguration(format!("its etcd.local.dataDir cannot be used: {error}"))
        })?;
        let peer_url = spec.peer_url();
        let data = etcd::data_directory(root, &data_directory)?;
        let owner = |name: &str| owner_of_member(&mut client.borrow_mut(), name, joining);
        let ours = Ours {
            name: plan.node.name.as_str(),
            peer_url: &peer_url,
            data: &data,
            has_manifest: root.exists(&paths::ETCD_MANIFEST)?,
            owner: &owner,
        };
        let retry = plan.options.retry(plan.options.timeouts.etcd_api_call);
        let (id, is_learner, initial_cluster) = match plan.options.mode {
            Mode::Apply => {
                let mut say = |step: &str| report.info(Phase::EtcdJoin, step);
                let membership = etcd.ensure_member(&ours, &retry, &mut say)?;
                (membership.id, membership.is_learner, membership.initial_cluster)
            }
            Mode::DryRun => {
                let decision = match etcd::decide(&view, &ours) {
                    Decision::Refuse(refusal) => return Err(EtcdError::Refused(refusal).into()),
                    decision => decision,
                };
                report.info(Phase::EtcdJoin, would(&decision));
                (0, true, initial_cluster(&view, &ours))
            }
        };
        let proxies = joining.proxy_variables();
        let pods = joining.pods(prepared, image.as_deref(), &proxies);
        let Some(manifest) = static_pods::etcd(&pods, &initial_cluster)? else { return Ok(None) };
        Ok(Some(EtcdMember { etcd, id, is_learner, data_directory, manifest }))
    }
}

/// What a dry run says.
fn would(decision: &Decision) -> &'static str {
    match decision {
        Decision::Add => "Would add a member of etcd for this machine, as a learner",
        Decision::TakeOver(_) => "Would take over the member of etcd that was added for this machine",
        Decision::Resume(_) => "Would go on with this machine's member of etcd",
        Decision::Replace(_) => "Would replace this machine's old member of etcd, whose data is gone",
        Decision::Refuse(_) => "Would not add a member of etcd",
    }
}

/// The members that a dry run shows, with this machine's own.
fn initial_cluster(view: &View, ours: &Ours<'_>) -> Vec<(String, String)> {
    let others = view.members.iter().map(|seen| &seen.member);
    let others =
        others.filter(|member| member.name != ours.name && !member.peer_urls.iter().any(|url| url == ours.peer_url));
    let entry = |member: &etcd::Member| Some((member.name.clone(), member.peer_urls.first()?.clone()));
    others.filter_map(entry).chain([(ours.name.to_owned(), ours.peer_url.to_owned())]).collect()
}

/// Waits until the member has caught up, makes it a voter, and waits until that is available.
pub(super) fn promote(joining: Joining<'_>, mut member: EtcdMember) -> Result<(), Failure> {
    let Joining { plan, spec, report, .. } = joining;
    report.phase(Phase::EtcdJoin);
    let mut say = |step: &str| report.info(Phase::EtcdJoin, step);
    if member.is_learner {
        member.etcd.promote_member(member.id, &spec.client_url(), Patience::default(), &mut say)?;
    }
    let view: View = member.etcd.wait_available(member.id, &plan.options.retry(plan.options.timeouts.etcd_api_call))?;
    report.info(Phase::EtcdJoin, format_args!("etcd: {}", view.quorum()));
    if let Some(note) = view.note() {
        report.warn(Phase::EtcdJoin, None, note);
    }
    Ok(())
}

/// Whose the Node is that has the name of a member.
fn owner_of_member(client: &mut Client, name: &str, joining: Joining<'_>) -> NodeOwner {
    let retry = joining.plan.options.retry(joining.plan.options.timeouts.kubernetes_api_call);
    let wanted = Wanted::node(name);
    let found = retry.run(|| client.node(&wanted, retry.exchange_deadline(REQUEST_TIMEOUT)), |_, _| {});
    match found {
        Ok(node) => match owner_of(&node, &joining.plan.host) {
            Owner::ThisMachine => NodeOwner::ThisMachine,
            Owner::AnotherMachine { theirs, ours } => NodeOwner::AnotherMachine { theirs, ours },
            Owner::Unknown => NodeOwner::Unknown,
        },
        // Only an API server knows that there is none.
        Err(KubeError { cause: KubeCause::NotFound { is_status: true, .. }, .. }) => NodeOwner::NoSuchNode,
        Err(_) => NodeOwner::Unknown,
    }
}
