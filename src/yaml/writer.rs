//! Values to text, byte for byte as `sigs.k8s.io/yaml` writes them: sorted keys, lists at the column of their key, lines
//! folded at blanks beyond column 80, quotes only where needed.
//!
//! It differs from Go where Go's output would not come back as what it was: the key `<<` is quoted (Go would merge),
//! text with U+2028 or U+2029 is escaped, and the control characters that Go cannot write at all (U+007F to U+009F) are
//! escaped too.

use std::cmp::Ordering;

use serde_json::Value;

use super::scalar::{self, Scalar};

/// Text is folded at the next blank behind this column (libyaml's `best_width`).
const WIDTH: usize = 80;

/// Longer keys are written with `? ` (libyaml's bound for a simple key), in bytes.
const MAX_SIMPLE_KEY_BYTES: usize = 128;

/// Writes a value as one YAML document that ends in a line feed. The value's depth is the depth of the recursion.
pub fn to_string(value: &Value) -> String {
    let mut writer = Writer { text: String::new(), column: 0, blank: true, indenting: true };
    writer.node(value, None, Place::Item);
    writer.indent(0);
    writer.text
}

/// Where a node stands: decides whether a list is indented below its parent.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Item,
    Value,
}

struct Writer {
    text: String,
    /// Characters since the last line feed.
    column: usize,
    /// Whether what was written last separates (white space, or nothing yet).
    blank: bool,
    /// Whether the line has nothing but indentation and `-`, `?`, `:`: a nested block may begin on it.
    indenting: bool,
}

impl Writer {
    /// One node. `parent` is the column of the block around it, `None` at the root.
    fn node(&mut self, value: &Value, parent: Option<usize>, place: Place) {
        match value {
            Value::Array(items) if !items.is_empty() => {
                let indent = match parent {
                    None => 0,
                    // A list that is a mapping's value stands at its key's column.
                    Some(parent) if place == Place::Value && !self.indenting => parent,
                    Some(parent) => parent + 2,
                };
                for item in items {
                    self.indent(indent);
                    self.indicator("-", true);
                    self.node(item, Some(indent), Place::Item);
                }
            }
            Value::Object(map) if !map.is_empty() => {
                let indent = parent.map_or(0, |parent| parent + 2);
                for key in sorted(map.keys().map(String::as_str).collect()) {
                    self.entry(key, &map[key], indent);
                }
            }
            Value::Array(_) => self.word("[]"),
            Value::Object(_) => self.word("{}"),
            Value::Null => self.word("null"),
            Value::Bool(bool) => self.word(&bool.to_string()),
            Value::Number(number) => self.word(&scalar::number_text(number)),
            Value::String(text) => self.string(text, parent.map_or(2, |parent| parent + 2), false),
        }
    }

    fn entry(&mut self, key: &str, value: &Value, indent: usize) {
        self.indent(indent);
        let shape = Shape::of(key);
        if !shape.multiline && key.len() <= MAX_SIMPLE_KEY_BYTES {
            self.string(key, indent + 2, true);
            self.put(":");
            self.blank = false;
            self.indenting = false;
        } else {
            self.indicator("?", true);
            self.string(key, indent + 2, false);
            self.indent(indent);
            self.indicator(":", true);
        }
        self.node(value, Some(indent), Place::Value);
    }

    fn string(&mut self, text: &str, indent: usize, key: bool) {
        let shape = Shape::of(text);
        let fold = (!key).then_some(indent);
        if text.contains('\n') && shape.block && !key {
            self.literal(text, indent);
        } else if text.contains('\n') || !reads_as_text(text) || !shape.single_quoted {
            self.double_quoted(text, fold);
        } else if shape.plain {
            self.separate();
            self.folded(text, fold, |_| false);
        } else {
            self.separate();
            self.put("'");
            self.folded(text, fold, |c| c == '\'');
            self.put("'");
        }
    }

