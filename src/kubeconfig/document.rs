//! A kubeconfig, its entries and their fields.

use serde_json::Value;

use super::error::{Field, KubeconfigError};
use crate::text::UntrustedText;
use crate::yaml;

/// Fields of clusters, contexts and users that are read as texts.
const TEXTS: [Field; 11] = [
    "server",
    "certificate-authority",
    "certificate-authority-data",
    "cluster",
    "user",
    "token",
    "tokenFile",
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
];

/// A kubeconfig, parsed.
#[derive(Clone, Debug)]
pub struct Kubeconfig(Value);

/// A cluster, a user or a context.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// `name`.
    pub name: &'a str,
    value: &'a Value,
}

impl Kubeconfig {
    /// Parses a text; its first document counts.
    ///
    /// # Errors
    /// It is no YAML, or something in it has another type than client-go wants. Ignored, a CA of the wrong type would
    /// be none, and then others would count.
    pub fn parse(text: &str) -> Result<Self, KubeconfigError> {
        let documents =
            yaml::parse(text).map_err(|e| KubeconfigError::Yaml(UntrustedText::new(&e.to_string(), None)))?;
        let value = documents.into_iter().next().map_or(Value::Null, |document| document.value);
        checked(&value, "current-context", Value::is_string)?;
        for (list, inner) in [("clusters", "cluster"), ("contexts", "context"), ("users", "user")] {
            for entry in checked(&value, list, Value::is_array)?.and_then(Value::as_array).into_iter().flatten() {
                if !entry.is_object() {
                    return Err(KubeconfigError::Type(list));
                }
                checked(entry, "name", Value::is_string)?;
                if let Some(body) = checked(entry, inner, Value::is_object)? {
                    TEXTS.into_iter().try_for_each(|field| checked(body, field, Value::is_string).map(drop))?;
                }
            }
        }
        Ok(Kubeconfig(value))
    }

    /// `clusters`.
    pub fn clusters(&self) -> impl Iterator<Item = Entry<'_>> {
        self.entries("clusters", "cluster")
    }

    /// The cluster without a name, where there is one.
    ///
    /// # Errors
    /// There are several.
    pub fn unnamed_cluster(&self) -> Result<Option<Entry<'_>>, KubeconfigError> {
        match self.named("clusters", "cluster", "") {
            Err(KubeconfigError::NotThere { .. }) => Ok(None),
            found => found.map(Some),
        }
    }

    /// The context that `current-context` names, where one is named.
    ///
    /// # Errors
    /// The name of a context that is not there.
    pub fn current_context(&self) -> Result<Option<Entry<'_>>, KubeconfigError> {
        match self.0.get("current-context").and_then(Value::as_str) {
            None | Some("") => Ok(None),
            Some(name) => self.named("contexts", "context", name).map(Some),
        }
    }

    /// The cluster of a context.
    ///
    /// # Errors
    /// It is not there, or there are several of its name.
    pub fn cluster_of(&self, context: Entry<'_>) -> Result<Entry<'_>, KubeconfigError> {
        self.named("clusters", "cluster", context.text("cluster").unwrap_or_default())
    }

    /// The user of a context.
    ///
    /// # Errors
    /// As [`cluster_of`](Self::cluster_of).
    pub fn user_of(&self, context: Entry<'_>) -> Result<Entry<'_>, KubeconfigError> {
        self.named("users", "user", context.text("user").unwrap_or_default())
    }

    /// What a list holds; an entry without a body is an empty one.
    fn entries<'a>(&'a self, list: &str, inner: &'static str) -> impl Iterator<Item = Entry<'a>> {
        let list = self.0.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().map(move |entry| Entry {
            name: entry.get("name").and_then(Value::as_str).unwrap_or_default(),
            value: entry.get(inner).unwrap_or(&Value::Null),
        })
    }

    /// client-go refuses a name that is there twice.
    fn named<'a>(&'a self, list: &'static str, inner: &'static str, name: &str) -> Result<Entry<'a>, KubeconfigError> {
        let mut found = self.entries(list, inner).filter(|entry| entry.name == name);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(KubeconfigError::NotThere { list, name: UntrustedText::new(name, None) }),
            (Some(_), Some(_)) => Err(KubeconfigError::Twice { list, name: UntrustedText::new(name, None) }),
        }
    }
}

/// A field that is there and not null; then it must be of this type.
fn checked(of: &Value, field: Field, is_right: fn(&Value) -> bool) -> Result<Option<&Value>, KubeconfigError> {
    match of.get(field).filter(|value| !value.is_null()) {
        Some(value) if !is_right(value) => Err(KubeconfigError::Type(field)),
        found => Ok(found),
    }
}

impl<'a> Entry<'a> {
    /// A field that is a string and not empty.
    pub fn text(self, field: &str) -> Option<&'a str> {
        self.value.get(field)?.as_str().filter(|text| !text.is_empty())
    }

    /// Whether a field says something: it is there, and not null, false or empty.
    pub fn says(self, field: &str) -> bool {
        self.value.get(field).is_some_and(|value| match value {
            Value::Null => false,
            Value::Bool(yes) => *yes,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            Value::Number(_) => true,
        })
    }
}
