//! Where the kubelet's configuration comes from: the cluster's ConfigMaps of any release, a file in the image, patches.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kubejoin::for_tests::clock::{Clock, ClockMode};
use kubejoin::for_tests::kube::client::Client;
use kubejoin::for_tests::kube::wanted::Wanted;
use kubejoin::for_tests::net::dial::Dialer;
use kubejoin::for_tests::net::server::Server;
use kubejoin::for_tests::net::tls::TrustRoots;
use kubejoin::for_tests::pki::certificate::Certificate;
use kubejoin::for_tests::pki::identity::ClientIdentity;
use kubejoin_apiserver::{ApiServer, ConfigMap, ExistingNode, Options};
use tempfile::TempDir;

use crate::builder::{Join, text};

const KUBELET: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

fn start() -> ApiServer {
    ApiServer::start(Options::default())
}

/// A directory with files in it.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

/// What was asked for in kube-system.
fn config_maps(server: &ApiServer) -> Vec<String> {
    let asked = server.requests();
    let names = asked.iter().filter_map(|request| request.path.split_once("/kube-system/configmaps/"));
    names.map(|(_, name)| name.to_owned()).collect()
}

/// A join whose configuration file names a directory of patches.
fn with_patches(server: &ApiServer, directory: &Path) -> Join {
    Join::to(server).config(&format!("patches: {{directory: {}}}\n", directory.display()))
}

#[test]
fn many_ignored_patch_files_are_a_few_warnings() {
    let patches = tempfile::tempdir().unwrap();
    for n in 0..500 {
        std::fs::write(patches.path().join(format!("notes-{n}.txt")), "x").unwrap();
    }
    let ran = with_patches(&ApiServer::start(Options::default()), patches.path()).run();
    let warnings: Vec<_> =
        ran.result["warnings"].as_array().unwrap().iter().map(|w| w["message"].as_str().unwrap()).collect();
    assert_eq!((ran.outcome(), warnings.len()), ("joined", 11), "{warnings:#?}");
    assert_eq!(warnings[10], "490 more warnings like this");
    assert!(ran.stdout.len() < 8192 && ran.stderr.len() < 8192, "{}", ran.stdout.len());
}

#[test]
fn patches_of_the_configuration_file_end_up_in_config_yaml() {
    let server = start();
    let patches = directory(&[
        ("kubeletconfiguration0.yaml", "maxPods: 42\nhealthzPort: 10999\n"),
        ("kubeletconfiguration1+json.json", "[{\"op\": \"remove\", \"path\": \"/clusterDomain\"}]"),
        ("notes.txt", "not a patch"),
    ]);
    let join = with_patches(&server, patches.path());
    let ran = join.run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    let config = text(&join.tree(), "var/lib/kubelet/config.yaml");
    assert!(config.contains("\nmaxPods: 42\n") && config.contains("\nhealthzPort: 10999\n"), "{config}");
    assert!(!config.contains("clusterDomain"), "{config}");
    assert!(ran.stderr.contains("notes.txt is ignored"), "{}", ran.stderr);
}

#[test]
fn a_broken_patch_is_refused_before_sending() {
    let server = start();
    let cases = [
        ("kubeletconfiguration.yaml", "maxPods: [", "patches.invalid"),
        ("kubeletconfiguration+yaml.yaml", "maxPods: 1", "patches.invalid"),
    ];
    for (name, text, code) in cases {
        let patches = directory(&[(name, text)]);
        let ran = with_patches(&server, patches.path()).run();
        assert_eq!((ran.code(), ran.status), (code, 2), "{ran:#?}");
    }
    let ran = with_patches(&server, Path::new("/nowhere/at/all")).run();
    assert_eq!((ran.code(), ran.status), ("patches.unreadable", 2), "{ran:#?}");
    assert_eq!(server.connections().len(), 0);
}

