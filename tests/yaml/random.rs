//! Random values and texts. The seeds are fixed: a failure comes again.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use kubejoin::for_tests::yaml;

use crate::golden::{cases, same};

/// The same everywhere for the same seed.
struct Random(fastrand::Rng);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0.usize(..bound)
    }

    fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    fn text(&mut self, pieces: &[&str]) -> String {
        let most = [2, 5, 40][self.below(3)];
        (0..self.below(most)).map(|_| self.pick(pieces)).collect()
    }

    fn value(&mut self, depth: usize, pieces: &[&str]) -> Value {
        match self.below(if depth == 0 { 6 } else { 10 }) {
            0 => [Value::Null, json!(true), json!(false)][self.below(3)].clone(),
            1 => json!(self.0.u64(..)),
            2 => json!(self.0.i64(..)),
            3 => [json!(0.5), json!(1e300), json!(-2.5e-9), json!(1_000_000.5), json!(1e21), json!(1234567.25)]
                [self.below(6)]
            .clone(),
            4 | 5 => json!(self.text(pieces)),
            6 | 7 => (0..self.below(5)).map(|_| self.value(depth - 1, pieces)).collect(),
            _ => {
                let entries = (0..self.below(5)).map(|_| (self.text(pieces), self.value(depth - 1, pieces)));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }
}

/// What makes trouble in YAML, and enough letters and blanks to reach column 80.
const PIECES: &[&str] = &[
    "a",
    "b",
    "word ",
    "word ",
    "word ",
    " ",
    " ",
    "  ",
    "\n",
    "\n",
    "\n\n",
    "\t",
    "-",
    "- ",
    "--- ",
    "...",
    ":",
    ": ",
    "#",
    " #",
    "\"",
    "'",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    "&",
    "*",
    "!",
    "|",
    ">",
    "%",
    "@",
    "`",
    "?",
    "? ",
    "~",
    "y",
    "no",
    "on",
    "null",
    "true",
    "<<",
    "=",
    "0",
    "012",
    "0x1f",
    "0o7",
    "1_000",
    "1e3",
    ".5",
    ".",
    ".inf",
    "+",
    "1:30",
    "2001-01-01",
    "ä",
    "€",
    "😀",
    "\u{7f}",
    "\u{80}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{fffd}",
    "\u{ffff}",
    "\0",
    "\u{1b}",
    "\r",
    "\r\n",
];

/// The same without what Go writes unreadably (U+0085), wastefully (all of a text that begins with a byte order mark) or in
/// an order of its own (keys with digits in them).
const ORDINARY: &[&str] = &[
    "a", "b", "word ", "word ", "word ", " ", " ", "  ", "\n", "\n", "\n\n", "\t", "-", "- ", "--- ", "...", ":", ": ",
    "#", " #", "\"", "'", "\\", "{", "}", "[", "]", ",", "&", "*", "!", "|", ">", "%", "@", "`", "?", "? ", "~", "y",
    "no", "on", "null", "true", "=", ".", ".inf", "+", "ä", "€", "😀", "\u{a0}", "\u{fffd}", "\0", "\u{1b}", "\r",
];

/// Go's answers.
fn ask(questions: &[Value]) -> Vec<Value> {
    let oracle =
        std::env::var_os("YAML_ORACLE").expect("YAML_ORACLE names the program; tests/yaml/regenerate makes it");
    let mut child = Command::new(oracle).arg("answer").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let text: String = questions.iter().map(|question| format!("{question}\n")).collect();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "the oracle failed");
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), questions.len());
    answers
}

fn values(seed: u64, pieces: &[&str]) -> Vec<Value> {
    let mut random = Random(fastrand::Rng::with_seed(seed));
    (0..4000).map(|_| random.value(4, pieces)).collect()
}

#[test]
fn what_is_written_comes_back() {
    for value in values(0x6b75_6265_6a6f_696e, PIECES) {
        let text = yaml::to_string(&value);
        let back = yaml::parse_one(&text).unwrap_or_else(|error| panic!("{error}\n{value}\n{text}"));
        assert!(same(&back.value, &value) && back.duplicates.is_empty(), "{value}\n{text}\n{}", back.value);
    }
}

/// A second opinion: a reader of YAML 1.2 understands what was quoted for readers of 1.1.
#[test]
fn serde_yaml_reads_what_is_written() {
    for value in values(0x7365_7264_655f_796d, PIECES) {
        let text = yaml::to_string(&value);
        let back: Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{value}\n{text}"));
        assert!(same(&back, &value), "{value}\n{text}\n{back}");
    }
}

