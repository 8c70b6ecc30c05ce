//! Control characters, made visible.

/// Escapes what [`escaped`] does, line feeds and tabs included, and cuts after `cap` characters. White space at the end goes.
pub fn printable(raw: &str, cap: usize) -> String {
    let raw = raw.trim_end();
    match raw.char_indices().nth(cap) {
        Some((end, _)) => escaped(&raw[..end], &[]) + "...",
        None => escaped(raw, &[]),
    }
}

/// Escapes control and direction-changing characters, but those in `keep`: what a terminal would obey is shown instead.
pub fn escaped(text: &str, keep: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if (c.is_control() || is_format(c)) && !keep.contains(&c) {
            out.extend(c.escape_unicode())
        } else {
            out.push(c)
        }
    }
    out
}

/// Unicode's bidirectional and zero-width controls, which can make a terminal show something else than what was said.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_never_reach_a_terminal() {
        for (raw, shown) in [
            ("plain", "plain"),
            ("a\u{1b}[31mred", "a\\u{1b}[31mred"),
            ("a\nb\r", "a\\u{a}b"),
            ("\u{202e}evil", "\\u{202e}evil"),
            ("\u{9b}2J", "\\u{9b}2J"),
        ] {
            assert_eq!(printable(raw, 100), shown, "{raw:?}");
        }
        assert_eq!(escaped("a\tb\r\n", &['\t', '\n']), "a\tb\\u{d}\n");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(printable("\u{1b}\u{e9}\u{e9}", 2), "\\u{1b}\u{e9}...");
        assert_eq!(printable("\u{e9}\u{e9}  ", 2), "\u{e9}\u{e9}");
    }
}
