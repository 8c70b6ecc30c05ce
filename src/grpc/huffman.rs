//! Huffman's code of header strings (RFC 7541 B), as far as the printable characters go.

/// The printable characters by the length of their codes, in bits. The code is canonical: in this order each is the one
/// before it plus one.
const CODES: [(u32, &[u8]); 10] = [
    (5, b"012aceiost"),
    (6, b" %-./3456789=A_bdfghlmnpru"),
    (7, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, b"&*,;XZ"),
    (10, b"!\"()?"),
    (11, b"'+|"),
    (12, b"#>"),
    (13, b"\0$@[]~"),
    (14, b"^}"),
    (15, b"<`{"),
];
/// The backslash, the only printable character with a longer code: the first of 19 bits.
const BACKSLASH: (u32, u32) = (19, 0x7fff0);

/// The text that `bytes` encode; `None` where a character of it is not printable, or the end is not padded with ones.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let mut text = String::new();
    let (mut code, mut length) = (0_u32, 0);
    for bit in bytes.iter().flat_map(|byte| (0..8).rev().map(move |n| u32::from(byte >> n & 1))) {
        code = code << 1 | bit;
        length += 1;
        if let Some(character) = character(code, length) {
            text.push(character.into());
            (code, length) = (0, 0);
        } else if length > BACKSLASH.0 {
            return None;
        }
    }
    // What is left are the first bits, all ones, of the longest code: less than a byte of them.
    (length < 8 && code == (1 << length) - 1).then_some(text)
}

fn character(code: u32, length: u32) -> Option<u8> {
    if (length, code) == BACKSLASH {
        return Some(b'\\');
    }
    let mut first = 0;
    let mut before = 0;
    for (bits, characters) in CODES {
        first <<= bits - before;
        before = bits;
        if bits == length {
            return characters.get(code.checked_sub(first)? as usize).copied();
        }
        first += characters.len() as u32;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::scripted::hex;
    use super::*;

    #[test]
    fn the_code_is_that_of_the_standard() {
        // The strings of RFC 7541 C.4 and C.6, and others as Go's hpack encodes them.
        let table = [
            ("f1e3 c2e5 f23a 6ba0 ab90 f4ff", Some("www.example.com")),
            ("a8eb 1064 9cbf", Some("no-cache")),
            ("25a8 49e9 5bb8 e8b4 bf", Some("custom-value")),
            ("d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff", Some("Mon, 21 Oct 2013 20:13:21 GMT")),
            (
                "94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 \
                 07",
                Some("foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
            ),
            ("", Some("")),
            // Padding of eight bits and more, of zeroes, and a code cut off.
            ("ff", None),
            ("00 00 00 00 00 ff", None),
            ("18", None),
            ("ffff ffff", None),
        ];
        for (encoded, expected) in table {
            assert_eq!(decode(&hex(encoded)).as_deref(), expected, "{encoded}");
        }
    }

    #[test]
    fn every_printable_character_has_a_code_of_its_own() {
        let mut seen = Vec::new();
        for length in 5..20 {
            for code in 0..1 << length {
                seen.extend(character(code, length));
            }
        }
        seen.sort_unstable();
        let expected: Vec<u8> = std::iter::once(0).chain(0x20..0x7f).collect();
        assert_eq!(seen, expected);
    }
}
