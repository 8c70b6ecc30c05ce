//! One run through the real sinks, over buffers and files.

use std::cell::RefCell;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use super::console::Console;
use super::console::Style;
use super::document::Document;
use super::kmsg::Kmsg;
use super::result::ResultFile;
use super::*;
use crate::error::{Code, Explain, Finding, Severity, codes};
use crate::phase::Phase;
use crate::retry::Pause;
use crate::secret::Secret;

/// A stream whose bytes can be read while a sink owns its writing end.
#[derive(Clone, Default)]
struct Stream(Rc<RefCell<Vec<u8>>>);

impl Stream {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every sink there is, and what each of them wrote.
struct Bench {
    report: Report,
    out: Stream,
    err: Stream,
    kmsg: Stream,
    json: Stream,
    result: PathBuf,
    _directory: tempfile::TempDir,
}

fn bench(verbosity: u8, style: Style) -> Bench {
    let directory = tempfile::tempdir().unwrap();
    let result = directory.path().join("run/kubejoin/result.json");
    let [out, err, kmsg, json] = [(); 4].map(|()| Stream::default());
    let report = Report::new(vec![
        Box::new(ResultFile::new(&result, "join")),
        Box::new(Kmsg::new(kmsg.clone())),
        Box::new(JsonLines::new(Box::new(json.clone()), verbosity)),
        Box::new(Console::new(Some((Box::new(out.clone()), style)), (Box::new(err.clone()), style), verbosity)),
    ]);
    Bench { report, out, err, kmsg, json, result, _directory: directory }
}

impl Bench {
    fn result(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(&self.result).unwrap()).unwrap()
    }

    fn json_lines(&self) -> Vec<Value> {
        self.json.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[derive(Debug)]
struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

impl Explain for Refusal {
    fn code(&self) -> &'static Code {
        &codes::CONFIG_INVALID
    }
}

fn swap() -> Finding {
    Finding {
        check: "Swap".to_owned(),
        severity: Severity::Warning,
        message: "swap is on".to_owned(),
        hint: None,
        code: None,
    }
}

const PLAIN: Style = Style { columns: None, colour: false };

#[test]
fn a_join_without_a_terminal_is_plain_text() {
    let bench = bench(0, PLAIN);
    bench.report.phase(Phase::Preflight);
    bench.report.info(Phase::Preflight, "Checking this machine");
    bench.report.finding(Phase::Preflight, &swap());
    bench.report.debug(1, Phase::Preflight, "unseen");
    bench.report.phase(Phase::Discovery);
    bench.report.warn(Phase::Discovery, Some(&codes::USAGE), "odd");
    bench.report.done("joined", &[("node", "n1".into()), ("exit", "9".into())], "This node has joined:\n* all well");

    assert_eq!(bench.out.text(), "[preflight] Checking this machine\n\nThis node has joined:\n* all well\n\n");
    assert_eq!(bench.err.text(), "\t[WARNING Swap]: swap is on\n[discovery] WARNING: odd (usage.arguments)\n");
    assert_eq!(
        bench.kmsg.text(),
        "<6>kubejoin: preflight\n<4>kubejoin: [preflight] [WARNING Swap]: swap is on\n<6>kubejoin: discovery\n\
         <4>kubejoin: [discovery] odd\n<5>kubejoin: joined node=n1 exit=9\n"
    );
    let result = bench.result();
    assert_eq!(
        (&result["version"], &result["outcome"], &result["exit"], &result["node"]),
        (&1.into(), &"joined".into(), &0.into(), &"n1".into())
    );
    let names: Vec<_> =
        result["phases"].as_array().unwrap().iter().map(|phase| phase["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["preflight", "discovery"]);
    assert!(result["phases"][0]["ms"].is_u64());
    assert_eq!(result["warnings"][1]["code"], "usage.arguments");
    assert_eq!(fs::metadata(&bench.result).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(fs::read_dir(bench.result.parent().unwrap()).unwrap().count(), 1, "a temporary file is left");
}

#[test]
fn a_failure_has_code_exit_status_and_hint_in_every_sink() {
    let bench = bench(0, PLAIN);
    bench.report.phase(Phase::Discovery);
    bench.report.failed(&Refusal("field nodeRegistration.name is empty".to_owned()));

    let hint = codes::CONFIG_INVALID.hint;
    assert_eq!(
        bench.err.text(),
        format!("error: field nodeRegistration.name is empty\n  code: config.invalid (exit 2)\n  next: {hint}\n")
    );
    assert_eq!(bench.out.text(), "");
    let last = bench.kmsg.text().lines().last().unwrap().to_owned();
    assert!(last.starts_with("<3>kubejoin: failed: config.invalid (exit 2): field"), "{last}");
    let result = bench.result();
    let line = bench.json_lines().pop().unwrap();
    for (key, want) in [("code", "config.invalid"), ("class", "usage"), ("outcome", "failed"), ("hint", hint)] {
        assert_eq!((&result[key], &line[key]), (&want.into(), &want.into()), "{key}");
    }
    assert_eq!((&result["exit"], &line["exit"], &result["phase"]), (&2.into(), &2.into(), &"discovery".into()));
}

/// The end of checks, two of which have failed.
#[derive(Debug)]
struct Failed([Finding; 2]);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "preflight checks failed: {}; {}", self.0[0], self.0[1])
    }
}

impl std::error::Error for Failed {}

impl Explain for Failed {
    fn code(&self) -> &'static Code {
        &codes::PREFLIGHT_FAILED
    }

