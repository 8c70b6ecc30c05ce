//! `ensure`: attempts of a join with the settings that this machine finds, until one succeeds or none can.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::boot_reset;
use super::join;
use super::join_outcome::{print_already_joined, print_outcome};
use super::turn;
use crate::cli::{EnsureArgs, join_command};
use crate::clock::Clock;
use crate::config::places::{self, Where};
use crate::config::settings::Settings;
use crate::config::{self, Place, Resolved, Timeouts};
use crate::error::{Class, Code, Explain, Failure, Finding, codes, debug_as_display};
use crate::host::{self, HostFacts};
use crate::inputs;
use crate::join::{Case, Outcome, keep_without_settings};
use crate::node::state::{self, NodeIdentity};
use crate::plan::{ChangePolicy, JoinPlan, Mode, Target};
use crate::report::Report;
use crate::retry::{FOR_EVER, Jitter, Retry};
use crate::rootfs::{Root, TargetPath};

/// What lines of this verb belong to.
const SECTION: &str = "ensure";

/// The first pause between two attempts, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How long one attempt looks for the cluster: the settings are read again by the next one.
const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an attempt may wait for the cluster, whatever `--deadline` says: long enough to get through.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(10);

/// Joins, or stays joined, whatever that takes.
pub(super) fn run(args: &EnsureArgs, report: &Report) -> Result<(), Failure> {
    let is_trial = args.join.settings.dry_run == Some(true);
    let wait = if is_trial { Duration::ZERO } else { args.deadline.unwrap_or(FOR_EVER) };
    // Machines that were switched on together are told apart by their boot, before anything else is known of them.
    let retry = Retry::within(wait, FIRST_PAUSE, LONGEST_PAUSE, Jitter::of(&[host::this_boot().as_deref()]));
    let done = retry
        .run(|| attempt(args, &retry, report).map_err(Attempt), |error, pause| report.retrying(SECTION, error, pause));
    done.map_err(|Attempt(failure)| failure)
}

fn attempt(args: &EnsureArgs, of_run: &Retry, report: &Report) -> Result<(), Failure> {
    report.begin_attempt();
    join::conceal_typed(&args.join, report);
    let settings = &args.join.settings;
    let of_kernel = config::load::kernel_unattended(settings)?;
    let rootfs = settings.rootfs.clone().or(of_kernel.rootfs).map(|given| given.value);
    if let Some(asked) = of_kernel.boot_reset {
        boot_reset::once(asked, rootfs.as_deref(), args, report)?;
    }
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let of = Where {
        machine: "/".as_ref(),
        credentials: credentials.as_deref(),
        target: rootfs.as_deref(),
        kernel_command_line: settings.kernel_command_line.as_ref().map(|given| given.value.as_path()),
    };
    let places = read_places(of, report);
    let names_cluster = places.as_ref().map_or(true, |places| config::names_cluster(settings, places));
    let is_node = match places.and_then(|places| plan(settings, of, places, of_run.remaining(), report)) {
        Ok(plan) => {
            // From the machine's start, so that a unit that runs this again does not begin to wait again. What is waited for
            // is read anew behind it: by then there may be a new token, and a right clock.
            if let Some(not_yet) = turn::not_yet(&plan, host::uptime().unwrap_or_else(|| of_run.waited()))? {
                return Err(not_yet.into());
            }
            let outcome = crate::join::join(&plan, report)?;
            print_outcome(&outcome, &plan, &args.join, report);
            matches!(outcome, Outcome::Joined { .. } | Outcome::AlreadyJoined(..))
        }
        // A node whose settings are gone, or broken, is a node.
        Err(failure) if failure.0.code().class == Class::Usage => {
            let Some((identity, case)) = keep(args, rootfs.clone(), report)? else { return Err(failure) };
            let Failure(error) = failure;
            if !names_cluster && error.code() == &codes::CONFIG_INCOMPLETE {
                // It was joined by hand, or its settings were removed with the token in them: all is as it should be.
                report.debug(1, SECTION, "no settings say where to join: this node stays as it is");
            } else {
                let text = format_args!("this node stays as it is, its settings cannot be used: {error}");
                report.warn(SECTION, Some(error.code()), text);
            }
            print_already_joined(&identity, case, report);
            true
        }
        Err(failure) => return Err(failure),
    };
    if args.shred_token_file && is_node {
        shred(of, args, report);
    }
    Ok(())
}

