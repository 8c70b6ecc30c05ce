//! One phase at a time, phases left out, the kubelet's own TLS bootstrap, existing credentials, and dry runs.

use std::process::Stdio;
use std::time::Duration;

use kubejoin::for_tests::join::{StartedBy, Waiting, wait_bootstrap};
use kubejoin::for_tests::plan::{Mode, Target};
use kubejoin::for_tests::report::{JsonLines, Report};
use kubejoin::for_tests::rootfs::Root;
use kubejoin::for_tests::services::InitSystem;
use kubejoin_apiserver::{ApiServer, Options};
use serde_json::{Value, json};

use crate::builder::{Found, Join, KUBEJOIN, Ran, file, text};

const KUBELET_CONF: &str = "etc/kubernetes/kubelet.conf";
const BOOTSTRAP_CONF: &str = "etc/kubernetes/bootstrap-kubelet.conf";
const IGNORED: &str = "--ignore-preflight-errors=FileAvailable--etc-kubernetes-kubelet.conf";

fn start() -> ApiServer {
    ApiServer::start(Options::default())
}

fn has(tree: &[Found], path: &str) -> bool {
    tree.iter().any(|entry| entry.path == path)
}

fn methods(server: &ApiServer) -> Vec<String> {
    server.requests().iter().map(|request| request.method.clone()).collect()
}

