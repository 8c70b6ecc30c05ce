//! `doctor`: the answer has the code that the join gave, and nothing is changed by it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use kubejoin_apiserver::{ApiServer, Approver, ClusterInfo, ExistingNode, Faults, Jws, Options, Reply, Rule, Token};
use serde_json::Value;

use crate::builder::{Join, KUBEJOIN, Ran, closed_cluster_info};

/// The state of a link.
fn state<'r>(ran: &'r Ran, name: &str) -> &'r str {
    let checks = ran.result["checks"].as_array().unwrap_or_else(|| panic!("{ran:#?}"));
    let link = checks.iter().find(|check| check["name"] == name);
    link.unwrap_or_else(|| panic!("no {name} in {ran:#?}"))["state"].as_str().unwrap()
}

/// The links that are broken.
fn broken(ran: &Ran) -> Vec<&str> {
    let checks = ran.result["checks"].as_array().unwrap_or_else(|| panic!("{ran:#?}"));
    checks.iter().filter(|check| check["state"] == "broken").map(|check| check["name"].as_str().unwrap()).collect()
}

#[test]
fn nothing_is_found_where_a_join_would_succeed_and_nothing_is_requested() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    let before = join.tree();
    let ran = join.run_doctor(&[]);
    assert_eq!((ran.status, ran.outcome(), &ran.result["subject"]), (0, "no-finding", &"machine".into()), "{ran:#?}");
    for name in ["settings", "Clock", "TCP", "CA", "serving certificate", "authentication", "rights", "request"] {
        assert_eq!(state(&ran, name), "good", "{name}: {ran:#?}");
    }
    assert_eq!(join.tree(), before);
    assert!(server.csrs().is_empty());
    let requests = server.requests();
    assert_eq!(requests[0].authorization(), None, "the token was sent before the server was verified");
    let is_question = |line: &str| line.starts_with("GET ") || line.ends_with("/selfsubjectaccessreviews");
    let lines: Vec<_> = requests.iter().map(|request| request.line()).collect();
    assert!(lines.iter().all(|line| is_question(line)), "{lines:#?}");
    // And so it is.
    assert_eq!(join.run().outcome(), "joined");
}

#[test]
fn an_answer_has_the_code_that_the_join_gave() {
    type Prepare = fn(&ApiServer, Join) -> Join;
    fn token(id: &str, change: fn(&mut Token)) -> Token {
        let mut token = Token::new(id, "0123456789abcdef");
        change(&mut token);
        token
    }
    fn joined_with(server: &ApiServer, join: Join, token: Token) -> Join {
        let full = token.full();
        server.set_tokens(vec![token]);
        join.with_token(&full)
    }
    let rows: [(&str, &str, &str, Prepare); 12] = [
        ("pin", "discovery.ca-hash-mismatch", "CA", |_, join| join.hashes(&[&format!("sha256:{}", "0".repeat(64))])),
        ("token gone", "discovery.token-unknown", "token", |server, join| {
            server.set_tokens(vec![Token::new("zyxwvu", "0123456789abcdef")]);
            join
        }),
        ("signature", "discovery.jws-invalid", "signature", |server, join| {
            server.set_faults(Faults::cluster_info(ClusterInfo::jws(Jws::OtherSecret)));
            join
        }),
        ("no authentication", "api.unauthorized", "authentication", |server, join| {
            joined_with(server, join, token("noauth", |token| token.authentication = false))
        }),
        ("another group", "api.forbidden", "rights", |server, join| {
            joined_with(server, join, token("nogrup", |token| token.groups = Vec::new()))
        }),
        ("closed cluster-info", "discovery.anonymous-refused", "cluster-info", |server, join| {
            server.set_faults(closed_cluster_info(403));
            join
        }),
        ("name in use", "node.owner-unknown", "node name", |server, join| {
            server.add_node(&ExistingNode::ready("worker-1"));
            join
        }),
        ("busy", "api.busy", "authentication", |server, join| {
            let reply = Reply::RetryAfter { code: 503, value: "60".to_owned() };
            server.set_faults(Faults::replying(Rule::on("kube-system", reply)));
            join
        }),
        ("redirected", "http.redirect", "cluster-info", |server, join| {
            let reply = Reply::Redirect { code: 302, location: "http://portal.test/".to_owned() };
            server.set_faults(Faults::replying(Rule::always(reply)));
            join
        }),
        ("pending", "tls-bootstrap.csr-pending", "request", |server, join| {
            server.set_approver(Approver::Manual);
            join
        }),
        ("denied", "tls-bootstrap.csr-denied", "request", |server, join| {
            server.set_approver(Approver::Deny { reason: "No".to_owned(), message: "not you".to_owned() });
            join
        }),
        ("no credentials", "config.incomplete", "settings", |server, join| {
            let file = crate::builder::cluster_info_of(server);
            join.by_file(&file, None)
        }),
    ];
    for (name, code, link, prepare) in rows {
        let server = ApiServer::start(Options::default());
        let join = prepare(&server, Join::to(&server));
        let (joined, seen) = (join.run(), join.run_doctor(&[]));
        assert_eq!((joined.code(), joined.status), (code, seen.status), "{name}: {joined:#?} {seen:#?}");
        assert_eq!(seen.code(), code, "{name}: {seen:#?}");
        assert_eq!(broken(&seen), [link], "{name}: {seen:#?}");
        assert!(!seen.result["hint"].as_str().unwrap().is_empty(), "{name}");
    }
}

