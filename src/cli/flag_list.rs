//! Commands, and the flags and parameters of one, as lines of a help text.

use super::command_table::COMMANDS;
use crate::config::setting::{Section, Setting, Verb};
use crate::config::settings_table::SETTINGS;
use crate::text::wrap;

/// The widest flag, with its value, that has its explanation beside it.
const MAX_FLAG_COLUMNS: usize = 28;

/// The flags of a command, each with its explanation; of one section, or of all.
pub(super) fn flags(verbs: &[Verb], section: Option<Section>) -> String {
    let widths = flags_of(verbs, None).into_iter().map(|setting| with_value(setting).len());
    let indent = " ".repeat(6 + widths.filter(|width| *width <= MAX_FLAG_COLUMNS).max().unwrap_or_default() + 2);
    let mut text = String::new();
    for setting in flags_of(verbs, section) {
        let short = setting.short.map_or("  ".to_owned(), |letter| format!("-{letter}"));
        let comma = if setting.short.is_some() { ',' } else { ' ' };
        let flag = format!("  {short}{comma} {}", with_value(setting));
        if flag.len() + 2 > indent.len() {
            text.push_str(&flag);
            text.push('\n');
            wrap(&mut text, &indent, setting.help);
        } else {
            wrap(&mut text, &format!("{flag:width$}", width = indent.len()), setting.help);
        }
    }
    text
}

/// The flags of a command that help shows; of one section, or of all.
pub(super) fn flags_of(verbs: &[Verb], section: Option<Section>) -> Vec<&'static Setting> {
    let is_shown = |setting: &&Setting| {
        setting.section != Section::Hidden && section.is_none_or(|section| setting.section == section)
    };
    let is_flag = |setting: &&Setting| verbs.iter().any(|verb| setting.is_flag_of(*verb));
    SETTINGS.iter().filter(is_flag).filter(is_shown).collect()
}

/// The commands that begin with one of these words, or the first words of all, each with its explanation.
pub(super) fn commands(of: &[&str]) -> String {
    let shown = command_names(of);
    let width = shown.iter().map(|(name, _)| name.len()).max().unwrap_or_default() + 4;
    let mut text = String::new();
    for (name, about) in shown {
        wrap(&mut text, &format!("{:width$}", format!("  {name}")), about);
    }
    text
}

/// The same as pairs: a name, without the one word that all of them begin with, and the explanation.
pub(super) fn command_names(of: &[&str]) -> Vec<(&'static str, &'static str)> {
    let rows = COMMANDS.iter().filter(|row| !row.about.is_empty());
    let names = rows.filter_map(|row| match (row.words.split_once(' '), of) {
        (None, []) => Some((row.words, row.about)),
        (Some((first, rest)), [only]) if first == *only => Some((rest, row.about)),
        (Some((first, _)), [_, _, ..]) if of.contains(&first) => Some((row.words, row.about)),
        _ => None,
    });
    names.collect()
}

fn with_value(setting: &Setting) -> String {
    let space = if setting.value.is_empty() { "" } else { " " };
    format!("--{}{space}{}", setting.flag, setting.value)
}

/// The sentence about the kernel command line.
pub(super) fn parameters() -> String {
    let names = SETTINGS.iter().filter(|setting| !setting.parameter.is_empty());
    let names: Vec<_> = names.map(|setting| format!(".{}=", setting.parameter)).collect();
    let mut text = String::new();
    let sentence = format!("On the kernel command line: kubejoin{} ; flags win over them.", names.join(" "));
    wrap(&mut text, "", &sentence);
    text
}
