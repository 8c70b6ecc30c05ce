//! One configuration out of a text that may hold several, and its fields as Go's typed decoder would see them: a null is
//! absent, and so is an empty string where the Go field is no pointer.

use std::fmt;

use serde_json::{Map, Value};

use crate::error::{Code, Explain, codes, debug_as_display};
use crate::yaml::{self, Document, YamlError};

/// Why a text is not the configuration that it should be. Lines count from 1, in the text of the ConfigMap's key or of the
/// file.
#[derive(Clone, PartialEq, Eq)]
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

debug_as_display!(DocumentError);

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

    /// The members of a mapping, in the order of the text.
    pub(crate) fn members(&self, field: &'static str, expected: &'static str) -> Result<Vec<Item<'a>>, DocumentError> {
        match self.value(field)? {
            None => Ok(Vec::new()),
            Some(Value::Object(members)) => {
                let item = |(name, value)| Item { document: self.0, field, expected, place: format!(".{name}"), value };
                Ok(members.iter().map(item).collect())
            }
            Some(_) => Err(self.wrong(field, expected)),
        }
    }

    /// The items of a list of anything.
    pub(crate) fn items(&self, field: &'static str, expected: &'static str) -> Result<Vec<Item<'a>>, DocumentError> {
        match self.value(field)? {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let item = |(at, value)| Item { document: self.0, field, expected, place: format!("[{at}]"), value };
                Ok(items.iter().enumerate().map(item).collect())
            }
            Some(_) => Err(self.wrong(field, expected)),
        }
    }

    /// Whether a field holds a mapping, and not a null or nothing.
    pub(crate) fn is_mapping(&self, field: &'static str) -> Result<bool, DocumentError> {
        match self.value(field)? {
            None => Ok(false),
            Some(Value::Object(_)) => Ok(true),
            Some(_) => Err(self.wrong(field, "a mapping")),
        }
    }

    /// Whether a field holds a list.
    pub(crate) fn is_list(&self, field: &'static str) -> Result<bool, DocumentError> {
        Ok(self.value(field)?.is_some_and(Value::is_array))
    }

    pub(crate) fn wrong(&self, field: &'static str, expected: &'static str) -> DocumentError {
        DocumentError::Field { line: self.0.line_of(field), field, expected }
    }
}

/// One of several values below a field, which share what they have to be.
pub(crate) struct Item<'a> {
    document: &'a Document,
    field: &'static str,
    expected: &'static str,
    /// `.KEY` or `[INDEX]`.
    place: String,
    /// The value.
    pub(crate) value: &'a Value,
}

impl<'a> Item<'a> {
    /// The key, of a member of a mapping.
    pub(crate) fn key(&self) -> &str {
        self.place.strip_prefix('.').unwrap_or_default()
    }

    /// The value as a string; a null is an empty one, as Go's decoder has it.
    pub(crate) fn string(&self) -> Result<&'a str, DocumentError> {
        self.as_string(Some(self.value))
    }

    /// A string of a mapping; an absent one is empty.
    pub(crate) fn text(&self, name: &str) -> Result<&'a str, DocumentError> {
        self.as_string(self.member(name)?)
    }

    /// A boolean of a mapping; an absent one is false.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, DocumentError> {
        match self.member(name)? {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.wrong()),
        }
    }

    fn member(&self, name: &str) -> Result<Option<&'a Value>, DocumentError> {
        self.value.as_object().map(|members| members.get(name)).ok_or_else(|| self.wrong())
    }

    fn as_string(&self, value: Option<&'a Value>) -> Result<&'a str, DocumentError> {
        match value {
            None | Some(Value::Null) => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(self.wrong()),
        }
    }

    /// That this value is not what it has to be.
    pub(crate) fn wrong(&self) -> DocumentError {
        let line = self.document.line_of(&format!("{}{}", self.field, self.place));
        DocumentError::Field { line, field: self.field, expected: self.expected }
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
