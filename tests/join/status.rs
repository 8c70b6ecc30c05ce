//! `status`: every state that a machine can be found in, what is waited for, and what is not sent.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use kubejoin::for_tests::clock::{Clock, ClockMode};
use kubejoin::for_tests::rootfs::Root;
use kubejoin::for_tests::services::InitSystem;
use kubejoin::for_tests::status::{Running, Scope, look};
use kubejoin_apiserver::{ApiServer, Approver, ExistingNode, Leaf, Options};
use serde_json::{Value, json};

use crate::builder::{Join, KUBEJOIN};
use crate::crash::can_trace;

const DAY: Duration = Duration::from_secs(86_400);

/// A joined worker, its server, and what they have said until now.
fn joined(server: &ApiServer) -> Join {
    let join = Join::to(server);
    assert_eq!(join.run().outcome(), "joined");
    join
}

fn status(join: &Join, arguments: &[&str]) -> Command {
    let mut command = Command::new(KUBEJOIN);
    command.arg("status").arg("--rootfs").arg(join.root()).args(arguments).stdin(Stdio::null());
    for name in ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    command
}

fn screen(join: &Join, arguments: &[&str]) -> (i32, String) {
    let output = status(join, arguments).output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    for line in text.lines() {
        assert!(line.chars().count() <= 80 || line.split_whitespace().count() <= 3, "{line}");
        assert!(line.trim_end() == line && !line.contains('\u{1b}'), "{line:?}");
    }
    (output.status.code().unwrap(), text)
}

fn document_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Exit status, state, and the code of what is wrong, of the document; the screen has the same.
fn found(join: &Join) -> (i32, String, String, Value) {
    let output = status(join, &["-o", "json"]).output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    let document = document_of(&output);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (state, code) = (text(&document["state"]), text(&document["trouble"]["code"]));
    let (exit, shown) = screen(join, &[]);
    assert_eq!(Some(exit), output.status.code());
    assert!(code.is_empty() || shown.contains(&format!("{code} (exit {exit})")), "{code}: {shown}");
    assert_eq!(code.is_empty(), shown.contains("\nwrong    nothing that was looked at\n"), "{shown}");
    (exit, state, code, document)
}

fn expect(join: &Join, exit: i32, state: &str, code: &str) -> Value {
    let (status, found, trouble, document) = found(join);
    assert_eq!((status, found.as_str(), trouble.as_str()), (exit, state, code), "{document:#}");
    document
}

