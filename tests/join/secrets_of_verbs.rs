//! What the verbs beside `join` are given, read or find on the disk, and show nobody: in no stream, no result and no file.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kubejoin_apiserver::{ApiServer, Options};

use crate::builder::{Join, KUBEJOIN};
use crate::secrets::holds_none;

/// A bootstrap token that somebody gives to a verb, or has left in a file.
const TOKEN: &str = "abcdef.7h2kq9x4m6vz3w8d";

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// CAs with their keys, and the service account's pair.
const PKI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/pki");

/// Files of a control plane that a reset reads or removes.
const FILES: [&str; 10] = [
    "etc/kubernetes/bootstrap-kubelet.conf",
    "etc/kubernetes/admin.conf",
    "etc/kubernetes/scheduler.conf",
    "etc/kubernetes/pki/ca.key",
    "etc/kubernetes/pki/etcd/healthcheck-client.key",
    "etc/kubernetes/manifests/etcd.yaml",
    "etc/kubernetes/.kubejoin.tmp",
    "etc/kubernetes/tmp/backup",
    "var/lib/kubelet/kubeadm-flags.env",
    "var/lib/kubelet/pods/1/volumes/secret",
];

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn resets(join: &Join, args: &[&str], status: i32) {
    let _ = fs::remove_file(join.result_file());
    let mut command = Command::new(KUBEJOIN);
    command.arg("reset").args(args).args(["--force", "--cleanup-tmp-dir", "-v", "10"]);
    let output =
        command.arg("--rootfs").arg(join.root()).arg("--result-file").arg(join.result_file()).output().unwrap();
    assert_eq!(output.status.code(), Some(status), "{args:?}: {output:?}");
    holds_none("standard output", &output.stdout, TOKEN);
    holds_none("standard error", &output.stderr, TOKEN);
    holds_none("result.json", &fs::read(join.result_file()).unwrap(), TOKEN);
}

#[test]
fn a_reset_shows_nothing_of_what_it_reads_and_removes() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    let in_every_file = || {
        for path in FILES {
            write(&join.root().join(path), &format!("kind: Pod\nspec: {{containers: [{{command: [{TOKEN}]}}]}}\n"));
        }
    };
    in_every_file();
    for args in [&["--dry-run"][..], &["--dry-run", "-o", "json"], &["--dry-run", "--logging-format", "json"]] {
        resets(&join, args, 0);
    }
    for format in ["text", "json"] {
        in_every_file();
        resets(&join, &["--logging-format", format], 0);
        for entry in join.tree() {
            holds_none(&entry.path, entry.content.as_deref().unwrap_or_default(), TOKEN);
        }
    }
    // What cannot go is named, and no more.
    in_every_file();
    fs::remove_dir_all(join.root().join("var/lib/kubelet")).unwrap();
    symlink("..", join.root().join("var/lib/kubelet")).unwrap();
    resets(&join, &[], 7);
}

/// A verb with an administrator's kubeconfig; what it has shown beside standard output holds neither of these secrets.
fn admin(kubeconfig: &Path, args: &[&str], secrets: &[&str]) -> Output {
    let mut command = Command::new(KUBEJOIN);
    for name in ["HTTPS_PROXY", "https_proxy", "KUBECONFIG"] {
        command.env_remove(name);
    }
    let output = command.args(args).arg("--kubeconfig").arg(kubeconfig).args(["-v", "10"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.is_empty(), "{args:?}: nothing was said, so that this tests nothing");
    for secret in secrets {
        assert!(!said.contains(secret), "{args:?}: {said}");
    }
    output
}

/// The base64 of the key in a kubeconfig, in parts that a line could hold.
fn key_of(kubeconfig: &str) -> String {
    let data = kubeconfig.lines().find_map(|line| line.trim().strip_prefix("client-key-data:")).unwrap().trim();
    data[40..80].to_owned()
}

fn with_admin(directory: &Path, server: &ApiServer) -> (PathBuf, String) {
    let (path, text) = (directory.join("admin.conf"), server.admin_kubeconfig());
    write(&path, &text);
    let key = key_of(&text);
    (path, key)
}

#[test]
fn a_token_is_printed_where_it_is_asked_for_and_nowhere_else() {
    let server = ApiServer::start(Options::default());
    let directory = tempfile::tempdir().unwrap();
    let (kubeconfig, key) = with_admin(directory.path(), &server);
    let secret = TOKEN.split_once('.').unwrap().1;
    let config = directory.path().join("init.yaml");
    write(
        &config,
        &format!("apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nbootstrapTokens:\n- token: {TOKEN}\n"),
    );
    let of_file = ["token", "create", "--dry-run", "--config", config.to_str().unwrap()];
    for args in [&["token", "create", TOKEN, "--dry-run"][..], &of_file] {
        let output = admin(&kubeconfig, args, &[secret, &key]);
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().last(), Some(TOKEN), "{output:?}");
    }
    let wrong = format!("{TOKEN}-and-more");
    for (kubeconfig, args) in [
        (&kubeconfig, &["token", "delete", TOKEN, "--dry-run"][..]),
        (&kubeconfig, &["token", "create", TOKEN, "--ttl", "soon"]),
        (&kubeconfig, &["token", "create", TOKEN, TOKEN]),
        (&kubeconfig, &["token", "create", &wrong]),
        (&kubeconfig, &["token", "delete", &wrong]),
        (&directory.path().join("nowhere"), &["token", "create", TOKEN]),
    ] {
        let output = admin(kubeconfig, args, &[secret, &key]);
        assert!(!String::from_utf8_lossy(&output.stdout).contains(secret), "{args:?}: {output:?}");
    }
}

#[test]
fn a_certificate_key_is_printed_where_it_is_asked_for_and_nowhere_else() {
    let server = ApiServer::start(Options::default());
    let directory = tempfile::tempdir().unwrap();
    let (kubeconfig, key) = with_admin(directory.path(), &server);
    let ca_key = fs::read_to_string(Path::new(PKI).join("ca.key")).unwrap();
    let secrets = [KEY, &key, ca_key.lines().nth(1).unwrap()];
    let upload = ["init", "phase", "upload-certs", "--upload-certs", "--cert-dir", PKI, "--certificate-key", KEY];
    let with = |more: &[&str]| admin(&kubeconfig, &[&upload[..], more].concat(), &secrets);
    let command = ["token", "create", TOKEN, "--dry-run", "--print-join-command", "--certificate-key", KEY];
    for (output, is_asked_for) in [
        (admin(&kubeconfig, &command, &secrets), true),
        (with(&["--dry-run"]), false),
        (with(&["--skip-certificate-key-print"]), false),
        (with(&["--skip-certificate-key-print", "--cert-dir", "/nowhere"]), false),
        (with(&["--certificate-key", KEY, KEY]), false),
    ] {
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(stdout.contains(KEY), is_asked_for, "{output:?}");
        assert!(!stdout.contains(secrets[1]) && !stdout.contains(secrets[2]), "{output:?}");
    }
}
