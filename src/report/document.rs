//! For the program that waits for the end: `--output=json`, one JSON document on stdout, and nothing else there.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::event::Event;
use super::fields;
use super::sink::Sink;

/// The sink.
pub struct Document {
    writer: Box<dyn Write>,
    findings: Vec<Value>,
}

impl Document {
    /// Writes to `writer`.
    pub fn new(writer: Box<dyn Write>) -> Self {
        Document { writer, findings: Vec::new() }
    }

    fn print(&mut self, mut fields: Map<String, Value>) {
        fields.insert("findings".to_owned(), Value::Array(std::mem::take(&mut self.findings)));
        // A reader that has gone away is no error.
        let _ = self.writer.write_all(format!("{:#}\n", Value::Object(fields)).as_bytes());
        let _ = self.writer.flush();
    }
}

impl Sink for Document {
    fn accept(&mut self, event: &Event<'_>) {
        match event {
            Event::Finding { finding, .. } => fields::keep(&mut self.findings, finding),
            Event::Done { outcome, facts, .. } => {
                let mut document: Map<_, _> =
                    facts.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
                document.extend(fields::object([("outcome", json!(outcome)), ("exit", json!(0))]));
                self.print(document);
            }
            Event::Failed { code, message, hint, findings, facts } => {
                findings.iter().for_each(|finding| fields::keep(&mut self.findings, finding));
                let mut document = fields::failure(code, hint);
                document.insert("message".to_owned(), json!(message));
                document.extend(facts.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
                self.print(document);
            }
            Event::AttemptStarted | Event::PhaseStarted(_) | Event::PhaseEnded(..) | Event::Line { .. } => {}
        }
    }
}
