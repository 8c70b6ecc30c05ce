//! No secret in any sink, in the tree, or in what a server is sent before it is verified.

use kubejoin_apiserver::{ApiServer, Approver, Faults, Options, Reply, Rule};

use crate::builder::{Join, KUBEJOIN, cluster_info_of};

/// The token's secret half, and encodings it could hide in.
fn disguises(token: &str) -> Vec<Vec<u8>> {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let secret = token.split_once('.').unwrap().1;
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let reversed: String = secret.chars().rev().collect();
    [secret.to_owned(), STANDARD.encode(secret), URL_SAFE_NO_PAD.encode(token), hex, reversed, secret[..10].to_owned()]
        .into_iter()
        .map(String::into_bytes)
        .collect()
}

/// Asserts that `bytes` do not hold the secret half of `token`, in any encoding.
#[track_caller]
pub fn holds_none(what: &str, bytes: &[u8], token: &str) {
    for needle in disguises(token) {
        let found = bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!found, "{what} holds the token as {:?}", String::from_utf8_lossy(&needle));
    }
}

#[track_caller]
fn leaves_no_token(server: &ApiServer, join: &Join) {
    for format in ["text", "json"] {
        let mut command = join.command();
        let output = command.args(["-v", "10", "--logging-format", format]).output().unwrap();
        holds_none("standard output", &output.stdout, &server.token());
        holds_none("standard error", &output.stderr, &server.token());
        holds_none("result.json", &std::fs::read(join.result_file()).unwrap(), &server.token());
        for entry in join.tree() {
            holds_none(&entry.path, entry.content.as_deref().unwrap_or_default(), &server.token());
        }
    }
}

#[test]
fn a_join_leaves_no_token_anywhere() {
    let server = ApiServer::start(Options::default());
    leaves_no_token(&server, &Join::to(&server));
}

#[test]
fn an_interrupted_join_leaves_no_token_anywhere() {
    let server = ApiServer::start(Options { approver: Approver::Manual, ..Options::default() });
    leaves_no_token(&server, &Join::to(&server).waits(2, 1));
}

#[test]
fn a_server_that_echoes_the_token_does_not_get_it_printed() {
    for code in [400, 401, 403, 422, 500] {
        for path in ["kubelet-config", "certificatesigningrequests"] {
            let faults = Faults::replying(Rule::on(path, Reply::EchoAuthorization { code }));
            let server = ApiServer::start(Options { faults, ..Options::default() });
            leaves_no_token(&server, &Join::to(&server));
            assert!(server.has_received(&server.token()), "nothing was echoed: the test tests nothing");
        }
    }
}

#[test]
fn a_private_key_is_in_no_sink() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    let output = join.command().args(["-v", "10"]).output().unwrap();
    let shown = [output.stdout, output.stderr, std::fs::read(join.result_file()).unwrap()].concat();
    assert!(!String::from_utf8_lossy(&shown).contains("PRIVATE KEY"));
}

#[test]
fn a_password_in_a_url_is_shown_nowhere() {
    let server = ApiServer::start(Options::default());
    let url_of_server = cluster_info_of(&server).replace("https://", "https://admin:hunter2@");
    for join in [
        Join::to(&server).by("http://user:hunter2@127.0.0.1/x?q=hunter2", Some(&server.token())),
        Join::to(&server).by("https://user:hunter2@127.0.0.1/x?q=hunter2", Some(&server.token())),
        Join::to(&server).by("https://127.0.0.1:x/x?q=hunter2", Some(&server.token())),
        Join::to(&server).by("http://127.0.0.1/x#hunter2", Some(&server.token())),
        Join::to(&server).by_file(&url_of_server, Some(&server.token())),
    ] {
        let ran = join.run();
        assert_eq!(ran.status, 2, "{ran:#?}");
        assert!(!format!("{ran:?}").contains("hunter2"), "{ran:#?}");
    }
}

#[test]
fn no_verb_leaves_its_memory_to_a_core_dump() {
    if !crate::crash::can_trace() {
        eprintln!("SKIPPED: this test needs strace (Debian package strace), and the permission to use ptrace");
        return;
    }
    for words in
        [&["join", "--nope"][..], &["join", "--config", "/nowhere"], &["config", "validate", "--config", "/nowhere"]]
    {
        let log = tempfile::NamedTempFile::new().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut traced = std::process::Command::new("strace");
        traced.args(["-f", "-qq", "-e", "trace=prctl,openat", "-o"]).arg(log.path()).arg(KUBEJOIN).args(words);
        if words[0] == "join" {
            traced.arg("--result-file").arg(directory.path().join("result.json"));
        }
        assert_eq!(traced.output().unwrap().status.code(), Some(2), "{words:?}");
        let calls = std::fs::read_to_string(log.path()).unwrap();
        let forbidden =
            calls.find("PR_SET_DUMPABLE, SUID_DUMP_DISABLE").unwrap_or_else(|| panic!("{words:?}: {calls}"));
        // Before a file that may hold a token is read.
        assert!(calls.find("/nowhere").is_none_or(|read| forbidden < read), "{calls}");
    }
}

#[test]
fn a_panic_has_its_own_status_and_hides_its_message() {
    const CHILD: &str = "KUBEJOIN_TEST_PANICS_INTO";
    if let Some(result) = std::env::var_os(CHILD) {
        kubejoin::for_tests::commands::report_panics(&kubejoin::for_tests::report::ReportOptions {
            result: Some(result.into()),
            ..Default::default()
        });
        panic!("index out of bounds in \"abcdef.0123456789abcdef\"");
    }
    let directory = tempfile::tempdir().unwrap();
    let result = directory.path().join("result.json");
    let this = "secrets::a_panic_has_its_own_status_and_hides_its_message";
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    let output = again.args(["--exact", this, "--nocapture"]).env(CHILD, &result).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("bug.panic") && stderr.contains("secrets.rs:"), "{stderr}");
    assert!(!stderr.contains("0123456789abcdef"), "{stderr}");
    let result: serde_json::Value = serde_json::from_slice(&std::fs::read(result).unwrap()).unwrap();
    assert_eq!((&result["code"], &result["exit"]), (&"bug.panic".into(), &1.into()));
}
