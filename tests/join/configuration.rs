//! Files and flags of older releases, against a server of today.

use kubejoin_apiserver::{ApiServer, Options};

use crate::builder::{Join, text};

/// The same worker in the words of every release.
#[test]
fn a_file_of_any_release_joins() {
    let nested = |version: &str, server: &ApiServer| {
        format!(
            "apiVersion: kubeadm.k8s.io/{version}\nkind: JoinConfiguration\ndiscovery:\n  bootstrapToken:\n    token: {}\n    \
             apiServerEndpoint: {}\n    caCertHashes: [{}]\nnodeRegistration:\n  kubeletExtraArgs: {{node-ip: 10.0.0.2}}\n",
            server.token(),
            server.endpoint(),
            server.ca_hash()
        )
    };
    let flat = |version: &str, kind: &str, server: &ApiServer| {
        format!(
            "apiVersion: kubeadm.k8s.io/{version}\nkind: {kind}\ntoken: {}\ndiscoveryTokenAPIServers: ['{}']\n\
             discoveryTokenCACertHashes: [{}]\nnodeRegistration: {{kubeletExtraArgs: {{node-ip: 10.0.0.2}}}}\n",
            server.token(),
            server.endpoint(),
            server.ca_hash()
        )
    };
    for version in ["v1", "v1beta4", "v1beta3", "v1beta2", "v1beta1", "v1alpha3", "v1alpha2", "v1alpha1"] {
        let server = ApiServer::start(Options::default());
        let file = match version {
            "v1alpha3" => flat(version, "JoinConfiguration", &server),
            "v1alpha1" | "v1alpha2" => flat(version, "NodeConfiguration", &server),
            _ => nested(version, &server),
        };
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), file).unwrap();
        let join = Join::to(&server).arg("--config").arg(path.path().to_str().unwrap());
        let ran = join.run();
        assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{version}: {ran:#?}");
        // v1alpha1 has no arguments for the kubelet.
        let flags = text(&join.tree(), "var/lib/kubelet/kubeadm-flags.env");
        assert_eq!(flags.contains("--node-ip=10.0.0.2"), version != "v1alpha1", "{version}: {flags}");
        assert_eq!(
            ran.stderr.contains("read NodeConfiguration of"),
            version.ends_with("alpha1") || version.ends_with("alpha2")
        );
        assert!(!ran.stderr.contains(server.token().split('.').next_back().unwrap()), "{}", ran.stderr);
    }
}

#[test]
fn retired_flags_are_accepted_with_a_warning() {
    let server = ApiServer::start(Options::default());
    let join =
        Join::to(&server).arg("--ignore-checks-errors=all").arg("--feature-gates=CoreDNS=true").arg("-k").arg("/k");
    let ran = join.run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    for said in [
        "--ignore-checks-errors is a flag of older kubeadm releases, read as --ignore-preflight-errors",
        "--feature-gates is a flag of older kubeadm releases, ignored",
        "--experimental-kustomize is a flag of older kubeadm releases, ignored: --patches has replaced it",
    ] {
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}
