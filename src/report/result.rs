//! `result.json`: how the last run ended, for whoever comes later: a unit, an agent, the root that was switched to.
//!
//! It is there whole or not at all (temporary file, rename), and a run that is going on or was killed leaves none: the
//! former result goes when the first phase begins. Not flushed to a disk: `/run` has none.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::json::whole_ms;
use super::{Event, Level, Sink};

/// Where the result is left.
pub const PATH: &str = "/run/kubejoin/result.json";

/// Warnings kept; there are a dozen different ones.
const WARNINGS: usize = 50;

/// The sink.
pub struct ResultFile {
    path: PathBuf,
    phases: Vec<Value>,
    warnings: Vec<Value>,
    current: Option<&'static str>,
    trouble: Option<io::Error>,
}

impl ResultFile {
    /// Leaves the result at `path`, whose parents are created.
    pub fn new(path: &Path) -> Self {
        ResultFile { path: path.to_owned(), phases: vec![], warnings: vec![], current: None, trouble: None }
    }

    fn leave(&mut self, fields: Value) {
        let mut result = Map::from_iter([("version".to_owned(), json!(1))]);
        if let Value::Object(fields) = fields {
            // A fact never stands in for a field of the format: the first one stays.
            for (key, value) in fields {
                result.entry(key).or_insert(value);
            }
        }
        result.insert("phases".to_owned(), Value::Array(std::mem::take(&mut self.phases)));
        result.insert("warnings".to_owned(), Value::Array(std::mem::take(&mut self.warnings)));
        self.trouble = replace(&self.path, &format!("{:#}\n", Value::Object(result))).err();
    }
}

impl Sink for ResultFile {
    fn accept(&mut self, event: &Event<'_>) {
        match event {
            Event::PhaseStarted(phase) => {
                if self.current.replace(phase).is_none() {
                    let _ = fs::remove_file(&self.path);
                }
            }
            Event::PhaseEnded(phase, took) => {
                self.phases.push(json!({"name": phase, "ms": whole_ms(*took)}));
            }
            Event::Line { level: Level::Warning, section, code, text } if self.warnings.len() < WARNINGS => {
                let code = code.map(|code| code.name);
                self.warnings.push(json!({"phase": section, "code": code, "message": text}));
            }
            Event::Line { .. } => {}
            Event::Failed { code, message, hint } => self.leave(json!({
                "outcome": "failed", "code": code.name, "class": code.class.name(), "exit": code.class.exit_status(),
                "phase": self.current, "message": message, "hint": hint,
            })),
            Event::Done { outcome, facts, .. } => {
                let mut fields =
                    Map::from_iter([("outcome".to_owned(), json!(outcome)), ("exit".to_owned(), json!(0))]);
                for (key, value) in *facts {
                    fields.entry(*key).or_insert_with(|| value.clone());
                }
                self.leave(Value::Object(fields));
            }
        }
    }

    fn trouble(&self) -> Option<String> {
        let error = self.trouble.as_ref()?;
        Some(format!("{} could not be written: {error}", self.path.display()))
    }
}

/// Puts `text` in the place of the file at `path`.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory)?;
    let temporary = directory.join(format!(".result.json.{}", std::process::id()));
    // A leftover of a process with our number; `create_new` below refuses to follow whatever else might lie there.
    let _ = fs::remove_file(&temporary);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(&temporary)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}