fn words(ran: &Ran) -> String {
    (ran.stdout.clone() + &ran.stderr).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_phase_preflight_checks_and_does_nothing_else() {
    let server = start();
    let join = Join::to(&server);
    let ran = join.run_phase(&["preflight"]);
    assert_eq!((ran.outcome(), ran.status), ("phase-done", 0), "{ran:#?}");
    assert_eq!((join.tree(), server.connections().len()), (Vec::new(), 0));
    std::fs::create_dir_all(join.root().join("etc/kubernetes")).unwrap();
    std::fs::write(join.root().join(KUBELET_CONF), "kind: Config\n").unwrap();
    let ran = join.run_phase(&["preflight"]);
    assert_eq!((ran.code(), ran.status), ("preflight.failed", 2), "{ran:#?}");
}

#[test]
fn the_phase_kubelet_start_ignores_skip_phases() {
    let server = start();
    let join = Join::to(&server).config("skipPhases: [kubelet-start, tls-bootstrap]\n");
    let ran = join.run_phase(&["kubelet-start"]);
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    assert!(has(&join.tree(), KUBELET_CONF));
    assert!(!ran.stdout.contains("pre-flight"), "{}", ran.stdout);
}

#[test]
fn phases_of_a_control_plane_do_nothing_and_need_nothing() {
    for (words, warned) in [
        (&["control-plane-prepare", "all"][..], false),
        (&["etcd-join"], false),
        (&["wait-control-plane"], false),
        (&["control-plane-join", "update-status"], true),
        (&["control-plane-join", "etcd"], true),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let result = directory.path().join("result.json");
        let mut command = std::process::Command::new(KUBEJOIN);
        command.args(["join", "phase"]).args(words).arg("--result-file").arg(&result).stdin(Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        let result: Value = serde_json::from_slice(&std::fs::read(result).unwrap()).unwrap();
        assert_eq!((&result["outcome"], &result["phase"]), (&json!("phase-done"), &json!(words.join("/"))));
        assert_eq!(!result["warnings"].as_array().unwrap().is_empty(), warned, "{words:?}: {result:#}");
    }
}

#[test]
fn every_name_of_kubeadm_may_be_skipped_and_discovery_may_not() {
    let server = start();
    let none = "control-plane-prepare,control-plane-prepare/all,control-plane-prepare/download-certs,\
                control-plane-prepare/certs,control-plane-prepare/kubeconfig,control-plane-prepare/control-plane,\
                check-etcd,etcd-join,control-plane-join,control-plane-join/all,control-plane-join/mark-control-plane,\
                wait-control-plane,control-plane-join/etcd,control-plane-join/update-status";
    let join = Join::to(&server).arg("--skip-phases").arg(none);
    let ran = join.run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    assert_eq!(ran.result["warnings"].as_array().unwrap().len(), 2, "{ran:#?}");
    for (phases, code) in [("discovery", "usage.arguments"), ("kubelet-server", "config.invalid")] {
        let ran = Join::to(&server).arg("--skip-phases").arg(phases).run();
        assert_eq!((ran.code(), ran.status), (code, 2), "{ran:#?}");
    }
}

#[test]
fn without_kubelet_start_nothing_is_written() {
    let server = start();
    let join = Join::to(&server).arg("--skip-phases=kubelet-start");
    let ran = join.run();
    assert_eq!((ran.outcome(), ran.status), ("phase-done", 0), "{ran:#?}");
    assert_eq!((join.tree(), server.connections().len()), (Vec::new(), 0));
}

#[test]
fn the_kubelet_is_given_the_token_in_kubeadms_form() {
    let server = start();
    let join = Join::to(&server).arg("--skip-phases=tls-bootstrap");
    let ran = join.run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    assert_eq!(ran.result["certificateFrom"], "kubelet");
    assert!(words(&ran).contains("stays in /etc/kubernetes/bootstrap-kubelet.conf"), "{}", ran.stdout);
    let tree = join.tree();
    assert_eq!(file(&tree, BOOTSTRAP_CONF).mode, 0o600);
    assert!(!has(&tree, KUBELET_CONF) && has(&tree, "var/lib/kubelet/config.yaml"));
    assert!(!has(&tree, "var/lib/kubelet/pki/kubelet-client-current.pem"));
    assert!(has(&tree, "etc/systemd/system/multi-user.target.wants/kubelet.service"));
    assert_eq!(server.csrs().len(), 0, "a request was posted");
    assert!(!ran.stdout.contains(&server.token()) && !ran.stderr.contains(&server.token()));

    let documents = kubejoin::for_tests::yaml::parse(&text(&tree, BOOTSTRAP_CONF)).unwrap();
    let conf = &documents[0].value;
    assert_eq!(conf["current-context"], "tls-bootstrap-token-user@kubernetes");
    assert_eq!(conf["contexts"][0]["name"], "tls-bootstrap-token-user@kubernetes");
    assert_eq!(conf["contexts"][0]["context"]["user"], "tls-bootstrap-token-user");
    assert_eq!(conf["contexts"][0]["context"]["cluster"], conf["clusters"][0]["name"]);
    assert_eq!(conf["clusters"][0]["cluster"]["server"], format!("https://{}", server.endpoint()));
    assert_eq!(conf["users"], json!([{ "name": "tls-bootstrap-token-user", "user": { "token": server.token() } }]));

    // Again, as the kubelet has not been started: the same. By ourselves after all: no token is left.
    let again = join.run();
    assert_eq!((again.outcome(), join.tree() == tree), ("joined", true), "{again:#?}");
    let join = join.without_args();
    assert_eq!(join.run().outcome(), "joined");
    assert!(has(&join.tree(), KUBELET_CONF) && !has(&join.tree(), BOOTSTRAP_CONF));
}

#[test]
fn the_next_run_removes_the_kubelets_token() {
    let server = start();
    let join = Join::to(&server);
    assert_eq!(join.run().outcome(), "joined");
    std::fs::write(join.root().join(BOOTSTRAP_CONF), "users: []\n").unwrap();
    let join = join.arg("--skip-phases=tls-bootstrap");
    let ran = join.run();
    assert_eq!(ran.outcome(), "already-joined", "{ran:#?}");
    assert!(!has(&join.tree(), BOOTSTRAP_CONF));
}

#[test]
fn an_unhealthy_kubelet_is_reported_with_the_end_of_its_log() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    // Nobody listens at a port that has been given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    std::fs::create_dir_all(at("root/var/lib/kubelet")).unwrap();
    let configuration =
        format!("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nhealthzPort: {port}\n");
    std::fs::write(at("root/var/lib/kubelet/config.yaml"), configuration).unwrap();
    // Written by a process of its own: see the stubs of `services`.
    let script = "for name in systemctl journalctl; do printf '#!/bin/sh\necho \"E1 run.go:72] no containerd, abcdef.0123456789abcdef\"\n' \
        >$name; chmod 755 $name; done";
    assert!(std::process::Command::new("sh").args(["-c", script]).current_dir(&directory).status().unwrap().success());

    let report = Report::new(vec![Box::new(JsonLines::new(Box::new(std::fs::File::create(at("log")).unwrap()), 0))]);
    let init = InitSystem::detect(&[directory.path().to_owned()]);
    let none = Duration::ZERO;
    let waiting = Waiting {
        healthy: none,
        bootstrapped: none,
        mode: Mode::Apply,
        target: &Target::new(None, &[]),
        init: &init,
        started_by: StartedBy::Anyone,
    };
    let error = wait_bootstrap(waiting, &Root::open(&at("root")).unwrap(), &report).unwrap_err();
    assert_eq!(error.0.code().name, "kubelet.unhealthy");
    let log = std::fs::read_to_string(at("log")).unwrap();
    let said: Vec<Value> =
        log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["msg"].clone()).collect();
    let end =
        ["The kubelet's log ends with (journalctl --unit kubelet):", "| E1 run.go:72] no containerd, abcdef.<secret>"];
    assert!(said.ends_with(&end.map(Value::from)), "{said:#?}");
}

