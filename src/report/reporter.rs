//! What rooms emit into.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cluster_api::ClusterApi;
use super::console::Console;
use super::document::Document;
use super::event::Event;
use super::json::JsonLines;
use super::kmsg::Kmsg;
use super::level::Level;
use super::notify::Notify;
use super::options::ReportOptions;
use super::outgoing::Outgoing;
use super::result::ResultFile;
use super::sink::Sink;
use crate::error::{Code, Explain, Finding, codes};
use crate::retry::{FOR_EVER, Pause};
use crate::secret::Secret;
use crate::values::duration;

/// How often the same reason for waiting is repeated.
const RETRY_REMINDER: Duration = Duration::from_secs(60);

/// When more lines have been shown, all are forgotten: an attempt has a dozen.
const MAX_LINES_REMEMBERED: usize = 1000;

/// More warnings of one kind are only counted.
const MAX_WARNINGS_OF_A_KIND: usize = 10;

/// What is waited for.
struct Waiting {
    /// The error of the last attempt.
    text: String,
    /// Since when it has been this one.
    since: Instant,
    /// When it was reported.
    reported: Instant,
}

/// The one thing that rooms emit into.
pub struct Report {
    sinks: RefCell<Vec<Box<dyn Sink>>>,
    outgoing: Outgoing,
    phase: RefCell<Option<(&'static str, Instant)>>,
    latest_section: Cell<&'static str>,
    /// What is waited for.
    retrying: RefCell<Option<Waiting>>,
    /// Hashes of the lines that were shown, where the whole run is made of attempts.
    shown: RefCell<Option<BTreeSet<u64>>>,
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
            shown: RefCell::default(),
        }
    }

    /// The report of the real program: result and kernel log where there is a place for the result, the document where one
    /// is asked for, and lines for people or programs.
    pub fn standard(options: &ReportOptions) -> Self {
        let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
        if let Some(path) = &options.result {
            sinks.push(Box::new(ResultFile::new(path, options.verb)));
            sinks.extend(Kmsg::open().map(|kmsg| Box::new(kmsg) as Box<dyn Sink>));
        }
        sinks.extend(options.cluster_api.iter().map(|path| Box::new(ClusterApi::new(path)) as Box<dyn Sink>));
        let notify = options.notify.as_deref().and_then(Notify::to);
        sinks.extend(notify.map(|notify| Box::new(notify) as Box<dyn Sink>));
        if options.document {
            sinks.push(Box::new(Document::new(Box::new(std::io::stdout()))));
        }
        // Last, so that the end is on the screen only when the others have it.
        sinks.push(match (options.json, options.document) {
            (true, document) => Box::new(JsonLines::stderr(options.verbosity, document)),
            (false, document) => Box::new(Console::stdio(options.verbosity, options.colour, document)),
        });
        Report::new(sinks)
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
        self.news(Level::Info, section.into(), None, &text.to_string());
    }

    /// One line shown from `-v LEVEL` on.
    pub fn debug(&self, level: u8, section: impl Into<&'static str>, text: impl Display) {
        self.line(Level::Debug(level), section.into(), None, &text.to_string(), None);
    }

    /// One line that the user should know; the run goes on.
    pub fn warn(&self, section: impl Into<&'static str>, code: Option<&'static Code>, text: impl Display) {
        self.news(Level::Warning, section.into(), code, &text.to_string());
    }

    /// A line that is shown once.
    fn news(&self, level: Level, section: &'static str, code: Option<&'static Code>, text: &str) {
        let level = if self.is_repeated(section, text) { Level::Debug(1) } else { level };
        self.line(level, section, code, text, None);
    }

    /// Warnings of one kind that a file or a directory gives rise to: the first few, and how many more there are.
    pub fn warn_each(&self, section: impl Into<&'static str>, warnings: &[impl Display]) {
        let section = section.into();
        for warning in warnings.iter().take(MAX_WARNINGS_OF_A_KIND) {
            self.warn(section, None, warning);
        }
        if let Some(more) = warnings.len().checked_sub(MAX_WARNINGS_OF_A_KIND).filter(|more| *more > 0) {
            self.warn(section, None, format_args!("{more} more warnings like this"));
        }
    }

    /// What a check found, where that does not end the run.
    pub fn finding(&self, section: impl Into<&'static str>, finding: &Finding) {
        let section = section.into();
        if self.is_repeated(section, &finding.to_string()) {
            return self.line(Level::Debug(1), section, finding.code, &finding.to_string(), None);
        }
        self.emit(&Event::Finding { section, finding: &self.clean_finding(finding) });
    }

    /// An attempt failed and is made again after `pause`. Reported when it is news, and once a minute while it stays the
    /// same, with how long it has been waited for and the time that is left: a control plane that is an hour late must not
    /// scroll the reason off the console.
    pub fn retrying(&self, section: impl Into<&'static str>, error: &dyn Explain, pause: Pause) {
        let text = error.to_string();
        let mut retrying = self.retrying.borrow_mut();
        let now = Instant::now();
        let before = retrying.take().filter(|before| before.text == text);
        let is_news = before.as_ref().is_none_or(|before| before.reported.elapsed() >= RETRY_REMINDER);
        let since = before.as_ref().map_or(now, |before| before.since);
        let reported = before.filter(|_| !is_news).map_or(now, |before| before.reported);
        let mut line = format!("{text}; trying again in {:.1} s", pause.length.as_secs_f32());
        if pause.left < FOR_EVER / 2 {
            let left = Duration::from_secs(pause.left.as_secs_f64().ceil() as u64);
            line = format!("{line}, for {} at most", duration::format(left));
        }
        if since.elapsed() >= RETRY_REMINDER {
            line = format!("{line}; waiting for {}", duration::format(Duration::from_secs(since.elapsed().as_secs())));
        }
        let level = if is_news { Level::Warning } else { Level::Debug(1) };
        self.line(level, section.into(), Some(error.code()), &line, Some(&text));
        *retrying = Some(Waiting { text, since, reported });
    }

    /// The whole run begins, perhaps anew after an attempt that came to nothing. From now on what is said again in the same
    /// words is a debug line.
    pub fn begin_attempt(&self) {
        self.shown.borrow_mut().get_or_insert_default();
        self.phase.borrow_mut().take();
        self.emit(&Event::AttemptStarted);
    }

    /// Whether a line of an attempt was shown by an earlier one; remembers it.
    fn is_repeated(&self, section: &str, text: &str) -> bool {
        let mut shown = self.shown.borrow_mut();
        let Some(shown) = shown.as_mut() else { return false };
        if shown.len() >= MAX_LINES_REMEMBERED {
            shown.clear();
        }
        let mut hasher = DefaultHasher::new();
        (section, text).hash(&mut hasher);
        !shown.insert(hasher.finish())
    }

    /// The end, badly. Emitted once, by `commands`.
    pub fn failed(&self, error: &dyn Explain) {
        self.end_phase();
        let message = self.outgoing.line(&error.to_string());
        let hint = self.outgoing.line(&error.hint());
        let findings: Vec<_> = error.findings().iter().map(|finding| self.clean_finding(finding)).collect();
        let facts = self.clean_facts(&error.facts());
        let (code, facts) = (error.code(), facts.as_slice());
        self.emit(&Event::Failed { code, message: &message, hint: &hint, findings: &findings, facts });
        self.report_write_errors();
    }

    /// The end, well. `text` may be of several lines.
    pub fn done(&self, outcome: &'static str, facts: &[(&'static str, Value)], text: &str) {
        self.end_phase();
        let facts = self.clean_facts(facts);
        let text = self.outgoing.block(text);
        self.emit(&Event::Done { outcome, facts: &facts, text: &text });
        self.report_write_errors();
    }

    fn clean_facts(&self, facts: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
        facts.iter().map(|(key, value)| (*key, self.clean(value, false))).collect()
    }

    /// A line for another place than a sink, as a sink would get it.
    pub fn redacted(&self, text: &str) -> String {
        self.outgoing.line(text)
    }

    /// A fact that may be shown. Texts inside of lists and objects may be files, of several lines.
    fn clean(&self, value: &Value, inside: bool) -> Value {
        match value {
            Value::String(text) if inside => {
                let end = if text.ends_with('\n') { "\n" } else { "" };
                (self.outgoing.block(text) + end).into()
            }
            Value::String(text) => self.outgoing.fact(text).into(),
            Value::Array(items) => items.iter().map(|item| self.clean(item, true)).collect(),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(key, value)| (key.clone(), self.clean(value, true))).collect())
            }
            other => other.clone(),
        }
    }

    fn clean_finding(&self, finding: &Finding) -> Finding {
        Finding {
            check: self.outgoing.line(&finding.check),
            severity: finding.severity,
            message: self.outgoing.line(&finding.message),
            hint: finding.hint.as_ref().map(|hint| self.outgoing.line(hint)),
            code: finding.code,
        }
    }

    fn end_phase(&self) {
        let ended = self.phase.borrow_mut().take();
        if let Some((phase, since)) = ended {
            self.emit(&Event::PhaseEnded(phase, since.elapsed()));
        }
    }

    fn line(&self, level: Level, section: &'static str, code: Option<&'static Code>, text: &str, reason: Option<&str>) {
        let (text, reason) = (self.outgoing.line(text), reason.map(|reason| self.outgoing.line(reason)));
        self.emit(&Event::Line { level, section, code, text: &text, reason: reason.as_deref() });
    }

    fn report_write_errors(&self) {
        let errors: Vec<String> = self.sinks.borrow().iter().filter_map(|sink| sink.write_error()).collect();
        let section = self.latest_section.get();
        for error in errors {
            self.line(Level::Warning, section, Some(&codes::REPORT_RESULT_NOT_WRITTEN), &error, None);
        }
    }

    fn emit(&self, event: &Event<'_>) {
        for sink in self.sinks.borrow_mut().iter_mut() {
            sink.accept(event);
        }
    }
}
