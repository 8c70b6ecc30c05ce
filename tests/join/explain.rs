//! `explain`: works where nothing else does.

use std::process::{Command, Output};

use kubejoin::for_tests::error::codes;

use crate::builder::KUBEJOIN;
use crate::documents::read;

fn explain(arguments: &[&str]) -> Output {
    // No environment, and a directory that nobody may write to.
    Command::new(KUBEJOIN).arg("explain").args(arguments).env_clear().current_dir("/proc/self").output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_code_of_an_error_is_explained() {
    let found = explain(&["node.certificate-expired"]);
    let text = stdout(&found);
    assert!(found.status.success() && found.stderr.is_empty(), "{found:?}");
    for part in
        ["meaning  the kubelet's certificate has expired", "cause    ", "look at  `date -u`", "exit     6 (machine)"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn without_a_code_every_one_is_listed() {
    let found = explain(&[]);
    let text = stdout(&found);
    let listed = text.lines().filter(|line| !line.starts_with(' ')).count();
    assert_eq!((found.status.code(), listed), (Some(0), codes::ALL.len()));
}

#[test]
fn a_code_that_does_not_exist_is_refused_with_the_nearest() {
    let found = explain(&["csr-pending", "-o", "json"]);
    let stderr = String::from_utf8(found.stderr.clone()).unwrap();
    assert_eq!(found.status.code(), Some(2), "{found:?}");
    assert!(stderr.contains("perhaps tls-bootstrap.csr-pending was meant"), "{stderr}");
    let document: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(document["code"], "usage.arguments");
}

#[test]
fn the_texts_stay_small() {
    assert!(read("src/error/explanations.txt").len() < 40 * 1024);
}
