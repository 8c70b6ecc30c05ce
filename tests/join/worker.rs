//! A worker's join against a server that behaves.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kubejoin_apiserver::{
    ApiServer, Approver, Authority, ClusterInfo, ConfigMap, ExistingNode, Faults, Jws, Options, Presents, Reply, Rule,
    Signer,
};

use crate::builder::{Found, Join, file, text};

fn start() -> ApiServer {
    ApiServer::start(Options::default())
}

fn paths(tree: &[Found]) -> Vec<(String, u32)> {
    let files = tree.iter().filter(|entry| entry.content.is_some());
    files.map(|entry| (entry.path.clone(), entry.mode)).collect()
}

#[test]
fn a_complete_node_tree_with_kubeadms_and_the_kubelets_modes() {
    let server = start();
    let join = Join::to(&server);
    let ran = join.run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    let tree = join.tree();
    let pem = String::from_utf8(file(&tree, "var/lib/kubelet/pki/kubelet-client-current.pem").content.clone().unwrap());
    let pem = pem.unwrap().trim_start_matches('/').to_owned();
    assert_eq!(
        paths(&tree),
        [
            ("etc/kubernetes/kubelet.conf".to_owned(), 0o600),
            ("etc/kubernetes/pki/ca.crt".to_owned(), 0o644),
            ("etc/systemd/system/multi-user.target.wants/kubelet.service".to_owned(), 0o777),
            ("var/lib/kubelet/config.yaml".to_owned(), 0o644),
            ("var/lib/kubelet/instance-config.yaml".to_owned(), 0o644),
            ("var/lib/kubelet/kubeadm-flags.env".to_owned(), 0o644),
            (pem.clone(), 0o600),
            ("var/lib/kubelet/pki/kubelet-client-current.pem".to_owned(), 0o777),
        ]
    );
    assert_eq!(file(&tree, "var/lib/kubelet").mode, 0o700);
    assert_eq!(text(&tree, "etc/kubernetes/pki/ca.crt"), server.ca_pem());
    assert_eq!(text(&tree, "var/lib/kubelet/kubeadm-flags.env").lines().count(), 1);
    let pem = text(&tree, &pem);
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----") && pem.ends_with("-----END EC PRIVATE KEY-----\n"));
}

#[test]
fn a_root_that_nothing_will_start_is_not_called_ready() {
    let server = start();
    for (unit, kubelet) in [(true, "enabled"), (false, "not-enabled")] {
        let join = Join::to(&server);
        if !unit {
            std::fs::remove_dir_all(join.root().join("usr/lib/systemd")).unwrap();
        }
        let ran = join.run();
        assert_eq!((ran.outcome(), &ran.result["kubelet"]), ("joined", &kubelet.into()), "{ran:#?}");
        assert_eq!(ran.stdout.contains("The kubelet will start"), unit, "{ran:#?}");
    }
}

#[test]
fn one_connection_and_six_requests() {
    let server = start();
    let ran = Join::to(&server).run();
    assert_eq!(ran.status, 0, "{ran:#?}");
    let connections = server.connections();
    assert_eq!(connections.len(), 1, "{connections:#?}");
    let lines: Vec<_> =
        server.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect();
    assert_eq!(
        lines,
        [
            "GET /api/v1/namespaces/kube-public/configmaps/cluster-info",
            "GET /api/v1/namespaces/kube-system/configmaps/kubeadm-config",
            "GET /api/v1/namespaces/kube-system/configmaps/kubelet-config",
            "GET /api/v1/nodes/worker-1",
            "POST /apis/certificates.k8s.io/v1/certificatesigningrequests",
            "GET /apis/certificates.k8s.io/v1/certificatesigningrequests",
        ]
    );
}

#[test]
fn any_pin_is_enough_and_only_its_ca_is_written() {
    let server = start();
    server.set_faults(Faults::cluster_info(ClusterInfo::authority(Authority::ForeignAndOwn)));
    let other = format!("sha256:{}", "0".repeat(64));
    let join = Join::to(&server).hashes(&[&other, &server.ca_hash()]);
    let ran = join.run();
    assert_eq!(ran.status, 0, "{ran:#?}");
    assert_eq!(text(&join.tree(), "etc/kubernetes/pki/ca.crt"), server.ca_pem());
    let foreign = server.foreign_pki().ca_hash();
    assert!(
        ran.stderr.replace("\n", "").replace(' ', "").contains(&foreign),
        "the other CA is not named: {}",
        ran.stderr
    );
}

#[test]
fn a_signature_that_is_not_there_yet_is_waited_for() {
    let server = start();
    server.set_faults(Faults::cluster_info(ClusterInfo::jws(Jws::MissingFor(2))));
    let ran = Join::to(&server).waits(30, 5).run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    assert_eq!(server.connections().len(), 1, "waiting cost a connection");
}

