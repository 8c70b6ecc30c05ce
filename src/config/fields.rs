//! Walking a decoded document: types are checked, unknown fields become warnings, everything remembers its line.
//!
//! The rules are those of Go's JSON decoder as kubeadm uses it: names are case-sensitive, null is as good as absent, and
//! a value of another type is an error, a number for a string too.

use serde_json::{Map, Value};

use super::findings::Findings;
use super::origin::{Origin, WithOrigin};
use super::problem::Problem;
use super::warning::Warning;
use crate::secret::Secret;
use crate::values::duration::{self, DurationError};
use crate::values::nearest;
use crate::yaml::Document;

use std::time::Duration;

/// How many unknown fields are named; a file of another program would fill the console.
const MAX_UNKNOWN: usize = 20;

/// One document being read, and what was found wrong so far.
pub(super) struct Reader<'a> {
    document: &'a Document,
    pub(super) findings: Findings,
    /// Fields of an old version: where they stood, and what they are today.
    pub(super) moved: Vec<(Origin, &'static str)>,
    unknown: usize,
}

/// The fields of one object.
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
    known: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        let mut reader = Reader { document, findings: Findings::default(), moved: Vec::new(), unknown: 0 };
        for duplicate in &document.duplicates {
            let (path, line) = (duplicate.path.clone(), duplicate.line);
            reader.findings.warnings.push(Warning::DuplicateField(Origin::Field { path, line }));
        }
        reader
    }

    /// The document itself.
    pub(super) fn root(&mut self, known: &[&str]) -> Option<Fields<'a>> {
        let document = self.document;
        self.fields(&document.value, String::new(), known)
    }

    /// An object below; fields that are not `known` become warnings.
    pub(super) fn object(&mut self, of: &Fields<'a>, name: &str, known: &[&str]) -> Option<Fields<'a>> {
        let value = present(of, name)?;
        self.fields(value, of.child(name), known)
    }

    pub(super) fn string(&mut self, of: &Fields<'a>, name: &str) -> Option<WithOrigin<String>> {
        let value = present(of, name)?;
        self.text(value, of.child(name))
    }

    /// A string that is a secret; an empty one is as good as absent, as in kubeadm.
    pub(super) fn secret(&mut self, of: &Fields<'a>, name: &str) -> Option<WithOrigin<Secret>> {
        let WithOrigin { value, origin } = self.string(of, name)?;
        (!value.is_empty()).then(|| WithOrigin::new(Secret::new(value), origin))
    }

    pub(super) fn boolean(&mut self, of: &Fields<'a>, name: &str) -> Option<bool> {
        let value = present(of, name)?;
        let Value::Bool(value) = value else {
            self.wrong_type(of.child(name), "a boolean", value);
            return None;
        };
        Some(*value)
    }

    /// An `int32` of Go.
    pub(super) fn integer(&mut self, of: &Fields<'a>, name: &str) -> Option<WithOrigin<i32>> {
        let value = present(of, name)?;
        let Some(number) = value.as_i64().and_then(|number| i32::try_from(number).ok()) else {
            self.wrong_type(of.child(name), "a whole number", value);
            return None;
        };
        Some(WithOrigin::new(number, self.origin(of.child(name))))
    }

    pub(super) fn duration(&mut self, of: &Fields<'a>, name: &str) -> Option<Duration> {
        if let Some(Value::Number(number)) = present(of, name) {
            let error = DurationError { text: number.to_string(), reason: duration::Reason::NoUnit };
            let origin = self.origin(of.child(name));
            self.findings.problems.push(Problem::Duration(origin, error));
            return None;
        }
        let WithOrigin { value, origin } = self.string(of, name)?;
        match duration::parse(&value) {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.findings.problems.push(Problem::Duration(origin, error));
                None
            }
        }
    }

    /// The items of a list, with their paths; `None` where there is no list.
    pub(super) fn items(&mut self, of: &Fields<'a>, name: &str) -> Option<Vec<(&'a Value, String)>> {
        let value = present(of, name)?;
        let Value::Array(items) = value else {
            self.wrong_type(of.child(name), "a list", value);
            return None;
        };
        let path = of.child(name);
        Some(items.iter().enumerate().map(|(index, item)| (item, format!("{path}[{index}]"))).collect())
    }

    pub(super) fn strings(&mut self, of: &Fields<'a>, name: &str) -> Vec<WithOrigin<String>> {
        let items = self.items(of, name).unwrap_or_default();
        items.into_iter().filter_map(|(item, path)| self.text(item, path)).collect()
    }

    /// An item of a list as an object.
    pub(super) fn fields(&mut self, value: &'a Value, path: String, known: &[&str]) -> Option<Fields<'a>> {
        let Value::Object(map) = value else {
            self.wrong_type(path, "a mapping", value);
            return None;
        };
        let fields = Fields { map, path, known: known.iter().map(|name| (*name).to_owned()).collect() };
        for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
            self.unknown += 1;
            if self.unknown <= MAX_UNKNOWN {
                let origin = self.origin(fields.child(name));
                let suggestion = nearest(name, known.iter().copied()).map(str::to_owned);
                self.findings.warnings.push(Warning::UnknownField(origin, suggestion));
            }
        }
        Some(fields)
    }

    pub(super) fn text(&mut self, value: &'a Value, path: String) -> Option<WithOrigin<String>> {
        let Value::String(text) = value else {
            self.wrong_type(path, "a string", value);
            return None;
        };
        let origin = self.origin(path);
        Some(WithOrigin::new(text.clone(), origin))
    }

    pub(super) fn origin(&self, path: String) -> Origin {
        let line = self.document.line_of(&path);
        Origin::Field { path, line }
    }

    /// Notes what a field of an old version is today, where the field says anything.
    pub(super) fn moved(&mut self, of: &Fields<'a>, name: &str, today: &'static str) {
        if of.is_set(name) {
            let origin = self.origin(of.child(name));
            self.moved.push((origin, today));
        }
    }

    pub(super) fn wrong_type(&mut self, path: String, expected: &'static str, value: &Value) {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "a mapping",
        };
        let origin = self.origin(path);
        self.findings.problems.push(Problem::Type { origin, expected, found });
    }
}

impl<'a> Fields<'a> {
    /// The path of a field of this object.
    pub(super) fn child(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        present(self, name).is_some()
    }

    /// Present and not empty: older kubeadm releases wrote every field, `""` and `false` included.
    pub(super) fn is_set(&self, name: &str) -> bool {
        present(self, name).is_some_and(|value| match value {
            Value::Bool(value) => *value,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(map) => !map.is_empty(),
            Value::Null | Value::Number(_) => true,
        })
    }

    /// Whether the version has this field.
    pub(super) fn is_known(&self, name: &str) -> bool {
        self.known.iter().any(|known| known == name)
    }

    pub(super) fn raw(&self, name: &str) -> Option<&'a Value> {
        present(self, name)
    }
}

fn present<'a>(of: &Fields<'a>, name: &str) -> Option<&'a Value> {
    of.map.get(name).filter(|value| !value.is_null())
}
