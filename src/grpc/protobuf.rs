//! Messages in protobuf's wire format (protobuf.dev `encoding`), as far as they are read and written here.

use crate::text::UntrustedText;

/// A string of a message, fit to be shown.
pub fn text(bytes: &[u8]) -> String {
    UntrustedText::from_bytes(bytes, None).to_string()
}

/// A value of a message.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A varint.
    Number(u64),
    /// A string, bytes, or a message within the message.
    Bytes(&'a [u8]),
    /// A number of a fixed length: no message that is read here has one.
    Other,
}

/// The fields of a message with their numbers, to its end or to what is none.
pub fn fields(mut message: &[u8]) -> impl Iterator<Item = (u32, Value<'_>)> {
    std::iter::from_fn(move || {
        let tag = varint(&mut message)?;
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut message)?),
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                Value::Bytes(message.split_off(..length)?)
            }
            1 => message.split_off(..8).map(|_| Value::Other)?,
            5 => message.split_off(..4).map(|_| Value::Other)?,
            _ => return None,
        };
        Some((u32::try_from(tag >> 3).ok()?, value))
    })
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = message.split_off_first()?;
        value |= u64::from(byte & 127) << shift;
        if *byte < 128 {
            return Some(value);
        }
    }
    None
}

/// Appends a number or a truth value. Zero is what is meant by nothing (proto3).
pub fn append_number(out: &mut Vec<u8>, number: u32, value: u64) {
    append_varint(out, u64::from(number) << 3);
    append_varint(out, value);
}

/// Appends a string, bytes, or a message within the message.
pub fn append_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    append_varint(out, u64::from(number) << 3 | 2);
    append_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn append_varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 127 {
        out.push(value as u8 & 127 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_to_their_end_or_to_what_is_none() {
        let numbers = |message: &[u8]| fields(message).map(|(number, _)| number).collect::<Vec<_>>();
        let table: [(&[u8], &[u32]); 8] = [
            (b"", &[]),
            (b"\x08\x01\x12\x00", &[1, 2]),
            (b"\x09\0\0\0\0\0\0\0\0\x15\0\0\0\0\x18\x00", &[1, 2, 3]),
            (b"\x08\x01\x12\x05ab", &[1]),
            (b"\x08\x01\x0b", &[1]),
            (b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", &[]),
            (b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &[]),
            (b"\x09\0\0", &[]),
        ];
        for (message, expected) in table {
            assert_eq!(numbers(message), expected, "{message:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut message = Vec::new();
        for value in [0, 1, 127, 128, 300, u64::MAX] {
            append_number(&mut message, 1, value);
        }
        append_bytes(&mut message, 20, &[7; 200]);
        let read: Vec<_> = fields(&message).collect();
        let numbers = read.iter().filter_map(|(_, value)| match value {
            Value::Number(value) => Some(*value),
            _ => None,
        });
        assert_eq!(numbers.collect::<Vec<_>>(), [0, 1, 127, 128, 300, u64::MAX]);
        assert!(matches!(read.last(), Some((20, Value::Bytes(bytes))) if *bytes == [7; 200]));
    }
}