    /// Plain and single-quoted text: a single blank beyond the width becomes a line break.
    fn folded(&mut self, text: &str, fold: Option<usize>, doubled: impl Fn(char) -> bool) {
        let mut after_blank = false;
        let mut rest = text.chars().peekable();
        let mut first = true;
        while let Some(c) = rest.next() {
            let may_break = !first && !after_blank && rest.peek().is_some_and(|&next| next != ' ');
            match fold {
                Some(indent) if c == ' ' && may_break && self.column > WIDTH => self.indent(indent),
                _ => {
                    if doubled(c) {
                        self.char(c);
                    }
                    self.char(c);
                }
            }
            self.indenting = self.indenting && c == ' ';
            after_blank = c == ' ';
            first = false;
        }
        self.blank = false;
        self.indenting = false;
    }

    fn double_quoted(&mut self, text: &str, fold: Option<usize>) {
        self.separate();
        self.put("\"");
        let mut after_blank = false;
        let mut rest = text.chars().peekable();
        let mut first = true;
        while let Some(c) = rest.next() {
            let next = rest.peek().copied();
            match fold {
                Some(indent) if c == ' ' && !first && !after_blank && next.is_some() && self.column > WIDTH => {
                    self.indenting = false;
                    self.indent(indent);
                    if next == Some(' ') {
                        self.put("\\");
                    }
                }
                _ if !printable(c) || c == '\n' || c == '"' || c == '\\' => self.escape(c),
                _ => self.char(c),
            }
            after_blank = c == ' ';
            first = false;
        }
        self.put("\"");
        self.blank = false;
        self.indenting = false;
    }

    fn escape(&mut self, c: char) {
        let code = u32::from(c);
        let escaped = match c {
            '\0' => "\\0".to_owned(),
            '\x07' => "\\a".to_owned(),
            '\x08' => "\\b".to_owned(),
            '\t' => "\\t".to_owned(),
            '\n' => "\\n".to_owned(),
            '\x0b' => "\\v".to_owned(),
            '\x0c' => "\\f".to_owned(),
            '\r' => "\\r".to_owned(),
            '\x1b' => "\\e".to_owned(),
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\u{85}' => "\\N".to_owned(),
            '\u{a0}' => "\\_".to_owned(),
            '\u{2028}' => "\\L".to_owned(),
            '\u{2029}' => "\\P".to_owned(),
            _ if code <= 0xff => format!("\\x{code:02X}"),
            _ if code <= 0xffff => format!("\\u{code:04X}"),
            _ => format!("\\U{code:08X}"),
        };
        self.put(&escaped);
    }

    /// `|` with what it takes to keep leading blanks and the line feeds at the end.
    fn literal(&mut self, text: &str, indent: usize) {
        let hint = if text.starts_with([' ', '\n']) { "2" } else { "" };
        let chomp = match text.strip_suffix('\n') {
            None => "-",
            Some(rest) if rest.is_empty() || rest.ends_with('\n') => "+",
            Some(_) => "",
        };
        self.indicator(&format!("|{hint}{chomp}"), false);
        self.line_feed();
        for line in text.split_inclusive('\n') {
            let content = line.strip_suffix('\n').unwrap_or(line);
            if !content.is_empty() {
                self.indent(indent);
                self.put(content);
                self.indenting = false;
            }
            if content.len() < line.len() {
                self.line_feed();
            }
        }
    }

    /// A scalar that never needs quotes.
    fn word(&mut self, word: &str) {
        self.indicator(word, false);
        self.indenting = false;
    }

    fn indicator(&mut self, indicator: &str, may_nest: bool) {
        self.separate();
        self.put(indicator);
        self.blank = false;
        self.indenting = self.indenting && may_nest;
    }

    fn separate(&mut self) {
        if !self.blank {
            self.put(" ");
        }
    }

    /// Goes to this column, on a new line unless the present one has only indentation so far.
    fn indent(&mut self, column: usize) {
        if !self.indenting || self.column > column || (self.column == column && !self.blank) {
            self.line_feed();
        }
        while self.column < column {
            self.put(" ");
        }
        self.blank = true;
        self.indenting = true;
    }

    fn line_feed(&mut self) {
        self.text.push('\n');
        self.column = 0;
        self.blank = true;
        self.indenting = true;
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        self.column += text.chars().count();
    }

    fn char(&mut self, c: char) {
        self.text.push(c);
        self.column += 1;
    }
}

