//! The certificates and kubeconfigs of a control plane against those that the real kubeadm writes.
//!
//! `cases/` holds what kubeadm was given, `pki/` the CAs that issue (RSA, P-256 and P-384; of no cluster). `golden/` holds what
//! `facts` says of kubeadm's files, and `regenerate` makes it again, with kubeadm 1.37.2 (and 1.30, for cases that begin
//! so). The same `facts`, which asks openssl, is asked of ours.

#![allow(clippy::unwrap_used)] // tests

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use kubejoin::for_tests::control_plane::CertsError;
use kubejoin::for_tests::control_plane::certs::{CertificateSpec, Certificates};
use kubejoin::for_tests::control_plane::kubeconfigs::{KubeconfigSpec, Kubeconfigs};
use kubejoin::for_tests::control_plane::pki_files::PkiFiles;
use kubejoin::for_tests::control_plane::pki_layout::{EtcdPki, PkiLayout};
use kubejoin::for_tests::error::Explain;
use kubejoin::for_tests::pki::certificate::Certificate;
use kubejoin::for_tests::pki::key_algorithm::KeyAlgorithm;
use kubejoin::for_tests::rootfs::{FileSet, Root, TargetPath};
use kubejoin::for_tests::yaml;

const DIRECTORY: TargetPath = TargetPath::fixed("/etc/kubernetes/pki");

/// A case of `cases/`, and a machine that has the CAs.
struct Case {
    init: Value,
    cluster: Value,
    root: tempfile::TempDir,
    layout: PkiLayout,
}

/// What was done with it.
struct Made {
    certificates: Certificates,
    kubeconfigs: Kubeconfigs,
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(path)
}

impl Case {
    fn new(name: &str) -> Self {
        let text = std::fs::read_to_string(here(&format!("cases/{name}.yaml"))).unwrap();
        let mut documents = yaml::parse(&text).unwrap().into_iter().map(|document| document.value);
        let (init, cluster) = (documents.next().unwrap(), documents.next().unwrap());
        let etcd = match cluster.pointer("/etcd/external") {
            Some(_) => EtcdPki::External { ca: None, certificate: None, key: None },
            None => EtcdPki::Local,
        };
        let root = tempfile::tempdir().unwrap();
        for file in [
            "ca.crt",
            "ca.key",
            "front-proxy-ca.crt",
            "front-proxy-ca.key",
            "sa.key",
            "sa.pub",
            "etcd/ca.crt",
            "etcd/ca.key",
        ] {
            if !file.starts_with("etcd") || matches!(etcd, EtcdPki::Local) {
                let to = root.path().join("etc/kubernetes/pki").join(file);
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                std::fs::copy(here("pki").join(file), &to).unwrap();
                let mode = if file.ends_with(".key") { 0o600 } else { 0o644 };
                std::fs::set_permissions(&to, std::fs::Permissions::from_mode(mode)).unwrap();
            }
        }
        let layout = PkiLayout::new(DIRECTORY, etcd).unwrap();
        Case { init, cluster, root, layout }
    }

    fn text(&self, pointer: &str) -> &str {
        self.cluster.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn texts(&self, pointer: &str) -> Vec<String> {
        let list = self.cluster.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
        list.into_iter().map(|entry| entry.as_str().unwrap().to_owned()).collect()
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join("etc/kubernetes").join(path)
    }

    fn minor(&self) -> u32 {
        self.text("/kubernetesVersion").split('.').nth(1).unwrap().parse().unwrap()
    }

    fn algorithm(&self) -> KeyAlgorithm {
        match self.cluster.pointer("/featureGates/PublicKeysECDSA") {
            Some(_) => KeyAlgorithm::EcdsaP256,
            None => self.text("/encryptionAlgorithm").parse().unwrap(),
        }
    }

    /// Issues everything at this time, and writes it.
    fn issue_at(&self, now: SystemTime) -> Result<Made, CertsError> {
        let verified = Certificate::all_from_pem(&std::fs::read(here("pki/ca.crt")).unwrap()).unwrap();
        let advertise = self.init.pointer("/localAPIEndpoint/advertiseAddress").unwrap().as_str().unwrap();
        let port = self.init.pointer("/localAPIEndpoint/bindPort").and_then(Value::as_u64).unwrap_or(6443);
        let bracketed = |host: &str| if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let endpoint = self.text("/controlPlaneEndpoint");
        let (host, endpoint_port) = match endpoint.rsplit_once(':') {
            Some((host, port)) => (host.trim_matches(['[', ']']), port),
            None => (endpoint, "6443"),
        };
        let validity = match self.text("/certificateValidityPeriod") {
            "" => 8760 * 60,
            hours => 60 * hours.strip_suffix('h').unwrap().parse::<u64>().unwrap(),
        };
        let validity = Duration::from_secs(60 * validity);
        let root = Root::open(self.root.path()).unwrap();
        let files = PkiFiles::read(&root, &self.layout).unwrap();
        let spec = CertificateSpec {
            node_name: self.init.pointer("/nodeRegistration/name").unwrap().as_str().unwrap(),
            advertise_address: advertise.parse().unwrap(),
            endpoint_host: Some(host),
            dns_domain: self.text("/networking/dnsDomain"),
            service_subnet: self.text("/networking/serviceSubnet"),
            cert_sans: &self.texts("/apiServer/certSANs"),
            etcd_server_sans: &self.texts("/etcd/local/serverCertSANs"),
            etcd_peer_sans: &self.texts("/etcd/local/peerCertSANs"),
            algorithm: self.algorithm(),
            validity,
            minor: self.minor(),
            verified: &verified,
            now,
        };
        let certificates = Certificates::issue(&spec, &self.layout, &files)?;
        let cluster_name = self.text("/clusterName");
        let kubeconfigs = Kubeconfigs::issue(
            &KubeconfigSpec {
                cluster_name: if cluster_name.is_empty() { "kubernetes" } else { cluster_name },
                endpoint: &format!("https://{}:{endpoint_port}", bracketed(host)),
                local_endpoint: &format!("https://{}:{port}", bracketed(advertise)),
                algorithm: self.algorithm(),
                validity,
                minor: self.minor(),
                ca: certificates.cluster_ca(),
                now,
            },
            &self.layout,
            &files,
        )?;
        let mut set = FileSet::new();
        certificates.add_to(&mut set, &self.layout);
        kubeconfigs.add_to(&mut set);
        root.commit(&set).unwrap();
        Ok(Made { certificates, kubeconfigs })
    }

    fn issue(&self) -> Result<Made, CertsError> {
        self.issue_at(SystemTime::now())
    }

    /// Every file, with its bytes.
    fn tree(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        for directory in ["", "pki", "pki/etcd"] {
            let Ok(entries) = std::fs::read_dir(self.at(directory)) else { continue };
            for path in entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
                found.push((path.clone(), std::fs::read(path).unwrap()));
            }
        }
        found.sort();
        found
    }
}

fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok();
    if !found {
        eprintln!("SKIPPED: it needs openssl");
    }
    found
}

fn assert_as_kubeadm(name: &str) {
    if !has_openssl() {
        return;
    }
    let case = Case::new(name);
    let made = case.issue().unwrap();
    assert_eq!(made.certificates.warnings(), [""; 0]);
    assert_eq!(made.kubeconfigs.warnings(), [""; 0]);
    let facts = Command::new(here("facts")).arg(case.root.path().join("etc/kubernetes")).output().unwrap();
    assert!(facts.status.success(), "{}", String::from_utf8_lossy(&facts.stderr));
    let golden = std::fs::read_to_string(here("golden").join(name)).unwrap();
    let facts = String::from_utf8(facts.stdout).unwrap();
    for (ours, theirs) in facts.lines().zip(golden.lines()) {
        assert_eq!(ours, theirs, "in {name}");
    }
    assert_eq!(facts, golden);
}

/// With keys of RSA-2048, whose ten take some seconds here.
#[test]
fn defaults_are_kubeadm_s() {
    assert_as_kubeadm("defaults");
}

#[test]
fn names_and_addresses_are_kubeadm_s() {
    assert_as_kubeadm("sans");
}

#[test]
fn keys_on_p384_are_kubeadm_s() {
    assert_as_kubeadm("ecdsa-p384");
}

/// And a validity beyond 2049, which X.509 writes in another form.
#[test]
fn an_external_etcd_is_kubeadm_s() {
    assert_as_kubeadm("external-etcd");
}

#[test]
fn ipv6_is_kubeadm_s() {
    assert_as_kubeadm("ipv6");
}

#[test]
fn a_cluster_of_1_30_has_what_its_kubeadm_gives_it() {
    assert_as_kubeadm("1.30-ecdsa");
}

/// A case whose files are all there.
fn issued() -> Case {
    let case = Case::new("ipv6");
    case.issue().unwrap();
    case
}