/// Replaces the pair that the kubelet uses.
fn give_pair(join: &Join, server: &ApiServer, leaf: &Leaf) {
    let identity = server.pki().issue(leaf);
    let pki = join.root().join("var/lib/kubelet/pki");
    fs::write(pki.join("kubelet-client-new.pem"), identity.cert_pem() + &identity.key_pem).unwrap();
    fs::set_permissions(pki.join("kubelet-client-new.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(pki.join("kubelet-client-current.pem")).unwrap();
    symlink("/var/lib/kubelet/pki/kubelet-client-new.pem", pki.join("kubelet-client-current.pem")).unwrap();
}

fn leaf() -> Leaf {
    Leaf::client("system:node:worker-1", &["system:nodes"])
}

fn in_root(join: &Join, path: &str, text: &str) -> PathBuf {
    let path = join.root().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

#[test]
fn a_machine_that_has_never_joined_is_not_joined_yet() {
    let server = ApiServer::start(Options::default());
    let document = expect(&Join::to(&server), 3, "not-joined", "node.not-joined");
    for field in ["certificate", "node", "role", "server"] {
        assert_eq!(document[field], Value::Null, "{field}");
    }
}

#[test]
fn a_joined_worker_is_shown_on_one_screen() {
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    expect(&join, 0, "joined", "");
    let result = join.result_file();
    let (exit, text) = screen(&join, &["--result-file", result.to_str().unwrap()]);
    assert_eq!(exit, 0);
    for part in [
        "node     worker-1: worker, joined\n".to_owned(),
        format!("cluster  https://{}\n", server.endpoint()),
        format!("CA       {}\n", server.ca_hash()),
        "CN=system:node:worker-1".to_owned(),
        "364 days left".to_owned(),
        "renewal  the kubelet renews it between ".to_owned(),
        "this root does not run".to_owned(),
        " join: joined (exit 0)\n".to_owned(),
    ] {
        assert!(text.contains(&part), "{part}: {text}");
    }
    assert!(text.lines().count() <= 24, "{text}");
}

/// Programs match on the names.
#[test]
fn the_document_has_its_fields() {
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    let output =
        status(&join, &["-o", "json", "--result-file", join.result_file().to_str().unwrap()]).output().unwrap();
    let document = document_of(&output);
    let fields = |value: &Value| {
        let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        names.sort_unstable();
        names.join(" ")
    };
    assert_eq!(
        fields(&document),
        "caCertHashes certificate kubelet lastRun node role server state trouble unseen version"
    );
    assert_eq!(fields(&document["certificate"]), "file notAfter notBefore renewal rotates secondsLeft subject");
    assert_eq!(fields(&document["kubelet"]), "active healthy healthz program version");
    assert_eq!(fields(&document["lastRun"]), "at code exit outcome verb");
    assert_eq!(document["version"], 1);
    assert_eq!(document["lastRun"]["verb"], "join");
    assert_eq!(document["certificate"]["rotates"], true);
    assert_eq!((&document["role"], &document["caCertHashes"]), (&json!("worker"), &json!([server.ca_hash()])));
    let empty = Join::to(&server);
    let nothing = document_of(&status(&empty, &["-o", "json"]).output().unwrap());
    assert_eq!(fields(&nothing), fields(&document));
    assert_eq!(fields(&nothing["trouble"]), "class code exit hint message");
}

#[test]
fn a_control_plane_is_one_by_its_static_pod() {
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    in_root(&join, "etc/kubernetes/manifests/kube-apiserver.yaml", "kind: Pod\n");
    assert_eq!(expect(&join, 0, "joined", "")["role"], "control-plane");
    in_root(&join, "var/lib/kubelet/kubejoin-control-plane", "The join has not ended\n");
    expect(&join, 3, "join-unfinished", "node.join-unfinished");
}

#[test]
fn an_expired_certificate_has_the_code_that_a_join_warns_with() {
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    give_pair(&join, &server, &leaf().expired());
    let document = expect(&join, 6, "unusable", "node.certificate-expired");
    assert!(document["certificate"]["secondsLeft"].as_i64().unwrap() < 0, "{document:#}");
    let message = document["trouble"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("the certificate of worker-1 expired at ") && message.ends_with(" days ago"),
        "{message}"
    );
    let again = join.run();
    assert_eq!(again.outcome(), "joined");
    let codes: Vec<_> = again.result["warnings"].as_array().unwrap().iter().map(|warning| &warning["code"]).collect();
    assert!(codes.contains(&&json!("node.certificate-expired")), "{again:#?}");
    expect(&join, 0, "joined", "");
}

#[test]
fn what_happens_to_a_certificate_next_is_said() {
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    let now = SystemTime::now();
    give_pair(&join, &server, &leaf().valid(now - 95 * DAY, now + 5 * DAY));
    let renewal = |document: &Value| document["certificate"]["renewal"].as_str().unwrap().to_owned();
    let late = renewal(&expect(&join, 0, "joined", ""));
    assert!(late.starts_with("the kubelet should have renewed it by "), "{late}");
    let config = join.root().join("var/lib/kubelet/config.yaml");
    let text = fs::read_to_string(&config).unwrap().replace("rotateCertificates: true", "rotateCertificates: false");
    fs::write(config, text).unwrap();
    let off = renewal(&expect(&join, 0, "joined", ""));
    assert!(off.contains("rotateCertificates is off") && off.contains("`kubejoin ensure`"), "{off}");
}

#[test]
fn files_that_cannot_be_used_are_unusable() {
    let server = ApiServer::start(Options::default());
    let unusable = |damage: &dyn Fn(&Join)| {
        let join = joined(&server);
        damage(&join);
        expect(&join, 6, "unusable", "node.files-unusable")
    };
    let conf = "etc/kubernetes/kubelet.conf";
    unusable(&|join| drop(in_root(join, conf, "")));
    unusable(&|join| drop(in_root(join, conf, "half a fi")));
    unusable(&|join| fs::remove_file(join.root().join("var/lib/kubelet/config.yaml")).unwrap());
    unusable(&|join| fs::remove_file(join.root().join("var/lib/kubelet/pki/kubelet-client-current.pem")).unwrap());
    let exposed = unusable(&|join| {
        fs::set_permissions(join.root().join(conf), fs::Permissions::from_mode(0o666)).unwrap();
    });
    assert!(exposed["trouble"]["message"].as_str().unwrap().contains("lets others change it"), "{exposed:#}");
    let join = joined(&server);
    fs::remove_file(join.root().join(conf)).unwrap();
    fs::create_dir(join.root().join(conf)).unwrap();
    let (exit, _, code, _) = found(&join);
    assert_eq!((exit, code.as_str()), (6, "rootfs.in-the-way"));
}

#[test]
fn what_has_not_ended_is_said() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    in_root(&join, "etc/kubernetes/kubejoin-reset", "{\"etcdData\": null, \"cleanupTmpDir\": false}\n");
    expect(&join, 7, "reset-unfinished", "reset.partial");

    let server = ApiServer::start(Options { approver: Approver::Manual, ..Options::default() });
    let join = Join::to(&server).waits(2, 1);
    assert_eq!(join.run().code(), "tls-bootstrap.csr-pending");
    expect(&join, 3, "join-unfinished", "node.join-unfinished");

    let join = Join::to(&server);
    in_root(&join, "etc/kubernetes/bootstrap-kubelet.conf", "kind: Config\n");
    expect(&join, 3, "join-unfinished", "kubelet.not-bootstrapped");
}

#[test]
fn the_last_run_is_shown_with_its_code() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server).hashes(&[&format!("sha256:{}", "0".repeat(64))]);
    assert_eq!(join.run().status, 4);
    let (_, text) = screen(&join, &["--result-file", join.result_file().to_str().unwrap()]);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("join: failed, discovery.ca-hash-mismatch (exit 4)"), "{text}");
}