    fn findings(&self) -> &[Finding] {
        &self.0
    }
}

#[test]
fn findings_keep_their_fields_in_every_sink() {
    let bench = bench(0, PLAIN);
    let error = |check: &str, message: &str| Finding {
        check: check.to_owned(),
        severity: Severity::Error,
        message: message.to_owned(),
        hint: Some("do it".to_owned()),
        code: Some(&codes::PREFLIGHT_FAILED),
    };
    bench.report.phase(Phase::Preflight);
    bench.report.finding(Phase::Preflight, &swap());
    bench.report.finding(Phase::Preflight, &Finding { severity: Severity::Unknown, ..swap() });
    let failed = Failed([error("CRI", "no socket\n[ERROR Forged]: x"), error("Clock", "abcdef.0123456789abcdef")]);
    bench.report.failed(&failed);

    let hint = codes::PREFLIGHT_FAILED.hint;
    assert_eq!(
        bench.err.text(),
        format!(
            "\t[WARNING Swap]: swap is on\n\t[WARNING Swap]: swap is on\n[preflight] Some fatal errors occurred:\n\
             \t[ERROR CRI]: no socket\\u{{a}}[ERROR Forged]: x\n\t[ERROR Clock]: abcdef.<secret>\n\
             error: preflight checks failed\n  code: preflight.failed (exit 2)\n  next: {hint}\n"
        )
    );
    assert!(bench.kmsg.text().contains("preflight checks failed: [ERROR CRI]: no socket"), "{}", bench.kmsg.text());
    let finding = |name, severity, message, hint: Value, code: Value| json!({ "name": name, "severity": severity, "message": message, "hint": hint, "code": code });
    let (hint, code) = (json!("do it"), json!("preflight.failed"));
    let expected = [
        finding("Swap", "warning", "swap is on", Value::Null, Value::Null),
        finding("Swap", "unknown", "swap is on", Value::Null, Value::Null),
        finding("CRI", "error", "no socket\\u{a}[ERROR Forged]: x", hint.clone(), code.clone()),
        finding("Clock", "error", "abcdef.<secret>", hint, code),
    ];
    assert_eq!(bench.result()["findings"], json!(expected));
    // What programs have always read stays as it was.
    assert_eq!(bench.result()["warnings"][0]["message"], "[WARNING Swap]: swap is on");
    let message = bench.result()["message"].clone();
    assert!(message.as_str().unwrap().starts_with("preflight checks failed: [ERROR CRI]: no socket"), "{message}");
    let lines = bench.json_lines();
    let of_lines: Vec<_> = lines.iter().filter_map(|line| line["findings"].as_array()).flatten().cloned().collect();
    assert_eq!(of_lines, expected);
    assert_eq!((&lines[1]["level"], &lines[1]["msg"]), (&json!("warning"), &json!("[WARNING Swap]: swap is on")));
}

#[test]
fn a_document_has_the_outcome_and_every_finding() {
    let (out, err) = (Stream::default(), Stream::default());
    let report = Report::new(vec![
        Box::new(Document::new(Box::new(out.clone()))),
        Box::new(Console::new(None, (Box::new(err.clone()), PLAIN), 0)),
    ]);
    report.info(Phase::Preflight, "Checking this machine");
    report.finding(Phase::Preflight, &swap());
    report.done("joined", &[("node", "n1".into()), ("exit", "9".into())], "closing text");
    let document: Value = serde_json::from_str(&out.text()).unwrap();
    let mut keys: Vec<_> = document.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["exit", "findings", "node", "outcome"]);
    assert_eq!((&document["exit"], &document["findings"][0]["name"]), (&json!(0), &json!("Swap")));
    assert_eq!(err.text(), "[preflight] Checking this machine\n\t[WARNING Swap]: swap is on\n");
}

