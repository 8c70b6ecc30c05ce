//! What a run reports, in which form, and where.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use kubejoin_apiserver::{ApiServer, Options};
use serde_json::{Value, json};

use crate::builder::{Join, KUBEJOIN, cluster_info_of, with_user};

const TOKEN: &str = "abcdef.0123456789abcdef";

/// The binary with these words, as a user without a proxy starts it.
fn kubejoin(words: &[&str]) -> Output {
    Command::new(KUBEJOIN).args(words).env_remove("HTTPS_PROXY").stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A root with the identity of another node: `FileAvailable--etc-kubernetes-kubelet.conf` says no.
fn with_a_foreign_node(server: &ApiServer) -> Join {
    let join = Join::to(server);
    std::fs::create_dir_all(join.root().join("etc/kubernetes")).unwrap();
    std::fs::write(join.root().join("etc/kubernetes/kubelet.conf"), "kind: Config\n").unwrap();
    std::fs::write(join.root().join("etc/kubernetes/bootstrap-kubelet.conf"), "").unwrap();
    join
}

/// What the binary has opened with its standard error in a file, and `JOURNAL_STREAM` as this shell word says.
fn opened_with_journal_stream(word: &str) -> Option<String> {
    let works = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status();
    if !works.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: this test needs strace (Debian package strace), and the permission to use ptrace");
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let script = format!(
        "exec 2>{err}; export JOURNAL_STREAM={word}; exec strace -qq -o {log} -e trace=open,openat {KUBEJOIN} join --nope \
         --result-file {result}",
        err = at("err"),
        log = at("log"),
        result = at("result.json")
    );
    let ran = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    Some(std::fs::read_to_string(at("log")).unwrap())
}

#[test]
fn the_kernel_log_is_left_to_the_journal() {
    // Of the stream that is standard error, of another one, of none.
    for (word, is_opened) in [("$(stat -L -c %d:%i /proc/self/fd/2)", false), ("1:2", true), ("", true)] {
        let Some(log) = opened_with_journal_stream(word) else { return };
        assert!(log.contains("openat("), "{log}");
        assert_eq!(log.contains("\"/dev/kmsg\""), is_opened, "{word}: {log}");
    }
}

#[test]
fn checks_are_listed_by_name_in_every_form() {
    let server = ApiServer::start(Options::default());
    let join = with_a_foreign_node(&server);
    let console = join.run();
    assert_eq!((console.code(), console.status), ("preflight.failed", 2), "{console:#?}");
    let lines: Vec<_> = console.stderr.lines().collect();
    let starts = [
        "\t[WARNING FileAvailable--etc-kubernetes-bootstrap-kubelet.conf]: ",
        "[preflight] Some fatal errors occurred:",
        "\t[ERROR FileAvailable--etc-kubernetes-kubelet.conf]: /etc/kubernetes/kubelet.conf already exists",
        "error: preflight checks failed",
        "  code: preflight.failed (exit 2)",
        "  next: ",
    ];
    let agree = lines.len() == starts.len() && lines.iter().zip(starts).all(|(line, start)| line.starts_with(start));
    assert!(agree, "{lines:#?}");

    let findings = console.result["findings"].as_array().unwrap();
    let field = |key: &str| findings.iter().map(|finding| finding[key].clone()).collect::<Vec<_>>();
    assert_eq!(
        field("name"),
        ["FileAvailable--etc-kubernetes-bootstrap-kubelet.conf", "FileAvailable--etc-kubernetes-kubelet.conf"]
    );
    assert_eq!(field("severity"), ["warning", "error"]);
    assert_eq!(field("code"), [Value::Null, json!("preflight.failed")]);
    assert_eq!((field("hint")[0].is_null(), field("hint")[1].is_string()), (true, true));
    assert!(field("message").iter().all(|message| message.as_str().unwrap().starts_with("/etc/kubernetes/")));

    let programs = join.arg("--logging-format=json").arg("-o").arg("json").run();
    let document: Value = serde_json::from_str(&programs.stdout).unwrap();
    assert_eq!((&document["findings"], &document["code"]), (&console.result["findings"], &json!("preflight.failed")));
    let lines: Vec<Value> = programs.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let listed: Vec<_> = lines.iter().filter_map(|line| line["findings"].as_array()).flatten().cloned().collect();
    assert_eq!(&listed, findings);
}

#[test]
fn with_output_json_the_document_stands_once_on_stdout() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server).arg("--dry-run").arg("-o").arg("json");
    let ran = join.run();
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&document["outcome"], ran.status), (&json!("dry-run"), 0), "{ran:#?}");
    assert!(ran.stderr.starts_with("[preflight] Checking this machine\n"), "{}", ran.stderr);
    assert!(ran.stderr.lines().all(|line| line.starts_with(['[', '\t'])), "{}", ran.stderr);
    // With lines for programs, too: the files are in the document and in no line.
    let ran = join.arg("--logging-format=json").run();
    let lines: Vec<Value> = ran.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.last().unwrap()["outcome"], "dry-run");
    assert!(!ran.stderr.contains("/etc/kubernetes/pki/ca.crt"), "{}", ran.stderr);
    assert!(ran.stdout.contains("/etc/kubernetes/pki/ca.crt"));
}

