//! Percent-encoding (RFC 3986, 2.1).

/// Encodes whatever is not unreserved (RFC 3986, 2.3).
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The bytes that `text` stands for. `None` where a percent sign is not followed by two digits.
pub fn decoded(text: &str) -> Option<Vec<u8>> {
    decode(text.as_bytes(), |_| None)
}

/// The same; a percent sign that is not followed by two digits stands for itself.
pub fn decoded_leniently(text: &str) -> Vec<u8> {
    decode(text.as_bytes(), Some).unwrap_or_default()
}

/// `stray` gives what a percent sign stands for that begins no encoded byte.
fn decode(mut rest: &[u8], stray: fn(u8) -> Option<u8>) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((&first, after)) = rest.split_first() {
        let escape = (first == b'%').then(|| Some(digit(*after.first()?)? << 4 | digit(*after.get(1)?)?));
        match escape {
            Some(Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            Some(None) => {
                bytes.push(stray(first)?);
                rest = after;
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for (text, form) in [("plain-._~", "plain-._~"), ("a b/%", "a%20b%2F%25"), ("\u{fc}", "%C3%BC")] {
            assert_eq!(encoded(text), form);
            assert_eq!(decoded(form).as_deref(), Some(text.as_bytes()));
            assert_eq!(decoded_leniently(form), text.as_bytes());
        }
        assert_eq!(decoded("%c3%bc").as_deref(), Some("\u{fc}".as_bytes()));
    }

    #[test]
    fn a_stray_percent_sign_is_refused_or_itself() {
        for text in ["%", "%4", "%zz", "a%+1b", "100% sure"] {
            assert_eq!(decoded(text), None, "{text}");
            assert_eq!(decoded_leniently(text), text.as_bytes(), "{text}");
        }
    }
}
