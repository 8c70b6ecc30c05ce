//! Header blocks (RFC 7541) without a dynamic table: what is left are literals, and the static table.

use super::error::GrpcError;
use super::huffman;

/// Entries of the static table (RFC 7541 A).
const STATIC_TABLE: usize = 61;
/// `:status` at 8 to 14 of it.
const STATUSES: [&str; 7] = ["200", "204", "206", "304", "400", "404", "500"];
/// The first of those.
const FIRST_STATUS: usize = 8;

/// A header block that is being read.
pub(super) struct Block<'a>(&'a [u8]);

/// A header field, as far as it can matter here: with a name that is not in the static table, or `:status`. Name and value
/// are `None` where they are not of printable ASCII, as every field that matters is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: Option<String>,
    pub(super) value: Option<String>,
}

impl<'a> Block<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Block(bytes)
    }

    /// The next field that can matter; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Field>, GrpcError> {
        while let Some(&first) = self.0.first() {
            // The four forms of a field, and the change of the table's size (RFC 7541 6).
            let (bits, is_literal) = match first {
                0x80.. => (7, false),
                0x40.. => (6, true),
                0x20.. => {
                    if self.integer(5)? != 0 {
                        return Err(GrpcError::Protocol("a header table that we do not have"));
                    }
                    continue;
                }
                _ => (4, true),
            };
            let index = self.integer(bits)?;
            if index > STATIC_TABLE || (index == 0 && !is_literal) {
                return Err(GrpcError::Protocol("a header field that was never sent"));
            }
            let status = index.checked_sub(FIRST_STATUS).and_then(|at| STATUSES.get(at));
            if !is_literal {
                match status {
                    Some(status) => return Ok(Some(Field::status(Some((*status).to_owned())))),
                    None => continue,
                }
            }
            let name = if index == 0 { self.text()? } else { None };
            let value = self.text()?;
            match (index, status) {
                (0, _) => return Ok(Some(Field { name, value })),
                (_, Some(_)) => return Ok(Some(Field::status(value))),
                (_, None) => {}
            }
        }
        Ok(None)
    }

    fn byte(&mut self) -> Result<u8, GrpcError> {
        let (first, rest) = self.0.split_first().ok_or(GrpcError::Protocol("header fields cut off"))?;
        self.0 = rest;
        Ok(*first)
    }

    /// An integer with a prefix of `bits` (RFC 7541 5.1), of at most five bytes.
    fn integer(&mut self, bits: u32) -> Result<usize, GrpcError> {
        let full = (1_usize << bits) - 1;
        let mut value = usize::from(self.byte()?) & full;
        if value < full {
            return Ok(value);
        }
        for shift in [0, 7, 14, 21] {
            let byte = usize::from(self.byte()?);
            value += (byte & 127) << shift;
            if byte < 128 {
                return Ok(value);
            }
        }
        Err(GrpcError::Protocol("a number too large"))
    }

    /// A string (RFC 7541 5.2); `None` where it is not of printable ASCII.
    fn text(&mut self) -> Result<Option<String>, GrpcError> {
        let is_huffman = self.0.first().is_some_and(|first| first & 0x80 != 0);
        let length = self.integer(7)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(GrpcError::Protocol("header fields cut off"))?;
        self.0 = rest;
        let text = if is_huffman { huffman::decode(bytes) } else { String::from_utf8(bytes.to_vec()).ok() };
        Ok(text.filter(|text| text.bytes().all(|byte| (0x20..0x7f).contains(&byte))))
    }
}

impl Field {
    fn status(value: Option<String>) -> Self {
        Field { name: Some(":status".to_owned()), value }
    }
}

/// Appends a field of the static table as it is (RFC 7541 6.1).
pub(super) fn append_indexed(out: &mut Vec<u8>, index: u8) {
    out.push(0x80 | index);
}

/// Appends a field whose name is in the static table, and which is not to be indexed (RFC 7541 6.2.2).
pub(super) fn append_named(out: &mut Vec<u8>, index: usize, value: &str) {
    append_integer(out, 4, index);
    append_text(out, value);
}

/// The same of a field with a name of its own.
pub(super) fn append_literal(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(0);
    append_text(out, name);
    append_text(out, value);
}

fn append_text(out: &mut Vec<u8>, text: &str) {
    append_integer(out, 7, text.len());
    out.extend(text.as_bytes());
}

/// An integer with a prefix of `bits` (RFC 7541 5.1), the rest of the first byte being zero.
fn append_integer(out: &mut Vec<u8>, bits: u32, value: usize) {
    let full = (1_usize << bits) - 1;
    if value < full {
        out.push(value as u8);
        return;
    }
    out.push(full as u8);
    let mut rest = value - full;
    while rest >= 128 {
        out.push(rest as u8 | 128);
        rest >>= 7;
    }
    out.push(rest as u8);
}
