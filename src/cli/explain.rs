//! `explain`: what a code of an error means, how it comes about, and what to look at. Needs nothing but this program.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::arguments::{Arguments, Next, Parsed};
use super::error::{Misuse, UsageError};
use super::topic::Topic;
use crate::config::setting::Verb;
use crate::config::settings::Output;
use crate::error::{Class, Code, Explanation, codes};
use crate::text::wrap;
use crate::values::nearest;

/// How many codes are named in the place of one that does not exist.
const MAX_SUGGESTIONS: usize = 4;

/// `explain`, as typed.
#[derive(Debug)]
pub struct ExplainArgs {
    what: What,
    output: Output,
}

/// What is to be explained.
#[derive(Debug)]
enum What {
    /// All codes, one line each.
    All,
    /// The codes whose names begin so, one line each; it ends with a dot.
    Family(String),
    /// One code, with everything.
    Code(&'static Code),
}

/// What stands behind the word `explain`.
pub(super) fn parse(mut args: Arguments) -> Result<Parsed<ExplainArgs>, UsageError> {
    args.verb = Verb::Explain;
    let mut what = What::All;
    loop {
        match args.next()? {
            Next::End | Next::Version => break,
            Next::Help => return Ok(Parsed::Help(args.help(Topic::Explain))),
            Next::Word(word) if matches!(what, What::All) => {
                what = find(&word).map_err(|suggestions| args.error(Misuse::UnknownCode { word, suggestions }))?;
            }
            Next::Word(word) => return Err(args.error(Misuse::ExtraArgument { word, suggestion: None })),
        }
    }
    Ok(Parsed::Args(ExplainArgs { what, output: args.settings.output.unwrap_or_default() }))
}

/// The code or the family of this name; else those that come nearest.
fn find(word: &str) -> Result<What, Vec<&'static str>> {
    if let Some(code) = codes::ALL.iter().find(|code| code.name == word) {
        return Ok(What::Code(code));
    }
    let names = || codes::ALL.iter().map(|code| code.name);
    if word.ends_with('.') && names().any(|name| name.starts_with(word)) {
        return Ok(What::Family(word.to_owned()));
    }
    let mut found: Vec<&'static str> = nearest(word, names()).into_iter().collect();
    // Half of a name, such as `ca-hash-mismatch` or `net.`, is what somebody remembers.
    let last = word.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let has_part = |name: &&str| last.len() > 2 && name.contains(last);
    found.extend(names().filter(has_part));
    found.dedup();
    found.truncate(MAX_SUGGESTIONS);
    Err(found)
}

impl ExplainArgs {
    /// What is printed, with its last newline: at most 80 columns, or a document of JSON.
    ///
    /// The document of one code is an object with `code`, `exit`, `class`, `meaning`, `next`, `unit`, `cause`, `look` and
    /// `example`; otherwise it is a list of objects, each with the first five of these. All but `exit` are texts.
    pub fn text(&self) -> String {
        match (&self.what, self.output) {
            (What::Code(code), Output::Text) => in_full(code),
            (What::Code(code), Output::Json) => {
                let Explanation { cause, look, example } = Explanation::of(code);
                let mut object = brief(code);
                let more = [("unit", unit(code.class)), ("cause", cause), ("look", look), ("example", example)];
                object.extend(more.map(|(name, text)| (name.to_owned(), text.into())));
                format!("{:#}\n", Value::Object(object))
            }
            (_, Output::Text) => {
                let mut text = String::new();
                for code in self.listed() {
                    let _ = writeln!(text, "{}  {}", code.class.exit_status(), code.name);
                    wrap(&mut text, "     ", code.meaning);
                }
                text
            }
            (_, Output::Json) => {
                let list: Vec<Value> = self.listed().map(|code| Value::Object(brief(code))).collect();
                format!("{:#}\n", Value::Array(list))
            }
        }
    }

    fn listed(&self) -> impl Iterator<Item = &'static Code> {
        let prefix = match &self.what {
            What::Family(prefix) => prefix.as_str(),
            _ => "",
        };
        codes::ALL.iter().copied().filter(move |code| code.name.starts_with(prefix))
    }
}

