//! Go's `%q`, in which kubeadm writes `kubeadm-flags.env` and `instance-config.yaml` (Go `strconv.Quote`).

/// The text in double quotes, escaped as Go escapes it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            ' '..='~' => out.push(c),
            '\0'..='\x7f' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if is_print(c) => out.push(c),
            c if u32::from(c) <= 0xffff => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

/// The text of what [`quoted`] gives for printable text; `None` for anything else.
pub(super) fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
            '"' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

/// Go's `unicode.IsPrint` beyond ASCII: letters, marks, numbers, punctuation and symbols. Rust knows the same set as what
/// `escape_debug` leaves alone behind a first character; the two Unicode tables may differ by a version.
fn is_print(c: char) -> bool {
    let shown: String = ['a', c].iter().collect::<String>().escape_debug().skip(1).collect();
    shown.chars().eq([c])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_as_go_quotes() {
        // The right column is what Go 1.26 prints for fmt.Sprintf("%q", ...).
        let cases = [
            ("", r#""""#),
            ("plain --a=b", r#""plain --a=b""#),
            ("a\"b\\c'd", r#""a\"b\\c'd""#),
            ("\0\x07\x08\t\n\x0b\x0c\r\x1b\x7f", r#""\x00\a\b\t\n\v\f\r\x1b\x7f""#),
            ("é€😀", r#""é€😀""#),
            ("e\u{301}", "\"e\u{301}\""),
            ("\u{80}\u{a0}\u{ad}\u{200b}\u{2028}\u{feff}", r#""\u0080\u00a0\u00ad\u200b\u2028\ufeff""#),
            ("\u{e000}\u{fffd}\u{ffff}\u{10ffff}", "\"\\ue000\u{fffd}\\uffff\\U0010ffff\""),
        ];
        for (text, quoted_text) in cases {
            assert_eq!(quoted(text), quoted_text, "{text:?}");
        }
    }
}
