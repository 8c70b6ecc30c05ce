//! The table: every text and value whose meaning in Go is known.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use kubejoin::for_tests::yaml;

use crate::deltas::{self, Here};

#[derive(Deserialize)]
struct Answer {
    name: String,
    #[serde(default, deserialize_with = "present")]
    json: Option<Value>,
    #[serde(default)]
    strict: bool,
    yaml: Option<String>,
    #[serde(default)]
    error: bool,
}

/// A null that is there is an answer too.
fn present<'de, D: serde::Deserializer<'de>>(json: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(json).map(Some)
}

fn golden() -> HashMap<String, Answer> {
    let lines = include_str!("golden.jsonl").lines();
    let answers = lines.map(|line| serde_json::from_str::<Answer>(line).expect(line));
    answers.map(|answer| (answer.name.clone(), answer)).collect()
}

/// The texts of `cases.txt`; `⟨\r⟩` and the like stand for what an editor would not keep, `⟨cut⟩` takes away the end of its line.
pub fn cases() -> Vec<(&'static str, String)> {
    let parts = include_str!("cases.txt").split("=== ").skip(1);
    parts
        .map(|part| part.split_once('\n').expect(part))
        .map(|(name, text)| (name, unescape(&text.replace("⟨cut⟩\n", ""))))
        .collect()
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    for (number, part) in text.split('⟨').enumerate() {
        match part.split_once('⟩') {
            Some((escaped, after)) if number > 0 => {
                out.push_str(&serde_json::from_str::<String>(&format!("\"{escaped}\"")).expect(escaped));
                out.push_str(after);
            }
            _ => out.push_str(part),
        }
    }
    out
}

/// The first document, as Go reads a text.
fn first(text: &str) -> Result<yaml::Document, yaml::YamlError> {
    let mut documents = yaml::parse(text)?;
    if documents.is_empty() { yaml::parse_one(text) } else { Ok(documents.remove(0)) }
}

#[test]
fn reads_what_go_reads() {
    let golden = golden();
    let mut unused: Vec<&str> = deltas::READING.iter().map(|(name, ..)| *name).collect();
    let mut wrong = Vec::new();
    for (name, text) in cases() {
        let go = &golden[name];
        let ours = first(&text);
        let delta = deltas::READING.iter().find(|(delta, ..)| *delta == name).map(|(_, here, _)| here);
        let expected: Option<Value> = match (delta, &go.json) {
            (Some(Here::Refused), _) => None,
            (Some(Here::Read(json)), _) => Some(serde_json::from_str(json).expect(name)),
            (None, Some(json)) => Some(json.clone()),
            (None, None) => None,
        };
        let matches_go = match (&ours, &go.json) {
            (Ok(document), Some(json)) => document.value == *json && document.duplicates.is_empty() == go.strict,
            (Err(_), None) => go.error,
            _ => false,
        };
        if delta.is_some() && !matches_go {
            unused.retain(|unused| *unused != name);
        }
        let right = match (&ours, &expected) {
            (Ok(document), Some(expected)) => {
                document.value == *expected && (delta.is_some() || document.duplicates.is_empty() == go.strict)
            }
            (Err(_), None) => true,
            _ => false,
        };
        if !right {
            let ours = ours.map(|document| (document.value.to_string(), document.duplicates));
            let go = go.json.as_ref().map(Value::to_string);
            wrong.push(format!("{name}\n   go {go:?}\n here {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(unused.is_empty(), "rows of deltas.rs that nothing needs: {unused:?}");
}

#[test]
fn writes_what_go_writes_and_reads_it_back() {
    let golden = golden();
    let mut unused: Vec<&str> = deltas::WRITING.iter().map(|(json, ..)| *json).collect();
    let mut wrong = Vec::new();
    for json in include_str!("values.jsonl").lines() {
        let value: Value = serde_json::from_str(json).expect(json);
        let ours = yaml::to_string(&value);
        let go = golden[json].yaml.as_deref();
        let delta = deltas::WRITING.iter().find(|(delta, ..)| *delta == json).map(|(_, text, _)| *text);
        if delta.is_some() && Some(&*ours) != go {
            unused.retain(|unused| *unused != json);
        }
        if Some(&*ours) != delta.or(go) {
            wrong.push(format!("{json}\n   go {go:?}\n here {ours:?}"));
        }
        match yaml::parse_one(&ours) {
            Ok(back) if same(&back.value, &value) && back.duplicates.is_empty() => {}
            back => wrong.push(format!("{json}\n here {ours:?}\n back {:?}", back.map(|back| back.value))),
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(unused.is_empty(), "rows of deltas.rs that nothing needs: {unused:?}");
}

/// Equal as Go sees it: a whole float is the integer. The last digit of a float is serde_json's choice: it reads Go's
/// answers fast, not exactly.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (x, y) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            a == b || (a.is_f64() || b.is_f64()) && (x - y).abs() <= x.abs() * 1e-15
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}
