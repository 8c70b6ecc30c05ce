//! Percent-encoding (RFC 3986, 2.1), read.

/// A text whose escapes have been replaced.
pub(crate) struct PercentDecoded {
    /// What it stands for. A malformed escape stays as it is.
    pub(crate) bytes: Vec<u8>,
    /// Whether every percent sign was followed by two digits.
    pub(crate) is_well_formed: bool,
}

/// Replaces `%20` and the like.
pub(crate) fn percent_decoded(text: &str) -> PercentDecoded {
    let mut decoded = PercentDecoded { bytes: Vec::with_capacity(text.len()), is_well_formed: true };
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        match (first, digits(after)) {
            (b'%', Some(byte)) => {
                decoded.bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                decoded.is_well_formed &= first != b'%';
                decoded.bytes.push(first);
                rest = after;
            }
        }
    }
    decoded
}

/// The byte that two hexadecimal digits stand for.
fn digits(text: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let value = digit(*text.first()?)? * 16 + digit(*text.get(1)?)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_replaced_and_others_stay() {
        let table: [(&str, &[u8], bool); 6] = [
            ("a%40b%c3%A9", b"a@b\xc3\xa9", true),
            ("", b"", true),
            ("100%", b"100%", false),
            ("%4", b"%4", false),
            ("%zz%41", b"%zzA", false),
            ("%+1", b"%+1", false),
        ];
        for (text, bytes, is_well_formed) in table {
            let decoded = percent_decoded(text);
            assert_eq!((&*decoded.bytes, decoded.is_well_formed), (bytes, is_well_formed), "{text}");
        }
    }
}