#[test]
fn a_server_that_is_busy_or_away_for_a_moment_is_asked_again() {
    let close = Faults { close_connections: 2, ..Faults::default() };
    let busy = Faults::replying(Rule::always(Reply::internal_error()).times(2));
    let soon =
        Faults::replying(Rule::on("kubelet-config", Reply::RetryAfter { code: 429, value: "1".into() }).times(1));
    for faults in [close, busy, soon] {
        let server = ApiServer::start(Options { faults, ..Options::default() });
        let ran = Join::to(&server).waits(30, 30).run();
        assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    }
}

#[test]
fn a_connection_closed_between_requests_is_reopened() {
    let server = start();
    let reply = Reply::Close;
    server.set_faults(Faults::replying(Rule::on("kubelet-config", reply).times(1)));
    let ran = Join::to(&server).run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
}

#[test]
fn tls_1_2_will_do() {
    let server = ApiServer::start(Options { tls12_only: true, ..Options::default() });
    let ran = Join::to(&server).run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
}

#[test]
fn a_ready_node_of_the_same_name_is_refused() {
    let server = start();
    server.add_node(&ExistingNode::ready("worker-1").of_machine("another", "machine"));
    let join = Join::to(&server);
    std::fs::create_dir_all(join.root().join("etc")).unwrap();
    std::fs::write(join.root().join("etc/machine-id"), "00112233445566778899aabbccddeeff\n").unwrap();
    let before = join.tree();
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("node.name-in-use", 5), "{ran:#?}");
    assert_eq!(join.tree(), before);
    assert_eq!(server.csrs().len(), 0, "a certificate was asked for");
    server.add_node(&ExistingNode::not_ready("worker-1").of_machine("another", "machine"));
    assert_eq!(join.run().outcome(), "joined");
}

#[test]
fn without_config_maps_kubeadms_defaults_apply_with_a_warning() {
    for content in [ConfigMap::NotFound, ConfigMap::Forbidden] {
        let server = ApiServer::start(Options {
            kubelet_config: content.clone(),
            kubeadm_config: content,
            ..Options::default()
        });
        let join = Join::to(&server);
        let ran = join.run();
        assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
        let config = text(&join.tree(), "var/lib/kubelet/config.yaml");
        for line in
            ["clusterDomain: cluster.local", "rotateCertificates: true", "- 10.96.0.10", "cgroupDriver: systemd"]
        {
            assert!(config.contains(line), "{line} is not in\n{config}");
        }
        assert!(ran.stderr.contains("defaults"), "{}", ran.stderr);
    }
}

#[test]
fn a_pending_csr_is_named_and_the_join_goes_on_after_approval() {
    let server = ApiServer::start(Options { approver: Approver::Manual, ..Options::default() });
    let join = Join::to(&server).waits(5, 60);
    let output = std::thread::scope(|scope| {
        let running = scope.spawn(|| join.run());
        let csr = server.wait_for_csr(|_| true);
        let name = csr["metadata"]["name"].as_str().unwrap().to_owned();
        // Not before it has been said what to do.
        std::thread::sleep(Duration::from_secs(7));
        server.approve(&name);
        (running.join().unwrap(), name)
    });
    let (ran, name) = output;
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(&format!("kubectl certificate approve {name}")), "{said}");
    let watches = server.requests().iter().filter(|request| request.query.contains("watch=true")).count();
    assert_eq!(watches, 1, "what is said while it waits does not end the watch");
}

#[test]
fn pending_unsigned_denied_and_failed_are_told_apart() {
    let words = |text: &str| (text.to_owned(), format!("{text} for a reason"));
    let (reason, message) = words("Policy");
    let deny = Approver::Deny { reason: reason.clone(), message: message.clone() };
    let fail = Signer::Fail { reason, message };
    for (approver, signer, code, status) in [
        (Approver::Manual, Signer::default(), "tls-bootstrap.csr-pending", 3),
        (Approver::default(), Signer::Off, "tls-bootstrap.csr-unsigned", 3),
        (deny, Signer::default(), "tls-bootstrap.csr-denied", 5),
        (Approver::default(), fail, "tls-bootstrap.csr-failed", 5),
    ] {
        let server = ApiServer::start(Options { approver, signer, ..Options::default() });
        let ran = Join::to(&server).run();
        assert_eq!((ran.code(), ran.status), (code, status), "{ran:#?}");
        if status == 5 {
            assert!(ran.result["message"].as_str().unwrap().contains("Policy for a reason"), "{ran:#?}");
        }
    }
}

#[test]
fn a_machine_without_a_clock_uses_the_verified_servers() {
    // A leaf that becomes valid in a year, a server whose clock says so, and the user's word that this machine's is wrong.
    let two_years = 2 * 365 * 24 * 3600;
    let faults = Faults { date_offset: two_years, ..Faults::presenting(Presents::NotYetValid) };
    let server = ApiServer::start(Options {
        faults,
        signing_duration: Duration::from_secs(3 * 365 * 24 * 3600),
        ..Options::default()
    });
    let ran = Join::to(&server).arg("--clock=server").run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
}

