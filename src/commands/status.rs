//! `status`: looks, or waits, and prints what it has found.

use std::path::Path;

use super::show::show;
use crate::cli::StatusArgs;
use crate::clock::{Clock, ClockMode};
use crate::config::settings::{Output, WaitFor};
use crate::error::{Code, Failure};
use crate::host::{self, HostFacts};
use crate::inputs;
use crate::net::dial::Proxies;
use crate::plan::Target;
use crate::report::{Report, result};
use crate::retry::{FOR_EVER, Retry};
use crate::rootfs::Root;
use crate::status::{self, Running, Scope, Waiting};

/// Shows the state of the node; the code of what is wrong with it.
///
/// # Errors
/// The root cannot be opened, or what was waited for has not come.
pub(super) fn run(args: &StatusArgs, report: &Report) -> Result<Option<&'static Code>, Failure> {
    let variable = std::env::var_os("PATH");
    let search_path = host::search_path(variable.as_deref());
    let target = Target::new(args.rootfs.clone(), &search_path);
    let root = Root::open(target.rootfs())?;
    let clock = || Clock::read(ClockMode::default(), host::seen_time(&root));
    if let Some(what) = args.wait {
        let proxies = match what {
            WaitFor::Joined => Proxies::default(),
            WaitFor::Ready => inputs::proxies(&HostFacts::read(target.rootfs(), variable.as_deref()), clock(), report)?,
        };
        // The pause is that of what has not come.
        let wait = args.deadline.unwrap_or(FOR_EVER);
        let retry = Retry::every(std::time::Duration::ZERO, wait);
        status::wait(&Waiting { root: &root, what, retry, clock: &clock, proxies }, report)?;
        if args.output == Output::Text {
            return Ok(None);
        }
    }
    let init = target.init_system();
    let this_system = target.is_this_system();
    let found = status::look(Scope {
        root: &root,
        clock: clock(),
        is_root: rustix::process::geteuid().is_root(),
        running: this_system.then_some(Running { init: &init, search_path: &search_path }),
        result_file: args.result_file.as_deref().or(this_system.then_some(Path::new(result::PATH))),
    });
    show(&if args.output == Output::Json { found.document() } else { found.screen() }, "");
    // What was waited for is true, whatever else there is.
    Ok(found.trouble.map(|trouble| trouble.code).filter(|_| args.wait.is_none()))
}