#[test]
fn what_hangs_on_a_broken_link_is_not_looked_at() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server).hashes(&[&format!("sha256:{}", "0".repeat(64))]);
    let ran = join.run_doctor(&[]);
    for name in ["TCP", "TLS", "token", "signature", "Hostname"] {
        assert_eq!(state(&ran, name), "good", "{name}: {ran:#?}");
    }
    for name in ["serving certificate", "authentication", "rights", "request", "what the cluster requires"] {
        assert_eq!(state(&ran, name), "not-looked-at", "{name}: {ran:#?}");
    }
    let text = join.doctor(&["-v", "1"]).output().unwrap();
    let stderr = String::from_utf8(text.stderr).unwrap();
    for line in
        ["[doctor] CA: broken: ", "[doctor] rights: not-looked-at", "  code: discovery.ca-hash-mismatch (exit 4)"]
    {
        assert!(stderr.contains(line), "{line}: {stderr}");
    }
    assert_eq!(stderr.matches("  code: ").count(), 1, "{stderr}");
    assert!(!server.has_received("Bearer"), "a server that is not verified was sent the token");
}

#[test]
fn a_disk_in_a_reader_is_looked_at_without_a_network() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server).endpoint("127.0.0.1:1");
    let ran = join.run_doctor(&[]);
    assert_eq!((ran.status, state(&ran, "TCP"), state(&ran, "rights")), (0, "not-seen", "not-looked-at"), "{ran:#?}");
    assert!(ran.stderr.contains("another machine's network"), "{}", ran.stderr);
    assert!(ran.stderr.contains("does not run here"), "{}", ran.stderr);
}

#[test]
fn what_this_machine_cannot_reach_is_the_answer() {
    if Path::new("/etc/kubernetes/kubelet.conf").exists() {
        eprintln!("SKIPPED: this machine is a node");
        return;
    }
    let mut command = Command::new(KUBEJOIN);
    let pin = format!("sha256:{}", "0".repeat(64));
    command.args(["doctor", "127.0.0.1:1", "--token", "abcdef.0123456789abcdef", "--node-name", "worker-1"]);
    command.args(["--discovery-token-ca-cert-hash", &pin, "-o", "json"]).env("NO_PROXY", "*").stdin(Stdio::null());
    let output = command.output().unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(
        (result["code"].as_str(), output.status.code()),
        (Some("net.connection-refused"), Some(3)),
        "{result:#}"
    );
}