/// Whether unquoted text comes back as a string, here, in Go and in other readers of YAML 1.1.
fn reads_as_text(text: &str) -> bool {
    matches!(scalar::resolve(text), Scalar::Text(_))
        && !scalar::is_timestamp(text)
        && !scalar::is_base_60(text)
        && text != "<<"
}

/// libyaml's `is_printable`, less the two characters that are line breaks in YAML 1.1.
fn printable(c: char) -> bool {
    match c {
        '\n' | ' '..='~' => true,
        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
        c => ('\u{a0}'..'\u{10000}').contains(&c),
    }
}

/// Which styles a text allows (libyaml's `analyze_scalar`, block context).
struct Shape {
    plain: bool,
    single_quoted: bool,
    block: bool,
    multiline: bool,
}

impl Shape {
    fn of(text: &str) -> Shape {
        let Some(first) = text.chars().next() else {
            return Shape { plain: true, single_quoted: true, block: false, multiline: false };
        };
        let mut shape = Shape { plain: true, single_quoted: true, block: true, multiline: false };
        let second = text[first.len_utf8()..].chars().next();
        let blank_or_end = |next: Option<char>| matches!(next, None | Some(' ' | '\t'));
        let indicator = match first {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => true,
            '?' | ':' | '-' => blank_or_end(second),
            _ => false,
        };
        if indicator || text.starts_with("---") || text.starts_with("...") || text.starts_with([' ', '\n']) {
            shape.plain = false;
        }
        if text.ends_with(' ') {
            (shape.plain, shape.block) = (false, false);
        }
        let mut before = None;
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\n' => {
                    (shape.plain, shape.multiline) = (false, true);
                    if before == Some(' ') {
                        (shape.single_quoted, shape.block) = (false, false);
                    }
                }
                ' ' if before == Some('\n') => shape.single_quoted = false,
                ':' if before.is_some() && blank_or_end(rest.peek().copied()) => shape.plain = false,
                '#' if matches!(before, Some(' ' | '\n' | '\t')) => shape.plain = false,
                c if !printable(c) => {
                    (shape.plain, shape.single_quoted, shape.block) = (false, false, false);
                    // The other line breaks of YAML 1.1: as keys they are not simple.
                    shape.multiline |= matches!(c, '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
                }
                _ => {}
            }
            before = Some(c);
        }
        shape
    }
}

/// Keys in Go's order. That order is not transitive (`16Gi` < `1Gi` < `2Mi` < `16Gi`), so that the standard sort may panic
/// and Go's own output varies; merging from the order of code points gives the same result every time.
fn sorted(mut keys: Vec<&str>) -> Vec<&str> {
    keys.sort_unstable();
    let mut width = 1;
    while width < keys.len() {
        let mut merged = Vec::with_capacity(keys.len());
        for run in keys.chunks(width * 2) {
            let (mut left, mut right) = run.split_at(width.min(run.len()));
            while let ([l, ls @ ..], [r, rs @ ..]) = (left, right) {
                if natural(r, l) == Ordering::Less {
                    merged.push(*r);
                    right = rs;
                } else {
                    merged.push(*l);
                    left = ls;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        keys = merged;
        width *= 2;
    }
    keys
}

/// The order of two keys (`sorter.go`): letters after everything else, numbers inside by their value.
fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(x, y)| x != y) else { return a.len().cmp(&b.len()) };
    let (x, y) = (a[at], b[at]);
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // A zero that follows another digit than zero is part of a number, not the beginning of one.
    let inside =
        (x == '0' || y == '0') && a[..at].iter().rev().take_while(|c| c.is_ascii_digit()).any(|&digit| digit != '0');
    let (x_digits, x_value) = digits(&a[at..], inside);
    let (y_digits, y_value) = digits(&b[at..], inside);
    x_value.cmp(&y_value).then(x_digits.cmp(&y_digits)).then(x.cmp(&y))
}

/// How many digits come next, and their value; it wraps around as Go's does.
fn digits(text: &[char], inside: bool) -> (usize, i64) {
    let digits = text.iter().take_while(|c| c.is_ascii_digit());
    let start = (0, i64::from(inside));
    digits.fold(start, |(count, value), &digit| {
        let digit = i64::from(u32::from(digit) - u32::from('0'));
        (count + 1, value.wrapping_mul(10).wrapping_add(digit))
    })
}
