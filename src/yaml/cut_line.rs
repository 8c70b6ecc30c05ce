//! A last line that nothing ends. In Go a block scalar that stops there has no line feed at its end; saphyr-parser always
//! gives one, or two. So the line is ended before it is parsed, and the line feed taken off the scalar again.

use std::borrow::Cow;

use saphyr_parser::{ScalarStyle, Span};

/// A text whose last line has been ended where nothing did.
pub(super) struct CutLine<'a> {
    pub(super) completed: Cow<'a, str>,
    /// The line, where it had to be completed, and its number.
    line: Option<(&'a str, usize)>,
}

impl<'a> CutLine<'a> {
    /// Ends the last line of a text.
    pub(super) fn of(text: &'a str) -> Self {
        let last = text.rsplit(['\n', '\r']).next().unwrap_or("");
        if last.is_empty() {
            return CutLine { completed: Cow::Borrowed(text), line: None };
        }
        let breaks = text.matches(['\n', '\r']).count() - text.matches("\r\n").count();
        CutLine { completed: Cow::Owned(format!("{text}\n")), line: Some((last, breaks + 1)) }
    }

    /// A scalar as Go reads it from the text as it was.
    pub(super) fn without_added<'t>(&self, scalar: &'t str, style: ScalarStyle, span: Span) -> &'t str {
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let Some((last, _)) = self.line.filter(|(_, line)| block && span.end.line() > *line) else { return scalar };
        // A line of no more than the indentation is empty, and counts only where empty lines are kept (`|+`).
        let empty = last.bytes().all(|b| b == b' ') && last.len() <= span.start.col();
        match scalar.strip_suffix('\n') {
            Some(shorter) if !empty || shorter.is_empty() || shorter.ends_with('\n') => shorter,
            _ => scalar,
        }
    }
}
