//! For the program that waits for the end: `--output=json`, one JSON document on stdout, and nothing else there.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::{Event, Sink};

/// The sink.
pub struct Document {
    writer: Box<dyn Write>,
}

impl Document {
    /// Writes to `writer`.
    pub fn new(writer: Box<dyn Write>) -> Self {
        Document { writer }
    }
}

impl Sink for Document {
    fn accept(&mut self, event: &Event<'_>) {
        let document = match event {
            Event::Done { outcome, facts, .. } => {
                let facts = facts.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
                let end = [("outcome".to_owned(), json!(outcome)), ("exit".to_owned(), json!(0))];
                Value::Object(facts.chain(end).collect::<Map<_, _>>())
            }
            Event::Failed { code, message, hint } => json!({
                "outcome": "failed", "code": code.name, "class": code.class.name(), "exit": code.class.exit_status(),
                "message": message, "hint": hint,
            }),
            Event::PhaseStarted(_) | Event::PhaseEnded(..) | Event::Line { .. } => return,
        };
        let _ = self.writer.write_all(format!("{document:#}\n").as_bytes());
        let _ = self.writer.flush();
    }
}