#[test]
fn a_usage_error_is_a_document_where_json_was_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let result = directory.path().join("result.json");
    for words in [&["join", "--nope", "-o", "json"][..], &["jion", "--output=json"], &["config", "-ojson"]] {
        let output = kubejoin(&[words, &["--result-file", result.to_str().unwrap()]].concat());
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let ended = (&document["code"], &document["exit"], output.status.code());
        assert_eq!(ended, (&json!("usage.arguments"), &json!(2), Some(2)), "{words:?}");
        let stderr = text(&output.stderr);
        assert!(stderr.starts_with("error: ") && stderr.contains("code: usage.arguments (exit 2)"), "{stderr}");
    }
}

#[test]
fn a_usage_error_replaces_the_result_of_the_run_before() {
    let directory = tempfile::tempdir().unwrap();
    let result = directory.path().join("result.json");
    std::fs::write(&result, "{\"outcome\": \"joined\"}").unwrap();
    let output = kubejoin(&["join", "--result-file", result.to_str().unwrap(), "--nope"]);
    assert_eq!((output.status.code(), &read(&result)["code"]), (Some(2), &json!("usage.arguments")));
    // A verb that leaves no result leaves the one that is there alone.
    let output = kubejoin(&["config", "validate", "--nope"]);
    assert_eq!((output.status.code(), &read(&result)["code"]), (Some(2), &json!("usage.arguments")));
}

#[test]
fn the_result_has_its_modes_whatever_the_umask() {
    for umask in ["0", "077"] {
        let directory = tempfile::tempdir().unwrap();
        let result = directory.path().join("run/kubejoin/result.json");
        let script = format!("umask {umask}; exec \"$0\" \"$@\"");
        let mut shell = Command::new("sh");
        let output =
            shell.args(["-c", &script, KUBEJOIN, "join", "--nope", "--result-file"]).arg(&result).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o7777;
        let modes = [result.parent().unwrap().parent().unwrap(), result.parent().unwrap(), &result].map(mode);
        assert_eq!(modes, [0o755, 0o755, 0o644], "umask {umask}");
    }
}

/// Every form of report that a run can have, one after the other.
const FORMS: [&[&str]; 3] = [&["-v", "10"], &["-v", "10", "--logging-format=json"], &["-o", "json"]];

