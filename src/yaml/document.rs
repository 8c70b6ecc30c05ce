//! One document: its value, and where in the text things were.

use serde_json::Value;

/// One YAML document; that of an empty text is null.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The content; mappings keep the order of the text.
    pub value: Value,
    /// Keys given more than once in one mapping, in the order of the text; at most [`MAX_DUPLICATES`] are kept. The last
    /// value counts, as in Go's lenient reading; Go's strict reading refuses them.
    pub duplicates: Vec<Duplicate>,
    /// Where the document begins, counted from 1.
    pub line: usize,
    pub(super) lines: Lines,
}

/// A key that was already there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// Path of the key, such as `authentication.anonymous.enabled`, cut at [`MAX_PATH_CHARS`] characters. Text from
    /// outside: escape it before showing it.
    pub path: String,
    /// Line of the repetition, counted from 1.
    pub line: usize,
}

/// How many duplicates a document remembers.
pub const MAX_DUPLICATES: usize = 32;

/// How long the path of a duplicate may be, in characters.
pub const MAX_PATH_CHARS: usize = 256;

impl Document {
    /// The line of a field, for messages: `path` is written as Kubernetes writes it (`nodeRegistration.taints[0].key`).
    /// Where the field is not in the text (missing, or behind an alias) it is the line of the nearest thing around it.
    pub fn line_of(&self, path: &str) -> usize {
        self.lines.line_of(path).unwrap_or(self.line)
    }
}

/// The lines of keys and list items: a tree in one vector, every key held once, so that its size follows the text's.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    parent: usize,
    segment: Segment,
    line: usize,
}

#[derive(Clone, Debug)]
enum Segment {
    Key(Box<str>),
    Index(usize),
}

/// What stands for the document itself as a parent.
pub(super) const ROOT: usize = usize::MAX;

impl Lines {
    /// Notes a key below `parent` and gives the number its children name as their parent.
    pub(super) fn key(&mut self, parent: usize, key: &str, line: usize) -> usize {
        self.push(parent, Segment::Key(key.into()), line)
    }

    /// Notes a list item below `parent`.
    pub(super) fn item(&mut self, parent: usize, index: usize, line: usize) -> usize {
        self.push(parent, Segment::Index(index), line)
    }

    fn push(&mut self, parent: usize, segment: Segment, line: usize) -> usize {
        self.entries.push(Entry { parent, segment, line });
        self.entries.len() - 1
    }

    /// The path of an entry, cut at [`MAX_PATH_CHARS`].
    pub(super) fn path(&self, entry: usize) -> String {
        let mut segments = Vec::new();
        let mut at = entry;
        while let Some(entry) = self.entries.get(at) {
            segments.push(&entry.segment);
            at = entry.parent;
        }
        let mut path = String::new();
        for segment in segments.into_iter().rev() {
            match segment {
                Segment::Key(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.extend(key.chars().take(MAX_PATH_CHARS));
                }
                Segment::Index(index) => path.push_str(&format!("[{index}]")),
            }
            if path.len() > MAX_PATH_CHARS * 4 {
                break;
            }
        }
        if let Some((cut, _)) = path.char_indices().nth(MAX_PATH_CHARS) {
            path.truncate(cut);
        }
        path
    }

    fn line_of(&self, path: &str) -> Option<usize> {
        let (mut parent, mut rest, mut line) = (ROOT, path, None);
        loop {
            // The last of equals wins, as in the value.
            let step = self.entries.iter().enumerate().rev().find_map(|(number, entry)| {
                (entry.parent == parent).then(|| strip(rest, &entry.segment)).flatten().map(|rest| (number, rest))
            });
            let Some((number, remaining)) = step else { return line };
            (parent, rest, line) = (number, remaining, self.entries.get(number).map(|entry| entry.line));
            if rest.is_empty() {
                return line;
            }
        }
    }
}

/// What is left of a path behind this segment; keys may themselves contain dots.
fn strip<'a>(path: &'a str, segment: &Segment) -> Option<&'a str> {
    let rest = match segment {
        Segment::Key(key) => path.strip_prefix(&**key)?,
        Segment::Index(index) => path.strip_prefix(&format!("[{index}]"))?,
    };
    match rest.as_bytes().first() {
        None | Some(b'[') => Some(rest),
        Some(b'.') => Some(&rest[1..]),
        Some(_) => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::yaml::parse_one;

    #[test]
    fn a_field_has_the_line_of_its_key() {
        let text = "a: 1\nb:\n  c:\n  - d: 1\n    e.f: 2\n  - g\n\"h\":\n  - [1,\n    {i: j}]\n";
        let document = parse_one(text).unwrap();
        let cases = [
            ("a", 1),
            ("b", 2),
            ("b.c", 3),
            ("b.c[0]", 4),
            ("b.c[0].e.f", 5),
            ("b.c[1]", 6),
            ("h[0][1].i", 9),
            // Not there: what is around it.
            ("b.x.y", 2),
            ("b.c[7]", 3),
            ("bb", 1),
            ("x", 1),
            ("", 1),
        ];
        for (path, line) in cases {
            assert_eq!(document.line_of(path), line, "{path}");
        }
    }

    #[test]
    fn duplicates_are_named_with_path_and_line() {
        let text = "a:\n  b: 1\n  c:\n  - d: 1\n    d: 2\n  b: 2\n1: x\n\"1\": y\n";
        let document = parse_one(text).unwrap();
        let found: Vec<_> = document.duplicates.iter().map(|found| (found.path.as_str(), found.line)).collect();
        assert_eq!(found, [("a.c[0].d", 5), ("a.b", 6), ("1", 8)]);
        assert_eq!(document.value["a"]["b"], 2);
        assert_eq!(document.line_of("a.b"), 6);
    }

    #[test]
    fn what_is_remembered_of_duplicates_is_bounded() {
        let key = "k".repeat(100_000);
        let text = format!("\"{key}\": 1\n? {key}\n: {{{}}}\n", "a: 1, ".repeat(1000));
        let long_key_is_no_simple_key = parse_one(&text).unwrap_err();
        assert_eq!(long_key_is_no_simple_key.line(), Some(1));
        let document = parse_one(&format!("? {key}\n: {{{}}}\n", "a: 1, ".repeat(1000))).unwrap();
        assert_eq!(document.duplicates.len(), super::MAX_DUPLICATES);
        assert!(document.duplicates.iter().all(|found| found.path.chars().count() <= super::MAX_PATH_CHARS));
    }
}
