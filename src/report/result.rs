//! `result.json`: how the last run ended, for what reads it later: a unit, an agent, the root that was switched to.
//!
//! It is there whole or not at all (temporary file, rename), and a run that is going on or was killed leaves none: the
//! former result goes when the first phase begins. Not flushed to a disk: `/run` has none.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde_json::{Map, Value, json};

use super::event::Event;
use super::fields::{self, whole_ms};
use super::level::Level;
use super::sink::Sink;
use crate::error::Code;

/// Where the result is left.
pub const PATH: &str = "/run/kubejoin/result.json";

/// Every user may read the result: a unit need not run as root.
const FILE_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;

/// Warnings kept; there are a dozen different ones.
const MAX_WARNINGS: usize = 50;

/// A warning of the run.
struct Warning {
    section: &'static str,
    code: Option<&'static str>,
    /// Of those about the same thing the last one stays.
    about: String,
    message: String,
}

/// The sink.
pub struct ResultFile {
    path: PathBuf,
    verb: &'static str,
    phases: Vec<Value>,
    warnings: Vec<Warning>,
    current: Option<&'static str>,
    findings: Vec<Value>,
    write_error: Option<io::Error>,
}

impl ResultFile {
    /// Leaves the result of this verb at `path`, whose parents are created.
    pub fn new(path: &Path, verb: &'static str) -> Self {
        ResultFile {
            path: path.to_owned(),
            verb,
            phases: vec![],
            warnings: vec![],
            findings: vec![],
            current: None,
            write_error: None,
        }
    }

    fn warn(&mut self, section: &'static str, code: Option<&'static Code>, about: &str, message: &str) {
        let (code, about, message) = (code.map(|code| code.name), about.to_owned(), message.to_owned());
        let is_full = self.warnings.len() >= MAX_WARNINGS;
        let is_same = |known: &&mut Warning| (known.section, known.code, &known.about) == (section, code, &about);
        match self.warnings.iter_mut().find(is_same) {
            Some(known) => known.message = message,
            None if is_full => {}
            None => self.warnings.push(Warning { section, code, about, message }),
        }
    }

    fn leave(&mut self, fields: Map<String, Value>) {
        let mut result = fields::object([("version", json!(1)), ("verb", json!(self.verb))]);
        // A fact never stands in for a field of the format: the first one stays.
        for (key, value) in fields {
            result.entry(key).or_insert(value);
        }
        let warnings = std::mem::take(&mut self.warnings);
        let warnings = warnings
            .iter()
            .map(|Warning { section, code, message, .. }| json!({"phase": section, "code": code, "message": message}));
        result.insert("warnings".to_owned(), warnings.collect());
        for (key, list) in [("phases", &mut self.phases), ("findings", &mut self.findings)] {
            result.insert(key.to_owned(), Value::Array(std::mem::take(list)));
        }
        self.write_error = replace(&self.path, &format!("{:#}\n", Value::Object(result))).err();
    }
}

impl Sink for ResultFile {
    fn accept(&mut self, event: &Event<'_>) {
        match event {
            Event::AttemptStarted => self.phases.clear(),
            Event::PhaseStarted(phase) => {
                if self.current.replace(phase).is_none() {
                    forget(&self.path);
                }
            }
            Event::PhaseEnded(phase, took) => {
                self.phases.push(json!({"name": phase, "ms": whole_ms(*took)}));
            }
            Event::Line { level: Level::Warning, section, code, text, reason } => {
                self.warn(section, *code, reason.unwrap_or(text), text);
            }
            Event::Line { .. } => {}
            Event::Finding { section, finding } => {
                let text = finding.to_string();
                self.warn(section, finding.code, &text, &text);
                fields::keep(&mut self.findings, finding);
            }
            Event::Failed { code, message, hint, findings, .. } => {
                findings.iter().for_each(|finding| fields::keep(&mut self.findings, finding));
                let mut fields = fields::failure(code, hint);
                fields.extend(fields::object([("phase", json!(self.current)), ("message", json!(message))]));
                self.leave(fields);
            }
            Event::Done { outcome, facts, .. } => {
                let mut fields = fields::object([("outcome", json!(outcome)), ("exit", json!(0))]);
                for (key, value) in *facts {
                    fields.entry(*key).or_insert_with(|| value.clone());
                }
                self.leave(fields);
            }
        }
    }