#[test]
fn a_token_in_the_wrong_place_is_not_printed() {
    let server = ApiServer::start(Options::default());
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let key = "0123456789abcdef".repeat(4);
    let token_file = with_user(&cluster_info_of(&server), &format!("tokenFile: {TOKEN}"));
    let document = |line: &str| format!("apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n{line}\n");
    let discovery_by = |path: &str| document(&format!("discovery: {{file: {{kubeConfigPath: {path}}}}}"));
    let configs = [
        file("key.yaml", &document(&format!("{TOKEN}: 1"))),
        file("nested.yaml", &document(&format!("discovery: {{{TOKEN}: 1}}"))),
        file("value.yaml", &document(&format!("kind: {TOKEN}"))),
        file("certificate-key.yaml", &document(&format!("{key}: {key}"))),
        file("path.yaml", &discovery_by(TOKEN)),
        file("broken.yaml", &format!("{TOKEN}: [\n")),
    ];
    let token_file = file("token-file.conf", &token_file);
    let (result, missing) = (directory.path().join("result.json"), format!("/nowhere/{TOKEN}"));
    let mut lines: Vec<Vec<&str>> = vec![
        vec!["h:1", "--token-file", TOKEN],
        vec!["h:1", "--token-file", &missing],
        vec!["--config", TOKEN],
        vec!["--discovery-file", TOKEN],
        vec!["--discovery-file", &token_file],
        vec!["--kernel-command-line", TOKEN],
        vec!["h:1", "--patches", TOKEN, "--token", "x"],
        vec![TOKEN],
        vec!["h:1", TOKEN],
        vec!["phase", TOKEN],
        vec!["--clock", TOKEN],
        vec!["h:1", "--token", TOKEN, "--discovery-token-ca-cert-hash", TOKEN],
        vec!["h:1", "--token", TOKEN, "--discovery-token-ca-cert-hash", &key],
        vec!["--abcdef.0123456789abcdef"],
    ];
    lines.extend(configs.iter().map(|config| vec!["--config", config]));
    for line in &lines {
        for form in FORMS {
            let output = kubejoin(&[&["join", "--result-file", result.to_str().unwrap()], form, line].concat());
            let ended = output.status.code();
            assert!(matches!(ended, Some(1..)), "{line:?}: {output:?}");
            let said = text(&output.stdout) + &text(&output.stderr) + &std::fs::read_to_string(&result).unwrap();
            assert!(!said.contains("0123456789abcdef"), "{line:?} {form:?}: {said}");
        }
    }
    for config in configs.iter().map(String::as_str).chain([TOKEN]) {
        for words in [["config", "validate", "--config", config], ["config", "migrate", "--old-config", config]] {
            let output = kubejoin(&words);
            let said = text(&output.stderr);
            assert!(!said.contains("0123456789abcdef"), "{words:?}: {said}");
        }
    }
}

#[test]
fn a_password_in_an_endpoint_is_not_printed() {
    let directory = tempfile::tempdir().unwrap();
    let result = directory.path().join("result.json");
    let long = "correct-horse";
    for line in [
        &["user:hunter2@host:6443"][..],
        &["https://user:hunter2@host:6443"],
        &["h:1", "--server", "user:hunter2@host:6443"],
        &["h:1", "user:hunter2@host:6443"],
        &["--discovery-file", "user:hunter2@host:6443"],
    ] {
        for form in FORMS {
            let words = [&["join", "--token", long, "--result-file", result.to_str().unwrap()], form, line].concat();
            let output = kubejoin(&words);
            let said = text(&output.stdout) + &text(&output.stderr) + &std::fs::read_to_string(&result).unwrap();
            assert!(output.status.code() != Some(0) && !said.contains("hunter2"), "{line:?} {form:?}: {said}");
            assert!(!said.contains("horse"), "{line:?} {form:?}: {said}");
        }
    }
}

#[test]
fn config_migrate_writes_the_token_and_never_reports_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("old.yaml");
    let old = format!(
        "apiVersion: kubeadm.k8s.io/v1beta3\nkind: JoinConfiguration\ndiscovery:\n  bootstrapToken:\n    token: {TOKEN}\n    \
         apiServerEndpoint: h:1\n    unsafeSkipCAVerification: true\n"
    );
    std::fs::write(&path, &old).unwrap();
    let output = kubejoin(&["config", "migrate", "--old-config", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains(&format!("token: {TOKEN}")), "{output:?}");
    assert!(!text(&output.stderr).contains("0123456789abcdef"), "{output:?}");
}