/// The binary is copied to where another user may read it.
#[test]
fn another_user_sees_less_and_says_so() {
    if !rustix::process::geteuid().is_root() {
        std::io::stderr().write_all(b"SKIPPED: running as another user needs root\n").unwrap();
        return;
    }
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    let directory = tempfile::tempdir().unwrap();
    let open = |path: PathBuf| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    open(directory.path().to_owned());
    open(join.root());
    open(join.root().parent().unwrap().to_owned());
    let binary = directory.path().join("kubejoin");
    fs::copy(KUBEJOIN, &binary).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&binary);
        command.arg("status").arg("--rootfs").arg(join.root()).args(arguments).uid(65534).gid(65534);
        command.output().unwrap()
    };
    let output = run(&["-o", "json"]);
    let document = document_of(&output);
    assert_eq!((output.status.code(), &document["trouble"]["code"]), (Some(6), &json!("machine.permission")));
    assert_eq!((&document["state"], &document["certificate"]), (&json!("unseen"), &Value::Null), "{document:#}");
    let unseen = document["unseen"].as_array().unwrap();
    assert!(unseen.iter().any(|line| line.as_str().unwrap().contains("kubelet.conf")), "{document:#}");
    let text = String::from_utf8(run(&[]).stdout).unwrap();
    assert!(text.contains("\nnot seen ") && text.contains("run it as root"), "{text}");
    // That nothing is there can be seen by everybody.
    fs::remove_file(join.root().join("etc/kubernetes/kubelet.conf")).unwrap();
    let output = run(&["-o", "json"]);
    assert_eq!((output.status.code(), &document_of(&output)["trouble"]["code"]), (Some(3), &json!("node.not-joined")));
}

#[test]
fn without_a_wait_nothing_is_sent_and_nothing_written() {
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    let (tree, connections) = (join.tree(), server.connections().len());
    expect(&join, 0, "joined", "");
    assert_eq!((join.tree(), server.connections().len()), (tree, connections));
    if !can_trace() {
        std::io::stderr().write_all(b"SKIPPED in part: this test needs strace\n").unwrap();
        return;
    }
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-e", "trace=%network,%file", "-o"]).arg(log.path());
    traced.arg(KUBEJOIN).arg("status").arg("--rootfs").arg(join.root());
    let output = traced.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let calls = fs::read_to_string(log.path()).unwrap();
    assert!(calls.contains("openat"), "{calls}");
    let changes = ["AF_INET", "O_WRONLY", "O_RDWR", "O_CREAT", "mkdir", "unlink", "rename", "symlink"];
    for call in calls.lines() {
        assert!(!changes.iter().any(|word| call.contains(word)), "{call}");
    }
}

