//! What is shown: plain text of at most 80 columns.

use std::fmt::Arguments;
use std::io::Write;
use std::process::ExitCode;

/// A serial console, and its photograph.
const COLUMNS: usize = 80;

/// Before every line that the program prints.
const SAID: &str = "  | ";

/// What has to be true.
#[derive(Default)]
pub struct Checks {
    held: usize,
    failed: Vec<&'static str>,
}

impl Checks {
    /// Says whether it is.
    pub fn that(&mut self, holds: bool, what: &'static str) {
        if holds {
            self.held += 1;
            put(format_args!("  ok: {what}"));
        } else {
            self.failed.push(what);
            put(format_args!("  WRONG, this should be so: {what}"));
        }
    }

    /// The last words, and whether everything is as it should be.
    pub fn exit_code(self) -> ExitCode {
        if self.failed.is_empty() {
            put(format_args!("\nAll {} checks passed.", self.held));
            return ExitCode::SUCCESS;
        }
        put(format_args!("\nNot as it should be:"));
        for what in &self.failed {
            put(format_args!("  {what}"));
        }
        ExitCode::FAILURE
    }
}

/// A new step.
pub fn section(title: &str) {
    put(format_args!("\n{title}\n"));
}

/// A line of ours, of at most 78 columns but for what the machine's paths make of it.
pub fn line(text: &str) {
    put(format_args!("{}", format!("  {text}").trim_end()));
}

/// Sentences of ours.
pub fn prose(text: &str) {
    for text in fold(text, COLUMNS - 2, "") {
        line(text.trim_end());
    }
}

/// A command line as typed, one flag to a line, so that it can be pasted.
pub fn command(name: &str, words: &[&str]) {
    let mut line = format!("  $ {name}");
    for (index, word) in words.iter().enumerate() {
        let value = words.get(index + 1).filter(|next| word.starts_with("--") && !next.starts_with("--"));
        // With its value where both fit, and with the two columns for what continues the line.
        let flag = 6 + word.len() + value.map_or(0, |value| 1 + value.len()) + 2;
        let full = line.len() + 1 + word.len() + 2 > COLUMNS;
        if full || (word.starts_with("--") && (line.len() + flag - 5 > COLUMNS || flag > COLUMNS)) {
            put(format_args!("{line} \\"));
            line = format!("      {word}");
        } else {
            line = format!("{line} {word}");
        }
    }
    put(format_args!("{line}"));
}

/// A line that the program printed. It goes to a pipe, so it was not folded there as on a terminal.
pub fn said(text: &str) {
    for line in fold(text, COLUMNS - SAID.len(), "    ") {
        put(format_args!("{}", format!("{SAID}{line}").trim_end()));
    }
}

/// Breaks at spaces; a word that is too long stays whole. `indent` stands before what continues a line.
fn fold(text: &str, columns: usize, indent: &str) -> Vec<String> {
    let text = text.replace('\t', "    ");
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(' ') {
        // There is always a last line.
        let Some(line) = lines.last_mut() else { break };
        let is_full = line.chars().count() + word.trim_end().chars().count() > columns;
        if is_full && !line.trim().is_empty() {
            lines.push(format!("{indent}{word}"));
        } else {
            line.push_str(word);
        }
    }
    lines
}

/// One line. That nobody reads any more (`| head`) does not change how it ends.
fn put(line: Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Bytes, for people.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