    fn write_error(&self) -> Option<String> {
        let error = self.write_error.as_ref()?;
        Some(format!("{} could not be written: {error}", self.path.display()))
    }
}

/// Puts `text` in the place of the file at `path`. Where that fails, no file is left: the former result is another run's.
///
/// # Errors
/// It cannot be written.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let written = make_directories(directory_of(path)).and_then(|()| write(path, text, FILE_MODE));
    if written.is_err() {
        forget(path);
    }
    written
}

/// Writes a file for its user alone, in a directory that is there. Where that fails, what was there stays.
///
/// # Errors
/// It cannot be written, or something else than a file is there.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    write(path, text, 0o600)
}

/// Removes the result of another run, and nothing that is no file: a device, such as /dev/null, is not ours.
fn forget(path: &Path) {
    if is_replaceable(path) {
        let _ = fs::remove_file(path);
    }
}

/// Whether a file is there, or nothing. A link is none: what it leads to may be a device, as of /dev/stdout.
fn is_replaceable(path: &Path) -> bool {
    fs::symlink_metadata(path).map_or(true, |found| found.is_file())
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    if !is_replaceable(path) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "something that is no file is there"));
    }
    let directory = directory_of(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = directory.join(format!(".{name}.{}", std::process::id()));
    // A leftover of a process with our number, or a link that another user has made: `create_new` follows none.
    let _ = fs::remove_file(&temporary);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let written = file
        .write_all(text.as_bytes())
        // Whatever the umask: no other user may change it.
        .and_then(|()| file.set_permissions(Permissions::from_mode(mode)))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Makes what is missing of a directory, with its mode whatever the umask is.
fn make_directories(directory: &Path) -> io::Result<()> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        make_directories(parent)?;
    }
    match fs::DirBuilder::new().mode(DIRECTORY_MODE).create(directory) {
        // Through a descriptor: where others can write above it, its name may be that of a link by now.
        Ok(()) => fs::OpenOptions::new()
            .read(true)
            .custom_flags((OFlags::DIRECTORY | OFlags::NOFOLLOW).bits().cast_signed())
            .open(directory)?
            .set_permissions(Permissions::from_mode(DIRECTORY_MODE)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_at_the_temporary_name_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (victim, path) = (directory.path().join("victim"), directory.path().join("result.json"));
        fs::write(&victim, "untouched").unwrap();
        let temporary = directory.path().join(format!(".result.json.{}", std::process::id()));
        std::os::unix::fs::symlink(&victim, &temporary).unwrap();
        replace(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert!(temporary.symlink_metadata().is_err());
    }

    #[test]
    fn what_is_no_file_is_neither_replaced_nor_removed() {
        let directory = tempfile::tempdir().unwrap();
        let (victim, link) = (directory.path().join("victim"), directory.path().join("stdout"));
        fs::write(&victim, "untouched").unwrap();
        std::os::unix::fs::symlink(&victim, &link).unwrap();
        for path in [link.as_path(), Path::new("/dev/null"), directory.path()] {
            assert!(replace(path, "new").is_err() && write_private(path, "new").is_err(), "{}", path.display());
            forget(path);
            assert!(path.symlink_metadata().is_ok_and(|found| !found.is_file()), "{}", path.display());
        }
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
    }

    #[test]
    fn a_report_is_for_its_user_alone_and_makes_no_directory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report");
        write_private(&path, "seen").unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_private(&directory.path().join("mistyped/report"), "seen").is_err());
        assert!(!directory.path().join("mistyped").exists());
    }

    #[test]
    fn a_result_that_cannot_be_written_leaves_none_of_another_run() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("result.json");
        fs::write(&path, "of another run").unwrap();
        // A directory has the temporary file's name, and is not empty.
        let temporary = directory.path().join(format!(".result.json.{}", std::process::id()));
        fs::create_dir_all(temporary.join("x")).unwrap();
        assert!(replace(&path, "new").is_err());
        assert!(!path.exists());
    }
}