#[test]
fn json_lines_are_objects_with_level_and_message() {
    let bench = bench(2, PLAIN);
    bench.report.phase(Phase::Discovery);
    bench.report.debug(2, Phase::Discovery, "GET cluster-info");
    bench.report.debug(3, Phase::Discovery, "too deep");
    bench.report.info(Phase::Discovery, "two\nlines");
    bench.report.done("dry-run", &[("node", "n1".into())], "a\nb");

    let lines = bench.json_lines();
    let seen: Vec<_> = lines.iter().map(|l| (l["level"].as_str().unwrap(), l["msg"].as_str().unwrap())).collect();
    let want = [
        ("info", "phase started"),
        ("debug", "GET cluster-info"),
        ("info", "two\\u{a}lines"),
        ("info", "phase ended"),
        ("info", "a\nb"),
    ];
    assert_eq!(seen, want);
    assert!(lines.iter().all(|line| line["ms"].is_u64()));
    assert!(lines[3]["took_ms"].is_u64());
    assert_eq!(lines[4]["facts"]["node"], "n1");
}

#[test]
fn a_terminal_gets_folded_lines_and_colours() {
    let style = Style { columns: Some(80), colour: true };
    let bench = bench(0, style);
    let words = "word ".repeat(30);
    bench.report.info(Phase::Discovery, words.trim());
    bench.report.failed(&Refusal(words.trim().to_owned()));

    let out = bench.out.text();
    assert!(out.lines().count() == 3 && out.lines().all(|line| line.len() <= 80), "{out}");
    assert!(out.starts_with("[discovery] word") && out.lines().nth(1).unwrap().starts_with("    word"), "{out}");
    assert!(bench.err.text().starts_with("\x1b[1;31merror: \x1b[0mword"), "{:?}", bench.err.text());
    assert!(bench.err.text().lines().nth(1).unwrap().starts_with("       word"), "{:?}", bench.err.text());
    assert_eq!(bench.json_lines()[0]["msg"], words.trim());
}

#[test]
fn a_secret_reaches_no_sink() {
    const SECRET: &str = "0a1b2c3d4e5f6g7h";
    let bench = bench(9, PLAIN);
    bench.report.conceal(&Secret::new(SECRET));
    let leak = format!("Authorization: Bearer abcdef.{SECRET}\n cut 0a1b2c3d4e");
    bench.report.phase(Phase::Discovery);
    bench.report.info(Phase::Discovery, &leak);
    bench.report.debug(9, Phase::Discovery, &leak);
    bench.report.warn(Phase::Discovery, None, &leak);
    bench.report.done("joined", &[("echo", leak.clone().into())], &leak);
    let written = fs::read_to_string(&bench.result).unwrap();
    bench.report.failed(&Refusal(leak));

    let sinks = [&bench.out, &bench.err, &bench.kmsg, &bench.json].map(Stream::text);
    for text in sinks.into_iter().chain([written, fs::read_to_string(&bench.result).unwrap()]) {
        assert!(!text.contains(&SECRET[..8]) && !text.contains(&SECRET[8..]), "{text}");
        assert!(text.contains("abcdef.<secret>"), "the line itself is missing: {text}");
    }
}

#[test]
fn a_server_cannot_forge_lines_or_colours() {
    let bench = bench(0, PLAIN);
    bench.report.warn(Phase::Discovery, None, "server said: \u{1b}[2J\n[kubelet-start] all is well");
    assert_eq!(bench.err.text(), "[discovery] WARNING: server said: \\u{1b}[2J\\u{a}[kubelet-start] all is well\n");
    assert_eq!(bench.kmsg.text().lines().count(), 1);
}

#[test]
fn the_kernel_log_gets_few_warnings_and_always_the_end() {
    let bench = bench(0, PLAIN);
    for nth in 0..20 {
        bench.report.warn(Phase::Preflight, None, format!("warning {nth} {}", "long ".repeat(300)));
    }
    bench.report.failed(&Refusal("no".to_owned()));
    let text = bench.kmsg.text();
    assert_eq!(text.lines().count(), 4);
    assert!(text.lines().all(|line| line.len() < 1000));
    assert!(text.ends_with("(17 more warnings on the console)\n"), "{text}");
}

