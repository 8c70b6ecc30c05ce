//! A panic ends as every other error does.

use std::fmt;

use crate::error::{Code, Explain, codes, debug_as_display};
use crate::report::{Report, ReportOptions};

/// Reports a panic in all sinks, with an exit status of its own. By itself it would print its words, which can quote
/// whatever was being worked on, and leave a core dump with the token and the key in it.
pub fn report_panics(options: &ReportOptions) {
    let options = options.clone();
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map_or("an unknown place".to_owned(), ToString::to_string);
        let defect = Defect { place };
        Report::standard(&options).failed(&defect);
        std::process::exit(defect.code().class.exit_status().into());
    }));
}

/// A panic.
struct Defect {
    place: String,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a defect of kubejoin itself, at {}", self.place)
    }
}

debug_as_display!(Defect);

impl std::error::Error for Defect {}

impl Explain for Defect {
    fn code(&self) -> &'static Code {
        &codes::BUG
    }
}