#[test]
fn a_patch_that_does_not_apply_is_refused_before_the_csr() {
    let server = start();
    let patches = directory(&[("kubeletconfiguration+json.yaml", "[{op: remove, path: /notThere}]")]);
    let join = with_patches(&server, patches.path());
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("patches.do-not-fit", 2), "{ran:#?}");
    assert_eq!((server.csrs().len(), join.tree().len()), (0, 0));
}

#[test]
fn a_kubelet_config_file_replaces_the_clusters() {
    let server = start();
    let files = directory(&[("kubelet.yaml", &format!("{KUBELET}maxPods: 7\nclusterDNS: [9.9.9.9]\n"))]);
    let file = files.path().join("kubelet.yaml");
    let join = Join::to(&server).arg("--kubelet-config").arg(file.to_str().unwrap());
    let ran = join.run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    let config = text(&join.tree(), "var/lib/kubelet/config.yaml");
    assert!(config.contains("\nmaxPods: 7\n") && config.contains("\n- 9.9.9.9\n"), "{config}");
    // What it leaves open comes from kubeadm-config all the same.
    assert!(config.contains("\nclusterDomain: cluster.local\n"), "{config}");
    assert_eq!(config_maps(&server), ["kubeadm-config"]);
}

#[test]
fn a_broken_kubelet_config_file_is_refused_before_sending() {
    let server = start();
    let cases = ["kind: KubeletConfiguration\n", "a: [", "", &format!("{KUBELET}healthzPort: x\n")];
    for text in cases {
        let files = directory(&[("kubelet.yaml", text)]);
        let file = files.path().join("kubelet.yaml");
        let ran = Join::to(&server).arg("--kubelet-config").arg(file.to_str().unwrap()).run();
        assert_eq!((ran.code(), ran.status), ("config.kubelet-config", 2), "{ran:#?}");
    }
    assert_eq!(server.connections().len(), 0);
}

/// `ClusterConfiguration` as kubeadm of that release wrote it.
fn kubeadm_config(api: &str, version: &str) -> ConfigMap {
    let text = format!(
        "apiServer:\n  extraArgs:\n    authorization-mode: Node,RBAC\napiVersion: kubeadm.k8s.io/{api}\n\
         certificatesDir: /etc/kubernetes/pki\nkind: ClusterConfiguration\nkubernetesVersion: {version}\n\
         networking:\n  dnsDomain: old.local\n  serviceSubnet: 10.40.0.0/16\n"
    );
    ConfigMap::one("ClusterConfiguration", &text)
}

#[test]
fn a_cluster_up_to_1_23_has_its_minor_in_the_name_of_the_config_map() {
    for missing in [ConfigMap::Forbidden, ConfigMap::NotFound] {
        let server = start();
        server.set_config_map("kubeadm-config", kubeadm_config("v1beta2", "v1.20.15"));
        server.set_config_map("kubelet-config", missing);
        server.set_config_map("kubelet-config-1.20", ConfigMap::one("kubelet", &format!("{KUBELET}maxPods: 20\n")));
        let join = Join::to(&server).config("nodeRegistration: {criSocket: /run/x.sock}\n");
        let ran = join.run();
        assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
        assert_eq!(config_maps(&server), ["kubeadm-config", "kubelet-config", "kubelet-config-1.20"]);
        let tree = join.tree();
        let config = text(&tree, "var/lib/kubelet/config.yaml");
        assert!(config.contains("\nmaxPods: 20\n") && config.contains("\n- 10.40.0.10\n"), "{config}");
        assert!(!config.contains("containerRuntimeEndpoint"), "{config}");
        let flags = text(&tree, "var/lib/kubelet/kubeadm-flags.env");
        let socket = "--container-runtime=remote --container-runtime-endpoint=unix:///run/x.sock";
        assert!(flags.starts_with(&format!("KUBELET_KUBEADM_ARGS=\"{socket}")), "{flags}");
        assert_eq!(server.connections().len(), 1);
        // The Node is none of ours to annotate before it is there.
        assert!(ran.stderr.contains("kubeadm.alpha.kubernetes.io/cri-socket"), "{}", ran.stderr);
    }
}

