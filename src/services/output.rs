//! What a command of an init system has said.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// What a command said.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output, capped, control characters escaped.
    pub stdout: String,
    /// Standard error, capped, control characters escaped.
    pub stderr: String,
}

impl Output {
    /// Whether either stream has this text in it.
    pub(super) fn says(&self, text: &str) -> bool {
        self.stdout.contains(text) || self.stderr.contains(text)
    }

    /// The first line that is not empty, of the errors if there are any, cut to fit into a message.
    pub fn first_line(&self) -> &str {
        let line = self.stderr.lines().chain(self.stdout.lines()).map(str::trim).find(|line| !line.is_empty());
        let line = line.unwrap_or("it says nothing");
        // 300 characters are four lines of a console.
        line.char_indices().nth(300).map_or(line, |(end, _)| &line[..end])
    }

    /// How the command ended, in words.
    pub fn ending(&self) -> String {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("exit status {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "no status".to_owned(),
        }
    }
}
