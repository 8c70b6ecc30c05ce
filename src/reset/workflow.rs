//! The phases of a reset, in their order. Can be killed anywhere and run again.

use std::path::Path;
use std::time::Duration;

use super::cleanup::{Cleanup, finding};
use super::error::ResetError;
use super::etcd::{LocalEtcd, Settled};
use super::leftovers::{Leftover, leftovers};
use super::outcome::Outcome;
use super::plan::{Phases, ResetPlan};
use super::pods::Pods;
use super::{files, plan};
use crate::clock::Clock;
use crate::config::ResetConfiguration;
use crate::error::{Failure, Finding};
use crate::etcd::Removal;
use crate::host::HostFacts;
use crate::node::unfinished_reset::{self, UnfinishedReset};
use crate::node::{paths, state};
use crate::phase::ResetPhase;
use crate::plan::{Mode, Target};
use crate::preflight;
use crate::report::Report;
use crate::retry::Retry;
use crate::rootfs::{FileSet, Root};

/// kubeadm's interval between two attempts (`constants.EtcdAPICallRetryInterval`).
const ETCD_INTERVAL: Duration = Duration::from_millis(500);

/// Undoes what made this machine, or the tree under the target root, a node. `confirm` is asked whether that is meant, where
/// that was not said; it answers `None` where there is nobody.
///
/// # Errors
/// It is not meant, or must not be; or what went is less than what should have gone.
pub fn reset(
    plan: &ResetPlan,
    host: &HostFacts,
    confirm: &dyn Fn() -> Option<bool>,
    report: &Report,
) -> Result<Outcome, Failure> {
    let root = Root::open(plan.target.rootfs())?;
    if plan.phases.contains(ResetPhase::Preflight) {
        report.phase(ResetPhase::Preflight);
        let ignored = &plan.configuration.ignore_preflight_errors;
        preflight::before_reset(plan.target.is_this_system(), plan.euid, plan.mode, ignored, report)?;
        if plan.mode == Mode::Apply && !plan.configuration.force {
            match confirm() {
                Some(true) => {}
                answer => return Err(ResetError::NotConfirmed { was_asked: answer.is_some() }.into()),
            }
        }
    }
    let _lock = (plan.mode == Mode::Apply).then(|| root.lock(Path::new(paths::LOCKS))).transpose()?;
    let unfinished = unfinished_reset::read(&root)?;
    if unfinished.is_some() {
        report.info(ResetPhase::Preflight, "A reset was interrupted here; this one goes on with it");
    }
    run(plan, &root, host, unfinished, false, report)
}

