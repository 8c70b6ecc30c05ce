//! What is on the disk already is not trusted because it is there: whose it is counts.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use kubejoin_apiserver::{ApiServer, Approver, Options};

use crate::builder::{Join, file, kubeconfig_of, with_user};

const PENDING_KEY: &str = "var/lib/kubelet/pki/kubelet-client.key.tmp";

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Gives a file to another user; false, loudly, where this user may not.
fn give_away(path: &Path) -> bool {
    let is_given = chown(path, Some(65534), Some(65534)).is_ok();
    if !is_given {
        eprintln!("SKIPPED in part: giving a file to another user needs root");
    }
    is_given
}

#[test]
fn a_pending_key_that_others_know_is_not_used_again() {
    for (what, expose) in [
        (
            "readable",
            &(|path: &Path| {
                chmod(path, 0o644);
                true
            }) as &dyn Fn(&Path) -> bool,
        ),
        ("writable", &|path| {
            chmod(path, 0o602);
            true
        }),
        ("given away", &give_away),
    ] {
        let server = ApiServer::start(Options { approver: Approver::Manual, ..Options::default() });
        let join = Join::to(&server).waits(2, 1);
        assert_eq!(join.run().code(), "tls-bootstrap.csr-pending");
        if !expose(&join.root().join(PENDING_KEY)) {
            continue;
        }
        assert_eq!(join.run().code(), "tls-bootstrap.csr-pending");
        assert_eq!(server.csrs().len(), 2, "{what}: the same key was used again");
        assert_eq!(file(&join.tree(), PENDING_KEY).mode, 0o600, "{what}");
    }
}

#[test]
fn an_identity_that_others_can_change_or_read_is_replaced() {
    let server = ApiServer::start(Options::default());
    for (path, mode) in
        [("var/lib/kubelet/pki/kubelet-client-current.pem", 0o644), ("etc/kubernetes/kubelet.conf", 0o666)]
    {
        let join = Join::to(&server);
        assert_eq!(join.run().outcome(), "joined");
        assert_eq!(join.run().outcome(), "already-joined");
        let before = server.csrs().len();
        let link = join.root().join(path);
        let target = fs::read_link(&link).map_or(link, |target| join.root().join(target.strip_prefix("/").unwrap()));
        chmod(&target, mode);
        let ran = join.run();
        assert_eq!(ran.outcome(), "joined", "{path}: {ran:#?}");
        assert!(ran.stderr.contains("lets others change it"), "{}", ran.stderr);
        assert_eq!(server.csrs().len(), before + 1, "{path}");
    }
}

#[test]
fn directories_of_ours_lose_the_write_bits_of_others() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    let directories =
        ["etc/kubernetes", "etc/kubernetes/manifests", "etc/kubernetes/pki", "var/lib/kubelet", "var/lib/kubelet/pki"];
    for path in directories {
        fs::create_dir_all(join.root().join(path)).unwrap();
        chmod(&join.root().join(path), 0o777);
    }
    assert_eq!(join.run().outcome(), "joined");
    for path in directories {
        assert_eq!(file(&join.tree(), path).mode & 0o022, 0, "{path}");
    }
}

#[test]
fn a_link_to_a_directory_of_everybody_fails_preflight_by_name() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    let (everybodys, kubernetes) = (join.root().join("everybodys"), join.root().join("etc/kubernetes"));
    fs::create_dir_all(&kubernetes).unwrap();
    fs::create_dir_all(&everybodys).unwrap();
    std::os::unix::fs::symlink("/everybodys", kubernetes.join("manifests")).unwrap();
    chmod(&everybodys, 0o1777);
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("preflight.failed", 2), "{ran:#?}");
    assert!(ran.stderr.contains("[ERROR DirectoryOwner]") && ran.stderr.contains("is a link"), "{}", ran.stderr);
    chmod(&everybodys, 0o755);
    assert_eq!(join.run().outcome(), "joined");
}

