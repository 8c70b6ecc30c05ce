//! The certificates that all control planes share: what a machine makes of the Secret that it is shown. In a root that does not
//! run, where the files of a control plane can be made; the whole join runs against real peers
//! (`tests/peers/control_plane_test.sh`).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubejoin_apiserver::{ApiServer, Faults, Options, Pki, Reply, Rule};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde_json::json;

use crate::builder::{Join, Ran, file, text};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const ADDRESS: &str = "198.51.100.2";

/// A cluster, and what its first control plane has uploaded.
struct Cluster {
    server: ApiServer,
    files: BTreeMap<&'static str, String>,
}

impl Cluster {
    fn new() -> Self {
        let (cluster, front_proxy, etcd) = (Pki::new(), Pki::named("front-proxy-ca"), Pki::named("etcd-ca"));
        let service_account = Pki::new();
        let files = BTreeMap::from([
            ("ca.crt", cluster.ca_pem().to_owned()),
            ("ca.key", cluster.ca_key_pem()),
            ("front-proxy-ca.crt", front_proxy.ca_pem().to_owned()),
            ("front-proxy-ca.key", front_proxy.ca_key_pem()),
            ("etcd-ca.crt", etcd.ca_pem().to_owned()),
            ("etcd-ca.key", etcd.ca_key_pem()),
            ("sa.key", service_account.ca_key_pem()),
            ("sa.pub", service_account.ca_public_key_pem()),
        ]);
        Cluster { server: ApiServer::start(Options { pki: cluster, ..Options::default() }), files }
    }

    /// Shows a Secret with these files.
    fn shows(&self, files: &BTreeMap<&'static str, String>) {
        self.answers(secret(files.iter().map(|(name, text)| (*name, sealed(text.as_bytes())))));
    }

    fn answers(&self, reply: Reply) {
        self.server.set_faults(Faults::replying(Rule::on("secrets/kubeadm-certs", reply)));
    }

    /// Without a certificate key.
    fn join_with(&self, flag: &str, path: &str) -> Join {
        let join = Join::to(&self.server)
            .config(&format!("controlPlane: {{localAPIEndpoint: {{advertiseAddress: {ADDRESS}}}}}\n"));
        join.arg(flag).arg(path)
    }

    fn join(&self) -> Join {
        Join::to(&self.server).config(&format!(
            "controlPlane: {{localAPIEndpoint: {{advertiseAddress: {ADDRESS}}}, certificateKey: {KEY}}}\n"
        ))
    }
}

/// The same files, as they lie below the directory of certificates, with one that is another node's; `links` are names of links.
fn brought(files: &BTreeMap<&'static str, String>, links: &[&str]) -> (tempfile::TempDir, [String; 2]) {
    let directory = tempfile::tempdir().unwrap();
    let pki = directory.path().join("pki");
    std::fs::create_dir_all(pki.join("etcd")).unwrap();
    let mut tar = Vec::new();
    for (name, text) in files.iter().map(|(name, text)| (*name, text.as_str())).chain([("apiserver.key", "another's")])
    {
        let name = name.replace("etcd-", "etcd/");
        std::fs::write(pki.join(&name), text).unwrap();
        tar.extend(tar_entry(&format!("./{name}"), b'0', text.as_bytes()));
    }
    links.iter().for_each(|name| tar.extend(tar_entry(name, b'2', b"")));
    tar.extend([0; 1024]);
    let archive = directory.path().join("certs.tar");
    std::fs::write(&archive, tar).unwrap();
    let paths = [pki, archive].map(|path| path.to_str().unwrap().to_owned());
    (directory, paths)
}

