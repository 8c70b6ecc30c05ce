//! `reset`: settings read, a plan made, the workflow run, the outcome printed.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::join::refused;
use crate::cli::ResetArgs;
use crate::clock::{Clock, ClockMode};
use crate::config::{self, ResetConfiguration};
use crate::error::Failure;
use crate::host::{self, HostFacts};
use crate::node::paths;
use crate::plan::{Mode, Target};
use crate::report::Report;
use crate::reset::{self, Phases, ResetPlan};

/// Resets, or runs the phase that was asked for.
pub(super) fn run(args: &ResetArgs, report: &Report) -> Result<(), Failure> {
    let settings = &args.settings;
    let (configuration, warnings) = config::load_reset(settings).map_err(|error| refused(error, report))?;
    report.warn_each("preflight", &warnings);
    let rootfs = settings.rootfs.as_ref().map(|given| given.value.clone());
    let (mut plan, host) = plan(configuration, rootfs);
    if let Some(given) = &settings.kubeconfig {
        plan.kubeconfig = given.value.clone();
    }
    if let Some(phase) = args.phase {
        plan.phases = Phases::only(phase);
    }
    plan.cni = settings.cni.unwrap_or_default();
    plan.images = settings.images.unwrap_or_default();
    let outcome = reset::reset(&plan, &host, &confirm, report)?;
    let name = match (plan.mode, args.phase) {
        (Mode::DryRun, _) => "dry-run",
        (Mode::Apply, Some(_)) => "phase-done",
        (Mode::Apply, None) => "reset",
    };
    report.done(name, &outcome.facts(), &outcome.text());
    Ok(())
}

/// Resets a root without asking, where nothing of it runs. What to say of the outcome.
///
/// # Errors
/// As for `reset`.
pub(super) fn of_root(configuration: ResetConfiguration, rootfs: PathBuf, report: &Report) -> Result<String, Failure> {
    let (plan, host) = plan(configuration, Some(rootfs));
    Ok(reset::reset(&plan, &host, &|| Some(true), report)?.text())
}

fn plan(configuration: ResetConfiguration, rootfs: Option<PathBuf>) -> (ResetPlan, HostFacts) {
    let search_path = std::env::var_os("PATH");
    let target = Target::new(rootfs, &host::search_path(search_path.as_deref())).in_unit(host::own_unit());
    let host = HostFacts::read(target.rootfs(), search_path.as_deref());
    let plan = ResetPlan {
        kubeconfig: in_root(target.rootfs()),
        phases: Phases::without(&configuration.skip_phases),
        mode: if configuration.dry_run { Mode::DryRun } else { Mode::Apply },
        cni: false,
        images: false,
        clock: Clock::read(ClockMode::default(), host.seen_time),
        euid: host.euid,
        target,
        configuration,
    };
    (plan, host)
}

/// The administrator's kubeconfig in a root.
fn in_root(rootfs: &Path) -> PathBuf {
    rootfs.join(paths::ADMIN_CONF.as_str().trim_start_matches('/'))
}

/// Asks whoever sits at the terminal, in kubeadm's words (`cmd/util/cmdutil.go`, `InteractivelyConfirmAction`); `None` where
/// nobody does.
fn confirm() -> Option<bool> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return None;
    }
    eprintln!("[reset] WARNING: Changes made to this host by 'kubeadm init' or 'kubeadm join' will be reverted.");
    eprint!("[reset] Are you sure you want to proceed? [y/N]: ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    input.lock().read_line(&mut answer).ok()?;
    Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
