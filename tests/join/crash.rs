//! The whole binary killed at every system call that changes a file or sends something; then run again.

use std::process::{Command, Stdio};

use kubejoin_apiserver::{ApiServer, Options};

use crate::builder::Join;
use crate::resume::shape;

/// Between two of these calls, nothing changes that anybody else could see. Killed on entry to one is killed after the
/// one before it.
const CALLS: &[&str] = &["write", "sendto", "fchmod", "fsync", "mkdirat", "symlinkat", "renameat", "unlinkat"];

/// Runs a join until it makes `call` for the `nth` time; whether it did.
pub fn killed_at(join: &Join, call: &str, nth: usize) -> bool {
    let log = tempfile::NamedTempFile::new().unwrap();
    let command = join.command();
    let status = Command::new("strace")
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

#[test]
fn a_join_killed_at_any_system_call_and_run_again_ends_as_an_undisturbed_one() {
    if !can_trace() {
        // Not `eprintln!`, which the test harness keeps to itself when a test passes.
        let text = b"SKIPPED: this test needs strace (Debian package strace), and the permission to use ptrace\n";
        std::io::Write::write_all(&mut std::io::stderr(), text).unwrap();
        return;
    }
    let undisturbed = {
        let server = ApiServer::start(Options::default());
        let join = Join::to(&server);
        assert_eq!(join.run().status, 0);
        shape(&join.tree())
    };
    let mut kills = 0;
    for call in CALLS {
        for nth in 1.. {
            let server = ApiServer::start(Options::default());
            let join = Join::to(&server).waits(10, 10);
            if !killed_at(&join, call, nth) {
                break;
            }
            kills += 1;
            let ran = join.run();
            assert!(["joined", "already-joined"].contains(&ran.outcome()), "killed at {call} number {nth}: {ran:#?}");
            assert_eq!(shape(&join.tree()), undisturbed, "killed at {call} number {nth}");
            assert_eq!(server.csrs().len(), 1, "killed at {call} number {nth}: a second request was made");
        }
    }
    // Nine files, each with a write, a mode, two syncs and a rename.
    assert!(kills >= 45, "only {kills} kills: strace did not do what this test thinks it does");
}