#[test]
fn a_node_needs_no_settings_to_be_looked_at() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    assert_eq!(join.run().outcome(), "joined");
    let empty = join.beside("cmdline", "quiet\n");
    let look = || {
        let mut command = Command::new(KUBEJOIN);
        command.args(["doctor", "-o", "json", "--rootfs"]).arg(join.root()).arg("--kernel-command-line").arg(&empty);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let result: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        Ran { result, ..join.ran(output) }
    };
    let well = look();
    assert_eq!((well.status, &well.result["subject"]), (0, &"node".into()), "{well:#?}");
    for name in ["kubelet.conf", "certificate", "CA", "kubelet configuration"] {
        assert_eq!(state(&well, name), "good", "{name}: {well:#?}");
    }
    // With settings it is the same.
    assert_eq!(join.run_doctor(&[]).outcome(), "no-finding");
    let pki = join.root().join("var/lib/kubelet/pki");
    let pair = std::fs::read_link(pki.join("kubelet-client-current.pem")).unwrap();
    let pair = join.root().join(pair.strip_prefix("/").unwrap());
    let good = std::fs::read(&pair).unwrap();
    std::fs::write(&pair, "").unwrap();
    let damaged = look();
    assert_eq!((damaged.code(), damaged.status, broken(&damaged)), ("node.files-unusable", 6, vec!["kubelet.conf"]));
    assert_eq!(state(&damaged, "kubelet healthz"), "not-looked-at");
    std::fs::write(&pair, good).unwrap();
    std::fs::remove_file(join.root().join("var/lib/kubelet/config.yaml")).unwrap();
    assert_eq!(look().code(), "node.files-unusable");
}

#[test]
fn an_expired_certificate_is_named_with_its_end() {
    let server = ApiServer::start(Options { signing_duration: Duration::from_secs(2), ..Options::default() });
    let join = Join::to(&server);
    assert_eq!(join.run().outcome(), "joined");
    std::thread::sleep(Duration::from_secs(3));
    let ran = join.run_doctor(&[]);
    assert_eq!((ran.code(), ran.status), ("node.certificate-expired", 6), "{ran:#?}");
    assert!(ran.result["message"].as_str().unwrap().contains(" ago, at "), "{ran:#?}");
}

#[test]
fn another_user_is_told_what_it_could_not_see() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: becoming another user needs root");
        return;
    }
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    assert_eq!(join.run().outcome(), "joined");
    // Whatever leads to the binary may be closed to others.
    let program = join.beside("kubejoin", "");
    std::fs::copy(KUBEJOIN, &program).unwrap();
    let directory = program.parent().unwrap();
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(&program);
    command
        .args(["doctor", "-o", "json", "--rootfs"])
        .arg(join.root())
        .arg("--kernel-command-line")
        .arg(join.beside("c", "quiet"));
    let output = command.uid(65534).gid(65534).stdin(Stdio::null()).output().unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let ran = Ran { result, ..join.ran(output) };
    assert_eq!((ran.status, &ran.result["subject"]), (0, &"node".into()), "{ran:#?}");
    for name in ["kubelet.conf", "kubelet configuration"] {
        assert_eq!(state(&ran, name), "not-seen", "{ran:#?}");
    }
    assert!(ran.stderr.contains("[doctor] kubelet.conf: not-seen: it cannot be read; run this as root"), "{ran:#?}");
}

#[test]
fn without_settings_the_answer_is_that_there_are_none() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(directory.path().join("cmdline"), "quiet\n").unwrap();
    let mut command = Command::new(KUBEJOIN);
    command.args(["doctor", "--rootfs"]).arg(&root).arg("--kernel-command-line").arg(directory.path().join("cmdline"));
    let output = command.stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("  code: config.incomplete (exit 2)"), "{stderr}");
    assert_eq!((output.status.code(), std::fs::read_dir(&root).unwrap().count()), (Some(2), 0));
}

