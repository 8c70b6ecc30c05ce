//! The end of a service's log, where it can be had: systemd's journal, or the file that an init script of OpenRC names.
//!
//! It is text from outside: few lines, capped and escaped, without anything that looks like a bootstrap token. Where there is
//! none, nothing is said: an error's next step names the place to look.

use std::path::Path;
use std::time::Duration;

use super::command::{self, Commands};
use super::init_system::InitSystem;
use crate::file;
use crate::text::mask::masked;
use crate::text::printable;

/// Lines that are shown. A kubelet that cannot start says why in one; systemd puts four of its own around it.
const MAX_LINES: usize = 10;
/// Characters of a line: the reason stands at the end of a long one.
const MAX_LINE_LENGTH: usize = 500;
/// Bytes of a log file that are read.
const MAX_TAIL: usize = 16 * 1024;
/// Longest time for `journalctl`: the error itself must not have to wait for a slow card.
const JOURNALCTL_TIMEOUT: Duration = Duration::from_secs(10);

/// The end of a log.
#[derive(Debug, PartialEq, Eq)]
pub struct LogEnd {
    /// Where it comes from: a command or a path.
    pub source: String,
    /// Its last lines, oldest first, fit to be shown. Never empty.
    pub lines: Vec<String>,
}

impl InitSystem {
    /// The end of the service's log; `None` where it cannot be had, or nothing has been written.
    pub fn log_end(&self, service: &str) -> Option<LogEnd> {
        match self {
            InitSystem::Systemd { commands, .. } => journal(commands, service),
            InitSystem::OpenRc { .. } => {
                // Alpine's init script, and what others use.
                [format!("/var/log/{service}/{service}.log"), format!("/var/log/{service}.log")]
                    .iter()
                    .find_map(|path| LogEnd::new(path.clone(), &tail(Path::new(path))?))
            }
            InitSystem::Offline | InitSystem::Unmanaged => None,
        }
    }
}

fn journal(commands: &Commands, service: &str) -> Option<LogEnd> {
    let journalctl = commands.find("journalctl")?;
    let count = MAX_LINES.to_string();
    let arguments = ["--unit", service, "--lines", &count, "--quiet", "--no-pager", "--output", "cat"];
    let output = commands.within(JOURNALCTL_TIMEOUT).run(&journalctl, &arguments).ok()?;
    LogEnd::new(command::line(&journalctl, &arguments[..2]), &output.stdout)
}

/// The end of a file, from the beginning of a line on.
fn tail(path: &Path) -> Option<String> {
    let end = file::tail(path, MAX_TAIL).ok()?;
    let text = String::from_utf8_lossy(&end.bytes);
    Some(match text.split_once('\n') {
        Some((_, whole)) if end.is_cut => whole.to_owned(),
        _ => text.into_owned(),
    })
}

impl LogEnd {
    fn new(source: String, text: &str) -> Option<LogEnd> {
        let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = &lines[lines.len().saturating_sub(MAX_LINES)..];
        let lines: Vec<_> = last.iter().map(|line| printable(&masked(line), MAX_LINE_LENGTH)).collect();
        (!lines.is_empty()).then_some(LogEnd { source, lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        LogEnd::new("a log".to_owned(), text).map_or(Vec::new(), |end| end.lines)
    }

    #[test]
    fn the_last_lines_are_shown_capped_escaped_and_without_tokens() {
        let many: String = (0..100).map(|n| format!("line {n}\n\n")).collect();
        assert_eq!(lines(&many), (90..100).map(|n| format!("line {n}")).collect::<Vec<_>>());
        let rows = [
            ("E1 run.go:72] \"command failed\"", "E1 run.go:72] \"command failed\""),
            ("a\u{1b}[31mred", "a\\u{1b}[31mred"),
            ("token=abcdef.0123456789abcdef, and", "token=abcdef.<secret>, and"),
            ("is abcdef.0123456789abcdef.", "is abcdef.<secret>."),
            ("\"abcdef.0123456789abcdef\"", "\"abcdef.<secret>\""),
            // Escaped by the program that quoted it, or by the one that has read the log.
            (r#""\nabcdef.0123456789abcdef\n""#, r#""\nabcdef.<secret>\n""#),
            (r"token:\tabcdef.0123456789abcdef.", r"token:\tabcdef.<secret>."),
            ("abcdef.0123456789abcdef.conf", "abcdef.<secret>.conf"),
            ("kubelet.service", "kubelet.service"),
            (
                "kubelet.service: 10.96.0.1 abcdef.0123456789abcdef0",
                "kubelet.service: 10.96.0.1 abcdef.0123456789abcdef0",
            ),
        ];
        for (line, shown) in rows {
            assert_eq!(lines(line), [shown], "{line:?}");
        }
        assert_eq!(lines(&"x".repeat(MAX_LINE_LENGTH + 1)), ["x".repeat(MAX_LINE_LENGTH) + "..."]);
        assert_eq!(LogEnd::new(String::new(), " \n\n"), None);
    }

    #[test]
    fn of_a_file_only_the_end_is_read_and_no_half_line_is_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kubelet.log");
        assert_eq!(tail(&path), None);
        assert_eq!(tail(directory.path()), None);
        std::fs::write(&path, "one\ntwo").unwrap();
        assert_eq!(tail(&path).as_deref(), Some("one\ntwo"));
        let line = "y".repeat(99) + "\n";
        std::fs::write(&path, line.repeat(1000)).unwrap();
        let end = tail(&path).unwrap();
        assert_eq!(end, line.repeat(MAX_TAIL / 100));
    }
}
