//! For the program that reads along: `--logging-format=json`, one object per line.
//!
//! Always there: `ms` (milliseconds since the report began; no wall clock, which may say 1970), `level`, `msg`. Where they
//! apply: `phase`, `code`, `v` of a debug line, `took_ms` of a phase's end, and at the end `outcome` and what belongs to it.

use std::io::Write;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::{Event, Level, Sink};

/// The sink.
pub struct JsonLines {
    writer: Box<dyn Write>,
    verbosity: u8,
    since: Instant,
}

impl JsonLines {
    /// Writes to `writer`; debug lines up to `verbosity`.
    pub fn new(writer: Box<dyn Write>, verbosity: u8) -> Self {
        JsonLines { writer, verbosity, since: Instant::now() }
    }
}

impl Sink for JsonLines {
    fn accept(&mut self, event: &Event<'_>) {
        let fields = match event {
            Event::PhaseStarted(phase) => {
                json!({"level": "info", "phase": phase, "event": "phase-started", "msg": "phase started"})
            }
            Event::PhaseEnded(phase, took) => json!({
                "level": "info", "phase": phase, "event": "phase-ended", "msg": "phase ended",
                "took_ms": whole_ms(*took),
            }),
            Event::Line { level: Level::Debug(at_least), section, text, .. } => {
                if *at_least > self.verbosity {
                    return;
                }
                json!({"level": "debug", "v": at_least, "phase": section, "msg": text})
            }
            Event::Line { level: Level::Info, section, text, .. } => {
                json!({"level": "info", "phase": section, "msg": text})
            }
            Event::Line { level: Level::Warning, section, code, text } => match code {
                Some(code) => json!({"level": "warning", "phase": section, "code": code.name, "msg": text}),
                None => json!({"level": "warning", "phase": section, "msg": text}),
            },
            Event::Failed { code, message, hint } => json!({
                "level": "error", "outcome": "failed", "code": code.name, "class": code.class.name(),
                "exit": code.class.exit_status(), "msg": message, "hint": hint,
            }),
            Event::Done { outcome, facts, text } => {
                let facts: Map<String, Value> = facts.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
                json!({"level": "info", "outcome": outcome, "exit": 0, "facts": facts, "msg": text})
            }
        };
        let mut line = Map::from_iter([("ms".to_owned(), json!(whole_ms(self.since.elapsed())))]);
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        let _ = self.writer.write_all(format!("{}\n", Value::Object(line)).as_bytes());
        let _ = self.writer.flush();
    }
}

/// A duration as programs get it.
pub(super) fn whole_ms(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
