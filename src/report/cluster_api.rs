//! Cluster API's contract for bootstrap providers (cluster-api book, "Sentinel File"): `bootstrap-success.complete` once the
//! machine is a node, and never before. Beside it, of ours: `bootstrap-error.log` with the code and the next step of a run that
//! has failed.

use std::fs;
use std::path::{Path, PathBuf};

use super::event::{Event, NODE_OUTCOMES};
use super::result::replace;
use super::sink::Sink;

/// Where the contract has its file.
pub const DIRECTORY: &str = "/run/cluster-api";

const SUCCESS: &str = "bootstrap-success.complete";
const ERROR: &str = "bootstrap-error.log";

/// The sink.
pub struct ClusterApi {
    directory: PathBuf,
    write_error: Option<String>,
}

impl ClusterApi {
    /// Leaves the files in this directory, which is made.
    pub fn new(directory: &Path) -> Self {
        ClusterApi { directory: directory.to_owned(), write_error: None }
    }

    fn leave(&mut self, name: &str, text: &str) {
        let path = self.directory.join(name);
        let written = replace(&path, text);
        self.write_error = written.err().map(|error| format!("{} could not be written: {error}", path.display()));
    }
}

impl Sink for ClusterApi {
    fn accept(&mut self, event: &Event<'_>) {
        match event {
            Event::Done { outcome, .. } if NODE_OUTCOMES.contains(outcome) => {
                let _ = fs::remove_file(self.directory.join(ERROR));
                self.leave(SUCCESS, "success\n");
            }
            Event::Failed { code, message, hint, .. } => {
                let status = code.class.exit_status();
                self.leave(ERROR, &format!("error: {message}\ncode: {} (exit {status})\nnext: {hint}\n", code.name));
            }
            _ => {}
        }
    }

    fn write_error(&self) -> Option<String> {
        self.write_error.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::codes;

    #[test]
    fn success_is_told_of_a_node_only() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("cluster-api");
        let mut sink = ClusterApi::new(&place);
        let read = |name: &str| fs::read_to_string(place.join(name)).ok();
        for code in codes::ALL {
            sink.accept(&Event::Failed { code, message: "m", hint: "h", findings: &[], facts: &[] });
            let status = code.class.exit_status();
            let expected = format!("error: m\ncode: {} (exit {status})\nnext: h\n", code.name);
            assert_eq!((read(SUCCESS), read(ERROR)), (None, Some(expected)));
        }
        for outcome in ["dry-run", "phase-done"] {
            sink.accept(&Event::Done { outcome, facts: &[], text: "" });
            assert_eq!(read(SUCCESS), None, "{outcome}");
        }
        sink.accept(&Event::Done { outcome: "joined", facts: &[], text: "" });
        assert_eq!((read(SUCCESS).as_deref(), read(ERROR)), (Some("success\n"), None));
    }
}
