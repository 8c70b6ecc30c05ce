//! The binary is killed at every system call that changes a file or sends something, and run again.

use std::process::{Command, Stdio};

use kubejoin_apiserver::{ApiServer, Options};

use crate::builder::{Join, cluster_info_of, kubeconfig_of};
use crate::resume::shape;

/// Between two of these calls, nothing changes that anybody else could see. Killed on entry to one is killed after the
/// one before it.
const CALLS: &[&str] = &["write", "sendto", "fchmod", "fsync", "mkdirat", "symlinkat", "renameat", "unlinkat"];

/// Runs a join until it makes `call` for the `nth` time; whether it did.
fn killed_at(join: &Join, call: &str, nth: usize) -> bool {
    let log = tempfile::NamedTempFile::new().unwrap();
    let command = join.command();
    let mut traced = Command::new("strace");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    let status = traced
        .args(["-f", "-qq", "-o"])
        .arg(log.path())
        .args(["-e", &format!("trace={call}"), "-e", &format!("inject={call}:signal=KILL:when={nth}")])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let killed = std::fs::read_to_string(log.path()).unwrap().contains("+++ killed by SIGKILL +++");
    assert!(killed || status.success(), "{call} number {nth}: the join failed by itself");
    killed
}

/// Whether strace is there and may trace.
pub fn can_trace() -> bool {
    let traced = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status();
    traced.is_ok_and(|status| status.success())
}

/// Kills joins made by `of` at every one of those calls and runs them again: the tree of one that nobody disturbed, and
/// `requests` for a certificate. How many kills that were.
fn ends_well_wherever_it_is_killed(of: impl Fn(&ApiServer) -> Join, requests: usize) -> usize {
    let undisturbed = {
        let server = ApiServer::start(Options::default());
        let join = of(&server);
        assert_eq!(join.run().status, 0);
        shape(&join.tree())
    };
    let mut kills = 0;
    for call in CALLS {
        for nth in 1.. {
            let server = ApiServer::start(Options::default());
            let join = of(&server).waits(10, 10);
            if !killed_at(&join, call, nth) {
                break;
            }
            kills += 1;
            let ran = join.run();
            assert!(["joined", "already-joined"].contains(&ran.outcome()), "killed at {call} number {nth}: {ran:#?}");
            assert_eq!(shape(&join.tree()), undisturbed, "killed at {call} number {nth}");
            assert_eq!(server.csrs().len(), requests, "killed at {call} number {nth}: a second request was made");
        }
    }
    kills
}

/// Whether these tests can be run; else it is said.
fn can_be_tested() -> bool {
    let can_trace = can_trace();
    if !can_trace {
        // Not `eprintln!`, which the test harness keeps to itself when a test passes.
        let text = b"SKIPPED: this test needs strace (Debian package strace), and the permission to use ptrace\n";
        std::io::Write::write_all(&mut std::io::stderr(), text).unwrap();
    }
    can_trace
}

#[test]
fn a_join_killed_at_any_system_call_can_be_run_again() {
    if !can_be_tested() {
        return;
    }
    let kills = ends_well_wherever_it_is_killed(Join::to, 1);
    // Nine files, each with a write, a mode, two syncs and a rename.
    assert!(kills >= 45, "only {kills} kills: strace did not do what this test thinks it does");
}

#[test]
fn a_file_join_killed_at_any_system_call_can_be_run_again() {
    if !can_be_tested() {
        return;
    }
    let by_file = |server: &ApiServer| Join::to(server).by_file(&cluster_info_of(server), Some(&server.token()));
    let kills = ends_well_wherever_it_is_killed(by_file, 1);
    assert!(kills >= 45, "only {kills} kills: strace did not do what this test thinks it does");
}

/// No setting names the CA, so the CA in the tree cannot be compared before discovery. The kubelet requests the certificate.
#[test]
fn a_join_without_a_ca_killed_at_any_call_can_be_run_again() {
    if !can_be_tested() {
        return;
    }
    let without_ca = |server: &ApiServer| {
        let join = Join::to(server).by_file(&kubeconfig_of(server, None), Some(&server.token()));
        let bundle = join.beside("bundle.crt", &server.ca_pem());
        join.env("SSL_CERT_FILE", bundle.to_str().unwrap()).config("skipPhases: [tls-bootstrap]\n")
    };
    let kills = ends_well_wherever_it_is_killed(without_ca, 0);
    assert!(kills >= 30, "only {kills} kills: strace did not do what this test thinks it does");
}

#[test]
fn a_killed_rejoin_never_leaves_the_old_kubeconfig() {
    if !can_be_tested() {
        return;
    }
    let server = ApiServer::start(Options::default());
    let mut kills = 0;
    for call in ["renameat", "unlinkat"] {
        for nth in 1.. {
            let join = Join::to(&server).waits(10, 10);
            assert_eq!(join.run().outcome(), "joined");
            // Off for a year: the certificate cannot be used any more, and the cluster has moved.
            let conf = join.root().join("etc/kubernetes/kubelet.conf");
            let written = std::fs::read_to_string(&conf).unwrap();
            std::fs::write(&conf, written.replace(&server.endpoint(), "192.0.2.1:6443")).unwrap();
            let current = join.root().join("var/lib/kubelet/pki/kubelet-client-current.pem");
            std::fs::write(join.root().join(current.read_link().unwrap().strip_prefix("/").unwrap()), "").unwrap();
            if !killed_at(&join, call, nth) {
                break;
            }
            kills += 1;
            let ran = join.run();
            assert!(["joined", "already-joined"].contains(&ran.outcome()), "killed at {call} number {nth}: {ran:#?}");
            assert_eq!(std::fs::read_to_string(&conf).unwrap(), written, "killed at {call} number {nth}");
        }
    }
    assert!(kills >= 4, "only {kills} kills: strace did not do what this test thinks it does");
}
