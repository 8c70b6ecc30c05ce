//! How a run is reported, by its arguments; also by those that are not understood.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::cli::{self, DoctorArgs, JoinArgs, LoggingFormat, Output, Program, ResetArgs, StatusArgs};
use crate::config::origin::Origin;
use crate::config::setting::Verb;
use crate::config::settings::Settings;
use crate::config::settings_table::SETTINGS;
use crate::report::{CLUSTER_API, ReportOptions, result};

/// The report of a verb that leaves no result.
pub(super) fn of_others() -> ReportOptions {
    ReportOptions { colour: colour(), ..ReportOptions::default() }
}

/// The same, of one that says more where that is asked for.
pub(super) fn of_verbosity(verbosity: u8) -> ReportOptions {
    ReportOptions { verbosity, ..of_others() }
}

/// The report of `status`, which leaves standard output to what it has found.
pub(super) fn of_status(args: &StatusArgs) -> ReportOptions {
    ReportOptions { document: args.output == Output::Json, ..of_verbosity(args.verbosity) }
}

/// The report of a join.
pub(super) fn of_join(args: &JoinArgs) -> ReportOptions {
    ReportOptions {
        verbosity: args.verbosity,
        json: args.logging_format == LoggingFormat::Json,
        document: args.output == Output::Json,
        verb: "join",
        result: Some(args.result_file.clone()),
        notify: std::env::var_os("NOTIFY_SOCKET"),
        ..of_others()
    }
}

/// The report of a diagnosis, which leaves nothing.
pub(super) fn of_doctor(args: &DoctorArgs) -> ReportOptions {
    ReportOptions { result: None, notify: None, ..of_join(&args.join) }
}

/// The report of a reset.
pub(super) fn of_reset(args: &ResetArgs) -> ReportOptions {
    ReportOptions {
        verbosity: args.verbosity,
        json: args.logging_format == LoggingFormat::Json,
        document: args.output == Output::Json,
        verb: "reset",
        result: Some(args.result_file.clone()),
        ..of_others()
    }
}

/// The report of `ensure`, and of a `join` that is called as kubeadm: whoever provisioned the machine hears the end. A run whose
/// result is left elsewhere is a trial.
pub(super) fn of_provisioned(args: &JoinArgs) -> ReportOptions {
    let is_default = args.result_file.as_path() == Path::new(result::PATH);
    ReportOptions { cluster_api: is_default.then(|| PathBuf::from(CLUSTER_API)), ..of_join(args) }
}

/// The report of a command line that is not understood. The flags that concern the report are looked for, so that a program
/// that asked for JSON gets it, and the result is not left from the run before.
pub(super) fn of_argv(argv: &[OsString]) -> ReportOptions {
    let words: Vec<&str> = argv.iter().skip(1).map(|word| trimmed(word)).collect();
    let verb = words.iter().find_map(|word| cli::command_of(word)).unwrap_or_default();
    let typed = typed(&words);
    let leaves_result = ["join", "ensure", "reset"].contains(&verb);
    let result =
        leaves_result.then(|| typed.result_file.map_or_else(|| PathBuf::from(result::PATH), |given| given.value));
    let is_provisioned = result.as_deref() == Some(Path::new(result::PATH))
        && (verb == "ensure" || verb == "join" && Program::of(argv.first()) == Program::Kubeadm);
    ReportOptions {
        notify: result.as_ref().filter(|_| verb != "reset").and_then(|_| std::env::var_os("NOTIFY_SOCKET")),
        cluster_api: is_provisioned.then(|| PathBuf::from(CLUSTER_API)),
        json: typed.logging_format == Some(LoggingFormat::Json),
        document: typed.output == Some(Output::Json),
        verb,
        result,
        ..of_others()
    }
}

/// What words say that are flags of `join`, each taken by itself: `--flag value`, `--flag=value`, `-f value`, `-fvalue`,
/// `-f=value`. What cannot be used is left out.
fn typed(words: &[&str]) -> Settings {
    let mut settings = Settings::default();
    for (at, word) in words.iter().enumerate() {
        let following = || words.get(at + 1).copied().unwrap_or_default();
        let found = SETTINGS.iter().filter(|row| row.is_flag_of(Verb::Join) && row.takes_value()).find_map(|row| {
            let long = word.strip_prefix("--").and_then(|word| word.strip_prefix(row.flag));
            let short = || row.short.and_then(|short| word.strip_prefix('-')?.strip_prefix(short));
            match long.filter(|rest| rest.is_empty() || rest.starts_with('=')).or_else(short)? {
                "" => Some((row, following())),
                rest => Some((row, rest.strip_prefix('=').unwrap_or(rest))),
            }
        });
        if let Some((row, value)) = found {
            let _ = row.set(&mut settings, Origin::Flag(row.flag), OsStr::new(value));
        }
    }
    settings
}

/// Without what a shell's line continuation leaves where no shell reads it, and without the end of a line; empty where it is
/// not UTF-8.
fn trimmed(word: &OsStr) -> &str {
    word.to_str().unwrap_or_default().trim_start_matches(|c: char| c == '\\' || c.is_whitespace()).trim_end()
}

/// Whether a terminal may get colour codes: `NO_COLOR` is not set (no-color.org), and `TERM` names one that has them. An init
/// system may leave `TERM` unset on a serial console.
fn colour() -> bool {
    allows_colour(std::env::var_os("NO_COLOR"), std::env::var_os("TERM"))
}

fn allows_colour(no_color: Option<OsString>, terminal: Option<OsString>) -> bool {
    let is_empty = |value: OsString| value.is_empty();
    no_color.is_none_or(is_empty) && terminal.is_some_and(|name| !name.is_empty() && name != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_need_a_terminal_that_has_them() {
        let table = [
            (None, Some("xterm"), true),
            (None, Some("vt220"), true),
            (Some(""), Some("linux"), true),
            (Some("1"), Some("linux"), false),
            (None, Some("dumb"), false),
            (None, Some(""), false),
            (None, None, false),
        ];
        for (no_color, terminal, expected) in table {
            let found = allows_colour(no_color.map(Into::into), terminal.map(Into::into));
            assert_eq!(found, expected, "{no_color:?} {terminal:?}");
        }
    }

    #[test]
    fn json_is_found_in_an_argv_that_is_not_understood() {
        let default = PathBuf::from(result::PATH);
        let table: [(&[&str], bool, bool, Option<PathBuf>); 12] = [
            (&["join", "--nope", "-o", "json"], false, true, Some(default.clone())),
            (&["join", "-ojson", "--logging-format=json"], true, true, Some(default.clone())),
            (&["-o=json", "join"], false, true, Some(default.clone())),
            (&["join", "--output=json", "--result-file", "/x"], false, true, Some("/x".into())),
            (&["join", "--output", "json\r\n", "--result-file=/y"], false, true, Some("/y".into())),
            (&["join", "\\\n\t--output=json"], false, true, Some(default.clone())),
            (&["join", "-o", "json", "-o", "text"], false, false, Some(default.clone())),
            (&["join", "--output-json"], false, false, Some(default.clone())),
            (&["join", "--result-file"], false, false, Some(default.clone())),
            (&["config", "join", "-o", "json"], false, true, None),
            (&["jion", "-o", "json"], false, true, None),
            (&[], false, false, None),
        ];
        for (words, json, document, result) in table {
            let argv: Vec<OsString> = ["kubejoin"].iter().chain(words).map(Into::into).collect();
            let options = of_argv(&argv);
            assert_eq!((options.json, options.document, options.result), (json, document, result), "{words:?}");
        }
    }
}