/// Weighs every source and makes the plan, which waits for the cluster for `left` at most.
pub(super) fn plan(
    settings: &Settings,
    of: Where<'_>,
    places: Vec<Place>,
    left: Duration,
    report: &Report,
) -> Result<JoinPlan, Failure> {
    let resolved = config::load_unattended(settings, places);
    let mut resolved: Resolved = resolved.map_err(|refused| join::refused(refused, report))?;
    resolved.extras.rootfs = of.target.map(Path::to_owned);
    let configuration = &mut resolved.configuration;
    let Timeouts { discovery, kubernetes_api_call, tls_bootstrap, etcd_api_call, .. } = &mut configuration.timeouts;
    let left = left.max(SHORTEST_ATTEMPT);
    *discovery = (*discovery).min(DISCOVERY_TIMEOUT);
    // The others are for what runs on this machine already; that of components is a part of their static pods, too.
    for wait in [discovery, kubernetes_api_call, tls_bootstrap, etcd_api_call] {
        *wait = (*wait).min(left);
    }
    if configuration.node_registration.name.is_none() {
        // A node whose settings give it no name keeps the one that it has joined with, whatever its host name is by now.
        let root = Root::open(of.target.unwrap_or(Path::new("/")))?;
        configuration.node_registration.name = state::node_name(&root)?.map(Into::into);
    }
    let mut plan = join::plan(resolved, report)?;
    plan.options.changes = ChangePolicy::Apply;
    Ok(plan)
}

pub(super) fn read_places(of: Where<'_>, report: &Report) -> Result<Vec<Place>, Failure> {
    let read_command =
        |text: &str, entry: &str| join_command(text, entry).map_err(|error| Box::new(error) as Box<dyn Explain>);
    let places = places::read(of, &read_command)?;
    for place in &places {
        place.secrets().for_each(|secret| report.conceal(&secret));
    }
    Ok(places)
}

/// What has joined stays a node, whatever its settings say; `None` where nothing has.
fn keep(args: &EnsureArgs, rootfs: Option<PathBuf>, report: &Report) -> Result<Option<(NodeIdentity, Case)>, Failure> {
    let search_path = std::env::var_os("PATH");
    let target = Target::new(rootfs, &host::search_path(search_path.as_deref())).in_unit(host::own_unit());
    let mode = if args.join.settings.dry_run == Some(true) { Mode::DryRun } else { Mode::Apply };
    let clock = Clock::read(args.join.settings.clock.unwrap_or_default(), None);
    let proxies = || {
        let host = HostFacts::read(target.rootfs(), search_path.as_deref());
        Ok(inputs::proxies(&host, clock, report)?)
    };
    keep_without_settings(&target, mode, clock, &proxies, report)
}

/// Overwrites and removes the files that a token was found in, or might have been.
fn shred(of: Where<'_>, args: &EnsureArgs, report: &Report) {
    let told = |path: &Path, result: std::io::Result<()>| match result {
        Ok(()) => report.info(SECTION, format_args!("{} has been overwritten and removed", path.display())),
        Err(error) => {
            let text = format_args!("{} could not be removed, and may hold a token: {error}", path.display());
            report.warn(SECTION, None, text);
        }
    };
    places::shred_tokens(of, told);
    let Some(file) = args.join.settings.token_file.as_ref().map(|given| given.value.as_path()) else { return };
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file.file_name().and_then(|name| TargetPath::root().join(&name.to_string_lossy()).ok());
    if let (Ok(root), Some(name)) = (Root::open(directory), name) {
        match root.shred(&name) {
            Ok(false) => {}
            done => told(file, done.map(drop)),
        }
    }
}

/// The failure of an attempt, as an error that may be retried.
struct Attempt(Failure);

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.fmt(f)
    }
}

debug_as_display!(Attempt);

impl std::error::Error for Attempt {}

impl Explain for Attempt {
    fn code(&self) -> &'static Code {
        self.0.0.code()
    }

    fn hint(&self) -> String {
        self.0.0.hint()
    }

    fn findings(&self) -> &[Finding] {
        self.0.0.findings()
    }

    /// By the class: that an attempt has used up its own time does not mean that the next one must. A kubelet that waits for
    /// the end of this very run is what another run can wait for.
    fn may_retry(&self) -> bool {
        self.code().class == Class::Transient && self.code().name != codes::CONTROL_PLANE_KUBELET_QUEUED.name
    }

    fn retry_after(&self) -> Option<Duration> {
        self.0.0.retry_after()
    }
}