#[test]
#[ignore = "needs Go: YAML_ORACLE names the program that tests/yaml/regenerate makes"]
fn go_reads_what_is_written() {
    let values = values(0x6b75_6265_6a6f_696e, PIECES);
    let texts: Vec<String> = values.iter().map(yaml::to_string).collect();
    let questions: Vec<Value> = texts.iter().map(|text| json!({ "read": text })).collect();
    for ((value, text), answer) in values.iter().zip(&texts).zip(ask(&questions)) {
        assert!(answer["strict"] == true && same(&answer["json"], value), "{value}\n{text}\n{answer}");
    }
}

#[test]
#[ignore = "needs Go: YAML_ORACLE names the program that tests/yaml/regenerate makes"]
fn ordinary_values_are_written_in_go_s_bytes() {
    let values = values(0x6b75_6265_6c65_7421, ORDINARY);
    let questions: Vec<Value> = values.iter().map(|value| json!({ "write": value })).collect();
    for (value, answer) in values.iter().zip(ask(&questions)) {
        let text = yaml::to_string(value);
        let go = answer["yaml"].as_str().unwrap_or("refused");
        let at = go.lines().zip(text.lines()).find(|(go, here)| go != here);
        assert!(go == text, "{value}\n{at:?}");
    }
}

/// Texts that somebody mistyped: a few characters of a case are lost, doubled or put in.
fn spoiled_texts() -> Vec<String> {
    let mut random = Random(fastrand::Rng::with_seed(0x7370_6f69_6c65_6421));
    let cases = cases();
    let mut spoil = |_| {
        let mut text: Vec<char> = cases[random.below(cases.len())].1.chars().collect();
        for _ in 0..=random.below(3) {
            let at = random.below(text.len() + 1);
            match random.below(3) {
                0 if at < text.len() => drop(text.remove(at)),
                1 => text.insert(at, if text.is_empty() { '\n' } else { text[random.below(text.len())] }),
                _ => {
                    let piece: Vec<char> = random.pick(PIECES).chars().collect();
                    text.splice(at..at, piece);
                }
            }
        }
        text.into_iter().collect()
    };
    (0..20_000).map(&mut spoil).collect()
}

/// Whatever is accepted can be written and read again, and nothing panics.
#[test]
fn spoiled_texts_end_in_a_value_or_an_error() {
    for text in spoiled_texts() {
        for document in yaml::parse(&text).unwrap_or_default() {
            let written = yaml::to_string(&document.value);
            let back = yaml::parse_one(&written).unwrap_or_else(|error| panic!("{error}\n{text:?}\n{written:?}"));
            assert!(same(&back.value, &document.value), "{text:?}\n{written:?}");
        }
    }
}

#[test]
#[ignore = "needs Go: YAML_ORACLE names the program that tests/yaml/regenerate makes"]
fn spoiled_texts_never_mean_something_else_than_in_go() {
    let texts = spoiled_texts();
    let questions: Vec<Value> = texts.iter().map(|text| json!({ "read": text })).collect();
    let mut differ = Vec::new();
    for (text, answer) in texts.iter().zip(ask(&questions)) {
        let (Ok(documents), Some(json)) = (yaml::parse(text), answer.get("json")) else { continue };
        // `1` and `1.0` become one key, and which value it keeps is chance in Go. A document that is nothing but a block
        // scalar may stand at column 0 in YAML 1.2.
        if documents.first().is_some_and(|first| !first.duplicates.is_empty() || first.value.is_string()) {
            continue;
        }
        let first = documents.first().map_or(Value::Null, |first| first.value.clone());
        if !same(&first, json) && !differs_between_versions(text) {
            differ.push(format!("{text:?}\n go   {json}\n here {first}"));
        }
    }
    assert!(differ.is_empty(), "{} texts mean something else:\n{}", differ.len(), differ.join("\n"));
}

/// Spellings of YAML 1.1 that 1.2 reads otherwise: `:` before `,` or a bracket (Go: part of the word), a word that begins
/// with `?` in a flow mapping (Go: the key's sign), a tag without content before `,` (Go: part of the tag), a colon in an
/// anchor (Go: not part of it), a byte order mark that is not the first character (Go: part of the text).
fn differs_between_versions(text: &str) -> bool {
    let pairs = [":,", ":]", ":}", ":[", ":{", "\u{feff}"];
    let word_with = |sign, chars: &[char]| {
        text.split(sign).skip(1).any(|rest| rest.split_whitespace().next().is_some_and(|word| word.contains(chars)))
    };
    let flow_key = text.contains('?') && text.contains(['{', '[']);
    flow_key
        || pairs.iter().any(|pair| text.contains(pair))
        || word_with('&', &[':'])
        || word_with('!', &[',', ']', '}'])
}
