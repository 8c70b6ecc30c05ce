//! A file of patches cut into its documents (apimachinery `util/yaml`, `YAMLReader`).

use super::error::PatchFileError;
use crate::yaml::{self, Document};

/// The documents of a file. A separator is a line that begins with `---`, wherever it stands; behind it there may be a
/// comment. What holds nothing but white space is no document, what holds nothing but a comment is a null.
pub(super) fn split(file: &str, text: &[u8]) -> Result<Vec<Document>, PatchFileError> {
    let text = std::str::from_utf8(text).map_err(|_| PatchFileError::Encoding { file: file.to_owned() })?;
    let mut documents = Vec::new();
    let mut chunk = String::new();
    let mut chunk_begins = 0;
    for (index, line) in text.lines().enumerate() {
        if let Some(rest) = line.strip_prefix("---") {
            let rest = rest.trim_start();
            if !rest.is_empty() && !rest.starts_with('#') {
                return Err(PatchFileError::Separator { file: file.to_owned(), line: index + 1 });
            }
            documents.extend(document(file, &chunk, chunk_begins)?);
            chunk.clear();
            chunk_begins = index + 1;
            continue;
        }
        chunk.push_str(line);
        chunk.push('\n');
    }
    documents.extend(document(file, &chunk, chunk_begins)?);
    Ok(documents)
}

/// Parses a chunk that begins behind so many lines. Of what YAML takes for several documents (`...`), the first counts.
fn document(file: &str, chunk: &str, begins: usize) -> Result<Option<Document>, PatchFileError> {
    if chunk.trim().is_empty() {
        return Ok(None);
    }
    // Empty lines in front make every line number that of the file.
    let padded = "\n".repeat(begins) + chunk;
    let documents = yaml::parse(&padded).map_err(|error| PatchFileError::Yaml { file: file.to_owned(), error })?;
    match documents.into_iter().next() {
        Some(document) => Ok(Some(document)),
        None => {
            // Nothing but comments: a null.
            let null = yaml::parse_one("").map_err(|error| PatchFileError::Yaml { file: file.to_owned(), error })?;
            Ok(Some(null))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn documents_are_cut_where_kubernetes_cuts_them() {
        let table: [(&str, &[(usize, Value)]); 8] = [
            ("", &[]),
            ("\n \n---\n---\n", &[]),
            ("a: 1", &[(1, json!({"a": 1}))]),
            ("---\na: 1\n---\nb: 2\n---\n", &[(2, json!({"a": 1})), (4, json!({"b": 2}))]),
            ("# why\n--- # x\na: 1\n", &[(1, Value::Null), (3, json!({"a": 1}))]),
            ("a: 1\r\n---\r\nb: 2\r\n", &[(1, json!({"a": 1})), (3, json!({"b": 2}))]),
            ("{\"a\": 1}\n---\n[1]\n", &[(1, json!({"a": 1})), (3, json!([1]))]),
            ("a: 1\n...\nb: 2\n", &[(1, json!({"a": 1}))]),
        ];
        for (text, expected) in table {
            let found: Vec<_> = split("f", text.as_bytes()).unwrap().into_iter().map(|d| (d.line, d.value)).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_text_of_patches_is_refused_with_its_line() {
        let cases: [(&[u8], &str); 5] = [
            (b"a: 1\n--- b\n", "f: line 2: a line that begins with --- may only go on with a comment"),
            (b"a: 1\n----\n", "f: line 2: a line that begins with --- may only go on with a comment"),
            (b"--- {a: 1}\n", "f: line 1: a line that begins with --- may only go on with a comment"),
            (b"\xff", "f: the text is not UTF-8"),
            (b"a: 1\n---\nb: [\n", "f: line 4: column 1: "),
        ];
        for (text, message) in cases {
            let error = split("f", text).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