/// What the kubelet leaves at a path, as its store and its bootstrap do.
fn lay(join: &Join, from: &[Found], path: &str) {
    let target = join.root().join(path);
    std::fs::create_dir_all(target.parent().unwrap()).unwrap();
    std::fs::write(target, file(from, path).content.clone().unwrap()).unwrap();
}

#[test]
fn the_kubelets_token_is_removed_after_its_bootstrap_or_timeout() {
    let server = start();
    let donor = Join::to(&server);
    assert_eq!(donor.run().status, 0);
    let made = donor.tree();
    let current = "var/lib/kubelet/pki/kubelet-client-current.pem";
    let join = Join::to(&server);
    let put = |path: &str, content: &str| {
        let path = join.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    put(
        "var/lib/kubelet/config.yaml",
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nhealthzPort: 0\n",
    );
    let target = Target::new(None, &[]);
    let waiting = |seconds| Waiting {
        healthy: Duration::from_secs(1),
        bootstrapped: Duration::from_secs(seconds),
        mode: Mode::Apply,
        target: &target,
        init: &InitSystem::Unmanaged,
        started_by: StartedBy::Anyone,
    };
    let root = Root::open(&join.root()).unwrap();
    let report = Report::new(Vec::new());

    put(BOOTSTRAP_CONF, "users: []\n");
    // The kubelet writes kubelet.conf before it has what that points at.
    lay(&join, &made, KUBELET_CONF);
    let late = wait_bootstrap(waiting(0), &root, &report).unwrap_err();
    assert_eq!(late.0.code().name, "kubelet.not-bootstrapped");
    assert!(!has(&join.tree(), BOOTSTRAP_CONF), "the token is left after a wait in vain");

    put(BOOTSTRAP_CONF, "users: []\n");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            put(current, "a certificate and a key");
        });
        wait_bootstrap(waiting(60), &root, &report).unwrap();
    });
    assert!(has(&join.tree(), current) && !has(&join.tree(), BOOTSTRAP_CONF), "the token is left");
}

/// A kubelet.conf as an administrator writes it by hand, with this user.
fn administrators_conf(server: &ApiServer, user: &Value) -> String {
    let conf = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{ "name": "c", "cluster": { "server": format!("https://{}", server.endpoint()) } }],
        "contexts": [{ "name": "x", "context": { "cluster": "c", "user": "system:node:worker-1" } }],
        "users": [{ "name": "system:node:worker-1", "user": user }],
    });
    conf.to_string()
}

