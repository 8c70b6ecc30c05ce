//! `kubejoin reset` of a root: what goes and what stays, that it can be killed anywhere and run again, and that a join follows.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use kubejoin_apiserver::{ApiServer, Options};
use serde_json::Value;

use crate::builder::{Join, KUBEJOIN, Ran};
use crate::crash::can_trace;
use crate::resume::shape;

/// Between two of these calls, nothing changes that anybody else could see.
const CALLS: &[&str] = &["write", "fchmod", "fsync", "renameat", "unlinkat"];

/// `reset` with these arguments, always of the root of `join`: never of this machine.
fn command(join: &Join, args: &[&str]) -> Command {
    let mut command = Command::new(KUBEJOIN);
    command.arg("reset").args(args).arg("--rootfs").arg(join.root()).arg("--result-file").arg(join.result_file());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn reset(join: &Join, args: &[&str]) -> Ran {
    let _ = fs::remove_file(join.result_file());
    join.ran(command(join, args).output().unwrap())
}

fn paths(join: &Join) -> Vec<String> {
    join.tree().into_iter().map(|found| found.path).collect()
}

/// A root that has joined.
fn joined(server: &ApiServer) -> Join {
    let join = Join::to(server).waits(10, 10);
    assert_eq!(join.run().outcome(), "joined");
    join
}

/// Data of a member of etcd: the head of its log, which names cluster 2 and member 1.
pub fn etcd_data(join: &Join) {
    let log = join.root().join("var/lib/etcd/member/wal");
    fs::create_dir_all(&log).unwrap();
    let record = [0x08, 0x01, 0x1a, 0x04, 0x08, 0x01, 0x10, 0x02];
    fs::write(log.join("0000000000000000-0000000000000000.wal"), [&8u64.to_le_bytes()[..], &record].concat()).unwrap();
}

/// What kubeadm leaves of a worker, too: directories, and the link by which the init system starts the kubelet.
const REMAINS: [&str; 11] = [
    "etc",
    "etc/kubernetes",
    "etc/kubernetes/manifests",
    "etc/kubernetes/pki",
    "etc/systemd",
    "etc/systemd/system",
    "etc/systemd/system/multi-user.target.wants",
    "etc/systemd/system/multi-user.target.wants/kubelet.service",
    "var",
    "var/lib",
    "var/lib/kubelet",
];

#[test]
fn what_a_join_wrote_goes_what_others_wrote_stays_and_a_join_follows() {
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    let after_join = shape(&join.tree());
    let others = ["etc/kubernetes/own.conf", "etc/kubernetes/pki-of-others", "var/lib/other", "etc/kubernetes/tmp/x"];
    for path in others {
        fs::create_dir_all(join.root().join(path).parent().unwrap()).unwrap();
        fs::write(join.root().join(path), "data").unwrap();
    }
    let ran = reset(&join, &["--force"]);
    assert_eq!((ran.status, ran.outcome()), (0, "reset"), "{ran:#?}");
    assert_eq!(ran.result["node"], "worker-1");
    assert!(ran.stdout.contains("kubectl delete node worker-1"), "{}", ran.stdout);
    let left = paths(&join);
    for path in others {
        assert!(left.contains(&path.to_owned()), "{path} is gone");
    }
    let unexpected: Vec<_> = left
        .iter()
        .filter(|path| {
            !REMAINS.contains(&path.as_str()) && !others.iter().any(|other| other.starts_with(path.as_str()))
        })
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
    assert_eq!(reset(&join, &["--force", "--cleanup-tmp-dir"]).status, 0);
    assert!(!join.root().join("etc/kubernetes/tmp/x").exists());

    for path in others {
        let _ = fs::remove_file(join.root().join(path));
    }
    fs::remove_dir(join.root().join("etc/kubernetes/tmp")).unwrap();
    let again = join.run();
    assert_eq!(again.outcome(), "joined", "{again:#?}");
    assert_eq!(shape(&join.tree()), after_join);
}

/// kubeadm edits the lists itself; who else keeps them is not known here.
#[test]
fn users_of_a_control_plane_without_root_are_named_and_stay() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    let said = |users: &str, groups: &str| {
        for (path, text) in [("etc/passwd", users), ("etc/group", groups)] {
            fs::create_dir_all(join.root().join("etc")).unwrap();
            fs::write(join.root().join(path), text).unwrap();
        }
        let ran = reset(&join, &["--force"]);
        assert_eq!(ran.status, 0, "{ran:#?}");
        assert_eq!(fs::read_to_string(join.root().join("etc/passwd")).unwrap(), users);
        ran.stdout
    };
    let root = join.root().display().to_string();
    let both = said(
        "root:x:0:0::/root:/bin/sh\nkubeadm-etcd:x:900:900::/:/bin/false\nkubeadm-kas:x:901:901::/:/bin/false\n",
        "kubeadm-sa-key-readers:x:904:kubeadm-kas,kubeadm-kcm\n",
    );
    let commands = ["userdel", "userdel", "groupdel"].into_iter().zip(["etcd", "kas", "sa-key-readers"]);
    let commands: Vec<_> =
        commands.map(|(program, name)| format!("{program} --prefix {root} kubeadm-{name}")).collect();
    assert!(both.contains(&commands.join("; ")), "{both}");
    for other in ["kubeadm-etcd-backup:x:900:900::/:/bin/false\n", "x:x:900:900:kubeadm-kas:/:/bin/false\n"] {
        let none = said(other, "users:x:100:kubeadm-kas\n");
        assert!(!none.contains("userdel") && !none.contains("groupdel"), "{none}");
    }
}

