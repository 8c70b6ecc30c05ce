//! `ensure`: attempts of a join with the settings that this machine finds, until one succeeds or none can.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::join;
use super::join_outcome::{print_already_joined, print_outcome};
use crate::cli::{EnsureArgs, join_command};
use crate::clock::Clock;
use crate::config::places::{self, Where};
use crate::config::{self, Place, Resolved};
use crate::error::{Code, Explain, Failure, Finding, codes};
use crate::host;
use crate::join::{Outcome, keep_without_settings};
use crate::plan::{ChangePolicy, Target};
use crate::report::Report;
use crate::retry::{FOR_EVER, Jitter, Retry};
use crate::rootfs::Root;

/// What lines of this verb belong to.
const SECTION: &str = "ensure";

/// The first pause between two attempts, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How long one attempt looks for the cluster: the settings are read again by the next one.
const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(30);

/// Joins, or stays joined, whatever that takes.
pub(super) fn run(args: &EnsureArgs, report: &Report) -> Result<(), Failure> {
    let retry = Retry::within(args.deadline.unwrap_or(FOR_EVER), FIRST_PAUSE, LONGEST_PAUSE, Jitter::None);
    let done =
        retry.run(|| attempt(args, report).map_err(Attempt), |error, pause| report.retrying(SECTION, error, pause));
    done.map_err(|Attempt(failure)| failure)
}

fn attempt(args: &EnsureArgs, report: &Report) -> Result<(), Failure> {
    report.begin_attempt();
    join::conceal_typed(&args.join, report);
    let settings = &args.join.settings;
    let rootfs = config::load::rootfs(settings)?;
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let places_are = Where {
        machine: "/".as_ref(),
        credentials: credentials.as_deref(),
        target: rootfs.as_deref(),
        kernel_command_line: settings.kernel_command_line.as_ref().map(|given| given.value.as_path()),
    };
    let places = read_places(places_are, report)?;
    let resolved = match config::load_unattended(settings, places) {
        Ok(resolved) => resolved,
        Err(refused) if refused.error.code() == &codes::CONFIG_INCOMPLETE => {
            return without_settings(rootfs, report)?.ok_or_else(|| join::refused(refused, report));
        }
        Err(refused) => return Err(join::refused(refused, report)),
    };
    join(args, resolved, report)?;
    if args.shred_token_file {
        shred(places_are, args, report);
    }
    Ok(())
}

fn read_places(of: Where<'_>, report: &Report) -> Result<Vec<Place>, Failure> {
    let read_command =
        |text: &str, entry: &str| join_command(text, entry).map_err(|error| Box::new(error) as Box<dyn Explain>);
    let places = places::read(of, &read_command)?;
    for place in &places {
        place.secrets().for_each(|secret| report.conceal(&secret));
    }
    Ok(places)
}

/// A machine for which there are no settings any more: what has joined stays a node.
fn without_settings(rootfs: Option<PathBuf>, report: &Report) -> Result<Option<()>, Failure> {
    let path = host::search_path(std::env::var_os("PATH").as_deref());
    let clock = Clock::read(Default::default(), None);
    let kept = keep_without_settings(&Target::new(rootfs, &path), clock, report)?;
    Ok(kept.map(|outcome| {
        if let Outcome::AlreadyJoined(identity, case) = outcome {
            print_already_joined(&identity, case, report);
        }
    }))
}

fn join(args: &EnsureArgs, mut resolved: Resolved, report: &Report) -> Result<(), Failure> {
    let timeouts = &mut resolved.configuration.timeouts;
    timeouts.discovery = timeouts.discovery.min(DISCOVERY_TIMEOUT);
    let rootfs = resolved.extras.rootfs.clone().unwrap_or_else(|| PathBuf::from("/"));
    let name = &mut resolved.configuration.node_registration.name;
    if name.is_none() {
        // A node whose settings give it no name keeps the one that it has joined with, whatever its host name is by now.
        *name = crate::node::state::node_name(&Root::open(&rootfs)?)?.map(Into::into);
    }
    let mut plan = join::plan(resolved, report)?;
    plan.options.changes = ChangePolicy::Apply;
    let outcome = crate::join::join(&plan, report)?;
    print_outcome(&outcome, &plan, &args.join, report);
    Ok(())
}

/// Overwrites and removes the files that a token was found in, or might have been.
fn shred(of: Where<'_>, args: &EnsureArgs, report: &Report) {
    let given = args.join.settings.token_file.iter().map(|given| given.value.clone());
    for path in places::token_files(of).into_iter().chain(given) {
        match crate::file::shred(&path) {
            Ok(true) => report.info(SECTION, format_args!("{} has been overwritten and removed", path.display())),
            Ok(false) => {}
            Err(error) => {
                let text = format_args!("{} could not be removed, and may hold a token: {error}", path.display());
                report.warn(SECTION, None, text);
            }
        }
    }
}

/// The failure of an attempt, as an error that may be retried.
#[derive(Debug)]
struct Attempt(Failure);

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.fmt(f)
    }
}

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

    /// By the class: that an attempt has used up its own time does not mean that the next one must.
    fn may_retry(&self) -> bool {
        self.code().class == crate::error::Class::Transient
    }

    fn retry_after(&self) -> Option<Duration> {
        self.0.0.retry_after()
    }
}
