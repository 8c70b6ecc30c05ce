//! Text to documents. Iterative: the depth of the text never becomes depth of our stack, except below [`MAX_DEPTH`].

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};
use serde_json::{Map, Value};

use super::cut_line::CutLine;
use super::document::{Document, Duplicate, Lines, MAX_DUPLICATES, ROOT};
use super::error::YamlError;
use super::scalar::{self, Scalar};
use crate::text::printable;

/// The longest text that is read, in bytes: what a ConfigMap may hold.
pub const MAX_BYTES: usize = 1 << 20;

/// The deepest nesting of mappings and lists. A KubeletConfiguration needs 6; serde_json's own limit is 128.
pub const MAX_DEPTH: usize = 100;

/// How much aliases and merges may repeat altogether, in bytes of a rough estimate.
pub const MAX_EXPANSION_BYTES: usize = 1 << 20;

/// What a value costs of the budget beside its text.
const NODE_BYTES: usize = 32;

/// How much of the parser's explanation is kept, in characters.
const MAX_PROBLEM_CHARS: usize = 120;

/// Reads every document of a text; none for a text of comments and white space.
///
/// # Errors
/// The first thing that is wrong, in any document. Go's `yaml.Unmarshal` stops after the first document and would not see
/// an error in a later one.
pub fn parse(text: &str) -> Result<Vec<Document>, YamlError> {
    if text.len() > MAX_BYTES {
        return Err(YamlError::TooLarge { bytes: text.len() });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    check_characters(text)?;
    let cut = CutLine::of(text);
    let text = &*cut.completed;
    // Without an asterisk there is no alias, and nothing has to be kept for one.
    let keep_anchors = text.contains('*');
    let mut documents = Vec::new();
    let mut builder = Builder::new(1, keep_anchors);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| syntax(&error))?;
        let line = span.start.line();
        match event {
            Event::DocumentStart(_) => builder = Builder::new(line, keep_anchors),
            Event::DocumentEnd => documents.push(std::mem::replace(&mut builder, Builder::new(line, false)).finish()),
            Event::Scalar(text, style, anchor, tag) => {
                let text = cut.without_added(&text, style, span);
                let scalar = Node::scalar(text, style, tag.as_deref(), line)?;
                builder.anchor(anchor, || Anchored::Scalar(scalar.scalar.clone()), line)?;
                builder.scalar(scalar, line)?;
            }
            Event::SequenceStart(anchor, _) => builder.open(Content::List(Vec::new()), anchor, line)?,
            Event::MappingStart(anchor, _) => builder.open(Content::Mapping(Map::new(), None), anchor, line)?,
            Event::SequenceEnd | Event::MappingEnd => builder.close(line)?,
            Event::Alias(anchor) => builder.alias(anchor, line)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd => {}
        }
    }
    Ok(documents)
}

/// Reads a text that is one document; a text with nothing in it is a null, as in Go.
///
/// # Errors
/// As [`parse`], and [`YamlError::SecondDocument`] when another follows that is not empty.
pub fn parse_one(text: &str) -> Result<Document, YamlError> {
    let mut documents = parse(text)?.into_iter();
    let Some(first) = documents.next() else {
        return Ok(Document { value: Value::Null, duplicates: Vec::new(), line: 1, lines: Lines::default() });
    };
    match documents.find(|document| !document.value.is_null()) {
        Some(second) => Err(YamlError::SecondDocument { line: second.line }),
        None => Ok(first),
    }
}

/// What Go's reader lets through, less the three characters that end a line there and not in YAML 1.2.
fn check_characters(text: &str) -> Result<(), YamlError> {
    let allowed = |c: char| match c {
        '\t' | '\n' | '\r' | '\u{20}'..='\u{7e}' => true,
        '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}' => false,
        c => c >= '\u{a0}',
    };
    match text.char_indices().find(|&(_, c)| !allowed(c)) {
        None => Ok(()),
        Some((at, c)) => {
            let line = text[..at].bytes().filter(|&b| b == b'\n').count() + 1;
            Err(YamlError::Character { line, code_point: c.into() })
        }
    }
}

fn syntax(error: &ScanError) -> YamlError {
    let problem = printable(error.info(), MAX_PROBLEM_CHARS);
    YamlError::Syntax { line: error.marker().line(), column: error.marker().col() + 1, problem }
}

/// A scalar of the text.
struct Node {
    scalar: Scalar,
    /// Whether this would be a merge key in the place of a key.
    merge: bool,
}