/// One file of an archive as `tar --format=ustar` writes it.
fn tar_entry(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[148..156].copy_from_slice(b"        ");
    header[156] = kind;
    header[257..263].copy_from_slice(b"ustar\0");
    let sum: usize = header.iter().map(|byte| usize::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    [&header[..], content, &vec![0; content.len().next_multiple_of(512) - content.len()]].concat()
}

fn prepare(join: &Join) -> Ran {
    join.run_phase(&["control-plane-prepare", "all"])
}

/// As kubeadm seals (`cmd/kubeadm/app/util/crypto/crypto.go`).
fn sealed(plain: &[u8]) -> Vec<u8> {
    let key: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&KEY[2 * at..2 * at + 2], 16).unwrap()).collect();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
    let mut bytes = plain.to_vec();
    let nonce = [7; NONCE_LEN];
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes).unwrap();
    [nonce.as_slice(), &bytes].concat()
}

fn secret(data: impl Iterator<Item = (&'static str, Vec<u8>)>) -> Reply {
    let data: BTreeMap<_, _> = data.map(|(name, bytes)| (name, STANDARD.encode(bytes))).collect();
    let object = json!({
        "apiVersion": "v1", "kind": "Secret", "data": data,
        "metadata": {"name": "kubeadm-certs", "namespace": "kube-system", "creationTimestamp": "2026-01-01T00:00:00Z"},
    });
    let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    Reply::Exactly { code: 200, headers, body: object.to_string().into_bytes() }
}

#[test]
fn a_right_secret_becomes_files_and_a_second_run_changes_none() {
    let cluster = Cluster::new();
    cluster.shows(&cluster.files);
    let join = cluster.join();
    let ran = prepare(&join);
    assert_eq!(ran.status, 0, "{ran:#?}");
    let tree = join.tree();
    assert_eq!(text(&tree, "etc/kubernetes/pki/etcd/ca.key"), cluster.files["etcd-ca.key"]);
    assert_eq!(text(&tree, "etc/kubernetes/pki/ca.crt"), cluster.files["ca.crt"]);
    for entry in tree.iter().filter(|entry| entry.path.ends_with(".key") || entry.path.ends_with(".conf")) {
        assert_eq!(entry.mode, 0o600, "{}", entry.path);
    }
    for component in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        assert_eq!(file(&tree, &format!("etc/kubernetes/manifests/{component}.yaml")).mode, 0o600);
    }
    // Its etcd has to run before the last static pod is written.
    assert!(tree.iter().all(|entry| !entry.path.ends_with("etcd.yaml")));
    assert_eq!(prepare(&join).status, 0);
    assert_eq!(join.tree(), tree);
}

#[test]
fn a_dry_run_shows_manifests_in_full_and_of_secrets_digests() {
    let cluster = Cluster::new();
    cluster.shows(&cluster.files);
    let join = cluster.join().arg("--dry-run").arg("-o").arg("json");
    let ran = prepare(&join);
    assert_eq!((ran.status, join.tree().len()), (0, 0), "{ran:#?}");
    let shown: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let files = shown["files"].as_array().unwrap();
    let of = |path: &str| files.iter().find(|file| file["path"] == path).unwrap_or_else(|| panic!("{path}"));
    assert!(of("/etc/kubernetes/manifests/kube-apiserver.yaml")["content"].as_str().unwrap().contains(ADDRESS));
    for path in ["/etc/kubernetes/pki/ca.key", "/etc/kubernetes/admin.conf"] {
        assert_eq!(of(path)["content"], serde_json::Value::Null, "{path}");
        assert_eq!(of(path)["sha256"].as_str().map(str::len), Some(64), "{path}");
    }
}

#[test]
fn another_certificate_key_opens_nothing() {
    let cluster = Cluster::new();
    cluster.shows(&cluster.files);
    let join = cluster.join().without_config().config(&format!(
        "controlPlane: {{localAPIEndpoint: {{advertiseAddress: {ADDRESS}}}, certificateKey: {}}}\n",
        KEY.replace('7', "8")
    ));
    let ran = prepare(&join);
    assert_eq!((ran.code(), ran.status, join.tree().len()), ("certs.wrong-key", 2, 0), "{ran:#?}");
}

