//! The kernel log: what is left to read after a reboot into the real root, or over a console that shows nothing else.
//!
//! Few lines. The kernel drops what a writer sends beyond 10 lines in 5 seconds (`printk.devkmsg=ratelimit`, its default),
//! and the line dropped must not be the last one: five phases, three warnings and the end are nine.
//!
//! Nobody reads a line twice. Where standard error is the journal, which reads the kernel's log as well, nothing is written:
//! `StandardError=journal+console` and `ForwardToConsole=` bring it to the console. Where it is a console that the kernel's log
//! is shown on, records have the priority of debugging: they stay in the log, and the console leaves them out.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::event::Event;
use super::level::Level;
use super::sink::Sink;
use super::stream;

/// The device.
const PATH: &str = "/dev/kmsg";

/// Bytes of one record's text; the kernel keeps 1024 less its own prefix (`PRINTKRB_RECORD_MAX`, kernel/printk/printk.c).
const MAX_RECORD_BYTES: usize = 900;

/// Further warnings are counted only.
const MAX_WARNINGS: usize = 3;

/// Priorities of syslog(3).
#[derive(Clone, Copy)]
enum Priority {
    Error = 3,
    Warning = 4,
    Notice = 5,
    Info = 6,
    /// Not shown on consoles (`console_loglevel`, 7 where nobody has asked for more).
    Debug = 7,
}

/// The sink that writes there.
pub struct Kmsg<W: Write = File> {
    device: W,
    warnings: usize,
    attempts: usize,
    is_shown: bool,
}

impl Kmsg<File> {
    /// The kernel log of this machine; `None` where there is none, we may not write to it, or its readers see standard error.
    pub fn open() -> Option<Self> {
        let stderr = std::io::stderr();
        if stream::is_journal(&stderr, std::env::var("JOURNAL_STREAM").ok().as_deref()) {
            return None;
        }
        let is_shown = !stream::is_kernel_console(&stderr, Path::new("/sys"));
        Some(Kmsg { is_shown, ..Self::open_at(Path::new(PATH))? })
    }

    /// Only a device: a container may have a pipe there, and opening one that has no reader, or writing to one that is full,
    /// would wait for ever.
    fn open_at(path: &Path) -> Option<Self> {
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = OpenOptions::new().write(true).custom_flags(flags.bits().cast_signed()).open(path).ok()?;
        let is_device = file.metadata().is_ok_and(|metadata| metadata.file_type().is_char_device());
        is_device.then(|| Kmsg::new(file))
    }
}

impl<W: Write> Kmsg<W> {
    /// Writes records to `device`, one `write` each.
    pub fn new(device: W) -> Self {
        Kmsg { device, warnings: 0, attempts: 0, is_shown: true }
    }

    fn record(&mut self, priority: Priority, text: &str) {
        let mut end = text.len().min(MAX_RECORD_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let priority = if self.is_shown { priority } else { Priority::Debug };
        let record = format!("<{}>kubejoin: {}\n", priority as u8, &text[..end]);
        let _ = self.device.write_all(record.as_bytes());
    }

    fn warn(&mut self, section: &str, text: &str) {
        self.warnings += 1;
        if self.warnings <= MAX_WARNINGS {
            self.record(Priority::Warning, &format!("[{section}] {text}"));
        }
    }

    /// How many warnings were kept back.
    fn more(&self) -> String {
        match self.warnings.saturating_sub(MAX_WARNINGS) {
            0 => String::new(),
            more => format!(" ({more} more warnings on the console)"),
        }
    }
}

impl<W: Write> Sink for Kmsg<W> {
    fn accept(&mut self, event: &Event<'_>) {
        match event {
            // Reminders of what is waited for come once a minute, and count anew; phases that were gone through stay said.
            Event::AttemptStarted => (self.warnings, self.attempts) = (0, self.attempts.saturating_add(1)),
            Event::PhaseStarted(_) if self.attempts > 1 => {}
            Event::PhaseStarted(phase) => self.record(Priority::Info, phase),
            Event::Line { level: Level::Warning, section, text, .. } => self.warn(section, text),
            Event::Finding { section, finding } => self.warn(section, &finding.to_string()),
            Event::Failed { code, message, hint, .. } => {
                let status = code.class.exit_status();
                let text = format!("failed: {} (exit {status}): {message}; next: {hint}{}", code.name, self.more());
                self.record(Priority::Error, &text);
            }
            Event::Done { outcome, facts, .. } => {
                let facts: String = facts
                    .iter()
                    // Lists are for files: those of a dry run have no place in the kernel's log.
                    .filter(|(_, value)| !value.is_null() && !value.is_array() && !value.is_object())
                    .map(|(key, value)| {
                        format!(" {key}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                    })
                    .collect();
                let text = format!("{outcome}{facts}{}", self.more());
                self.record(Priority::Notice, &text);
            }
            Event::PhaseEnded(..) | Event::Line { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_console_that_shows_standard_error_the_log_is_silent() {
        let mut written = Vec::new();
        let mut kmsg = Kmsg { is_shown: false, ..Kmsg::new(&mut written) };
        kmsg.accept(&Event::PhaseStarted("preflight"));
        kmsg.accept(&Event::Done { outcome: "joined", facts: &[], text: "" });
        assert_eq!(String::from_utf8(written).unwrap(), "<7>kubejoin: preflight\n<7>kubejoin: joined\n");
    }

    #[test]
    fn only_a_device_is_written_to_and_nothing_waits() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        assert!(Kmsg::open_at(&pipe).is_none(), "a pipe without a reader");
        let _reader = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
        assert!(Kmsg::open_at(&pipe).is_none(), "a pipe with a reader");
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(Kmsg::open_at(&file).is_none(), "a regular file");
        assert!(Kmsg::open_at(&directory.path().join("missing")).is_none());
        assert!(Kmsg::open_at(Path::new("/dev/null")).is_some());
    }
}