#[test]
fn a_result_that_cannot_be_written_is_mentioned_once() {
    let bench = bench(0, PLAIN);
    fs::write(bench.result.ancestors().nth(2).unwrap(), "a file where a directory should be").unwrap();
    bench.report.phase(Phase::Discovery);
    bench.report.done("joined", &[], "well");
    let err = bench.err.text();
    assert_eq!(err.matches("result.json could not be written").count(), 1, "{err}");
    assert!(err.contains("(report.result-not-written)"), "{err}");
}

#[test]
fn the_result_of_an_earlier_run_goes_when_the_next_one_begins() {
    let bench = bench(0, PLAIN);
    fs::create_dir_all(bench.result.parent().unwrap()).unwrap();
    fs::write(&bench.result, "{\"outcome\":\"joined\"}").unwrap();
    bench.report.phase(Phase::Preflight);
    assert!(!bench.result.exists());
    bench.report.failed(&Refusal("no".to_owned()));
    bench.report.failed(&Refusal("again".to_owned()));
    assert_eq!(bench.result()["message"], "again");
}

#[test]
fn a_phase_begun_twice_is_one() {
    let bench = bench(0, PLAIN);
    bench.report.phase(Phase::Discovery);
    bench.report.phase(Phase::Discovery);
    bench.report.done("joined", &[], "");
    assert_eq!(bench.result()["phases"].as_array().unwrap().len(), 1);
    assert_eq!(bench.out.text(), "");
}

#[test]
fn the_same_reason_for_waiting_is_reported_once() {
    let bench = bench(0, PLAIN);
    let pause = Pause { length: Duration::from_millis(500), left: Duration::from_millis(299_900) };
    for error in ["away", "away", "away", "busy", "away"] {
        bench.report.retrying(Phase::Discovery, &Refusal(error.to_owned()), pause);
    }
    let said = bench.err.text();
    assert_eq!(said.matches("away; trying again in 0.5 s, for 5m0s at most").count(), 2, "{said}");
    assert_eq!(said.matches("busy; trying again").count(), 1, "{said}");
}

#[test]
fn the_result_has_each_warning_of_all_attempts_once() {
    let bench = bench(0, PLAIN);
    let pause = |seconds| Pause { length: Duration::from_secs(seconds), left: Duration::from_secs(100 - seconds) };
    for attempt in 1..=3 {
        bench.report.begin_attempt();
        bench.report.phase(Phase::Preflight);
        bench.report.finding(Phase::Preflight, &swap());
        bench.report.warn(Phase::Preflight, None, "odd");
        for error in ["away", "busy"] {
            bench.report.retrying(Phase::Discovery, &Refusal(error.to_owned()), pause(attempt));
        }
    }
    bench.report.done("joined", &[], "");
    let result = bench.result();
    let messages: Vec<_> =
        result["warnings"].as_array().unwrap().iter().map(|warning| warning["message"].as_str().unwrap()).collect();
    let (away, busy) =
        ("away; trying again in 3.0 s, for 1m37s at most", "busy; trying again in 3.0 s, for 1m37s at most");
    assert_eq!(messages, ["[WARNING Swap]: swap is on", "odd", away, busy]);
    assert_eq!(result["findings"].as_array().unwrap().len(), 1, "{result}");
    assert_eq!(result["phases"].as_array().unwrap().len(), 1, "only the last attempt's: {result}");
}

#[test]
fn a_file_among_the_facts_is_whole_and_not_in_the_kernel_log() {
    let bench = bench(0, PLAIN);
    bench.report.conceal(&Secret::new("0123456789abcdef"));
    let files = serde_json::json!([{ "path": "/f", "content": "a: 1\n\tb\u{1b}\ntoken: 0123456789abcdef\n" }]);
    bench.report.done("dry-run", &[("files", files), ("csr", Value::Null)], "");
    let last: Value = serde_json::from_str(bench.json.text().lines().last().unwrap()).unwrap();
    let content = &last["facts"]["files"][0]["content"];
    assert_eq!(content.as_str().unwrap().lines().next(), Some("a: 1"));
    assert!(content.as_str().unwrap().ends_with("token: <secret>\n"), "{content}");
    let kmsg = bench.kmsg.text();
    assert!(kmsg.contains("dry-run") && !kmsg.contains("/f") && !kmsg.contains("csr"), "{kmsg}");
}
