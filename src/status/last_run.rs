//! `result.json` of the last run.

use std::io::ErrorKind;
use std::path::Path;
use std::time::SystemTime;

use serde_json::Value;

use crate::file;
use crate::text::printable;

/// Longest result that is read, in bytes.
const MAX_RESULT: usize = 1 << 20;
/// Characters of a text that are kept.
const MAX_TEXT: usize = 80;

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub struct LastRun {
    /// When the result was written.
    pub at: Option<SystemTime>,
    /// `join`, `ensure` or `reset`; `None` in a result of an older kubejoin.
    pub verb: Option<String>,
    /// `joined`, `failed` and the like.
    pub outcome: String,
    /// Exit status.
    pub exit: Option<u64>,
    /// The code of its error.
    pub code: Option<String>,
}

impl LastRun {
    /// Reads a result; `None` where none is there.
    ///
    /// # Errors
    /// In words: it cannot be read, or is none.
    pub fn read(path: &Path) -> Result<Option<LastRun>, String> {
        let bytes = match file::contents_up_to(path, MAX_RESULT) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
        };
        let at = std::fs::metadata(path).and_then(|found| found.modified()).ok();
        let parsed = LastRun::parse(&bytes, at);
        parsed.map(Some).ok_or_else(|| format!("{} is not the result of a run", path.display()))
    }

    fn parse(bytes: &[u8], at: Option<SystemTime>) -> Option<LastRun> {
        let said: Value = serde_json::from_slice(bytes).ok()?;
        let text = |field: &str| said[field].as_str().map(|text| printable(text, MAX_TEXT));
        Some(LastRun {
            at,
            verb: text("verb"),
            outcome: text("outcome")?,
            exit: said["exit"].as_u64(),
            code: text("code"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_result_the_end_is_kept_and_nothing_reaches_a_terminal() {
        let text = br#"{"version": 1, "verb": "join", "outcome": "failed", "exit": 3, "code": "net.\u001b[31mio"}"#;
        let run = LastRun::parse(text, None).unwrap();
        assert_eq!((run.verb.as_deref(), run.outcome.as_str(), run.exit), (Some("join"), "failed", Some(3)));
        assert_eq!(run.code.as_deref(), Some("net.\\u{1b}[31mio"));
        for text in [&b"{}"[..], b"[]", b"half a fi", b""] {
            assert_eq!(LastRun::parse(text, None), None);
        }
    }

    #[test]
    fn no_result_is_no_error_and_another_file_is_one() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(LastRun::read(&directory.path().join("none")), Ok(None));
        assert!(LastRun::read(directory.path()).unwrap_err().starts_with("cannot read "));
    }
}
