//! Files and flags of older releases, flags without an effect, and the name kubeadm, against a server of today.

use std::os::unix::process::CommandExt;
use std::process::Command;

use kubejoin_apiserver::{ApiServer, Options};

use crate::builder::{Join, KUBEJOIN, cluster_info_of, text, with_user};

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
        "--experimental-kustomize is a flag of older kubeadm releases, --patches has replaced it",
    ] {
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}

/// Scripts for control planes and workers alike pass them, and kubeadm joins with a warning.
#[test]
fn flags_for_control_planes_are_warnings_on_a_worker() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    let mut command = Command::new(KUBEJOIN);
    command.args(["join", &server.endpoint(), "--token", &server.token(), "--discovery-token-ca-cert-hash"]);
    command.args([&server.ca_hash(), "--apiserver-advertise-address=192.0.2.1", "--apiserver-bind-port", "6443"]);
    command.args(["--certificate-key", "e6a2eb8581237ab72a4f494f30285ec12a9694d750b9785706a83bfcbbbd2204", "--rootfs"]);
    let output = command.arg(join.root()).arg("--result-file").arg(join.result_file()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    for flag in ["--apiserver-advertise-address", "--apiserver-bind-port", "--certificate-key"] {
        assert!(said.contains(&format!("ignored {flag}: it is for control planes")), "{said}");
    }
    assert!(!said.contains("e6a2eb85"), "{said}");
}

#[test]
fn the_sentence_of_kubeadm_s_success_is_printed() {
    let server = ApiServer::start(Options::default());
    let ran = Join::to(&server).run();
    assert_eq!(ran.outcome(), "joined", "{ran:#?}");
    assert!(ran.stdout.contains("This node has joined the cluster"), "{}", ran.stdout);
    // Nothing has been started here.
    assert!(ran.stdout.contains("starts when this root is booted"), "{}", ran.stdout);
}

/// Bootstrap scripts give up at other numbers than 1: what is transient would not be tried again.
#[test]
fn called_as_kubeadm_every_error_exits_with_1() {
    let server = ApiServer::start(Options::default());
    let status = |join: &Join, name: &str| join.command().arg0(name).output().unwrap().status.code();
    let refused = Join::to(&server).endpoint("127.0.0.1:1").waits(1, 1);
    assert_eq!((status(&refused, "kubejoin"), status(&refused, "kubeadm")), (Some(3), Some(1)));
    assert_eq!(std::fs::read_to_string(refused.result_file()).unwrap().matches("transient").count(), 1);
    let unknown = Join::to(&server).arg("--no-such-flag");
    assert_eq!((status(&unknown, "kubejoin"), status(&unknown, "kubeadm")), (Some(2), Some(1)));
    // Which kubeadm this is not can still be told.
    let upgrade = Command::new(KUBEJOIN).arg0("/usr/bin/kubeadm").args(["upgrade", "plan"]).output().unwrap();
    assert_eq!(upgrade.status.code(), Some(2));
    assert!(String::from_utf8(upgrade.stderr).unwrap().contains("kubejoin under its name"));
}

/// What is left out of the result cannot be searched for.
#[test]
fn a_warning_that_explains_an_error_is_in_the_result() {
    let server = ApiServer::start(Options::default());
    let ran = Join::to(&server).hashes(&[]).config("bootstrapTokens: []\n").run();
    assert_eq!((ran.code(), ran.status), ("config.incomplete", 2), "{ran:#?}");
    assert!(ran.stderr.contains("ignored the unknown field bootstrapTokens"), "{}", ran.stderr);
    assert!(ran.result["warnings"].to_string().contains("bootstrapTokens"), "{:#}", ran.result);
}

/// The user that somebody has put into the file for this node, not the token that the image boots with.
#[test]
fn a_discovery_file_s_user_wins_over_the_kernel_s_token() {
    let server = ApiServer::start(Options::default());
    let with_own_user = with_user(&cluster_info_of(&server), &format!("token: {}", server.token()));
    let without_user = cluster_info_of(&server);
    for (kubeconfig, token) in [(with_own_user, "zzzzzz.0123456789abcdef".to_owned()), (without_user, server.token())] {
        let join = Join::to(&server).by_file(&kubeconfig, None);
        let token = join.beside("token", &token);
        let kernel = join.beside("cmdline", &format!("kubejoin.token-file={}\n", token.display()));
        let ran = join.arg("--kernel-command-line").arg(kernel.to_str().unwrap()).run();
        assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    }
}