fn assert_refused(case: &Case, code: &str, words: &[&str]) {
    let before = case.tree();
    let Err(error) = case.issue() else { panic!("{code} is not seen") };
    let text = error.to_string();
    assert_eq!(error.code().name, code, "{text}");
    for word in words {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
    assert_eq!(case.tree(), before);
}

#[test]
fn a_second_run_keeps_every_byte() {
    let case = issued();
    let before = case.tree();
    let made = case.issue().unwrap();
    assert_eq!((made.certificates.issued().count(), made.certificates.kept().len()), (0, 7));
    assert_eq!((made.kubeconfigs.made().count(), made.kubeconfigs.kept().len()), (0, 3));
    assert!(made.certificates.has_ca_key() && made.certificates.etcd().is_some());
    assert_eq!(case.tree(), before);
}

#[test]
fn what_is_missing_is_issued_beside_what_is_there() {
    let case = issued();
    let before = case.tree();
    for file in ["pki/etcd/peer.crt", "pki/etcd/peer.key", "scheduler.conf"] {
        std::fs::remove_file(case.at(file)).unwrap();
    }
    let made = case.issue().unwrap();
    let names: Vec<_> = made.certificates.issued().map(|(name, _)| name).collect();
    assert_eq!((names.as_slice(), made.kubeconfigs.made().count()), (&["etcd/peer"][..], 1));
    let changed = case.tree().into_iter().zip(before).filter(|(now, then)| now != then).count();
    assert_eq!(changed, 3);
}

/// It is written before its certificate.
#[test]
fn a_key_that_an_interrupted_run_has_left_is_made_again() {
    let case = issued();
    let before = std::fs::read(case.at("pki/etcd/peer.key")).unwrap();
    std::fs::remove_file(case.at("pki/etcd/peer.crt")).unwrap();
    let made = case.issue().unwrap();
    assert_eq!(made.certificates.issued().map(|(name, _)| name).collect::<Vec<_>>(), ["etcd/peer"]);
    assert_ne!(std::fs::read(case.at("pki/etcd/peer.key")).unwrap(), before);
    case.issue().unwrap();
}

#[test]
fn a_leaf_that_is_there_and_wrong_is_named() {
    let replace = |file: &str, by: &str| {
        let case = issued();
        std::fs::copy(case.at(by), case.at(file)).unwrap();
        case
    };
    let remove = |file: &str| {
        let case = issued();
        std::fs::remove_file(case.at(file)).unwrap();
        case
    };
    let code = "certs.existing-unusable";
    assert_refused(&remove("pki/apiserver.key"), code, &["pki/apiserver.crt", "its key is not"]);
    assert_refused(&replace("pki/apiserver.key", "pki/sa.key"), code, &["pki/apiserver.crt", "another certificate"]);
    // A pair of another CA, and one of another name.
    let case = replace("pki/front-proxy-client.crt", "pki/apiserver-kubelet-client.crt");
    std::fs::copy(case.at("pki/apiserver-kubelet-client.key"), case.at("pki/front-proxy-client.key")).unwrap();
    assert_refused(&case, code, &["pki/front-proxy-client.crt", "another CA"]);
    let mut case = issued();
    case.cluster["apiServer"] = serde_json::json!({ "certSANs": ["*.wild.test"] });
    assert_refused(&case, code, &["pki/apiserver.crt", "*.wild.test"]);
    let case = issued();
    std::fs::write(
        case.at("admin.conf"),
        std::fs::read_to_string(case.at("admin.conf")).unwrap().replace("LS0", "LS1"),
    )
    .unwrap();
    assert_refused(&case, code, &["admin.conf"]);
}

#[test]
fn an_expired_leaf_is_named_and_the_time_is_the_callers() {
    let case = Case::new("ipv6");
    let now = SystemTime::now();
    case.issue_at(now).unwrap();
    let error = case.issue_at(now + Duration::from_secs(9000 * 3600)).err().unwrap();
    assert_eq!(error.code().name, "certs.existing-unusable");
    assert!(error.to_string().contains("has expired"), "{error}");
}

#[test]
fn without_the_key_of_a_ca_its_leaves_must_be_there() {
    let case = issued();
    std::fs::remove_file(case.at("pki/ca.key")).unwrap();
    let made = case.issue().unwrap();
    assert!(!made.certificates.has_ca_key());
    for file in ["pki/apiserver.crt", "pki/apiserver.key"] {
        std::fs::remove_file(case.at(file)).unwrap();
    }
    let words =
        ["/etc/kubernetes/pki/apiserver.crt, /etc/kubernetes/pki/apiserver.key", "without /etc/kubernetes/pki/ca.key"];
    assert_refused(&case, "certs.external-ca", &words);
    let case = issued();
    std::fs::remove_file(case.at("pki/ca.key")).unwrap();
    std::fs::remove_file(case.at("scheduler.conf")).unwrap();
    assert_refused(&case, "certs.external-ca", &["/etc/kubernetes/scheduler.conf"]);
}

#[test]
fn no_ca_and_no_service_account_key_is_ever_made() {
    for (file, code) in [
        ("pki/ca.crt", "certs.ca-unusable"),
        ("pki/front-proxy-ca.crt", "certs.ca-unusable"),
        ("pki/etcd/ca.crt", "certs.ca-unusable"),
        ("pki/sa.key", "certs.missing"),
        ("pki/sa.pub", "certs.missing"),
    ] {
        let case = Case::new("ipv6");
        std::fs::remove_file(case.at(file)).unwrap();
        assert_refused(&case, code, &[file, "is not there"]);
    }
}

#[test]
fn a_ca_of_another_cluster_issues_nothing() {
    let case = Case::new("ipv6");
    for file in ["ca.crt", "ca.key"] {
        std::fs::copy(
            here("pki/front-proxy-").with_file_name(format!("front-proxy-{file}")),
            case.at(&format!("pki/{file}")),
        )
        .unwrap();
    }
    assert_refused(&case, "certs.other-cluster", &["pki/ca.crt"]);
    let case = Case::new("ipv6");
    std::fs::copy(case.at("pki/etcd/ca.key"), case.at("pki/front-proxy-ca.key")).unwrap();
    assert_refused(&case, "certs.ca-unusable", &["pki/front-proxy-ca.key", "another certificate"]);
}
