//! `join phase NAME`, where that needs no plan of a join.

use crate::cli::JoinArgs;
use crate::config::{self, Timeouts};
use crate::error::Failure;
use crate::host;
use crate::join::{StartedBy, Waiting, wait_bootstrap};
use crate::phase::{Applies, Phase, PhaseSpec};
use crate::plan::{Mode, Target};
use crate::report::Report;
use crate::rootfs::Root;

/// Whether a phase runs without knowing a cluster: those of a control plane where none is to be made, and
/// `kubelet-wait-bootstrap`, unless a configuration says how long to wait.
pub(super) fn needs_no_plan(args: &JoinArgs) -> bool {
    let settings = &args.settings;
    match args.phase.map(|phase| phase.applies) {
        None | Some(Applies::EveryNode(_) | Applies::SubPhase(_)) if !is_wait(args) => false,
        Some(Applies::EveryNode(_)) => settings.config.is_none(),
        Some(Applies::ControlPlane(_) | Applies::AllSiblings) => {
            // A file may say that it is one.
            settings.control_plane != Some(true) && settings.config.is_none()
        }
        _ => true,
    }
}

fn is_wait(args: &JoinArgs) -> bool {
    args.phase.is_some_and(|phase| phase.applies == Applies::EveryNode(Phase::KubeletWaitBootstrap))
}

/// Runs such a phase.
pub(super) fn run(args: &JoinArgs, report: &Report) -> Result<(), Failure> {
    let Some(PhaseSpec { name, applies }) = args.phase else { return Ok(()) };
    match applies {
        Applies::EveryNode(_) | Applies::SubPhase(_) => {
            wait(args, report)?;
            report.done("phase-done", &[("phase", (*name).into())], "");
        }
        Applies::ControlPlane(_) | Applies::AllSiblings | Applies::Parent | Applies::Retired => {
            if *applies == Applies::Retired {
                let text = format_args!("only older releases had the phase {name}; there is nothing to do");
                report.warn(Phase::Preflight, None, text);
            }
            report.done("phase-done", &[("phase", (*name).into())], &format!("{name}: nothing to do on a worker"));
        }
    }
    Ok(())
}

/// `kubelet-wait-bootstrap` with kubeadm's own timeouts.
fn wait(args: &JoinArgs, report: &Report) -> Result<(), Failure> {
    let timeouts = Timeouts::default();
    let rootfs = config::load::rootfs(&args.settings)?;
    let target = Target::new(rootfs, &host::search_path(std::env::var_os("PATH").as_deref()));
    let waiting = Waiting {
        healthy: timeouts.kubelet_health_check,
        bootstrapped: timeouts.tls_bootstrap,
        mode: if args.settings.dry_run == Some(true) { Mode::DryRun } else { Mode::Apply },
        target: &target,
        init: &target.init_system(),
        started_by: StartedBy::Anyone,
    };
    wait_bootstrap(waiting, &Root::open(target.rootfs())?, report)
}