impl Node {
    fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, line: usize) -> Result<Node, YamlError> {
        let tag = tag.map(|tag| format!("{}{}", tag.handle, tag.suffix));
        let (scalar, implicit) = match tag.as_deref() {
            None if style == ScalarStyle::Plain => (scalar::resolve(text), true),
            None => (Scalar::Text(text.to_owned()), false),
            // The tag `!` alone leaves a string, but not a merge key.
            Some("!") => (Scalar::Text(text.to_owned()), true),
            Some(tag) => (tagged(text, tag).ok_or(YamlError::Tag { line })?, tag == "tag:yaml.org,2002:merge"),
        };
        Ok(Node { scalar, merge: implicit && text == "<<" })
    }
}

/// A scalar with a tag: those of the core schema must fit, any other leaves a string. `!!binary` is refused: its bytes
/// need not be text.
fn tagged(text: &str, tag: &str) -> Option<Scalar> {
    let as_text = || Some(Scalar::Text(text.to_owned()));
    match (tag.strip_prefix("tag:yaml.org,2002:"), scalar::resolve(text)) {
        (Some("int"), scalar @ (Scalar::Int(_) | Scalar::Uint(_)))
        | (Some("float"), scalar @ Scalar::Float(_))
        | (Some("bool"), scalar @ Scalar::Bool(_))
        | (Some("null"), scalar @ Scalar::Null) => Some(scalar),
        #[allow(clippy::cast_precision_loss)]
        (Some("float"), Scalar::Int(int)) => Some(Scalar::Float(int as f64)),
        (Some("timestamp"), _) if scalar::is_timestamp(text) => as_text(),
        (Some("int" | "float" | "bool" | "null" | "timestamp" | "binary"), _) => None,
        _ => as_text(),
    }
}

/// What an anchor stands for.
enum Anchored {
    /// Still being read: an alias to it would contain itself.
    Open,
    Scalar(Scalar),
    Tree(Value),
}

/// Puts one document together.
struct Builder {
    stack: Vec<Open>,
    root: Option<Value>,
    anchors: HashMap<usize, Anchored>,
    keep_anchors: bool,
    budget: usize,
    duplicates: Vec<Duplicate>,
    lines: Lines,
    line: usize,
}

/// A mapping or list that has not ended.
struct Open {
    content: Content,
    /// 0 for none.
    anchor: usize,
    /// Its own entry in [`Lines`].
    entry: usize,
}

enum Content {
    List(Vec<Value>),
    Mapping(Map<String, Value>, Option<Key>),
}

/// A key whose value has not come yet.
struct Key {
    text: String,
    merge: bool,
    entry: usize,
    line: usize,
}

impl Builder {
    fn new(line: usize, keep_anchors: bool) -> Self {
        Builder {
            stack: Vec::new(),
            root: None,
            anchors: HashMap::new(),
            keep_anchors,
            budget: MAX_EXPANSION_BYTES,
            duplicates: Vec::new(),
            lines: Lines::default(),
            line,
        }
    }

    fn finish(self) -> Document {
        Document {
            value: self.root.unwrap_or(Value::Null),
            duplicates: self.duplicates,
            line: self.line,
            lines: self.lines,
        }
    }

    fn open(&mut self, content: Content, anchor: usize, line: usize) -> Result<(), YamlError> {
        if self.stack.len() == MAX_DEPTH {
            return Err(YamlError::TooDeep { line });
        }
        self.anchor(anchor, || Anchored::Open, line)?;
        let entry = match self.stack.last() {
            None => ROOT,
            Some(Open { content: Content::List(items), entry, .. }) => self.lines.item(*entry, items.len(), line),
            Some(Open { content: Content::Mapping(_, Some(key)), .. }) => key.entry,
            Some(Open { content: Content::Mapping(_, None), .. }) => return Err(YamlError::Key { line }),
        };
        self.stack.push(Open { content, anchor, entry });
        Ok(())
    }

    fn close(&mut self, line: usize) -> Result<(), YamlError> {
        let Some(open) = self.stack.pop() else { return Ok(()) };
        let value = match open.content {
            Content::List(items) => Value::Array(items),
            Content::Mapping(map, _) => Value::Object(map),
        };
        if open.anchor != 0 && self.keep_anchors {
            charge(&value, &mut self.budget, self.stack.len(), line)?;
            self.anchor(open.anchor, || Anchored::Tree(value.clone()), line)?;
        }
        self.value(value, line)
    }

    /// A scalar: a key when a key is due, else a value.
    fn scalar(&mut self, node: Node, line: usize) -> Result<(), YamlError> {
        let Some(Open { content: Content::Mapping(_, key @ None), entry, .. }) = self.stack.last_mut() else {
            if let Some(Open { content: Content::List(items), entry, .. }) = self.stack.last() {
                self.lines.item(*entry, items.len(), line);
            }
            let value = node.scalar.into_value().ok_or(YamlError::NotFinite { line })?;
            return self.value(value, line);
        };
        let text = node.scalar.into_key().ok_or(YamlError::Key { line })?;
        let entry = self.lines.key(*entry, &text, line);
        *key = Some(Key { text, merge: node.merge, entry, line });
        Ok(())
    }

