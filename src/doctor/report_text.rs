//! A text that can be pasted: what was seen, and what helps to understand it.

use std::path::Path;

use super::chain::Examination;
use crate::file;
use crate::plan::JoinPlan;
use crate::report::Report;
use crate::services::{InitSystem, KUBELET};

/// Largest result that is repeated, in bytes.
const MAX_RESULT: usize = 1 << 18;

/// The text. Each line goes through the door that lines for people go through: without known secrets, and without what has the
/// form of one. `version` is the program's own.
pub fn report_text(plan: &JoinPlan, seen: &Examination, version: &str, result: &Path, report: &Report) -> String {
    let mut lines = vec!["# kubejoin doctor".to_owned(), version.trim().to_owned()];
    let host = &plan.host;
    lines.push(String::new());
    lines.push("## Machine".to_owned());
    lines.push(format!("kernel: {}", host.kernel_release));
    lines.push(format!("board: {}", host.board.as_deref().unwrap_or("unknown")));
    lines.push(format!("cgroups: {:?}", host.cgroups.version));
    lines.push(format!("controllers: {}", host.cgroups.controllers.clone().unwrap_or_default().join(" ")));
    lines.push(format!("init system: {}", init_name(plan)));
    lines.push(format!("root: {}, user {}", plan.target.rootfs().display(), host.euid));
    lines.push(format!("node name: {}", plan.node.name));
    lines.push(format!("container runtime: {}", plan.node.cri_socket));
    lines.push(format!("clock: {}", httpdate::fmt_http_date(plan.access.clock.now())));
    lines.push(format!("swap areas: {}", host.swap_areas.unwrap_or_default()));
    lines.push(String::new());
    lines.push(format!("## Checks of a {}", seen.subject));
    lines.extend(seen.lines());
    lines.push(String::new());
    lines.push("## Answer".to_owned());
    match &seen.answer {
        Some(failure) => {
            let code = failure.0.code();
            lines.push(format!("error: {}", failure.0));
            lines.push(format!("code: {} (exit {})", code.name, code.class.exit_status()));
            lines.push(format!("next: {}", failure.0.hint()));
        }
        None => lines.push("nothing is wrong".to_owned()),
    }
    lines.push(String::new());
    lines.push(format!("## Last result ({})", result.display()));
    match file::contents_up_to(result, MAX_RESULT) {
        Ok(text) => lines.extend(String::from_utf8_lossy(&text).lines().map(str::to_owned)),
        Err(error) => lines.push(format!("not obtained: {error}")),
    }
    lines.push(String::new());
    lines.push("## The kubelet's last lines".to_owned());
    match plan.target.init_system().log_end(KUBELET) {
        Some(end) => {
            lines.push(format!("({})", end.source));
            lines.extend(end.lines);
        }
        None if plan.target.is_this_system() => lines.push("not obtained: the init system has no log of it".to_owned()),
        None => lines.push("not obtained: the target root is not running; see its journal".to_owned()),
    }
    let lines: Vec<_> = lines.iter().map(|line| report.redacted(line)).collect();
    lines.join("\n") + "\n"
}

fn init_name(plan: &JoinPlan) -> &'static str {
    match plan.target.init_system() {
        InitSystem::Systemd { .. } => "systemd",
        InitSystem::OpenRc { .. } => "OpenRC",
        InitSystem::Offline => "not running",
        InitSystem::Unmanaged => "none",
    }
}