#[test]
fn nobody_is_asked_where_nobody_is_and_nothing_changes_then() {
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    let before = join.tree();
    let ran = reset(&join, &[]);
    assert_eq!((ran.status, ran.code()), (2, "reset.not-confirmed"), "{ran:#?}");
    assert_eq!(join.tree(), before);
    // The phase that asks is preflight, as in kubeadm.
    let asked = reset(&join, &["phase", "preflight", "--force"]);
    assert!(asked.outcome() == "phase-done" && !asked.stdout.contains("no node any more"), "{asked:#?}");
    assert_eq!(join.tree(), before);
    assert_eq!(reset(&join, &["phase", "cleanup-node"]).outcome(), "phase-done");
    assert!(!join.root().join("etc/kubernetes/kubelet.conf").exists());
}

#[test]
fn a_dry_run_names_everything_and_changes_nothing() {
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    etcd_data(&join);
    let before = join.tree();
    let ran = reset(&join, &["--dry-run", "--force", "-o", "json"]);
    assert_eq!((ran.status, ran.outcome()), (0, "dry-run"), "{ran:#?}");
    assert_eq!(join.tree(), before);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let named: Vec<_> = document["paths"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
    assert_eq!(reset(&join, &["--force"]).status, 0);
    let after = paths(&join);
    let root = join.root().display().to_string();
    let gone = before.iter().map(|found| &found.path).filter(|path| !after.contains(path));
    let mut gone: Vec<_> = gone.map(|path| format!("{root}/{path}")).collect();
    let mut named: Vec<_> = named.into_iter().map(str::to_owned).collect();
    gone.sort();
    named.sort();
    assert_eq!(named, gone);
    assert!(gone.len() > 8, "{gone:?}");
}

/// Runs a reset until it makes `call` for the `nth` time; whether it did.
fn killed_at(join: &Join, call: &str, nth: usize) -> bool {
    let log = tempfile::NamedTempFile::new().unwrap();
    let reset = command(join, &["--force"]);
    let status = Command::new("strace")
        .args(["-f", "-qq", "-o"])
        .arg(log.path())
        .args(["-e", &format!("trace={call}"), "-e", &format!("inject={call}:signal=KILL:when={nth}")])
        .arg(reset.get_program())
        .args(reset.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let killed = fs::read_to_string(log.path()).unwrap().contains("+++ killed by SIGKILL +++");
    assert!(killed || status.success(), "{call} number {nth}: the reset failed by itself");
    killed
}

/// A copy of a root that has joined, with data of etcd: a join for each kill would take minutes.
fn copy_of(join: &Join, server: &ApiServer) -> Join {
    let copy = Join::to(server).waits(10, 10);
    let status = Command::new("cp").arg("-a").arg(join.root()).arg(copy.root().parent().unwrap()).status().unwrap();
    assert!(status.success());
    copy
}

#[test]
fn a_reset_killed_at_any_system_call_is_gone_on_with_by_the_next() {
    if !can_trace() {
        let text = b"SKIPPED: this test needs strace (Debian package strace), and the permission to use ptrace\n";
        return std::io::Write::write_all(&mut std::io::stderr(), text).unwrap();
    }
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    etcd_data(&join);
    let after_join = shape(&join.tree());
    let undisturbed = {
        let copy = copy_of(&join, &server);
        assert_eq!(reset(&copy, &["--force"]).status, 0);
        shape(&copy.tree())
    };
    let (mut kills, mut finished_by_joins) = (0, 0);
    for call in CALLS {
        for nth in 1.. {
            let copy = copy_of(&join, &server);
            if !killed_at(&copy, call, nth) {
                break;
            }
            kills += 1;
            // Every second one is gone on with by a join, which is the harder way.
            if kills % 2 == 0 {
                let is_node = copy.root().join("etc/kubernetes/kubelet.conf").exists();
                let ran = copy.run();
                let expected = if is_node { "already-joined" } else { "joined" };
                assert_eq!(ran.outcome(), expected, "killed at {call} number {nth}: {ran:#?}");
                let left = shape(&copy.tree());
                if !is_node && ran.stdout.contains("A reset was interrupted here") {
                    finished_by_joins += 1;
                    assert!(!copy.root().join("var/lib/etcd/member").exists(), "killed at {call} number {nth}");
                }
                assert!(!copy.root().join("etc/kubernetes/kubejoin-reset").exists(), "killed at {call} number {nth}");
                let missing: Vec<_> =
                    after_join.iter().filter(|found| !left.contains(found) && !found.0.contains("etcd")).collect();
                assert!(missing.is_empty(), "killed at {call} number {nth}: {missing:?}");
            }
            let ran = reset(&copy, &["--force"]);
            assert_eq!(ran.status, 0, "killed at {call} number {nth}: {ran:#?}");
            assert_eq!(shape(&copy.tree()), undisturbed, "killed at {call} number {nth}");
        }
    }
    assert!(kills > 40 && finished_by_joins > 5, "only {kills} kills, {finished_by_joins} finished by joins");
}

#[test]
fn a_join_finishes_an_interrupted_reset_and_keeps_certificates_that_were_put_there_for_it() {
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    let kubernetes = join.root().join("etc/kubernetes");
    // What a reset leaves that is cut off behind its first commit.
    fs::remove_file(kubernetes.join("kubelet.conf")).unwrap();
    fs::write(kubernetes.join("kubejoin-reset"), "{\"cleanupTmpDir\": false, \"etcdData\": null}\n").unwrap();
    fs::set_permissions(kubernetes.join("kubejoin-reset"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(kubernetes.join("manifests/kube-apiserver.yaml"), "kind: Pod\n").unwrap();
    fs::write(kubernetes.join("pki/sa.key"), "copied by hand").unwrap();
    fs::create_dir_all(join.root().join("var/lib/kubelet/pods/1/volumes")).unwrap();
    let ran = join.run();
    assert_eq!(ran.outcome(), "joined", "{ran:#?}");
    assert!(ran.stdout.contains("A reset was interrupted here"), "{}", ran.stdout);
    assert!(!kubernetes.join("manifests/kube-apiserver.yaml").exists());
    assert!(!join.root().join("var/lib/kubelet/pods").exists() && !kubernetes.join("kubejoin-reset").exists());
    assert_eq!(fs::read(kubernetes.join("pki/sa.key")).unwrap(), b"copied by hand");

    // Beside a kubelet.conf it says nothing: somebody has made a node of this machine since.
    fs::write(kubernetes.join("kubejoin-reset"), "{}\n").unwrap();
    fs::set_permissions(kubernetes.join("kubejoin-reset"), fs::Permissions::from_mode(0o600)).unwrap();
    let before: Vec<_> = join.tree().into_iter().filter(|found| !found.path.ends_with("kubejoin-reset")).collect();
    assert_eq!(join.run().outcome(), "already-joined");
    assert_eq!(join.tree(), before);
}

#[test]
fn etcd_s_data_stays_unless_that_is_said_and_what_is_not_etcd_s_stays_always() {
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    etcd_data(&join);
    fs::write(join.root().join("var/lib/etcd/snapshot.db"), "a backup").unwrap();
    let before = join.tree();
    let ran = reset(&join, &["phase", "remove-etcd-member"]);
    assert_eq!((ran.status, ran.code()), (5, "reset.etcd-offline"), "{ran:#?}");
    assert_eq!(join.tree(), before);
    assert!(ran.stderr.contains("var/lib/etcd has the data of an etcd"), "{}", ran.stderr);
    assert_eq!(reset(&join, &["--force", "--skip-phases", "remove-etcd-member"]).status, 0);
    assert!(join.root().join("var/lib/etcd/member/wal").exists());
    assert_eq!(reset(&join, &["--force"]).status, 0);
    assert!(!join.root().join("var/lib/etcd/member").exists());
    assert_eq!(fs::read(join.root().join("var/lib/etcd/snapshot.db")).unwrap(), b"a backup");
}

#[test]
fn of_another_directory_of_certificates_only_kubeadm_s_files_go() {
    let server = ApiServer::start(Options::default());
    for directory in ["/data/pki", "/"] {
        let join = joined(&server);
        let at = |path: &str| join.root().join(directory.trim_start_matches('/')).join(path);
        fs::create_dir_all(at("etcd")).unwrap();
        for file in ["ca.crt", "ca.key", "sa.key", "etcd/peer.key", "own.key", "etcd/backup"] {
            fs::write(at(file), "data").unwrap();
        }
        let ran = reset(&join, &["--force", "--cert-dir", directory]);
        assert_eq!(ran.status, 0, "{ran:#?}");
        let is_there = |file| at(file).exists();
        assert!(["ca.crt", "ca.key", "sa.key", "etcd/peer.key"].into_iter().all(|file| !is_there(file)), "{directory}");
        assert!(["own.key", "etcd/backup"].into_iter().all(is_there), "{directory}");
        // What the join wrote is where it always is.
        assert!(join.root().join("etc/kubernetes/pki/ca.crt").exists());
    }
}

#[test]
fn a_configuration_file_says_what_flags_say() {
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    let file = |text: &str| {
        let text = format!("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\n{text}");
        join.beside("reset.yaml", &text).to_str().unwrap().to_owned()
    };
    let ran = reset(&join, &["--config", &file("unmountFlags: [LAZY]\n")]);
    assert_eq!((ran.status, ran.code()), (2, "config.invalid"), "{ran:#?}");
    assert_eq!(reset(&join, &["--config", &file(""), "--force"]).code(), "config.mixed");
    assert_eq!(reset(&join, &["--config", &file("")]).code(), "reset.not-confirmed");
    let dry = reset(&join, &["--config", &file("force: true\ndryRun: true\n")]);
    assert_eq!(dry.outcome(), "dry-run");
    assert!(join.root().join("etc/kubernetes/kubelet.conf").exists());
    assert_eq!(reset(&join, &["--config", &file("force: true\n")]).outcome(), "reset");
}

#[test]
fn links_lead_nowhere() {
    let server = ApiServer::start(Options::default());
    let join = joined(&server);
    let outside = join.root().parent().unwrap().join("outside");
    fs::create_dir_all(outside.join("data")).unwrap();
    fs::write(outside.join("data/file"), "data").unwrap();
    let kubelet = join.root().join("var/lib/kubelet");
    fs::create_dir_all(kubelet.join("pods/1/volumes")).unwrap();
    symlink(&outside, kubelet.join("pods/1/volumes/link")).unwrap();
    symlink("/", kubelet.join("root")).unwrap();
    // A whole directory exchanged for a link.
    fs::remove_dir_all(join.root().join("etc/kubernetes/manifests")).unwrap();
    symlink("/", join.root().join("etc/kubernetes/manifests")).unwrap();
    let ran = reset(&join, &["--force"]);
    assert_eq!((ran.status, ran.code()), (7, "reset.partial"), "{ran:#?}");
    assert!(ran.stderr.contains("etc/kubernetes/manifests"), "{}", ran.stderr);
    assert_eq!(ran.result["findings"].as_array().map(Vec::len), Some(1), "{:#}", ran.result);
    assert_eq!(fs::read(outside.join("data/file")).unwrap(), b"data");
    assert!(Path::new(&join.root()).join("usr/lib/systemd/system/kubelet.service").exists());
    assert!(!kubelet.join("pods").exists() && !kubelet.join("root").is_symlink());
    fs::remove_file(join.root().join("etc/kubernetes/manifests")).unwrap();
    assert_eq!(reset(&join, &["--force"]).status, 0);
}
