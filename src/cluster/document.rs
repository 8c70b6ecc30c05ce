//! One configuration out of a text that may hold several, and its fields as Go's typed decoder would see them: a null is
//! absent, and so is an empty string where the Go field is no pointer.

use std::fmt;

use serde_json::{Map, Value};

use crate::error::{Code, Explain, codes};
use crate::yaml::{self, Document, YamlError};

/// Why a text is not the configuration that it should be. Lines count from 1, in the text of the ConfigMap's key or of the
/// file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentError {
    /// Not YAML.
    Yaml(YamlError),
    /// A document without `apiVersion` (with its group) and `kind`.
    NoKind {
        /// Where the document begins.
        line: usize,
    },
    /// A second document of the same kind.
    Twice {
        /// Where the second begins.
        line: usize,
    },
    /// A field that kubeadm's decoder, or the kubelet, would refuse.
    Field {
        /// Where the field is.
        line: usize,
        /// Its path.
        field: &'static str,
        /// What it has to be, to follow "must be".
        expected: &'static str,
    },
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DocumentError::Yaml(error) => error.fmt(f),
            DocumentError::NoKind { line } => write!(f, "line {line}: the document lacks apiVersion and kind"),
            DocumentError::Twice { line } => write!(f, "line {line}: a second document of the same kind begins"),
            DocumentError::Field { line, field, expected } => write!(f, "line {line}: {field} must be {expected}"),
        }
    }
}

impl std::error::Error for DocumentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            DocumentError::Yaml(error) => Some(error),
            DocumentError::NoKind { .. } | DocumentError::Twice { .. } | DocumentError::Field { .. } => None,
        }
    }
}

impl Explain for DocumentError {
    fn code(&self) -> &'static Code {
        &codes::KUBELET_CONFIG_INVALID
    }
}

impl From<YamlError> for DocumentError {
    fn from(error: YamlError) -> Self {
        DocumentError::Yaml(error)
    }
}

/// Finds the document of an API group and kind.
///
/// # Errors
/// Bad YAML, a document without apiVersion and kind, or two of the kind: where kubeadm gives up as well
/// (`cmd/kubeadm/app/util/marshal.go`).
pub(crate) fn find(text: &str, group: &str, kind: &str) -> Result<Option<Document>, DocumentError> {
    let mut found = None;
    for document in yaml::parse(text)?.into_iter().filter(|document| !document.value.is_null()) {
        let line = document.line;
        let field = |name: &str| document.value.get(name).and_then(Value::as_str);
        let (Some(version), Some(document_kind)) = (field("apiVersion"), field("kind")) else {
            return Err(DocumentError::NoKind { line });
        };
        if version.split('/').next() != Some(group) || document_kind != kind {
            continue;
        }
        if found.replace(document).is_some() {
            return Err(DocumentError::Twice { line });
        }
    }
    Ok(found)
}

/// Typed reading of a document's fields by path (`authentication.x509.clientCAFile`).
pub(crate) struct Fields<'a>(pub(crate) &'a Document);

impl<'a> Fields<'a> {
    /// The value of a field; `None` where it, or a mapping around it, is absent or null.
    fn value(&self, field: &'static str) -> Result<Option<&'a Value>, DocumentError> {
        let mut value = &self.0.value;
        for name in field.split('.') {
            value = match value {
                Value::Object(map) => match map.get(name) {
                    None => return Ok(None),
                    Some(value) => value,
                },
                Value::Null => return Ok(None),
                _ => return Err(self.wrong(field, "inside a mapping")),
            };
        }
        Ok((!value.is_null()).then_some(value))
    }

    /// A string; an empty one counts as given.
    pub(crate) fn pointer(&self, field: &'static str) -> Result<Option<&'a str>, DocumentError> {
        match self.value(field)? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(field, "a string")),
        }
    }

    /// A string; an empty one counts as absent.
    pub(crate) fn text(&self, field: &'static str) -> Result<Option<&'a str>, DocumentError> {
        Ok(self.pointer(field)?.filter(|text| !text.is_empty()))
    }

    pub(crate) fn bool(&self, field: &'static str) -> Result<Option<bool>, DocumentError> {
        match self.value(field)? {
            None => Ok(None),
            Some(Value::Bool(bool)) => Ok(Some(*bool)),
            Some(_) => Err(self.wrong(field, "true or false")),
        }
    }

    /// A TCP port, 0 included.
    pub(crate) fn port(&self, field: &'static str) -> Result<Option<u16>, DocumentError> {
        let Some(value) = self.value(field)? else { return Ok(None) };
        let port = value.as_u64().and_then(|number| u16::try_from(number).ok());
        port.map(Some).ok_or_else(|| self.wrong(field, "a number from 0 to 65535"))
    }

    pub(crate) fn list(&self, field: &'static str) -> Result<Option<Vec<&'a str>>, DocumentError> {
        let Some(value) = self.value(field)? else { return Ok(None) };
        let items = value.as_array().and_then(|items| items.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        items.map(Some).ok_or_else(|| self.wrong(field, "a list of strings"))
    }

    fn wrong(&self, field: &'static str, expected: &'static str) -> DocumentError {
        DocumentError::Field { line: self.0.line_of(field), field, expected }
    }
}

/// Sets a field by its path, with the mappings around it. The path has been read before, so what is there are mappings.
pub(crate) fn set(root: &mut Map<String, Value>, field: &str, value: Value) {
    match field.split_once('.') {
        None => drop(root.insert(field.to_owned(), value)),
        Some((name, rest)) => {
            let inner = root.entry(name).or_insert(Value::Null);
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Value::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}