#[test]
fn existing_credentials_are_kept_and_the_rest_is_written() {
    for user in [
        json!({ "client-certificate-data": "Yw==", "client-key-data": "aw==" }),
        json!({ "client-certificate": "/etc/kubernetes/kubelet.crt", "client-key": "/etc/kubernetes/kubelet.key" }),
        json!({ "tokenFile": "/etc/kubernetes/node-token" }),
    ] {
        let server = start();
        let join = Join::to(&server);
        std::fs::create_dir_all(join.root().join("etc/kubernetes")).unwrap();
        let conf = administrators_conf(&server, &user);
        std::fs::write(join.root().join(KUBELET_CONF), &conf).unwrap();
        let before = join.tree();
        let ran = join.run();
        assert_eq!((ran.code(), ran.status), ("preflight.failed", 2), "{ran:#?}");
        assert!(ran.result["hint"].as_str().unwrap().contains(IGNORED), "{ran:#?}");
        assert_eq!(join.tree(), before);

        let join = join.arg(IGNORED);
        for run in ["first", "second"] {
            let ran = join.run();
            assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{run}: {ran:#?}");
            assert_eq!(ran.result["certificateFrom"], "existing");
        }
        let tree = join.tree();
        assert_eq!(text(&tree, KUBELET_CONF), conf);
        assert_eq!(file(&tree, KUBELET_CONF).mode, file(&before, KUBELET_CONF).mode);
        assert_eq!(text(&tree, "etc/kubernetes/pki/ca.crt"), server.ca_pem());
        for path in
            ["var/lib/kubelet/config.yaml", "var/lib/kubelet/kubeadm-flags.env", "var/lib/kubelet/instance-config.yaml"]
        {
            assert!(has(&tree, path), "{path}");
        }
        assert!(!tree.iter().any(|entry| entry.path.contains("kubelet-client") || entry.path == BOOTSTRAP_CONF));
        assert!(!methods(&server).contains(&"POST".to_owned()), "a request was posted");
    }
}

#[test]
fn an_existing_certificate_for_another_node_is_warned_about() {
    let server = start();
    let donor = Join::to(&server);
    assert_eq!(donor.run().status, 0);
    let link = text(&donor.tree(), "var/lib/kubelet/pki/kubelet-client-current.pem");
    let pem = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        text(&donor.tree(), link.trim_start_matches('/')),
    );
    let user = json!({ "client-certificate-data": pem, "client-key-data": "aw==" });
    for (name, warned) in [("worker-1", false), ("worker-2", true)] {
        let join = Join::to(&server).arg(IGNORED).arg("--node-name").arg(name);
        std::fs::create_dir_all(join.root().join("etc/kubernetes")).unwrap();
        std::fs::write(join.root().join(KUBELET_CONF), administrators_conf(&server, &user)).unwrap();
        let ran = join.run();
        assert_eq!(ran.outcome(), "joined", "{ran:#?}");
        let said = words(&ran).contains("that of system:node:worker-1; only system:node:worker-2 may");
        assert_eq!(said, warned, "{ran:#?}");
    }
}

#[test]
fn existing_credentials_for_another_ca_are_warned_about() {
    let server = start();
    for (pem, is_warned) in [(server.ca_pem(), false), (kubejoin_apiserver::Pki::new().ca_pem().to_owned(), true)] {
        let join = Join::to(&server).arg(IGNORED);
        std::fs::create_dir_all(join.root().join("etc/kubernetes/pki")).unwrap();
        std::fs::write(join.root().join("etc/kubernetes/own-ca.crt"), pem).unwrap();
        let conf = administrators_conf(&server, &json!({ "token": "node-token" }));
        let conf = conf.replace("\"server\":", "\"certificate-authority\":\"own-ca.crt\",\"server\":");
        std::fs::write(join.root().join(KUBELET_CONF), conf).unwrap();
        let ran = join.run();
        assert_eq!(ran.outcome(), "joined", "{ran:#?}");
        assert_eq!(ran.stderr.contains("none of this cluster's"), is_warned, "{}", ran.stderr);
    }
}