/// With every check ignored, a kubeconfig of the user's own is kept; one that others can have written is not.
#[test]
fn a_kubelet_conf_that_others_can_write_is_not_kept() {
    let server = ApiServer::start(Options::default());
    for (mode, is_kept) in [(0o600, true), (0o666, false)] {
        let join = Join::to(&server).arg("--ignore-preflight-errors=all");
        let conf = join.root().join("etc/kubernetes/kubelet.conf");
        fs::create_dir_all(conf.parent().unwrap()).unwrap();
        let user = with_user(&kubeconfig_of(&server, Some(&server.ca_pem())), "token: of-the-user");
        fs::write(&conf, user).unwrap();
        chmod(&conf, mode);
        join.run();
        assert_eq!(fs::read_to_string(&conf).unwrap().contains("of-the-user"), is_kept, "{mode:o}");
    }
}

#[test]
fn a_directory_of_somebody_else_fails_preflight_by_name() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    let manifests = join.root().join("etc/kubernetes/manifests");
    fs::create_dir_all(&manifests).unwrap();
    if !give_away(&manifests) {
        return;
    }
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("preflight.failed", 2), "{ran:#?}");
    assert!(ran.stderr.contains("[ERROR DirectoryOwner]") && ran.stderr.contains("user 65534"), "{}", ran.stderr);
    assert!(server.requests().is_empty(), "the network was asked");
    assert_eq!(join.arg("--ignore-preflight-errors=DirectoryOwner").run().outcome(), "joined");
}

#[test]
fn a_file_with_the_name_of_a_directory_is_in_the_way() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    fs::create_dir_all(join.root().join("etc")).unwrap();
    fs::write(join.root().join("etc/kubernetes"), "").unwrap();
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("rootfs.in-the-way", 6), "{ran:#?}");
}

#[test]
fn a_lock_that_anybody_can_take_blocks_no_join() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: the lock that only root can open needs root");
        return;
    }
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    let directory = fs::File::open(join.root()).unwrap();
    rustix::fs::flock(&directory, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    assert_eq!(join.run().outcome(), "joined");
}

#[test]
fn a_file_in_the_working_directory_names_no_ca() {
    let (server, attacker) = (ApiServer::start(Options::default()), ApiServer::start(Options::default()));
    // Beside the kubeconfig is nothing; in the working directory somebody has put another CA.
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster:\n    server: https://{}\n    \
         certificate-authority: ca.crt\ncontexts:\n- name: c\n  context: {{cluster: c, user: \"\"}}\ncurrent-context: c\n",
        attacker.endpoint()
    );
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("ca.crt"), attacker.ca_pem()).unwrap();
    let join = Join::to(&server).by_file(&kubeconfig, Some(&server.token()));
    let output = join.command().current_dir(elsewhere.path()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("ca.crt") && stderr.contains("discovery.file-unusable"), "{stderr}");
    assert!(attacker.requests().is_empty(), "the attacker's server was asked");
}

#[test]
fn a_named_file_that_is_only_below_the_root_is_offered() {
    let server = ApiServer::start(Options::default());
    let absent = "/none/of/this/machine";
    let join = Join::to(&server).arg(&format!("--kubelet-config={absent}"));
    let below = join.root().join(&absent[1..]);
    fs::create_dir_all(below.parent().unwrap()).unwrap();
    fs::write(&below, "").unwrap();
    let ran = join.run();
    assert_eq!(ran.status, 2, "{ran:#?}");
    assert!(ran.stderr.contains(below.to_str().unwrap()), "{}", ran.stderr);
    let join = Join::to(&server).config(&format!("patches:\n  directory: {absent}\n"));
    fs::create_dir_all(join.root().join(&absent[1..])).unwrap();
    let ran = join.run();
    assert!(ran.stderr.contains("running system") && ran.status == 2, "{ran:#?}");
}
