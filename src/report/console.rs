//! Lines for people: kubeadm's `[phase] text` on standard output; warnings, debug lines and the error on standard error,
//! findings of checks in kubeadm's form.
//!
//! A terminal gets lines folded at its width (a serial console has none to tell: 80), and on a screen a little colour;
//! anything else gets them whole and plain, to be searched.

use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;

use super::event::Event;
use super::level::Level;
use super::sink::Sink;
use super::stream;
use crate::error::{Code, Finding, Severity};

/// Width of a terminal that does not say: a serial console, and its photograph.
const SERIAL_COLUMNS: usize = 80;

/// Below this, folding would leave nothing to read.
const MIN_COLUMNS: usize = 40;

/// How one of the two streams wants its text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Fold lines at this many columns.
    pub columns: Option<usize>,
    /// Use colour.
    pub colour: bool,
}

impl Style {
    /// What suits this stream. `colour`: a terminal may get colour codes.
    pub fn of(terminal: &(impl IsTerminal + AsFd), colour: bool) -> Self {
        if !terminal.is_terminal() {
            return Style::default();
        }
        let columns = rustix::termios::tcgetwinsize(terminal).map_or(0, |size| usize::from(size.ws_col));
        let columns = if columns == 0 { SERIAL_COLUMNS } else { columns.max(MIN_COLUMNS) };
        Style { columns: Some(columns), colour: colour && stream::has_colours(terminal) }
    }
}

/// One of the two streams.
type Stream = (Box<dyn Write>, Style);

/// The console.
pub struct Console {
    /// Nothing where something else has standard output.
    out: Option<Stream>,
    err: Stream,
    verbosity: u8,
}

#[derive(Clone, Copy)]
enum Colour {
    Red,
    Yellow,
}

impl Colour {
    /// SGR parameters, ECMA-48 8.3.117.
    fn code(self) -> &'static str {
        match self {
            Colour::Red => "1;31",
            Colour::Yellow => "33",
        }
    }
}

/// What stands before, and behind, the errors of checks (kubeadm 1.37 `preflight/checks.go`, `handleError`).
const FATAL_ERRORS: &str = "[preflight] Some fatal errors occurred:";
const CHECKS_FAILED: &str = "preflight checks failed";

impl Console {
    /// A console that writes to these streams and shows debug lines up to `verbosity`. Without `out`, everything but the
    /// closing text goes to `err`.
    pub fn new(out: Option<Stream>, err: Stream, verbosity: u8) -> Self {
        Console { out, err, verbosity }
    }

    /// The process's own streams; only standard error where a document has standard output.
    pub fn stdio(verbosity: u8, colour: bool, document: bool) -> Self {
        let (out, err) = (std::io::stdout(), std::io::stderr());
        let (out_style, err_style) = (Style::of(&out, colour), Style::of(&err, colour));
        let out: Option<Stream> = (!document).then(|| (Box::new(out) as Box<dyn Write>, out_style));
        Console::new(out, (Box::new(err), err_style), verbosity)
    }

    /// A line of an error or a finding.
    fn finding(&mut self, finding: &Finding) {
        let colour = if finding.severity == Severity::Error { Colour::Red } else { Colour::Yellow };
        let label = format!("[{} ", finding.severity.label());
        put(&mut self.err, "\t", Some((&label, colour)), &format!("{}]: {}", finding.check, finding.message), 12);
    }

    fn failure(&mut self, code: &Code, message: &str, hint: &str, findings: &[Finding]) {
        let mut message = message;
        if !findings.is_empty() {
            put(&mut self.err, "", None, FATAL_ERRORS, 4);
            for finding in findings {
                self.finding(finding);
            }
            message = CHECKS_FAILED;
        }
        put(&mut self.err, "", Some(("error: ", Colour::Red)), message, 7);
        let code = format!("{} (exit {})", code.name, code.class.exit_status());
        put(&mut self.err, "  code: ", None, &code, 8);
        put(&mut self.err, "  next: ", None, hint, 8);
    }
}

