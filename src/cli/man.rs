//! `help --man`: the help texts and the tables as a manual page, in the macros of man(7).
//!
//! Words become text that fills its lines, flags and commands become lists. Two columns in a written text are a list, too;
//! what is indented otherwise is shown as it is.

use super::command_table;
use super::flag_list::{command_names, flags_of};
use super::help_text::{Part, part, written};
use super::program::Program;
use super::topic::Topic;
use super::version::{Version, build_date};
use crate::config::setting::{Note, Section, Setting};
use crate::config::settings::VersionFormat;
use crate::config::settings_table::SETTINGS;
use crate::error::Class;

/// The page; `{program}` stands for the name in it.
pub(super) fn page(program: Program) -> String {
    let name = program.to_string();
    let version = Version { format: VersionFormat::Short }.text();
    let mut page = Page { text: format!(".TH {} 8 ", name.to_uppercase()), term: None, is_verbatim: false };
    // Flags are long words: nothing is gained by filling lines up to the margin.
    page.text.push_str(&format!("{} \"kubejoin {}\" Kubernetes\n.nh\n.ad l\n", build_date(), version.trim()));
    page.section("NAME");
    page.line("{program} - make this machine a node of a Kubernetes cluster");
    page.section("SYNOPSIS");
    let topics = topics();
    page.verbatim(true);
    for line in topics.iter().flat_map(|(_, topic)| usage(written(*topic)).0) {
        page.line(line);
    }
    for (title, topic) in topics {
        page.section(&title.to_uppercase());
        page.written(usage(written(topic)).1);
    }
    page.section("KERNEL PARAMETERS");
    page.line("Flags win over them. They are read where there is no other source of an endpoint.");
    for row in SETTINGS.iter().filter(|row| !row.parameter.is_empty()) {
        let value = if row.value.is_empty() { "true|false" } else { row.value };
        page.item(&format!("{}={}", bold(&format!("kubejoin.{}", row.parameter)), italic(value)), row.help);
    }
    page.section("FLAGS OF OLDER RELEASES");
    page.line("They are accepted, so that scripts go on.");
    for row in SETTINGS.iter().filter(|row| row.section == Section::Hidden && !row.flag.is_empty()) {
        let note = match row.note {
            Note::Retired(instead) => instead.to_owned(),
            Note::NoEffect(why) => format!("ignored: {why}"),
            Note::None => String::new(),
        };
        page.item(&flag(row), &note);
    }
    page.section("EXIT STATUS");
    page.item(&bold("0"), "Done, now or before");
    for class in Class::ALL {
        page.item(&format!("{} ({})", bold(&class.exit_status().to_string()), escaped(class.name())), class.meaning());
    }
    page.text.push_str(".PP\n");
    page.line("Called kubeadm, 1 for every error, as kubeadm's.");
    page.written(written(Topic::Man));
    page.text
}

/// What has a section, and its title. Commands that share a text share one.
fn topics() -> Vec<(String, Topic)> {
    let mut topics = vec![("description".to_owned(), Topic::General)];
    for word in command_table::behind("").filter(|word| *word != "help") {
        let topic = Topic::of_command(word).unwrap_or(Topic::General);
        match topics.iter_mut().find(|(_, known)| *known == topic) {
            Some((title, _)) => title.push_str(&format!(", {word}")),
            None => topics.push((word.to_owned(), topic)),
        }
        if topic == Topic::Join {
            topics.push(("join phase".to_owned(), Topic::Phases));
        }
    }
    topics
}

/// The usage lines of a text, and what follows them.
fn usage(text: &'static str) -> (Vec<&'static str>, &'static str) {
    let (usage, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    (usage.lines().map(|line| line.trim_start_matches("Usage:").trim_start()).collect(), rest)
}

struct Page {
    text: String,
    /// How far the terms of a list are indented, as long as it goes on.
    term: Option<usize>,
    /// Whether lines are shown as they are.
    is_verbatim: bool,
}

impl Page {
    fn section(&mut self, title: &str) {
        self.end();
        self.text.push_str(&format!(".SH \"{}\"\n", escaped(title)));
    }

    /// Ends what a blank line ends.
    fn end(&mut self) {
        self.term = None;
        self.verbatim(false);
    }

    fn verbatim(&mut self, is_verbatim: bool) {
        if is_verbatim != self.is_verbatim {
            self.text.push_str(if is_verbatim { ".PP\n.nf\n" } else { ".fi\n" });
        }
        self.is_verbatim = is_verbatim;
    }

    /// One line of text; it is filled, unless filling is off.
    fn line(&mut self, text: &str) {
        self.text.push_str(&escaped(text));
        self.text.push('\n');
    }

    /// A term, which is escaped already, and its explanation.
    fn item(&mut self, term: &str, about: &str) {
        self.text.push_str(&format!(".TP\n{term}\n"));
        self.line(about);
    }

    fn written(&mut self, text: &str) {
        // Where a paragraph begins: behind a blank line, and behind a list.
        let mut begins = true;
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            match part(line) {
                Part::Flags(verbs, section) => flags_of(verbs, section).iter().for_each(|row| self.flag(row)),
                Part::Commands(of) => {
                    command_names(of).iter().for_each(|(name, about)| self.item(&bold(name), about));
                }
                // They have a section of their own.
                Part::Parameters => {}
                Part::Line if line.is_empty() => self.end(),
                Part::Line if line.starts_with(' ') => self.indented(line, lines.peek().copied().unwrap_or_default()),
                Part::Line if !line.contains(|c: char| c.is_lowercase()) => self.section(line),
                Part::Line => {
                    if begins {
                        self.text.push_str(".PP\n");
                    }
                    self.line(line);
                }
            }
            begins = line.is_empty() || !matches!(part(line), Part::Line);
        }
        self.end();
    }

    /// A line of a list, or one that is shown as it is.
    fn indented(&mut self, line: &str, next: &str) {
        let text = line.trim_start();
        let columns = indent(line);
        if let Some((term, about)) = text.split_once("  ") {
            self.term = Some(columns);
            self.item(&bold(term), about);
        } else if self.term.is_some_and(|term| term < columns) {
            self.line(text);
        } else if indent(next) > columns && !line.ends_with('\\') {
            self.term = Some(columns);
            self.text.push_str(&format!(".TP\n{}\n", bold(text)));
        } else {
            self.verbatim(true);
            self.text.push_str(&" ".repeat(columns));
            self.line(text);
        }
    }

    fn flag(&mut self, row: &Setting) {
        self.item(&flag(row), row.help);
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn flag(row: &Setting) -> String {
    let letter = row.short.map_or(String::new(), |letter| format!(", {}", bold(&format!("-{letter}"))));
    let value = if row.value.is_empty() { String::new() } else { format!(" {}", italic(row.value)) };
    format!("{}{letter}{value}", bold(&format!("--{}", row.flag)))
}

fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escaped(text))
}

fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", escaped(text))
}

/// Text that roff prints as it stands, and that can be copied from the page: a hyphen stays the one of ASCII.
fn escaped(text: &str) -> String {
    let mut escaped = String::from(if text.starts_with('.') { "\\&" } else { "" });
    for character in text.trim_start().chars() {
        match character {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '\'' => escaped.push_str("\\(aq"),
            '"' => escaped.push_str("\\(dq"),
            '`' => escaped.push_str("\\(ga"),
            '^' => escaped.push_str("\\(ha"),
            '~' => escaped.push_str("\\(ti"),
            other => escaped.push(other),
        }
    }
    escaped
}
