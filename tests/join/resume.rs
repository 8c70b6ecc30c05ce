//! Interrupted anywhere, and run again: the same tree, one certificate, no token left.

use std::process::Stdio;
use std::time::Duration;

use kubejoin_apiserver::{ApiServer, Approver, Faults, Options, Reply, Rule};

use crate::builder::{Found, Join};

/// What a tree looks like when the certificate's name and content are left out: those differ between clusters.
pub fn shape(tree: &[Found]) -> Vec<(String, u32)> {
    let stable = |path: &str| match path.strip_prefix("var/lib/kubelet/pki/kubelet-client-2") {
        Some(_) => "var/lib/kubelet/pki/kubelet-client-TIME.pem".to_owned(),
        None => path.to_owned(),
    };
    tree.iter().map(|entry| (stable(&entry.path), entry.mode)).collect()
}

#[test]
fn a_join_killed_at_any_moment_can_be_run_again() {
    let undisturbed = {
        let server = ApiServer::start(Options::default());
        let join = Join::to(&server);
        assert_eq!(join.run().status, 0);
        shape(&join.tree())
    };
    let mut killed = 0;
    for millis in 0..40u64 {
        let server =
            ApiServer::start(Options { approver: Approver::Auto(Duration::from_millis(5)), ..Options::default() });
        let join = Join::to(&server).waits(10, 10);
        let mut child = join.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(millis * 1500));
        child.kill().unwrap();
        killed += u32::from(child.wait().unwrap().code().is_none());
        let ran = join.run();
        assert!(["joined", "already-joined"].contains(&ran.outcome()), "killed after {millis}: {ran:#?}");
        assert_eq!(shape(&join.tree()), undisturbed, "killed after {millis}");
        assert_eq!(server.csrs().len(), 1, "killed after {millis}: a second request was made");
    }
    assert!(killed > 5, "nearly every run was over before it was killed: the test tests nothing");
}

#[test]
fn a_second_run_finds_its_own_request_again() {
    let server = ApiServer::start(Options { approver: Approver::Manual, ..Options::default() });
    let join = Join::to(&server);
    let first = join.run();
    assert_eq!((first.code(), first.status), ("tls-bootstrap.csr-pending", 3), "{first:#?}");
    assert!(first.result["hint"].as_str().unwrap().contains("pending for 24 h"), "{first:#?}");
    let [csr] = server.csrs().try_into().unwrap();
    server.approve(csr["metadata"]["name"].as_str().unwrap());
    let second = join.run();
    assert_eq!((second.outcome(), second.status), ("joined", 0), "{second:#?}");
    assert_eq!(server.csrs().len(), 1);
    assert!(!join.tree().iter().any(|entry| entry.path.ends_with("kubelet-client.key.tmp")), "the pending key is left");
}

#[test]
fn a_file_left_empty_by_a_power_loss_is_joined_again() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    assert_eq!(join.run().status, 0);
    let before = shape(&join.tree());
    for victim in ["etc/kubernetes/kubelet.conf", "var/lib/kubelet/pki/kubelet-client-current.pem"] {
        // Through the link, as a file system that lost the data would have it.
        let path = join.root().join(victim);
        let path = match path.read_link() {
            Ok(target) => join.root().join(target.strip_prefix("/").unwrap()),
            Err(_) => path,
        };
        std::fs::write(path, "").unwrap();
        let ran = join.run();
        assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{victim}: {ran:#?}");
        let after = shape(&join.tree());
        assert!(before.iter().all(|entry| after.contains(entry)), "{victim}: {after:#?}");
    }
}

#[test]
fn the_identity_of_another_cluster_or_node_is_not_overwritten() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    assert_eq!(join.run().status, 0);
    let before = join.tree();
    let other = ApiServer::start(Options::default());
    let there = join.endpoint(&other.endpoint()).hashes(&[&other.ca_hash()]);
    let ran = there.run();
    assert_eq!((ran.code(), ran.status), ("preflight.failed", 2), "{ran:#?}");
    assert!(ran.stderr.contains("FileAvailable--etc-kubernetes-kubelet.conf"), "{}", ran.stderr);
    assert_eq!(there.tree(), before);
    assert_eq!(other.connections().len(), 0, "the network was touched before preflight had passed");
}

#[test]
fn a_csr_that_vanishes_after_a_conflict_was_deleted() {
    let status = |code, reason: &str| Reply::Status { code, reason: reason.to_owned(), message: String::new() };
    let rule = Rule::on("certificatesigningrequests", status(409, "AlreadyExists")).method("POST");
    let server = ApiServer::start(Options { faults: Faults::replying(rule), ..Options::default() });
    let ran = Join::to(&server).run();
    assert_eq!((ran.code(), ran.status), ("tls-bootstrap.csr-deleted", 3), "{ran:#?}");
}

#[test]
fn two_runs_at_once_leave_one_whole_node() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server).waits(10, 10);
    for _ in 0..3 {
        let _ = std::fs::remove_dir_all(join.root().join("etc"));
        let _ = std::fs::remove_dir_all(join.root().join("var"));
        let mut command = join.command();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let running: Vec<_> = (0..3).map(|_| command.spawn().unwrap()).collect();
        let statuses: Vec<_> = running.into_iter().map(|mut child| child.wait().unwrap().code()).collect();
        // Joined, or told that another run is at it.
        assert!(statuses.iter().all(|status| [Some(0), Some(3)].contains(status)), "{statuses:?}");
        assert!(["joined", "already-joined"].contains(&join.run().outcome()), "{statuses:?}");
        assert_eq!(join.run().outcome(), "already-joined");
        assert!(!join.tree().iter().any(|entry| entry.path.contains(".tmp")), "{:#?}", join.tree());
    }
}
