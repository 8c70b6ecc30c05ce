//! Whether systemd holds a service back until the unit that this program runs in has started: then nobody in that unit may
//! wait for the service.
//!
//! A job waits for the jobs of the units that its own is ordered behind (systemd.unit(5), `Before=`, `After=`), and those
//! for others. A unit without a job holds nothing back.

use std::path::Path;

use super::command::Commands;

/// Ordering and job of a unit; `Before` has what other units say with `After=`, too.
const PROPERTIES: &str = "--property=Id,Before,Job";

/// A service that is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBack {
    /// Nobody has asked for it yet.
    Idle,
    /// Its job is in the queue, and is done as soon as our unit has started.
    Queued,
}

/// Whether `unit`, by `Before=` of its own or of units in between, holds `service` back. What cannot be found out counts as no.
///
/// A command costs a second where a machine starts: one is enough where `unit` itself is before the service.
pub(super) fn held_back(commands: &Commands, systemctl: &Path, unit: &str, service: &str) -> Option<HeldBack> {
    let service = format!("{service}.service");
    if unit == service {
        // From its ExecStartPre=.
        return Some(HeldBack::Queued);
    }
    let mut idle_or_queued = HeldBack::Idle;
    let mut known = vec![unit.to_owned(), service.clone()];
    let mut next = 0;
    let mut is_before = false;
    while next < known.len() && !is_before {
        let mut arguments = vec!["show", PROPERTIES, "--"];
        arguments.extend(known[next..].iter().map(String::as_str));
        let output = commands.run(systemctl, &arguments).ok().filter(|output| output.status.success())?;
        next = known.len();
        for answer in output.stdout.split("\n\n") {
            let property = |name| answer.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            let has_job = !matches!(property("Job="), "" | "0");
            if !has_job {
                continue;
            }
            if property("Id=") == service {
                idle_or_queued = HeldBack::Queued;
                continue;
            }
            for later in property("Before=").split_whitespace() {
                is_before |= later == service;
                if !known.iter().any(|known| known == later) {
                    known.push(later.to_owned());
                }
            }
        }
    }
    is_before.then_some(idle_or_queued)
}