fn brief(code: &Code) -> Map<String, Value> {
    let fields = [
        ("code", json!(code.name)),
        ("exit", json!(code.class.exit_status())),
        ("class", json!(code.class.name())),
        ("meaning", json!(code.meaning)),
        ("next", json!(code.hint)),
    ];
    fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

fn in_full(code: &Code) -> String {
    let Explanation { cause, look, example } = Explanation::of(code);
    let mut text = format!("{}\n\n", code.name);
    let exit = format!("{} ({}): {}", code.class.exit_status(), code.class.name(), unit(code.class));
    let rows = [
        ("meaning  ", code.meaning),
        ("cause    ", cause),
        ("look at  ", look),
        ("next     ", code.hint),
        ("exit     ", &exit),
        ("example  ", example),
    ];
    for (name, sentence) in rows {
        wrap(&mut text, name, sentence);
    }
    text
}

/// What the unit that runs kubejoin does with an exit status.
fn unit(class: Class) -> &'static str {
    match class {
        Class::Transient => "a unit runs it again, as with Restart=on-failure; `ensure` does so by itself",
        Class::PartialReset => "a unit may run the reset again; what stays is listed",
        Class::Unsafe => "a unit stops, and nothing may try again: somebody has to look",
        Class::Bug => "a unit stops; report it",
        Class::Usage | Class::Refused | Class::Machine => {
            "a unit stops (RestartPreventExitStatus=): nothing changes before somebody acts"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Command, parse as parse_argv};
    use super::*;
    use crate::text::COLUMNS;

    fn argv(words: &[&str]) -> Result<String, String> {
        let argv = ["kubejoin", "explain"].iter().chain(words);
        match parse_argv(argv.map(Into::into)) {
            Ok(Command::Explain(args)) => Ok(args.text()),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_code_is_explained_in_full_on_a_serial_console() {
        for code in codes::ALL {
            let text = argv(&[code.name]).unwrap();
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let Explanation { cause, look, example } = Explanation::of(code);
            for part in [code.meaning, code.hint, cause, look, example, unit(code.class), code.class.name()] {
                assert!(words.contains(part), "{part}: {text}");
            }
            let fits = |line: &str| line.chars().count() <= COLUMNS || line.split_whitespace().count() <= 2;
            assert!(text.lines().all(fits), "{text}");
        }
    }

    #[test]
    fn without_a_code_all_are_listed_and_behind_a_dot_their_family() {
        let all = argv(&[]).unwrap();
        for code in codes::ALL {
            assert!(all.contains(&format!("{}  {}\n", code.class.exit_status(), code.name)), "{}", code.name);
        }
        let family = argv(&["preflight."]).unwrap();
        assert!(family.contains("preflight.failed\n") && !family.contains("net."), "{family}");
    }

    #[test]
    fn documents_have_the_same() {
        let document = |words: &[&str]| serde_json::from_str::<Value>(&argv(words).unwrap()).unwrap();
        let one = document(&["net.timed-out", "-o", "json"]);
        let mut fields: Vec<_> = one.as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["cause", "class", "code", "example", "exit", "look", "meaning", "next", "unit"]);
        assert_eq!((&one["code"], &one["exit"]), (&json!("net.timed-out"), &json!(3)));
        let all = document(&["--output=json"]);
        assert_eq!(all.as_array().unwrap().len(), codes::ALL.len());
        let tls = document(&["tls.", "-o", "json"]);
        assert!(tls.as_array().unwrap().iter().all(|row| row["code"].as_str().unwrap().starts_with("tls.")), "{tls}");
    }

    #[test]
    fn an_unknown_code_is_refused_with_the_nearest() {
        let table: [(&[&str], &str); 5] = [
            (&["net.timedout"], "unknown code \"net.timedout\", perhaps net.timed-out was meant"),
            (&["ca-hash-mismatch"], "perhaps discovery.ca-hash-mismatch was meant"),
            (&["nothing."], "unknown code \"nothing.\""),
            (&["csr-pending"], "perhaps tls-bootstrap.csr-pending was meant"),
            (&["net.closed", "net.io"], "explain does not take the further argument \"net.io\""),
        ];
        for (words, expected) in table {
            let error = argv(words).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn commands_of_ours_that_a_text_names_exist() {
        let mut checked = 0;
        for code in codes::ALL {
            let Explanation { look, .. } = Explanation::of(code);
            for text in [look, code.hint] {
                for command in text.split('`').skip(1).step_by(2).filter(|text| text.starts_with("kubejoin ")) {
                    checked += 1;
                    // What needs more words behind it is a command all the same.
                    let command = command.split(" ...").next().unwrap();
                    if let Err(error) = parse_argv(command.split(' ').map(Into::into)) {
                        let text = error.to_string();
                        assert!(!text.contains("unknown"), "{}: {command}: {text}", code.name);
                    }
                }
            }
        }
        assert!(checked > 10, "only {checked} commands were found");
    }
}
