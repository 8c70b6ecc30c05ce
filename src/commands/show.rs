//! What was asked for, on standard output.

use std::io::Write;

/// Prints what was asked for, past the report, which would take a secret out; a reader that has gone away is no error.
pub(super) fn show(text: &str, end: &str) {
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.write_all(end.as_bytes()));
}