#[test]
fn a_secret_that_was_changed_is_refused_as_a_whole() {
    let cluster = Cluster::new();
    let all: Vec<_> = cluster.files.iter().map(|(name, text)| (*name, sealed(text.as_bytes()))).collect();
    let without = |name: &str| all.iter().filter(|(other, _)| *other != name).cloned().collect::<Vec<_>>();
    let with = |name: &'static str, bytes: Vec<u8>| [without(name), vec![(name, bytes)]].concat();
    let mut flipped = sealed(cluster.files["sa.key"].as_bytes());
    *flipped.last_mut().unwrap() ^= 1;
    let rows = [
        (without("etcd-ca.key"), "certs.secret-incomplete"),
        (with("ca.key", sealed(b"not a key")), "certs.secret-incomplete"),
        (with("sa.key", flipped), "certs.wrong-key"),
        (with("sa.key", vec![1, 2, 3]), "certs.secret-incomplete"),
        // What nothing needs has to be right, too.
        ([all.clone(), vec![("more", vec![0; 64])]].concat(), "certs.wrong-key"),
    ];
    for (data, code) in rows {
        cluster.answers(secret(data.into_iter()));
        let join = cluster.join();
        let ran = prepare(&join);
        assert_eq!((ran.code(), join.tree().len()), (code, 0), "{ran:#?}");
    }
}

#[test]
fn a_ca_that_discovery_has_not_verified_is_refused() {
    let (cluster, other) = (Cluster::new(), Cluster::new());
    let mut files = cluster.files.clone();
    files.extend(["ca.crt", "ca.key"].map(|name| (name, other.files[name].clone())));
    cluster.shows(&files);
    let join = cluster.join();
    let ran = prepare(&join);
    assert_eq!((ran.code(), ran.status, join.tree().len()), ("certs.other-cluster", 4, 0), "{ran:#?}");
}

#[test]
fn a_key_of_another_ca_is_refused() {
    for (certificate, key) in [("ca.crt", "front-proxy-ca.key"), ("etcd-ca.crt", "ca.key")] {
        let cluster = Cluster::new();
        let mut files = cluster.files.clone();
        files.insert(if certificate == "ca.crt" { "ca.key" } else { "etcd-ca.key" }, cluster.files[key].clone());
        cluster.shows(&files);
        let join = cluster.join();
        let ran = prepare(&join);
        assert_eq!((ran.code(), join.tree().len()), ("certs.ca-unusable", 0), "{ran:#?}");
    }
}

#[test]
fn a_secret_that_is_gone_names_the_command_that_brings_another() {
    for (code, reason) in [(404, "NotFound"), (403, "Forbidden")] {
        let cluster = Cluster::new();
        let message = "secrets \"kubeadm-certs\" is not to be had".to_owned();
        cluster.answers(Reply::Status { code, reason: reason.to_owned(), message });
        let join = cluster.join();
        let ran = prepare(&join);
        assert_eq!((ran.code(), join.tree().len()), ("certs.secret-missing", 0), "{ran:#?}");
        assert!(ran.stderr.contains("kubeadm init phase upload-certs --upload-certs"), "{}", ran.stderr);
    }
}

#[test]
fn neither_certificate_key_nor_what_it_opens_is_in_any_output() {
    let cluster = Cluster::new();
    cluster.shows(&cluster.files);
    for arguments in
        [&["-v", "10"][..], &["-v", "10", "--logging-format", "json"], &["--dry-run"], &["--dry-run", "-o", "json"]]
    {
        let (_directory, [_, archive]) = brought(&cluster.files, &[]);
        for join in [cluster.join(), cluster.join_with("--certs-dir-from", &archive)] {
            let join = arguments.iter().fold(join, |join, argument| join.arg(argument));
            let ran = prepare(&join);
            assert_eq!(ran.status, 0, "{ran:#?}");
            let shown = format!("{}{}{}", ran.stdout, ran.stderr, ran.result);
            assert!(!shown.contains(KEY), "the certificate key: {shown}");
            let keys = cluster.files.iter().filter(|(name, _)| name.ends_with(".key"));
            for line in keys.flat_map(|(_, pem)| pem.lines()).filter(|line| !line.starts_with("-----")) {
                assert!(!shown.contains(line), "{line} of a key: {shown}");
            }
            let made = join.tree();
            let made = made.iter().filter(|entry| entry.path.ends_with(".key")).map(|entry| text(&made, &entry.path));
            for line in made.flat_map(|pem| pem.lines().map(str::to_owned).collect::<Vec<_>>()) {
                assert!(line.starts_with("-----") || !shown.contains(&line), "{line} of a key: {shown}");
            }
        }
    }
}

