//! The verbs about certificates: keys that are drawn, and files of a node that are read. What an API server has a part in is
//! compared with kubeadm (`tests/peers/certs_test.sh`).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::builder::KUBEJOIN;

/// CAs with their keys, and the service account's pair.
const PKI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/pki");

fn kubejoin(args: &[&str]) -> Output {
    Command::new(KUBEJOIN).args(args).output().unwrap()
}

#[track_caller]
fn stdout(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A root with these directories and, as its PKI, copies of what is in [`PKI`].
fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    copy(Path::new(PKI), &root.path().join("etc/kubernetes/pki"));
    root
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

fn expirations(root: &Path) -> Value {
    let output = kubejoin(&["certs", "check-expiration", "-o", "json", "--rootfs", root.to_str().unwrap()]);
    serde_json::from_str(&stdout(output)).unwrap()
}

fn row<'a>(expirations: &'a Value, list: &str, name: &str) -> &'a Value {
    let rows = expirations[list].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name}: {expirations}"))
}

#[test]
fn a_certificate_key_has_64_digits_and_a_line_of_its_own() {
    let (one, other) =
        (stdout(kubejoin(&["certs", "certificate-key"])), stdout(kubejoin(&["certs", "certificate-key"])));
    let digits = one.strip_suffix('\n').unwrap();
    assert!(digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{one}");
    assert_ne!(one, other);
}

#[test]
fn what_a_control_plane_lacks_is_missing_and_a_ca_without_its_key_is_external() {
    let root = root();
    let pki = root.path().join("etc/kubernetes/pki");
    fs::copy(pki.join("ca.crt"), pki.join("apiserver.crt")).unwrap();
    fs::remove_file(pki.join("front-proxy-ca.key")).unwrap();
    let found = expirations(root.path());
    let names = found["certificates"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap());
    let expected = [
        "admin.conf",
        "apiserver",
        "apiserver-etcd-client",
        "apiserver-kubelet-client",
        "controller-manager.conf",
        "etcd-healthcheck-client",
        "etcd-peer",
        "etcd-server",
        "front-proxy-client",
        "scheduler.conf",
        "super-admin.conf",
    ];
    assert_eq!(names.collect::<Vec<_>>(), expected);
    assert_eq!(row(&found, "certificates", "apiserver")["missing"], false);
    assert_eq!(row(&found, "certificates", "etcd-peer")["missing"], true);
    let is_external = |name| row(&found, "certificateAuthorities", name)["externallyManaged"].as_bool().unwrap();
    assert_eq!(["ca", "etcd-ca", "front-proxy-ca"].map(is_external), [false, false, true]);
}

#[test]
fn an_etcd_elsewhere_has_no_certificates_here() {
    let root = root();
    let kubernetes = root.path().join("etc/kubernetes");
    fs::create_dir(kubernetes.join("manifests")).unwrap();
    fs::write(kubernetes.join("manifests/kube-apiserver.yaml"), "").unwrap();
    fs::remove_dir_all(kubernetes.join("pki/etcd")).unwrap();
    assert!(!expirations(root.path()).to_string().contains("etcd"));
}

#[test]
fn a_worker_has_the_certificate_of_its_kubelet_and_the_ca() {
    let root = root();
    let pki = root.path().join("var/lib/kubelet/pki");
    fs::create_dir_all(&pki).unwrap();
    fs::copy(Path::new(PKI).join("ca.crt"), pki.join("kubelet-client-2026.pem")).unwrap();
    symlink("/var/lib/kubelet/pki/kubelet-client-2026.pem", pki.join("kubelet-client-current.pem")).unwrap();
    fs::remove_file(root.path().join("etc/kubernetes/pki/ca.key")).unwrap();
    let found = expirations(root.path());
    assert_eq!(found["certificates"].as_array().unwrap().len(), 1);
    assert_eq!(row(&found, "certificates", "kubelet-client-current.pem")["caName"], "ca");
    assert_eq!(found["certificateAuthorities"].as_array().unwrap().len(), 1);
    assert_eq!(row(&found, "certificateAuthorities", "ca")["externallyManaged"], true);
}

#[test]
fn a_file_without_a_certificate_is_named() {
    let root = root();
    for path in ["etc/kubernetes/pki/apiserver.crt", "etc/kubernetes/admin.conf"] {
        fs::write(root.path().join(path), "nothing").unwrap();
        let output = kubejoin(&["certs", "check-expiration", "--rootfs", root.path().to_str().unwrap()]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(&format!("/{path} ")) && stderr.contains("certs.existing-unusable"), "{stderr}");
        fs::remove_file(root.path().join(path)).unwrap();
    }
}

/// Every line of these keys but those that all keys have.
fn lines_of_keys() -> Vec<String> {
    let keys = ["ca.key", "front-proxy-ca.key", "sa.key", "etcd/ca.key"];
    let texts = keys.map(|name| fs::read_to_string(Path::new(PKI).join(name)).unwrap());
    texts.iter().flat_map(|text| text.lines()).filter(|line| line.len() > 40).map(str::to_owned).collect()
}

/// What is in a kubeconfig, decoded.
fn data_of(kubeconfig: &str, field: &str) -> String {
    use base64::Engine;
    let data = kubeconfig.lines().find_map(|line| line.trim().strip_prefix(field)).unwrap().trim();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(data).unwrap()).unwrap()
}

#[test]
fn a_user_gets_a_key_that_is_nowhere_else_and_none_of_a_ca() {
    let root = root();
    let config = root.path().join("cluster.yaml");
    fs::write(
        &config,
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncontrolPlaneEndpoint: cp.example\n",
    )
    .unwrap();
    let (root, config) = (root.path().to_str().unwrap(), config.to_str().unwrap());
    let all = ["kubeconfig", "user", "--client-name=n", "--org=b,a", "--config", config, "--rootfs", root, "-v", "10"];
    let output = kubejoin(&all);
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    let kubeconfig = stdout(output);
    assert!(kubeconfig.contains("server: https://cp.example:6443\n") && kubeconfig.contains("name: n@kubernetes\n"));
    let ca = fs::read_to_string(Path::new(PKI).join("ca.crt")).unwrap();
    assert_eq!(data_of(&kubeconfig, "certificate-authority-data:"), ca);
    let key = data_of(&kubeconfig, "client-key-data:");
    assert!(key.contains("PRIVATE KEY") && !said.contains("PRIVATE KEY"), "{said}");
    let shown = format!("{said}{kubeconfig}{key}{}", data_of(&kubeconfig, "client-certificate-data:"));
    let lines = lines_of_keys();
    assert!(lines.len() > 8 && !lines.iter().any(|line| shown.contains(line.as_str())));
    // What a token is for needs no key of a CA.
    fs::remove_file(Path::new(root).join("etc/kubernetes/pki/ca.key")).unwrap();
    let with_token = [&all[..], &["--token", "abc"]].concat();
    assert!(stdout(kubejoin(&with_token)).contains("    token: abc\n"));
    let stderr = String::from_utf8(kubejoin(&all).stderr).unwrap();
    assert!(
        stderr.contains("/etc/kubernetes/pki/ca.key is not there") && stderr.contains("certs.ca-unusable"),
        "{stderr}"
    );
}

#[test]
fn what_looks_at_certificates_says_no_key() {
    let root = root();
    let output = kubejoin(&["certs", "check-expiration", "-v", "10", "--rootfs", root.path().to_str().unwrap()]);
    let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(shown.contains("front-proxy-ca") && !lines_of_keys().iter().any(|line| shown.contains(line.as_str())));
}