#[test]
fn a_kubelet_conf_without_credentials_is_not_kept() {
    let server = start();
    let join = Join::to(&server).arg(IGNORED);
    std::fs::create_dir_all(join.root().join("etc/kubernetes")).unwrap();
    std::fs::write(join.root().join(KUBELET_CONF), administrators_conf(&server, &json!({}))).unwrap();
    let ran = join.run();
    assert_eq!((ran.outcome(), &ran.result["certificateFrom"]), ("joined", &json!("request")), "{ran:#?}");
}

#[test]
fn a_dry_run_is_shown_in_full_as_text_and_as_json() {
    let server = start();
    let join = Join::to(&server).arg("--dry-run");
    let people = join.run();
    let join = join.arg("--output=json");
    let programs = join.run();
    assert_eq!((people.outcome(), programs.outcome()), ("dry-run", "dry-run"), "{people:#?}{programs:#?}");
    assert_eq!((join.tree(), server.csrs().len()), (Vec::new(), 0));
    // Whether it may request a certificate is asked, and the answer is kept nowhere.
    let requests = server.requests();
    let posted: Vec<_> =
        requests.iter().map(|request| request.line()).filter(|line| !line.starts_with("GET ")).collect();
    assert!(posted.iter().all(|line| line.ends_with("/selfsubjectaccessreviews")), "a request was posted: {posted:?}");
    let document: Value = serde_json::from_str(&programs.stdout).unwrap();
    assert_eq!(document["files"], programs.result["files"], "stdout and the result differ");
    let files = document["files"].as_array().unwrap();
    let named = |path: &str| files.iter().find(|entry| entry["path"] == path).unwrap_or_else(|| panic!("{path}"));
    assert_eq!(named("/etc/kubernetes/pki/ca.crt")["content"], server.ca_pem());
    assert_eq!(named("/etc/kubernetes/kubelet.conf")["mode"], "0600");
    assert_eq!(named("/var/lib/kubelet")["type"], "directory");
    let secret = files.iter().find(|entry| entry["secret"] == true).unwrap();
    assert!(secret.get("content").is_none() && secret.get("sha256").is_none(), "{secret:#}");
    assert!(people.stdout.contains("made by the join"), "{}", people.stdout);

    // What a join then writes is what was shown.
    let really = Join::to(&server);
    assert_eq!(really.run().outcome(), "joined");
    let tree = really.tree();
    for shown in files.iter().filter(|entry| entry["content"].is_string()) {
        let path = shown["path"].as_str().unwrap().trim_start_matches('/');
        assert_eq!(text(&tree, path), shown["content"], "{path}");
        assert_eq!(format!("{:04o}", file(&tree, path).mode), shown["mode"], "{path}");
        assert_eq!(shown["mustSurviveReboot"], true, "{path}");
        assert!(people.stdout.contains(&format!("/{path} (mode ")), "{path}");
    }
}

#[test]
fn a_dry_run_shows_a_token_as_its_digest() {
    let server = start();
    for logging in ["--logging-format=text", "--logging-format=json"] {
        let join = Join::to(&server).arg("--dry-run").arg("--skip-phases=tls-bootstrap").arg(logging);
        let ran = join.run();
        assert_eq!(ran.outcome(), "dry-run", "{ran:#?}");
        let files = ran.result["files"].as_array().unwrap();
        let conf = files.iter().find(|entry| entry["path"] == "/etc/kubernetes/bootstrap-kubelet.conf").unwrap();
        assert_eq!((&conf["secret"], conf["sha256"].as_str().unwrap().len()), (&json!(true), 64));
        assert!(!files.iter().any(|entry| entry["path"] == "/etc/kubernetes/kubelet.conf"));
        let secret = server.token().split_once('.').unwrap().1.to_owned();
        assert!(!format!("{ran:?}").contains(&secret), "the token is shown");
        assert_eq!(join.tree(), []);
    }
}
