//! For the program that reads along: `--logging-format=json`, one object per line.
//!
//! Always there: `ms` (milliseconds since the report began; no wall clock, which may say 1970), `level`, `msg`. Where they
//! apply: `phase`, `code`, `v` of a debug line, `findings` of checks, `took_ms` of a phase's end, and at the end `outcome` and
//! what belongs to it.

use std::io::Write;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::event::Event;
use super::fields::{self, object, whole_ms};
use super::level::Level;
use super::sink::Sink;

/// The sink.
pub struct JsonLines {
    writer: Box<dyn Write>,
    verbosity: u8,
    since: Instant,
    /// The last line has the facts of the end.
    has_facts: bool,
}

impl JsonLines {
    /// Writes to `writer`; debug lines up to `verbosity`.
    pub fn new(writer: Box<dyn Write>, verbosity: u8) -> Self {
        JsonLines { writer, verbosity, since: Instant::now(), has_facts: true }
    }

    /// Standard error; without the facts of the end where a document on standard output has them.
    pub fn stderr(verbosity: u8, document: bool) -> Self {
        JsonLines { has_facts: !document, ..JsonLines::new(Box::new(std::io::stderr()), verbosity) }
    }
}

impl Sink for JsonLines {
    fn accept(&mut self, event: &Event<'_>) {
        let fields = match event {
            Event::AttemptStarted => return,
            Event::PhaseStarted(phase) => object([
                ("level", "info".into()),
                ("phase", json!(phase)),
                ("event", "phase-started".into()),
                ("msg", "phase started".into()),
            ]),
            Event::PhaseEnded(phase, took) => object([
                ("level", "info".into()),
                ("phase", json!(phase)),
                ("event", "phase-ended".into()),
                ("msg", "phase ended".into()),
                ("took_ms", json!(whole_ms(*took))),
            ]),
            Event::Line { level: Level::Debug(at_least), section, text, .. } => {
                if *at_least > self.verbosity {
                    return;
                }
                let mut fields = line("debug", section, text);
                fields.insert("v".to_owned(), json!(at_least));
                fields
            }
            Event::Line { level: Level::Info, section, text, .. } => line("info", section, text),
            Event::Line { level: Level::Warning, section, code, text, .. } => {
                let mut fields = line("warning", section, text);
                fields.extend(code.map(|code| ("code".to_owned(), json!(code.name))));
                fields
            }
            Event::Finding { section, finding } => {
                let mut fields = line("warning", section, &finding.to_string());
                fields.insert("findings".to_owned(), json!([fields::finding(finding)]));
                fields
            }
            Event::Failed { code, message, hint, findings, .. } => {
                let mut fields = fields::failure(code, hint);
                fields.extend(object([("level", "error".into()), ("msg", json!(message))]));
                if !findings.is_empty() {
                    fields.insert("findings".to_owned(), findings.iter().map(fields::finding).collect());
                }
                fields
            }
            Event::Done { outcome, facts, text } => {
                let mut fields = object([("level", "info".into()), ("outcome", json!(outcome)), ("exit", json!(0))]);
                if self.has_facts {
                    let facts: Map<String, Value> = facts.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
                    fields.extend(object([("facts", Value::Object(facts)), ("msg", json!(text))]));
                } else {
                    fields.insert("msg".to_owned(), json!(outcome));
                }
                fields
            }
        };
        let mut line = object([("ms", json!(whole_ms(self.since.elapsed())))]);
        line.extend(fields);
        let _ = self.writer.write_all(format!("{}\n", Value::Object(line)).as_bytes());
        let _ = self.writer.flush();
    }
}

fn line(level: &str, section: &str, text: &str) -> Map<String, Value> {
    object([("level", json!(level)), ("phase", json!(section)), ("msg", json!(text))])
}