#[test]
fn a_joined_node_answers_without_the_network() {
    let server = start();
    let join = Join::to(&server);
    assert_eq!(join.run().outcome(), "joined");
    let (before, requests) = (join.tree(), server.connections().len());
    let ran = join.run();
    assert_eq!((ran.outcome(), ran.status), ("already-joined", 0), "{ran:#?}");
    assert_eq!(join.tree(), before);
    assert_eq!(server.connections().len(), requests, "the network was touched");
}

#[test]
fn a_dry_run_changes_nothing_here_or_there() {
    let server = start();
    let join = Join::to(&server).arg("--dry-run");
    let ran = join.run();
    assert_eq!((ran.outcome(), ran.status), ("dry-run", 0), "{ran:#?}");
    assert_eq!(join.tree(), []);
    assert_eq!(server.csrs().len(), 0, "a request was posted");
    for path in ["/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/config.yaml", "/etc/kubernetes/pki/ca.crt"] {
        assert!(ran.stdout.contains(path), "{path} is not shown");
    }
}

#[test]
fn the_pasted_join_command_works_under_the_name_of_kubeadm() {
    let server = start();
    let join = Join::to(&server);
    let link = join.root().join("kubeadm");
    std::os::unix::fs::symlink(crate::builder::KUBEJOIN, &link).unwrap();
    let output = std::process::Command::new(link)
        .args(["join", &server.endpoint(), "--token", &server.token()])
        .args(["\\", "\n", "--discovery-token-ca-cert-hash", &server.ca_hash(), "--node-name=worker-1", "--rootfs"])
        .arg(join.root())
        .arg("--result-file")
        .arg(join.result_file())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_kernel_command_line_is_enough_for_a_join() {
    let server = start();
    let join = Join::to(&server);
    let cmdline = join.root().join("cmdline");
    let text = format!(
        "BOOT_IMAGE=/vmlinuz quiet kubejoin.endpoint={} kubejoin.token={} kubejoin.ca-cert-hash={} \
         kubejoin.node-name=\"worker-1\" kubejoin.rootfs={} -- init-argument\n",
        server.endpoint(),
        server.token(),
        server.ca_hash(),
        join.root().display()
    );
    std::fs::write(&cmdline, text).unwrap();
    let output = std::process::Command::new(crate::builder::KUBEJOIN)
        .arg("join")
        .arg("--kernel-command-line")
        .arg(&cmdline)
        .arg("--result-file")
        .arg(join.result_file())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(join.tree().iter().any(|entry| entry.path == "etc/kubernetes/kubelet.conf"));
}

#[test]
fn the_certificate_file_is_named_after_its_issue() {
    let server = start();
    let join = Join::to(&server);
    assert_eq!(join.run().status, 0);
    let link = file(&join.tree(), "var/lib/kubelet/pki/kubelet-client-current.pem").content.clone().unwrap();
    let name = String::from_utf8(link).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    // The signer backdates by five minutes; the name has whole seconds.
    let expected: Vec<_> = (now - 310..=now - 290)
        .map(|at| kubejoin::for_tests::node::paths::client_certificate(at).to_string())
        .collect();
    assert!(expected.contains(&name), "{name}");
}

#[test]
fn a_root_without_a_host_name_gets_a_hostname_override() {
    let here = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_lowercase();
    if here.parse::<kubejoin::for_tests::values::NodeName>().is_err() {
        eprintln!("SKIPPED: this test needs a host name that can be a node's name, not {here:?}");
        return;
    }
    let server = ApiServer::start(Options::default());
    let flags = |hostname: Option<&str>| {
        // The last one counts: the name that the initramfs happens to have.
        let join = Join::to(&server).arg("--node-name").arg(&here);
        if let Some(name) = hostname {
            std::fs::create_dir_all(join.root().join("etc")).unwrap();
            std::fs::write(join.root().join("etc/hostname"), name).unwrap();
        }
        let ran = join.run();
        assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
        text(&join.tree(), "var/lib/kubelet/kubeadm-flags.env")
    };
    let overridden = format!("--hostname-override={here}");
    assert!(flags(None).contains(&overridden), "the kubelet will ask a host name that nobody knows yet");
    assert!(flags(Some("localhost\n")).contains(&overridden));
    assert!(!flags(Some(&format!("{here}\n"))).contains(&overridden));
}

#[test]
fn after_a_join_it_is_said_once_that_the_token_can_go() {
    let server = start();
    let join = Join::to(&server);
    let id = server.token().split_once('.').unwrap().0.to_owned();
    let first = join.run();
    assert_eq!((first.outcome(), first.stdout.matches(&format!("`kubeadm token delete {id}`")).count()), ("joined", 1));
    let again = join.run();
    assert_eq!(again.outcome(), "already-joined");
    assert!(!again.stdout.contains("token delete"), "{again:#?}");
    // It is still there for the kubelet.
    let left = Join::to(&server).arg("--skip-phases=tls-bootstrap").run();
    assert_eq!(left.outcome(), "joined", "{left:#?}");
    assert!(!left.stdout.contains("token delete"), "{left:#?}");
}
