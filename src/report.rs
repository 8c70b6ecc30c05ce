//! Events and their sinks. Everyone may emit; nobody prints.
//!
//! [`Console`], [`Kmsg`] (`/dev/kmsg`), [`JsonLines`], and always [`ResultFile`] (`result.json`). [`Report`] passes every text through
//! [`outgoing`] before any sink sees it: registered secrets are gone by then, and control characters escaped. A sink
//! decides form and place alone. Not in here: exit statuses (`main`), and what is worth saying (the rooms).

pub mod console;
pub mod document;
pub mod json;
pub mod kmsg;
pub mod outgoing;
pub mod result;

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::error::{Code, Explain, codes};
use crate::secret::Secret;

pub use console::Console;
pub use document::Document;
pub use json::JsonLines;
pub use kmsg::Kmsg;
use outgoing::Outgoing;
pub use result::ResultFile;

/// How often the same reason for waiting is repeated.
const REMINDER: Duration = Duration::from_secs(60);

/// How loud a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Shown at `-v` of at least this number.
    Debug(u8),
    /// What kubeadm prints without `-v`.
    Info,
    /// Something the user should know; the join goes on.
    Warning,
}

/// Something that happened, as the sinks see it. Texts have been through [`outgoing`].
#[derive(Debug)]
pub enum Event<'a> {
    /// A phase began.
    PhaseStarted(&'static str),
    /// A phase ended after this long.
    PhaseEnded(&'static str, Duration),
    /// One line of text.
    Line {
        /// How loud.
        level: Level,
        /// What it belongs to, such as a phase; printed in brackets.
        section: &'static str,
        /// A stable code where the line is a warning that programs may want to match.
        code: Option<&'static Code>,
        /// The line, without the prefix.
        text: &'a str,
    },
    /// The end, badly.
    Failed {
        /// The stable code.
        code: &'static Code,
        /// The one line.
        message: &'a str,
        /// The next step.
        hint: &'a str,
    },
    /// The end, well: a closing text of several lines.
    Done {
        /// Outcome in `result.json`: `joined`, `already-joined`, `dry-run`, `phase-done`.
        outcome: &'static str,
        /// Facts for programs: node name, server, csr name ... as key and value.
        facts: &'a [(&'static str, Value)],
        /// What the console shows.
        text: &'a str,
    },
}

/// Where events end up.
pub trait Sink {
    /// Takes one event. A sink that fails stays silent: reporting never fails a join.
    fn accept(&mut self, event: &Event<'_>);

    /// What went wrong with a sink that somebody counts on; asked once, after the end, and told to the other sinks.
    fn trouble(&self) -> Option<String> {
        None
    }
}

/// The one thing that rooms emit into.
pub struct Report {
    sinks: RefCell<Vec<Box<dyn Sink>>>,
    outgoing: Outgoing,
    phase: RefCell<Option<(&'static str, Instant)>>,
    latest_section: Cell<&'static str>,
    /// The last error that was said to be tried again after, and when.
    retrying: RefCell<Option<(String, Instant)>>,
}

/// How the user wants to be told: `--logging-format`, `-v`, `NO_COLOR`.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// `-v`: debug lines up to this level are shown.
    pub verbosity: u8,
    /// `--logging-format=json`: JSON lines on stderr instead of the console's text.
    pub json: bool,
    /// `--output=json`: the end, and nothing else, as one JSON document on stdout.
    pub document: bool,
    /// `NO_COLOR` is set and not empty (no-color.org).
    pub no_color: bool,
    /// Where the result is left; [`result::PATH`] outside of tests.
    pub result: PathBuf,
}

impl Default for ReportOptions {
    fn default() -> Self {
        ReportOptions {
            verbosity: 0,
            json: false,
            document: false,
            no_color: false,
            result: PathBuf::from(result::PATH),
        }
    }
}

impl Report {
    /// A report that feeds these sinks.
    pub fn new(sinks: Vec<Box<dyn Sink>>) -> Self {
        Report {
            sinks: RefCell::new(sinks),
            outgoing: Outgoing::default(),
            phase: RefCell::default(),
            latest_section: Cell::new("kubejoin"),
            retrying: RefCell::default(),
        }
    }

    /// The report of the real program: console or JSON lines, the kernel log where there is one, and the result.
    pub fn standard(wish: &ReportOptions) -> Self {
        let mut sinks: Vec<Box<dyn Sink>> = vec![Box::new(ResultFile::new(&wish.result))];
        if let Some(kmsg) = Kmsg::open() {
            sinks.push(Box::new(kmsg));
        }
        if wish.document {
            sinks.push(Box::new(Document::new(Box::new(std::io::stdout()))));
        }
        // Last, so that the end is on the screen only when the others have it.
        if wish.json || wish.document {
            sinks.push(Box::new(JsonLines::new(Box::new(std::io::stderr()), wish.verbosity)));
        } else {
            sinks.push(Box::new(Console::stdio(wish.verbosity, wish.no_color)));
        }
        Report::new(sinks)
    }