#[test]
fn files_that_were_brought_take_the_place_of_the_secret() {
    let cluster = Cluster::new();
    let (directory, paths) = brought(&cluster.files, &[]);
    let joins = paths.map(|path| cluster.join_with("--certs-dir-from", &path));
    for join in &joins {
        let ran = prepare(join);
        assert_eq!(ran.status, 0, "{ran:#?}");
        let tree = join.tree();
        for (name, mode) in [("etcd-ca.key", 0o600), ("ca.crt", 0o644), ("sa.key", 0o600), ("sa.pub", 0o644)] {
            let path = format!("etc/kubernetes/pki/{}", name.replace("etcd-", "etcd/"));
            assert_eq!((text(&tree, &path), file(&tree, &path).mode), (cluster.files[name].clone(), mode), "{path}");
        }
        // That of this node, which was issued here.
        assert_ne!(text(&tree, "etc/kubernetes/pki/apiserver.key"), "another's");
    }
    assert!(!cluster.server.requests().iter().any(|request| format!("{request:?}").contains("kubeadm-certs")));
    // Brought once: what has been written counts where it is gone again.
    drop(directory);
    for join in &joins {
        let before = join.tree();
        let ran = prepare(join);
        assert_eq!((ran.status, join.tree() == before), (0, true), "{ran:#?}");
        assert!(ran.stderr.contains("is not there: what is on this machine counts"), "{}", ran.stderr);
    }
}

#[test]
fn what_was_brought_is_checked_as_what_was_downloaded_is() {
    let (cluster, other) = (Cluster::new(), Cluster::new());
    let with = |name: &'static str, text: &str| {
        let mut files = cluster.files.clone();
        files.insert(name, text.to_owned());
        files
    };
    let mut incomplete = cluster.files.clone();
    incomplete.remove("sa.key");
    let mut of_another = cluster.files.clone();
    of_another.extend(["ca.crt", "ca.key"].map(|name| (name, other.files[name].clone())));
    let rows = [
        (incomplete, "certs.missing"),
        (with("etcd-ca.crt", "nothing"), "certs.missing"),
        (with("ca.key", &cluster.files["sa.key"]), "certs.ca-unusable"),
        (of_another, "certs.other-cluster"),
    ];
    for (files, code) in rows {
        let (_directory, paths) = brought(&files, &[]);
        for path in paths {
            let join = cluster.join_with("--certs-dir-from", &path);
            let ran = prepare(&join);
            assert_eq!((ran.code(), join.tree().len()), (code, 0), "{path} {ran:#?}");
        }
    }
}

#[test]
fn an_archive_with_a_link_is_refused_before_anything_is_asked() {
    let cluster = Cluster::new();
    let mut files = cluster.files.clone();
    files.remove("ca.key");
    let (_directory, [_, archive]) = brought(&files, &["ca.key"]);
    let ran = prepare(&cluster.join_with("--certs-dir-from", &archive));
    assert_eq!((ran.code(), ran.status), ("certs.missing", 2), "{ran:#?}");
    assert!(ran.stderr.contains("ca.key in it is not a file"), "{}", ran.stderr);
    assert!(cluster.server.requests().is_empty());
}

#[test]
fn a_certificate_key_beside_files_is_one_too_many() {
    let cluster = Cluster::new();
    let (_directory, [_, archive]) = brought(&cluster.files, &[]);
    let ran = prepare(&cluster.join().arg("--certs-dir-from").arg(&archive));
    assert_eq!((ran.code(), ran.status), ("config.invalid", 2), "{ran:#?}");
    assert!(ran.stderr.contains("--certs-dir-from is given as well"), "{}", ran.stderr);
}