    fn alias(&mut self, anchor: usize, line: usize) -> Result<(), YamlError> {
        match self.anchors.get(&anchor) {
            // The parser knows anchors of earlier documents.
            None => Err(YamlError::Syntax { line, column: 1, problem: "unknown anchor".to_owned() }),
            Some(Anchored::Open) => Err(YamlError::ContainsItself { line }),
            Some(Anchored::Scalar(scalar)) => {
                let scalar = scalar.clone();
                if let Scalar::Text(text) = &scalar {
                    spend(&mut self.budget, text.len(), line)?;
                }
                if self.merging() {
                    return Err(YamlError::Merge { line });
                }
                self.scalar(Node { scalar, merge: false }, line)
            }
            Some(Anchored::Tree(value)) => {
                charge(value, &mut self.budget, self.stack.len(), line)?;
                let value = value.clone();
                match self.stack.last() {
                    Some(Open { content: Content::Mapping(_, None), .. }) => return Err(YamlError::Key { line }),
                    Some(Open { content: Content::List(items), entry, .. }) => {
                        self.lines.item(*entry, items.len(), line);
                    }
                    // A list of mappings has to be written in place.
                    _ if self.merging() && !value.is_object() => return Err(YamlError::Merge { line }),
                    _ => {}
                }
                self.value(value, line)
            }
        }
    }

    /// Whether the next value is that of a merge key.
    fn merging(&self) -> bool {
        matches!(self.stack.last(), Some(Open { content: Content::Mapping(_, Some(Key { merge: true, .. })), .. }))
    }

    /// A complete value, into whatever is open.
    fn value(&mut self, value: Value, line: usize) -> Result<(), YamlError> {
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(value);
            return Ok(());
        };
        let (map, key) = match &mut open.content {
            Content::List(items) => {
                items.push(value);
                return Ok(());
            }
            Content::Mapping(map, key) => (map, key.take().ok_or(YamlError::Key { line })?),
        };
        if !key.merge {
            if map.insert(key.text, value).is_some() {
                note_duplicate(&mut self.duplicates, self.lines.path(key.entry), key.line);
            }
            return Ok(());
        }
        let sources = match value {
            Value::Object(source) => vec![source],
            // The first of them wins, so the last is put in first.
            Value::Array(items) => items
                .into_iter()
                .rev()
                .map(|item| match item {
                    Value::Object(source) => Ok(source),
                    _ => Err(YamlError::Merge { line }),
                })
                .collect::<Result<_, _>>()?,
            _ => return Err(YamlError::Merge { line }),
        };
        for (name, value) in sources.into_iter().flatten() {
            let entry = self.lines.key(open.entry, &name, key.line);
            // As in go-yaml v2 a merge replaces what stands before it.
            if map.insert(name, value).is_some() {
                note_duplicate(&mut self.duplicates, self.lines.path(entry), key.line);
            }
        }
        Ok(())
    }

    fn anchor(&mut self, anchor: usize, what: impl FnOnce() -> Anchored, line: usize) -> Result<(), YamlError> {
        if anchor == 0 || !self.keep_anchors {
            return Ok(());
        }
        let what = what();
        if let Anchored::Scalar(Scalar::Text(text)) = &what {
            spend(&mut self.budget, text.len(), line)?;
        }
        self.anchors.insert(anchor, what);
        Ok(())
    }
}

fn note_duplicate(duplicates: &mut Vec<Duplicate>, path: String, line: usize) {
    if duplicates.len() < MAX_DUPLICATES {
        duplicates.push(Duplicate { path, line });
    }
}

fn spend(budget: &mut usize, bytes: usize, line: usize) -> Result<(), YamlError> {
    *budget = budget.checked_sub(bytes + NODE_BYTES).ok_or(YamlError::ExpandsTooMuch { line })?;
    Ok(())
}

/// Charges a repetition of `value` at this depth to the budget; the recursion ends at [`MAX_DEPTH`].
fn charge(value: &Value, budget: &mut usize, depth: usize, line: usize) -> Result<(), YamlError> {
    match value {
        Value::Array(_) | Value::Object(_) if depth == MAX_DEPTH => Err(YamlError::TooDeep { line }),
        Value::Array(items) => {
            spend(budget, 0, line)?;
            items.iter().try_for_each(|item| charge(item, budget, depth + 1, line))
        }
        Value::Object(map) => {
            spend(budget, 0, line)?;
            map.iter().try_for_each(|(key, value)| {
                spend(budget, key.len(), line)?;
                charge(value, budget, depth + 1, line)
            })
        }
        Value::String(text) => spend(budget, text.len(), line),
        Value::Null | Value::Bool(_) | Value::Number(_) => spend(budget, 0, line),
    }
}