    /// The report of a verb that leaves no result: the console alone.
    pub fn for_console(no_color: bool) -> Self {
        Report::new(vec![Box::new(Console::stdio(0, no_color))])
    }

    /// Registers text that no sink may ever show.
    pub fn conceal(&self, secret: &Secret) {
        self.outgoing.conceal(secret);
    }

    /// Begins a phase; the one before it ends. Beginning the current phase again changes nothing.
    pub fn phase(&self, phase: impl Into<&'static str>) {
        let phase = phase.into();
        if self.phase.borrow().is_some_and(|(current, _)| current == phase) {
            return;
        }
        self.end_phase();
        *self.phase.borrow_mut() = Some((phase, Instant::now()));
        self.latest_section.set(phase);
        self.emit(&Event::PhaseStarted(phase));
    }

    /// One line of what is going on, as kubeadm prints it.
    pub fn info(&self, section: impl Into<&'static str>, text: impl Display) {
        self.say(Level::Info, section.into(), None, &text.to_string());
    }

    /// One line shown from `-v LEVEL` on.
    pub fn debug(&self, level: u8, section: impl Into<&'static str>, text: impl Display) {
        self.say(Level::Debug(level), section.into(), None, &text.to_string());
    }

    /// One line that the user should know; the join goes on.
    pub fn warn(&self, section: impl Into<&'static str>, code: Option<&'static Code>, text: impl Display) {
        self.say(Level::Warning, section.into(), code, &text.to_string());
    }

    /// An attempt failed and is made again after `pause`. Said when it is news, and once a minute while it stays the same: a
    /// control plane that is an hour late must not scroll the reason off the console.
    pub fn retrying(&self, section: impl Into<&'static str>, error: &dyn Explain, pause: Duration) {
        let text = error.to_string();
        let is_news = match &*self.retrying.borrow() {
            Some((said, when)) => *said != text || when.elapsed() >= REMINDER,
            None => true,
        };
        let section = section.into();
        let line = format!("{text}; trying again in {:.1} s", pause.as_secs_f32());
        if is_news {
            self.say(Level::Warning, section, Some(error.code()), &line);
            *self.retrying.borrow_mut() = Some((text, Instant::now()));
        } else {
            self.say(Level::Debug(1), section, Some(error.code()), &line);
        }
    }

    /// The end, badly. Emitted once, by `main`.
    pub fn failed(&self, error: &dyn Explain) {
        self.end_phase();
        let message = self.outgoing.line(&error.to_string());
        let hint = self.outgoing.line(&error.hint());
        self.emit(&Event::Failed { code: error.code(), message: &message, hint: &hint });
        self.tell_trouble();
    }

    /// The end, well. `text` may be of several lines.
    pub fn done(&self, outcome: &'static str, facts: &[(&'static str, Value)], text: &str) {
        self.end_phase();
        let facts: Vec<_> = facts.iter().map(|(key, value)| (*key, self.clean(value, false))).collect();
        let text = self.outgoing.block(text);
        self.emit(&Event::Done { outcome, facts: &facts, text: &text });
        self.tell_trouble();
    }

    /// A fact that may be shown. Texts inside of lists and objects may be files, of several lines.
    fn clean(&self, value: &Value, inside: bool) -> Value {
        match value {
            Value::String(text) if inside => {
                let end = if text.ends_with('\n') { "\n" } else { "" };
                (self.outgoing.block(text) + end).into()
            }
            Value::String(text) => self.outgoing.line(text).into(),
            Value::Array(items) => items.iter().map(|item| self.clean(item, true)).collect(),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(key, value)| (key.clone(), self.clean(value, true))).collect())
            }
            other => other.clone(),
        }
    }

    fn end_phase(&self) {
        let ended = self.phase.borrow_mut().take();
        if let Some((phase, since)) = ended {
            self.emit(&Event::PhaseEnded(phase, since.elapsed()));
        }
    }

    fn say(&self, level: Level, section: &'static str, code: Option<&'static Code>, text: &str) {
        let text = self.outgoing.line(text);
        self.emit(&Event::Line { level, section, code, text: &text });
    }

    fn tell_trouble(&self) {
        let troubles: Vec<String> = self.sinks.borrow().iter().filter_map(|sink| sink.trouble()).collect();
        let section = self.latest_section.get();
        for trouble in troubles {
            self.say(Level::Warning, section, Some(&codes::REPORT_RESULT_NOT_WRITTEN), &trouble);
        }
    }

    fn emit(&self, event: &Event<'_>) {
        for sink in self.sinks.borrow_mut().iter_mut() {
            sink.accept(event);
        }
    }
}

#[cfg(test)]
mod tests;