/// On the system that runs, the kubelet is asked on the loopback, once, and nobody else.
#[test]
fn a_kubelet_that_runs_here_is_asked_for_its_healthz() {
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    let kubelet = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = kubelet.local_addr().unwrap().port();
    let config = join.root().join("var/lib/kubelet/config.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let text = text.lines().filter(|line| !line.starts_with("healthz")).collect::<Vec<_>>().join("\n");
    let set_healthz = |lines: &str| fs::write(&config, format!("{text}\n{lines}")).unwrap();
    set_healthz(&format!("healthzBindAddress: 127.0.0.1\nhealthzPort: {port}\n"));
    let answering = std::thread::spawn(move || {
        for answer in ["200 OK", "500 Internal Server Error"] {
            let (mut stream, _) = kubelet.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let text = format!("HTTP/1.1 {answer}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
            stream.write_all(text.as_bytes()).unwrap();
        }
    });
    let root = Root::open(&join.root()).unwrap();
    let programs = tempfile::tempdir().unwrap();
    let program = programs.path().join("kubelet");
    fs::write(&program, "#!/bin/sh\necho Kubernetes v1.37.2\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let search_path = [programs.path().to_owned(), "/bin".into(), "/usr/bin".into()];
    let init = InitSystem::Unmanaged;
    let see = || {
        let document = look(Scope {
            root: &root,
            clock: Clock::read(ClockMode::Auto, None),
            is_root: true,
            running: Some(Running { init: &init, search_path: &search_path }),
            result_file: None,
        })
        .document();
        serde_json::from_str::<Value>(&document).unwrap()
    };
    let connections = server.connections().len();
    let well = see();
    assert_eq!((&well["trouble"], &well["kubelet"]["healthy"]), (&Value::Null, &json!(true)), "{well:#}");
    assert_eq!(well["kubelet"]["version"], "v1.37.2");
    let ill = see();
    assert_eq!(ill["trouble"]["code"], "kubelet.unhealthy", "{ill:#}");
    answering.join().unwrap();
    // Nobody listens any more.
    assert_eq!(see()["trouble"]["code"], "kubelet.unhealthy");
    set_healthz("healthzBindAddress: 192.0.2.1\nhealthzPort: 10248\n");
    let elsewhere = see();
    assert_eq!((&elsewhere["kubelet"]["healthz"], &elsewhere["trouble"]), (&Value::Null, &Value::Null));
    assert_eq!(server.connections().len(), connections);
}

fn spawn(mut command: Command) -> std::process::Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_wait_ends_when_the_node_has_joined() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    let mut waiting = spawn(status(&join, &["--wait", "--deadline", "60s"]));
    std::thread::sleep(Duration::from_millis(300));
    assert!(waiting.try_wait().unwrap().is_none(), "it does not wait");
    assert_eq!(join.run().outcome(), "joined");
    let output = waiting.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(text, format!("[status] worker-1 has joined the cluster at https://{}\n", server.endpoint()));
}

#[test]
fn a_wait_for_ready_says_each_condition_once() {
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    let waiting = spawn(status(&join, &["--wait=ready", "--deadline", "60s"]));
    std::thread::sleep(Duration::from_millis(500));
    server.add_node(&ExistingNode::not_ready("worker-1"));
    std::thread::sleep(Duration::from_secs(5));
    server.add_node(&ExistingNode::ready("worker-1"));
    let output = waiting.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].contains("worker-1 has joined"), "{text}");
    assert_eq!(lines[1..], ["[status] Node worker-1 is registered", "[status] Node worker-1 is Ready"]);
    // With -o json, standard output has the document alone.
    let output = status(&join, &["--wait=ready", "-o", "json"]).output().unwrap();
    assert_eq!((output.status.code(), &document_of(&output)["state"]), (Some(0), &json!("joined")));
    assert!(String::from_utf8(output.stderr).unwrap().contains("[status] Node worker-1 is Ready"));
}

#[test]
fn a_wait_that_is_over_says_what_is_missing() {
    let server = ApiServer::start(Options::default());
    let late = |join: &Join, arguments: &[&str]| {
        let began = Instant::now();
        let output = status(join, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(began.elapsed() < Duration::from_secs(20), "it waits for longer than it should");
        String::from_utf8(output.stderr).unwrap()
    };
    let empty = Join::to(&server);
    let text = late(&empty, &["--wait", "--deadline=1s"]);
    assert!(text.contains("code: node.not-joined (exit 3)") && text.contains("kubelet.conf"), "{text}");
    let join = joined(&server);
    let text = late(&join, &["--wait=ready", "--deadline=1s"]);
    assert!(text.contains("code: node.not-ready (exit 3)") && text.contains("Node worker-1: not found"), "{text}");
    server.add_node(&ExistingNode::not_ready("worker-1"));
    let text = late(&join, &["--wait=ready", "--deadline=3s"]);
    assert!(text.contains("Node worker-1 is not Ready: ") && text.contains("next: "), "{text}");
    drop(server);
    let text = late(&join, &["--wait=ready", "--deadline=1s"]);
    assert!(text.contains("node.not-ready") && text.contains("connection refused"), "{text}");
    // And as a document.
    let output = status(&join, &["--wait=ready", "--deadline=1s", "-o", "json"]).output().unwrap();
    assert_eq!((output.status.code(), &document_of(&output)["code"]), (Some(3), &json!("node.not-ready")));
}

/// The CA on the disk verifies whom the node's certificate is shown to.
#[test]
fn a_wait_ends_at_an_api_server_of_another_ca() {
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    let other = ApiServer::start(Options::default());
    other.add_node(&ExistingNode::ready("worker-1"));
    let conf = join.root().join("etc/kubernetes/kubelet.conf");
    let text = fs::read_to_string(&conf).unwrap().replace(&server.endpoint(), &other.endpoint());
    fs::write(&conf, text).unwrap();
    let output = status(&join, &["--wait=ready", "--deadline=60s"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("tls.certificate-untrusted"), "{stderr}");
    assert!(other.requests().is_empty());
}
