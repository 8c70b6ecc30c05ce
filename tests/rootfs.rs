//! The durable writer in a process of its own, killed at every system call and refused every system call; then run
//! again. What the crash tests in `src/rootfs/crash.rs` do with the list of steps, this does with what really happens.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use kubejoin::for_tests::error::Explain;
use kubejoin::for_tests::rootfs::{FileSet, Root, TargetPath};
use zeroize::Zeroizing;

/// Names the root for the child process.
const ROOT: &str = "KUBEJOIN_TEST_ROOT";

/// The calls by which a commit looks at the tree or changes it, as strace names them.
const CALLS: &[&str] =
    &["openat", "openat2", "flock", "read", "write", "fchmod", "fsync", "mkdirat", "symlinkat", "renameat", "unlinkat"];

/// Those of them that a full disk can refuse.
const WRITING_CALLS: &[&str] = &["write", "fsync", "mkdirat", "symlinkat", "renameat"];

fn set() -> FileSet {
    let mut set = FileSet::new();
    set.file(TargetPath::fixed("/etc/kubernetes/pki/ca.crt"), 0o644, "certificate")
        .secret_file(TargetPath::fixed("/var/lib/kubelet/pki/1.pem"), 0o600, Zeroizing::new(b"private key".to_vec()))
        .symlink(TargetPath::fixed("/var/lib/kubelet/pki/current.pem"), "1.pem")
        .absent(TargetPath::fixed("/etc/kubernetes/bootstrap-kubelet.conf"))
        .file(TargetPath::fixed("/etc/kubernetes/kubelet.conf"), 0o600, "users: []");
    set
}

/// A machine that was joined once, by somebody who was interrupted.
fn before() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("etc/kubernetes")).unwrap();
    fs::create_dir_all(root.path().join("var/lib/kubelet/pki")).unwrap();
    fs::write(root.path().join("etc/kubernetes/.kubejoin.tmp"), "half").unwrap();
    fs::write(root.path().join("etc/kubernetes/bootstrap-kubelet.conf"), "token").unwrap();
    fs::write(root.path().join("etc/kubernetes/kubelet.conf"), "older").unwrap();
    symlink("0.pem", root.path().join("var/lib/kubelet/pki/current.pem")).unwrap();
    root
}

/// Path to mode and content, or target.
fn tree(root: &Path) -> BTreeMap<String, (u32, String)> {
    fn descend(top: &Path, place: &Path, tree: &mut BTreeMap<String, (u32, String)>) {
        for entry in fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let content = if metadata.is_dir() {
                descend(top, &path, tree);
                String::new()
            } else if metadata.is_symlink() {
                fs::read_link(&path).unwrap().to_str().unwrap().to_owned()
            } else {
                fs::read_to_string(&path).unwrap()
            };
            let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
            tree.insert(name, (metadata.permissions().mode(), content));
        }
    }
    let mut found = BTreeMap::new();
    descend(root, root, &mut found);
    found
}

/// The tree after an undisturbed run.
fn after() -> BTreeMap<String, (u32, String)> {
    let root = before();
    Root::open(root.path()).unwrap().commit(&set()).unwrap();
    tree(root.path())
}

#[test]
#[ignore = "the child process of the other tests, which run it with a root in the environment"]
fn child() {
    let Ok(root) = std::env::var(ROOT) else { return };
    let result = Root::open(Path::new(&root)).unwrap().commit(&set());
    std::process::exit(match result {
        Ok(_) => 0,
        Err(error) => {
            eprintln!("commit refused: {}", error.code().name);
            i32::from(error.code().class.exit_status())
        }
    });
}

/// What strace did to the child.
struct Injected {
    /// Whether the call was made that often.
    hit: bool,
    stderr: String,
}

/// Runs the child with `fault` injected when it makes `call`; `when` is a number of such a call, or `1+` for all.
fn inject(root: &Path, call: &str, fault: &str, when: &str) -> Injected {
    let log = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o"])
        .arg(log.path())
        .args(["-e", &format!("trace={call}"), "-e", &format!("inject={call}:{fault}:when={when}")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(ROOT, root)
        .output()
        .unwrap();
    let log = fs::read_to_string(log.path()).unwrap();
    let hit = log.contains("(INJECTED)") || log.contains("+++ killed by SIGKILL +++");
    Injected { hit, stderr: String::from_utf8_lossy(&output.stderr).into_owned() }
}

/// Whether strace is here, knows these calls and may trace; says so where not.
fn can_trace() -> bool {
    let works = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "-e", &format!("trace={}", CALLS.join(",")), "true"])
        .status()
        .is_ok_and(|status| status.success());
    if !works {
        // Not `eprintln!`, which the test harness keeps to itself when a test passes.
        let text = b"SKIPPED: this test needs strace (Debian package strace), and the permission to use ptrace\n";
        std::io::Write::write_all(&mut std::io::stderr(), text).unwrap();
    }
    works
}

#[test]
fn a_commit_killed_at_any_system_call_can_be_run_again() {
    if !can_trace() {
        return;
    }
    let after = after();
    let mut kills = 0;
    for call in CALLS {
        for nth in 1.. {
            let root = before();
            if !inject(root.path(), call, "signal=KILL", &nth.to_string()).hit {
                break;
            }
            kills += 1;
            Root::open(root.path()).unwrap().commit(&set()).unwrap();
            assert_eq!(tree(root.path()), after, "killed at {call} number {nth}");
        }
    }
    // 5 entries of at least 6 calls each: fewer kills, and strace did not do what this test thinks it does.
    assert!(kills > 30, "only {kills} kills");
}

#[test]
fn a_full_disk_is_reported_and_the_next_run_completes() {
    if !can_trace() {
        return;
    }
    let (old, after) = (tree(before().path()), after());
    let mut refusals = 0;
    for call in WRITING_CALLS {
        for nth in 1.. {
            let root = before();
            let injected = inject(root.path(), call, "error=ENOSPC", &nth.to_string());
            if !injected.hit {
                break;
            }
            let left = tree(root.path());
            // Writing also reports; a refused report is not of interest.
            if injected.stderr.contains("commit refused: ") {
                refusals += 1;
                assert!(
                    injected.stderr.contains("commit refused: machine.no-space"),
                    "{call} number {nth}: {}",
                    injected.stderr
                );
                let temporaries = left.keys().filter(|path| path.ends_with(".kubejoin.tmp")).count();
                let was_there = left.get("etc/kubernetes/.kubejoin.tmp") == old.get("etc/kubernetes/.kubejoin.tmp");
                assert_eq!(temporaries, usize::from(was_there), "{call} number {nth}: {left:#?}");
            }
            for (path, object) in left.iter().filter(|(path, _)| !path.ends_with(".kubejoin.tmp")) {
                let whole = [old.get(path), after.get(path)].contains(&Some(object));
                assert!(whole, "{call} number {nth}: {path} is {object:?}");
            }
            Root::open(root.path()).unwrap().commit(&set()).unwrap();
            assert_eq!(tree(root.path()), after, "refused at {call} number {nth}");
        }
    }
    assert!(refusals > 15, "only {refusals} refusals");
}

#[test]
fn on_a_kernel_without_openat2_or_under_a_filter_that_refuses_it_a_commit_does_the_same() {
    if !can_trace() {
        return;
    }
    for fault in ["error=ENOSYS", "error=EPERM"] {
        let root = before();
        let injected = inject(root.path(), "openat2", fault, "1+");
        assert!(injected.hit, "{fault}: no openat2 was called");
        assert_eq!(tree(root.path()), after(), "{fault}: {}", injected.stderr);
    }
}