impl Sink for Console {
    fn accept(&mut self, event: &Event<'_>) {
        match event {
            Event::AttemptStarted | Event::PhaseStarted(_) => {}
            Event::PhaseEnded(phase, took) => {
                if self.verbosity >= 1 {
                    put(&mut self.err, &format!("[{phase}] "), None, &format!("took {} ms", took.as_millis()), 4);
                }
            }
            Event::Line { level: Level::Debug(at_least), section, text, .. } => {
                if self.verbosity >= *at_least {
                    put(&mut self.err, &format!("[{section}] "), None, text, 4);
                }
            }
            Event::Line { level: Level::Info, section, text, .. } => {
                put(self.out.as_mut().unwrap_or(&mut self.err), &format!("[{section}] "), None, text, 4);
            }
            Event::Line { level: Level::Warning, section, code, text, .. } => {
                let code = code.map_or(String::new(), |code| format!(" ({})", code.name));
                let mark = Some(("WARNING: ", Colour::Yellow));
                put(&mut self.err, &format!("[{section}] "), mark, &format!("{text}{code}"), 4);
            }
            Event::Finding { finding, .. } => self.finding(finding),
            Event::Failed { code, message, hint, findings, .. } => self.failure(code, message, hint, findings),
            Event::Done { text, .. } => {
                // Not folded: it may be a file of a dry run, where a line feed means something.
                if let (Some((writer, _)), false) = (&mut self.out, text.is_empty()) {
                    write(writer, &format!("\n{text}\n\n"));
                }
            }
        }
    }
}

/// One line: `prefix`, perhaps a coloured mark, and the text, folded with `indent` columns before what continues it.
fn put(stream: &mut Stream, prefix: &str, mark: Option<(&str, Colour)>, text: &str, indent: usize) {
    let (writer, style) = stream;
    let mark_text = mark.map_or("", |(mark, _)| mark);
    let line = format!("{prefix}{mark_text}{text}");
    let mut line = style.columns.map_or(line.clone(), |columns| fold(&line, columns, indent));
    if let (true, Some((mark, colour))) = (style.colour, mark) {
        // The mark stands at the very beginning, where nothing has been folded yet.
        line.replace_range(prefix.len()..prefix.len() + mark.len(), &format!("\x1b[{}m{mark}\x1b[0m", colour.code()));
    }
    write(writer, &format!("{line}\n"));
}

/// In one piece, so that lines of several writers do not mix. A console that is gone cannot be reported.
fn write(writer: &mut Box<dyn Write>, text: &str) {
    let _ = writer.write_all(text.as_bytes());
    let _ = writer.flush();
}

/// Breaks `line` at spaces so that no line has more than `columns` characters. A word longer than that (a path, a URL, a
/// pin) is left whole, to be copied: the terminal breaks it. Wide characters are counted as one.
fn fold(line: &str, columns: usize, indent: usize) -> String {
    let mut out = String::with_capacity(line.len() + 16);
    let mut used = 0;
    for word in line.split_inclusive(' ') {
        let shown = word.trim_end_matches(' ').chars().map(|c| if c == '\t' { 8 } else { 1 }).sum::<usize>();
        if used > indent && used + shown > columns {
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            used = indent;
        }
        out.push_str(word);
        used += shown + word.len() - word.trim_end_matches(' ').len();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_breaks_at_spaces_and_indents() {
        let rows = [
            ("short", 20, "short"),
            ("[phase] one two three four", 16, "[phase] one two\n    three four"),
            ("exactly sixteen.", 16, "exactly sixteen."),
            (
                "[phase] https://[2001:db8::1]:6443/api is where",
                16,
                "[phase]\n    https://[2001:db8::1]:6443/api\n    is where",
            ),
            ("", 16, ""),
        ];
        for (line, columns, want) in rows {
            assert_eq!(fold(line, columns, 4), want);
        }
    }

    #[test]
    fn a_pipe_is_plain_and_whole() {
        let file = tempfile::tempfile().unwrap();
        let style = Style::of(&file, true);
        assert_eq!((style.columns, style.colour), (None, false));
    }
}