#[test]
fn a_cluster_from_1_24_on_has_no_other_name() {
    let server = start();
    server.set_config_map("kubeadm-config", kubeadm_config("v1beta3", "v1.30.4"));
    server.set_config_map("kubelet-config", ConfigMap::NotFound);
    let join = Join::to(&server).config("nodeRegistration: {criSocket: /run/x.sock}\n");
    let ran = join.run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    assert_eq!(config_maps(&server), ["kubeadm-config", "kubelet-config"]);
    let tree = join.tree();
    let flags = text(&tree, "var/lib/kubelet/kubeadm-flags.env");
    let socket = "--container-runtime-endpoint=unix:///run/x.sock";
    assert!(flags.starts_with(&format!("KUBELET_KUBEADM_ARGS=\"{socket}")), "{flags}");
    assert!(text(&tree, "var/lib/kubelet/config.yaml").contains("containerRuntimeEndpoint: unix:///run/x.sock"));
}

#[test]
fn missing_config_maps_are_named_only_when_needed() {
    let files = directory(&[(
        "kubelet.yaml",
        &format!("{KUBELET}clusterDNS: [a]\nclusterDomain: b\nauthentication: {{x509: {{clientCAFile: /c}}}}\n"),
    )]);
    let file = files.path().join("kubelet.yaml");
    for (arguments, complaints) in [(vec![], 2), (vec!["--kubelet-config", file.to_str().unwrap()], 0)] {
        let server = start();
        for name in ["kubeadm-config", "kubelet-config"] {
            server.set_config_map(name, ConfigMap::NotFound);
        }
        let join = arguments.iter().fold(Join::to(&server), |join, argument| join.arg(argument));
        let ran = join.run();
        assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
        assert_eq!(ran.stderr.matches("kubeadm's defaults").count(), complaints, "{}", ran.stderr);
    }
}

#[test]
fn a_node_annotates_itself_and_nobody_else() {
    let server = start();
    let join = Join::to(&server);
    assert_eq!(join.run().status, 0);
    for name in ["worker-1", "worker-2"] {
        server.add_node(&ExistingNode::ready(name));
    }
    let mut client = client_of(&server, &join.root().join("var/lib/kubelet/pki"));
    client.annotate(&Wanted::node("worker-1"), "example.com/a", "b", soon()).unwrap();
    assert_eq!(server.node("worker-1").unwrap()["metadata"]["annotations"]["example.com/a"], "b");
    assert_eq!(server.node("worker-1").unwrap()["metadata"]["labels"]["kubernetes.io/hostname"], "worker-1");
    client.annotate(&Wanted::node("worker-2"), "example.com/a", "b", soon()).unwrap_err();
    assert!(server.node("worker-2").unwrap()["metadata"]["annotations"].is_null());
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// A client with the identity that a join has left.
fn client_of(server: &ApiServer, pki: &Path) -> Client {
    let mut pems = std::fs::read_dir(pki).unwrap().map(|entry| entry.unwrap().path());
    let pem: PathBuf = pems.find(|path| path.to_str().unwrap().contains("client-2")).unwrap();
    let pem = std::fs::read(pem).unwrap();
    let ders = |pem: &[u8]| -> Vec<_> {
        Certificate::all_from_pem(pem).unwrap().iter().map(|certificate| certificate.der().clone()).collect()
    };
    let roots = TrustRoots::new(&ders(server.ca_pem().as_bytes())).unwrap();
    let identity = ClientIdentity::from_pem(&pem, &pem).unwrap();
    let clock = Clock::read(ClockMode::System, None);
    let dialer = Dialer::direct(server.endpoint().parse().unwrap());
    Client::new(Server::new(dialer, &roots, clock, Some(&identity)).unwrap(), None)
}
