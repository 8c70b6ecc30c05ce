//! What one process costs, as the kernel counts it.
//!
//! Its only child is the measured process, so `getrusage` of the children says what `wait4` says of that one. The kernel
//! adds what the child's own children took, where it waited for them: those are the stand-ins, smaller than either.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde_json::json;

/// Time between two looks for the marks.
const LOOK: Duration = Duration::from_millis(1);

/// `measure FILE [--mark NAME=PATH]... -- COMMAND...`
pub fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let usage = || "measure FILE [--mark NAME=PATH]... -- COMMAND...".to_owned();
    let end = arguments.iter().position(|argument| argument == "--").ok_or_else(usage)?;
    let (file, options) = arguments[..end].split_first().ok_or_else(usage)?;
    let (program, rest) = arguments[end + 1..].split_first().ok_or_else(usage)?;
    let mut marks = Vec::new();
    for pair in options.chunks(2) {
        let [flag, mark] = pair else { return Err(usage()) };
        let (name, path) = mark.split_once('=').filter(|_| flag == "--mark").ok_or_else(usage)?;
        marks.push((name.to_owned(), PathBuf::from(path)));
    }

    let begun = Instant::now();
    let child = Command::new(program).args(rest).spawn().map_err(|error| format!("starting {program}: {error}"))?;
    let (status, seen) = wait(child, marks, begun).map_err(|error| format!("waiting for {program}: {error}"))?;
    let wall = begun.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| format!("getrusage: {error}"))?;
    let peak_bytes = usage.max_rss() * 1024;
    let floor_bytes = own_peak_bytes();
    if peak_bytes <= floor_bytes {
        return Err(format!(
            "{program} is not larger than what measures it ({floor_bytes} bytes): its size is unknown"
        ));
    }
    let result = json!({
        "status": status.code(),
        "wall_us": wall.as_micros() as u64,
        "user_us": usage.user_time().num_microseconds(),
        "sys_us": usage.system_time().num_microseconds(),
        "peak_bytes": peak_bytes,
        "marks": seen,
    });
    fs::write(file, result.to_string()).map_err(|error| format!("writing {file}: {error}"))?;
    Ok(ExitCode::SUCCESS)
}

/// Waits for the end of `child`; and when each mark was first there, in microseconds since `begun`.
fn wait(
    mut child: Child,
    mut marks: Vec<(String, PathBuf)>,
    begun: Instant,
) -> std::io::Result<(ExitStatus, BTreeMap<String, u64>)> {
    let mut seen = BTreeMap::new();
    while !marks.is_empty() {
        let ended = child.try_wait()?;
        marks.retain(|(name, path)| {
            let is_there = path.symlink_metadata().is_ok();
            if is_there {
                seen.insert(name.clone(), begun.elapsed().as_micros() as u64);
            }
            !is_there
        });
        if let Some(status) = ended {
            return Ok((status, seen));
        }
        std::thread::sleep(LOOK);
    }
    Ok((child.wait()?, seen))
}

/// The most memory that this process has had. A child begins with it: the figure of a smaller one would be ours.
fn own_peak_bytes() -> i64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<i64>().ok()).map_or(i64::MAX, |kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_smaller_than_its_parent_is_refused() {
        let file = std::env::temp_dir().join(format!("kubejoin-bench-test-{}", std::process::id()));
        let arguments = [file.to_str().unwrap(), "--", "true"].map(str::to_owned);
        let error = run(&arguments).unwrap_err();
        assert!(error.contains("is not larger than what measures it"), "{error}");
        assert!(!file.exists());
    }
}
