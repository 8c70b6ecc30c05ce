//! `completion bash|zsh|fish`: one walk through the tables of commands, phases and flags makes records, which each shell's
//! own script reads while it completes.
//!
//! A record is a line of fields with `|` between them, the same for every shell:
//!
//! | | |
//! |---|---|
//! | `w`, words, word, key, about | behind these words this word can stand; its flags are those of the key |
//! | `f`, keys, `--flag`, letter, values, about | a flag of these keys (with commas, also before the first and after the last) |
//! | `h`, and as `f` | a flag that help does not show: offered where nothing else matches |
//!
//! Values are nothing (the flag takes none), `-` (unknown), `f` (a file), `d` (a directory), `=` and words, or `,` and words
//! that stand in a list with commas.

use std::fmt::Write;

use super::arguments::{Arguments, Next, Parsed};
use super::command_table::{self, COMMANDS};
use super::error::{Misuse, UsageError};
use super::help::ERRORS;
use super::program::Program;
use super::topic::Topic;
use crate::config::setting::{SKIP_PHASES, Section, Setting, Values, Verb};
use crate::config::settings_table::SETTINGS;
use crate::error::codes;
use crate::phase::{self, Applies, RESET_PHASES, ResetPhase};
use crate::values::nearest;

/// `completion`, of one shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What is completed.
    program: Program,
    /// The shell's script, without the records.
    script: &'static str,
}

/// The shells, and what each reads the records with.
pub(super) const SHELLS: [(&str, &str); 3] = [
    ("bash", include_str!("completion/bash")),
    ("zsh", include_str!("completion/zsh")),
    ("fish", include_str!("completion/fish")),
];

/// The key of what stands before a command.
const NO_COMMAND: &str = "-";
const JOIN_PHASE: &str = "join phase";
const RESET_PHASE: &str = "reset phase";

/// What stands behind the word `completion`.
pub(super) fn parse(mut args: Arguments) -> Result<Parsed<Completion>, UsageError> {
    args.verb = Verb::Completion;
    let mut script = None;
    loop {
        match args.next()? {
            Next::Help => return Ok(Parsed::Help(args.help(Topic::Completion))),
            Next::Word(word) if script.is_some() => {
                return Err(args.error(Misuse::ExtraArgument { word, suggestion: None }));
            }
            Next::Word(word) => match SHELLS.iter().find(|(shell, _)| *shell == word) {
                Some((_, found)) => script = Some(*found),
                None => {
                    let suggestion = nearest(&word, SHELLS.map(|(shell, _)| shell));
                    let suggestion = suggestion.map(|shell| format!("completion {shell}"));
                    return Err(args.error(Misuse::UnknownCommand { word, suggestion }));
                }
            },
            Next::End | Next::Version => break,
        }
    }
    match script {
        Some(script) => Ok(Parsed::Args(Completion { program: args.program, script })),
        None => Err(args.error(Misuse::NoVerb { behind: "completion", verbs: "bash, zsh or fish" })),
    }
}

impl Completion {
    /// The script.
    pub fn text(self) -> String {
        let mut records = String::new();
        for record in records_of_commands().into_iter().chain(SETTINGS.iter().filter_map(record_of_flag)) {
            // In all three shells this is a word with an apostrophe in it. Writing to a String cannot fail.
            let _ = writeln!(records, "  '{}' \\", record.replace('\'', "'\\''"));
        }
        let records = records.trim_end_matches(" \\\n");
        self.script.replace("{records}", records).replace("{program}", &self.program.to_string())
    }
}

/// What can stand behind which words.
pub(super) fn records_of_commands() -> Vec<String> {
    let mut records = Vec::new();
    let mut word = |before: &str, word: &str, key: &str, about: &str| {
        records.push(format!("w|{before}|{word}|{key}|{}", first_sentence(about)));
    };
    for row in COMMANDS {
        let (before, last) = row.words.rsplit_once(' ').unwrap_or(("", row.words));
        let is_phase = [JOIN_PHASE, RESET_PHASE].contains(&row.words);
        word(before, last, if is_phase { row.words } else { key(row.verb) }, row.about);
    }
    for name in phase::NAMES.iter().filter(|phase| goes_alone(phase.applies)).map(|phase| phase.name) {
        let (parent, child) = name.split_once('/').map_or(("", name), |(parent, child)| (parent, child));
        let before = format!("{JOIN_PHASE} {parent}");
        word(before.trim_end(), child, JOIN_PHASE, "");
    }
    for name in RESET_PHASES.map(ResetPhase::name) {
        word(RESET_PHASE, name, RESET_PHASE, "");
    }
    for (shell, _) in SHELLS {
        word("completion", shell, "completion", "");
    }
    for code in codes::ALL {
        word("explain", code.name, "explain", "");
    }
    for topic in command_table::behind("").chain([ERRORS]) {
        word("help", topic, "help", "");
    }
    word("help join", "phase", "help", "");
    records
}

/// Of a parent the children are asked for, and with them it is complete.
fn goes_alone(applies: Applies) -> bool {
    !matches!(applies, Applies::SubPhase(_) | Applies::Retired)
}

/// A flag, where it is one.
pub(super) fn record_of_flag(setting: &Setting) -> Option<String> {
    let mut keys = String::from(",");
    let mut add = |verb, key: &str, is_phase: bool| {
        if setting.is_flag_of(verb) && !(is_phase && setting.flag == SKIP_PHASES) {
            keys.push_str(key);
            keys.push(',');
        }
    };
    add(Verb::None, NO_COMMAND, false);
    for row in COMMANDS {
        let is_phase = [JOIN_PHASE, RESET_PHASE].contains(&row.words);
        if is_phase || key(row.verb) == row.words {
            add(row.verb, row.words, is_phase);
        }
    }
    let kind = if setting.section == Section::Hidden { 'h' } else { 'f' };
    let letter = setting.short.map(String::from).unwrap_or_default();
    let (flag, about) = (setting.flag, first_sentence(setting.help));
    (keys.len() > 1).then(|| format!("{kind}|{keys}|--{flag}|{letter}|{}|{about}", values(setting)))
}

/// The words of the first command that has these flags.
fn key(verb: Verb) -> &'static str {
    COMMANDS.iter().find(|row| row.verb == verb).map_or(NO_COMMAND, |row| row.words)
}

fn values(setting: &Setting) -> String {
    match setting.values() {
        Values::None => String::new(),
        Values::Any => "-".to_owned(),
        Values::File => "f".to_owned(),
        Values::Directory => "d".to_owned(),
        Values::Words(words) => format!("={}", words.replace('|', " ")),
        Values::Phases if setting.is_flag_of(Verb::Reset) => {
            format!(",{}", RESET_PHASES.map(ResetPhase::name).join(" "))
        }
        Values::Phases => {
            let names = phase::NAMES.iter().filter(|phase| !matches!(phase.applies, Applies::Retired));
            format!(",{}", names.map(|phase| phase.name).collect::<Vec<_>>().join(" "))
        }
    }
}

/// A shell has a line for each.
fn first_sentence(about: &str) -> &str {
    let end = ["; ", " (", ". "].iter().filter_map(|stop| about.find(stop)).min();
    &about[..end.unwrap_or(about.len())]
}