#[test]
fn no_file_is_written_but_the_report() {
    if !crate::crash::can_trace() {
        eprintln!("SKIPPED: this test needs strace (Debian package strace), and the permission to use ptrace");
        return;
    }
    let server = ApiServer::start(Options::default());
    for joined in [false, true] {
        let join = Join::to(&server);
        if joined {
            assert_eq!(join.run().outcome(), "joined");
        }
        let (log, report) = (join.beside("strace", ""), join.beside("report", ""));
        let command = join.doctor(&["--report", report.to_str().unwrap()]);
        let mut traced = Command::new("strace");
        traced
            .args(["-f", "-qq", "-e", "trace=%file,ftruncate,fchmod,fchown", "-o"])
            .arg(&log)
            .arg(command.get_program());
        traced.args(command.get_args()).stdin(Stdio::null());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => traced.env(name, value),
                None => traced.env_remove(name),
            };
        }
        let output = traced.output().unwrap();
        assert!(output.status.success(), "{output:#?}");
        let calls = std::fs::read_to_string(&log).unwrap();
        assert!(calls.contains("openat(") && std::fs::metadata(&report).unwrap().len() > 0, "{calls}");
        let changes =
            ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "unlink", "rename", "mkdir", "symlink", "chmod", "mknod"];
        let changing = |line: &&str| changes.iter().any(|word| line.contains(word));
        // The report is written beside itself and put in its place; /dev/null is no file.
        let is_report =
            |line: &str| line.contains("/report\"") || line.contains("/.report.") || line.contains("\"/dev/null\"");
        let wrong: Vec<_> =
            calls.lines().filter(changing).filter(|line| !is_report(line) && !line.contains("fchmod(")).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(calls.matches("rename").count(), 1, "{calls}");
    }
}

/// Private keys and tokens of a root, line by line, and what else must not be shown.
fn secrets_of(root: &Path, token: &str) -> Vec<String> {
    let mut secrets = vec![token.split_once('.').unwrap().1.to_owned()];
    for directory in ["var/lib/kubelet/pki", "etc/kubernetes"] {
        for entry in std::fs::read_dir(root.join(directory)).unwrap().flatten() {
            let Ok(text) = std::fs::read_to_string(entry.path()) else { continue };
            let keys = text.split("-----BEGIN ").filter(|block| block.contains("PRIVATE KEY"));
            let lines = keys.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>());
            secrets.extend(lines.filter(|line| line.len() > 20 && !line.contains("KEY-----")));
        }
    }
    secrets
}

#[test]
fn the_report_can_be_pasted() {
    const JWT: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEyMyJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlLW9mLWEtdG9rZW4";
    let key = "0123456789abcdef".repeat(4);
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    assert_eq!(join.run().outcome(), "joined");
    let bootstrap = "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: \"https://h\"}}]\n\
                     contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n\
                     users: [{name: u, user: {token: a-bearer-of-another-form}}]\n";
    std::fs::write(join.root().join("etc/kubernetes/bootstrap-kubelet.conf"), bootstrap).unwrap();
    let mut secrets = secrets_of(&join.root(), &server.token());
    assert!(secrets.len() > 2, "{secrets:?}");
    secrets.extend([JWT.to_owned(), key.clone(), "a-bearer-of-another-form".to_owned()]);
    // A result of another program's making, with every one of them in it.
    let result = serde_json::json!({
        "outcome": "failed", "message": format!("Bearer {JWT}, key {key}, https://u:hunter2hunter2@proxy:3128"), "echo": secrets,
    });
    std::fs::write(join.result_file(), format!("{result:#}\n")).unwrap();
    // Of a password only the place shows that it is one.
    secrets.push("hunter2hunter2".to_owned());
    let path = join.beside("report", "");
    let ran = join.run_doctor(&["--report", path.to_str().unwrap()]);
    let text = std::fs::read_to_string(&path).unwrap();
    for part in [
        "kubejoin v",
        "## Machine",
        "kernel: ",
        "certificate: good",
        "## Answer",
        "\"outcome\": \"failed\"",
        "## The kubelet's last lines",
        "not obtained",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for secret in &secrets {
        for shown in [&text, &ran.stdout, &ran.stderr] {
            assert!(!shown.contains(secret.as_str()), "{secret}: {shown}");
        }
    }
    // The search finds one where it is.
    assert!(std::fs::read_to_string(join.result_file()).unwrap().contains(&secrets[1]));
}