/// Goes on with a reset that was interrupted, before a join. The certificates stay, which may have been put here for that join;
/// and what cannot be removed is only named.
///
/// # Errors
/// This machine's member of etcd cannot be removed, or the root not be written to.
pub fn finish(
    target: &Target,
    root: &Root,
    host: &HostFacts,
    clock: Clock,
    unfinished: UnfinishedReset,
    report: &Report,
) -> Result<(), Failure> {
    report.info(ResetPhase::CleanupNode, "A reset was interrupted here; it is finished first");
    let configuration = ResetConfiguration::default();
    let plan = ResetPlan {
        target: target.clone(),
        phases: Phases::without(&[ResetPhase::Preflight.name().to_owned()]),
        mode: Mode::Apply,
        kubeconfig: plan::default_kubeconfig(root),
        cni: false,
        images: false,
        clock,
        euid: host.euid,
        configuration,
    };
    match run(&plan, root, host, Some(unfinished), true, report) {
        Ok(_) => Ok(()),
        Err(Failure(error)) if !error.findings().is_empty() => {
            let messages: Vec<_> = error.findings().iter().map(|finding| finding.message.as_str()).collect();
            report.warn_each(ResetPhase::CleanupNode, &messages);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn run(
    plan: &ResetPlan,
    root: &Root,
    host: &HostFacts,
    unfinished: Option<UnfinishedReset>,
    keeps_pki: bool,
    report: &Report,
) -> Result<Outcome, Failure> {
    let settled_before = unfinished.unwrap_or_default();
    let cleans = plan.phases.contains(ResetPhase::CleanupNode);
    let local = match plan.phases.contains(ResetPhase::RemoveEtcdMember) {
        true => LocalEtcd::find(root, settled_before.etcd_data.as_ref())?,
        false => None,
    };
    let settled = match &local {
        Some(local) => {
            report.phase(ResetPhase::RemoveEtcdMember);
            local.settle(plan, root, settled_before.etcd_data.as_ref() == Some(&local.directory), report)?
        }
        None => Settled::Nothing,
    };
    let mut pods = if cleans { Pods::find(plan, root, host)? } else { Pods::Offline };
    let node = state::node_name(root)?;
    let mut outcome = Outcome {
        stays: leftovers(plan, root, node.as_ref().map(|node| node.as_str()))?,
        node: node.map(|node| node.to_string()),
        is_dry_run: plan.mode == Mode::DryRun,
        sandboxes: pods.sandboxes(),
        cgroups: pods.cgroups(),
        etcd: settled.sentence(),
        ..Outcome::default()
    };
    if let (Settled::Stays, Some(local)) = (&settled, &local) {
        let place = root.outside(&local.directory).display().to_string();
        outcome.stays.push(Leftover::new(
            format!("the data of etcd's last member in {place}, which is the whole cluster:"),
            format!("rm -rf {place}/member  # or reset --force"),
        ));
    }
    if plan.images {
        match pods.images() {
            Ok(images) => outcome.images = images,
            Err(why) => outcome.stays.push(Leftover { what: format!("images: {why}"), command: None }),
        }
    }
    let settled_now = UnfinishedReset {
        etcd_data: local.as_ref().filter(|_| settled.data_goes()).map(|local| local.directory.clone()),
        cleanup_tmp_dir: plan.configuration.cleanup_tmp_dir || settled_before.cleanup_tmp_dir,
    };
    if plan.mode == Mode::DryRun {
        survey(plan, root, &settled_now, &mut outcome);
        return Ok(outcome);
    }

    let mut cleanup =
        Cleanup { plan, root, report, keeps_pki, paths: Vec::new(), left: Vec::new(), left_at: Vec::new() };
    if cleans {
        cleanup.begin(&settled_now)?;
    }
    if let (Settled::Member(mut etcd, removal), Some(local)) = (settled, &local) {
        report.phase(ResetPhase::RemoveEtcdMember);
        if let Removal::Remove { member, then, .. } = &removal {
            report.info(ResetPhase::RemoveEtcdMember, format_args!("Removing etcd's member {member}; then {then}"));
        }
        let retry = Retry::every(ETCD_INTERVAL, plan.configuration.timeouts.etcd_api_call);
        let peer_url = local.peer_url();
        if let Removal::NoQuorum { member, now, then } = etcd.remove_member(&local.own(peer_url.as_deref()), &retry)? {
            return Err(ResetError::NoQuorum { member, now, then }.into());
        }
    }
    if cleans {
        report.phase(ResetPhase::CleanupNode);
        cleanup.stop_kubelet();
        cleanup.node(&mut pods, settled_now.cleanup_tmp_dir)?;
    }
    if let Some(directory) = &settled_now.etcd_data {
        cleanup.etcd_data(directory)?;
    }
    let mut images: Vec<Finding> = pods.remove_images(&outcome.images);
    cleanup.left.append(&mut images);
    if cleans {
        cleanup.ended()?;
    }
    if !cleanup.left.is_empty() {
        for Leftover { what, command } in &outcome.stays {
            let command = command.as_deref().unwrap_or_default();
            report.info(ResetPhase::CleanupNode, format_args!("Stays on purpose: {what} {command}"));
        }
        return Err(ResetError::Partial { left: cleanup.left }.into());
    }
    outcome.paths = cleanup.paths;
    outcome.is_undone = cleans;
    Ok(outcome)
}

/// What would go, and what would stay.
fn survey(plan: &ResetPlan, root: &Root, settled: &UnfinishedReset, outcome: &mut Outcome) {
    let mut all = FileSet::new();
    if plan.phases.contains(ResetPhase::CleanupNode) {
        all.append(unfinished_reset::without_identity())
            .append(files::credentials(plan, true, settled.cleanup_tmp_dir))
            .append(files::mounts(plan))
            .append(files::state(plan));
    }
    if let Some(directory) = &settled.etcd_data {
        all.append(files::etcd_data(directory));
    }
    let survey = root.survey(&all);
    let shown = |path: &Path| path.display().to_string();
    outcome.paths = survey.goes.iter().map(|path| shown(path)).collect();
    outcome.mounts = survey.mounts.iter().map(|mount| format!("{} ({mount})", shown(&mount.point))).collect();
    outcome.left = survey.left.iter().map(|left| finding(left).message).collect();
}

impl Settled {
    /// Whether etcd's data goes.
    fn data_goes(&self) -> bool {
        matches!(self, Settled::Member(..) | Settled::DataGoes(_))
    }

    /// What is done, for people.
    fn sentence(&self) -> Option<String> {
        match self {
            Settled::Nothing => None,
            Settled::Member(_, Removal::Remove { member, then, .. }) => {
                Some(format!("the member {member} leaves its cluster, and its data goes; then {then}"))
            }
            Settled::Member(..) => Some("the member leaves its cluster, and its data goes".to_owned()),
            Settled::Stays => Some("this machine's member is the last one; its data stays".to_owned()),
            Settled::DataGoes(why) => Some(why.clone()),
        }
    }
}
