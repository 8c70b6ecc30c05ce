//! Sentences in lines that fit a serial console.

/// Width of every text that is made for one, in columns.
pub const COLUMNS: usize = 80;

/// Appends words in lines of at most [`COLUMNS`]; lines after the first are indented as far as `prefix` is wide. A word that is
/// longer than that stays whole, to be copied.
pub fn wrap(text: &mut String, prefix: &str, sentence: &str) {
    let mut line = prefix.to_owned();
    for word in sentence.split_whitespace() {
        let space = usize::from(!line.is_empty() && !line.ends_with(' '));
        if line.chars().count() + space + word.chars().count() > COLUMNS && line.trim_start() != "" {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(prefix.chars().count());
        }
        if !line.is_empty() && !line.ends_with(' ') {
            line.push(' ');
        }
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_filled_to_its_last_column() {
        let wrapped = |prefix: &str, sentence: &str| {
            let mut text = String::new();
            wrap(&mut text, prefix, sentence);
            text
        };
        let word = "x".repeat(COLUMNS - 3);
        assert_eq!(wrapped("a  ", &word), format!("a  {word}\n"));
        assert_eq!(wrapped("a  ", &format!("{word}x")), format!("a\n   {word}x\n"));
        assert_eq!(wrapped("a  ", &format!("b {word}")), format!("a  b\n   {word}\n"));
        assert_eq!(wrapped("", "b  c"), "b c\n");
    }
}
