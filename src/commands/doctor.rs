//! `doctor`: settings read as `join` or `ensure` reads them, the machine looked at, the first trouble printed.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{ensure, join};
use crate::cli::{DoctorArgs, Version};
use crate::clock::Clock;
use crate::config::places::Where;
use crate::config::{self, settings::Settings};
use crate::doctor::{self, Examination, SECTION, bare_plan, examine};
use crate::error::{Code, Explain, Failure, codes, debug_as_display};
use crate::host::{self, HostFacts};
use crate::inputs;
use crate::kube::client::REQUEST_TIMEOUT;
use crate::node::state;
use crate::plan::{JoinPlan, Target};
use crate::report::{Report, result};
use crate::rootfs::Root;

/// Looks at the machine, and fails with what is wrong with it.
pub(super) fn run(args: &DoctorArgs, report: &Report) -> Result<(), Failure> {
    join::conceal_typed(&args.join, report);
    let settings = &args.join.settings;
    let rootfs = settings.rootfs.clone().or(config::load::kernel_unattended(settings)?.rootfs).map(|given| given.value);
    let (plan, why) = match planned(settings, rootfs.as_deref(), report) {
        Ok(plan) => (plan, None),
        Err(failure) => match unplanned(settings, rootfs, report) {
            Ok(plan) => (plan, Some(failure)),
            Err(_) => return Err(failure),
        },
    };
    conceal_own(&plan, report);
    let seen = examine(plan.clone(), why, report)?;
    for unseen in seen.unseen() {
        report.info(SECTION, unseen);
    }
    if !plan.target.is_this_system() {
        let root = plan.target.rootfs().display();
        report.info(
            SECTION,
            format_args!("{root} does not run here: its kubelet, container runtime and kernel were not asked"),
        );
    }
    let reported: Result<(), NoReport> = args.report.as_ref().map_or(Ok(()), |path| {
        let text = doctor::report_text(&plan, &seen, &Version::default().text(), &args.join.result_file, report);
        result::write_private(path, &text).map_err(|error| NoReport { path: path.clone(), error })?;
        report.info(SECTION, format_args!("The report is in {}", path.display()));
        Ok(())
    });
    let (facts, well) = (seen.facts(), well(&seen));
    match (seen.answer, reported) {
        (Some(failure), reported) => {
            // The answer is more than the report of it.
            if let Err(error) = reported {
                report.warn(SECTION, Some(error.code()), &error);
            }
            Err(Diagnosed { failure, facts }.into())
        }
        (None, Err(error)) => Err(error.into()),
        (None, Ok(())) => {
            report.done("no-finding", &facts, &well);
            Ok(())
        }
    }
}

fn well(seen: &Examination) -> String {
    let what = match seen.subject {
        "node" => "Nothing is wrong with this node",
        _ => "Nothing would stop a join of this machine",
    };
    format!("{what}: {} checks.", seen.good())
}

/// The plan of a join with these settings: of `join` where the command line says where to join, else of `ensure`.
fn planned(settings: &Settings, rootfs: Option<&Path>, report: &Report) -> Result<JoinPlan, Failure> {
    if settings.endpoint.is_some() || settings.discovery_file.is_some() || settings.config.is_some() {
        let resolved = config::load(settings).map_err(|error| join::refused(error, report))?;
        return join::plan(resolved, report);
    }
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let of = Where {
        machine: "/".as_ref(),
        credentials: credentials.as_deref(),
        target: rootfs,
        kernel_command_line: settings.kernel_command_line.as_ref().map(|given| given.value.as_path()),
    };
    ensure::plan(settings, of, ensure::read_places(of, report)?, REQUEST_TIMEOUT, report)
}

/// What can be looked at without settings.
fn unplanned(settings: &Settings, rootfs: Option<PathBuf>, report: &Report) -> Result<JoinPlan, Failure> {
    let search_path = std::env::var_os("PATH");
    let target = Target::new(rootfs, &host::search_path(search_path.as_deref()));
    let host = HostFacts::read(target.rootfs(), search_path.as_deref());
    join::conceal_proxies(&host, report);
    let clock = Clock::read(settings.clock.unwrap_or_default(), host.seen_time);
    let proxies = inputs::proxies(&host, clock, report)?;
    bare_plan(target, host, clock, proxies)
}

/// Makes sure that no secret of the node itself is ever printed.
fn conceal_own(plan: &JoinPlan, report: &Report) {
    let Ok(root) = Root::open(plan.target.rootfs()) else { return };
    state::secrets(&root).iter().for_each(|secret| report.conceal(secret));
}

/// What was found: the failure of a join in its own words, and what else was seen.
struct Diagnosed {
    failure: Failure,
    facts: Vec<(&'static str, Value)>,
}

impl fmt::Display for Diagnosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.0.fmt(f)
    }
}

debug_as_display!(Diagnosed);

impl std::error::Error for Diagnosed {}

impl Explain for Diagnosed {
    fn code(&self) -> &'static Code {
        self.failure.0.code()
    }

    fn hint(&self) -> String {
        self.failure.0.hint()
    }

    fn facts(&self) -> Vec<(&'static str, Value)> {
        self.facts.clone()
    }
}

/// The report could not be written.
struct NoReport {
    path: PathBuf,
    error: std::io::Error,
}

impl fmt::Display for NoReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} could not be written: {}", self.path.display(), self.error)
    }
}

debug_as_display!(NoReport);

impl std::error::Error for NoReport {}

impl Explain for NoReport {
    fn code(&self) -> &'static Code {
        &codes::REPORT_RESULT_NOT_WRITTEN
    }

    fn hint(&self) -> String {
        "name a file in a directory of this machine that can be written to, with --report".to_owned()
    }
}
