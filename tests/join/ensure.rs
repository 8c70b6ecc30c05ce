//! `ensure`: every state that a machine can be found in, and its outcome; and the places where it finds its settings.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use kubejoin_apiserver::{ApiServer, Approver, Faults, Options};

use crate::builder::{Join, Ran};

/// A join onto a root that brings its own settings.
struct Machine {
    join: Join,
}

impl Machine {
    fn of(server: &ApiServer) -> Machine {
        let machine = Machine { join: Join::to(server) };
        machine.join.command();
        machine
    }

    /// Writes an entry of `/etc/kubejoin` in the root.
    fn entry(&self, name: &str, text: &str) -> &Self {
        write(&self.join.root().join("etc/kubejoin").join(name), text);
        self
    }

    fn without(&self, name: &str) -> &Self {
        std::fs::remove_file(self.join.root().join("etc/kubejoin").join(name)).unwrap();
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(crate::builder::KUBEJOIN);
        // What the kernel of the machine that runs the tests says is nobody's setting.
        let kernel = self.join.beside("cmdline", "quiet\n");
        command.args(["ensure", "--kernel-command-line"]).arg(kernel);
        command.arg("--rootfs").arg(self.join.root()).arg("--result-file").arg(self.join.result_file());
        command.args(["--deadline", "0s"]).args(arguments).env_remove("CREDENTIALS_DIRECTORY").stdin(Stdio::null());
        command
    }

    fn kubelet_conf(&self) -> String {
        std::fs::read_to_string(self.join.root().join("etc/kubernetes/kubelet.conf")).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let _ = std::fs::remove_file(self.join.result_file());
        let output = self.command(arguments).output().unwrap();
        self.join.ran(output)
    }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn pasted(server: &ApiServer) -> String {
    let (endpoint, token, hash) = (server.endpoint(), server.token(), server.ca_hash());
    format!("sudo kubeadm join {endpoint} --token {token} \\\r\n\t--discovery-token-ca-cert-hash {hash}\r\n")
}

fn case_of(ran: &Ran) -> (&str, &str) {
    (ran.outcome(), ran.result["case"].as_str().unwrap_or_default())
}

/// The kernel command line stays the same while `ensure` runs again, in the same initramfs and in the booted machine.
#[test]
fn a_reset_on_the_kernel_command_line_happens_once_in_a_boot_and_a_join_follows() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server));
    let first = machine.run(&[]);
    assert_eq!(case_of(&first), ("joined", "new"), "{first:#?}");
    let certificate = || {
        // The link is a path in the root.
        let root = machine.join.root();
        let pair = std::fs::read_link(root.join("var/lib/kubelet/pki/kubelet-client-current.pem")).unwrap();
        std::fs::read_to_string(root.join(pair.strip_prefix("/").unwrap())).unwrap()
    };
    let of_first = certificate();
    let asked = |value: &str, arguments: &[&str]| {
        let kernel = machine.join.beside("asked", &format!("quiet kubejoin.reset={value}\n"));
        let mut all = vec!["--kernel-command-line", kernel.to_str().unwrap()];
        all.extend(arguments);
        machine.run(&all)
    };

    // Only the kernel can say it: an entry would stay on the disk.
    machine.entry("kubejoin.reset", "1\n");
    let passed_over = machine.run(&[]);
    assert_eq!(passed_over.outcome(), "already-joined", "{passed_over:#?}");
    assert!(passed_over.stderr.contains("kubejoin.reset: no setting has this name"), "{passed_over:#?}");
    machine.without("kubejoin.reset");

    let trial = asked("1", &["--dry-run"]);
    assert!(trial.stdout.contains("Would reset this root first"), "{trial:#?}");
    assert_eq!(certificate(), of_first);
    let wrong = asked("yes", &[]);
    assert!(wrong.stderr.contains("takes 1 or force, not \"yes\" (config.invalid)"), "{wrong:#?}");
    assert_eq!(certificate(), of_first);

    let again = asked("1", &[]);
    assert_eq!(case_of(&again), ("joined", "new"), "{again:#?}");
    let of_second = certificate();
    assert_ne!(of_second, of_first);
    let third = asked("1", &[]);
    assert_eq!(third.outcome(), "already-joined", "{third:#?}");
    assert_eq!(certificate(), of_second);

    // In the next boot it is done again.
    write(&machine.join.result_file().with_file_name("reset-in-boot"), "another boot");
    let next = asked("1", &[]);
    assert_eq!(case_of(&next), ("joined", "new"), "{next:#?}");
    assert_ne!(certificate(), of_second);
}

#[test]
fn a_reset_on_the_kernel_command_line_leaves_no_token_anywhere() {
    use crate::secrets::holds_none;
    let server = ApiServer::start(Options::default());
    let token = server.token();
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server));
    assert_eq!(machine.run(&[]).outcome(), "joined");
    write(&machine.join.root().join("etc/kubernetes/bootstrap-kubelet.conf.old"), &token);
    machine.without("kubejoin.txt");
    let words = format!("kubejoin.endpoint={} kubejoin.token={token}", server.endpoint());
    let kernel = format!("{words} kubejoin.ca-cert-hash={} kubejoin.reset=force\n", server.ca_hash());
    let kernel = machine.join.beside("asked", &kernel);
    let ran = machine.run(&["--kernel-command-line", kernel.to_str().unwrap(), "-v", "10"]);
    assert_eq!(case_of(&ran), ("joined", "new"), "{ran:#?}");
    holds_none("standard output", ran.stdout.as_bytes(), &token);
    holds_none("standard error", ran.stderr.as_bytes(), &token);
    let result = machine.join.result_file();
    for file in [&result, &result.with_file_name("reset-in-boot")] {
        holds_none(&file.display().to_string(), &std::fs::read(file).unwrap(), &token);
    }
    for entry in machine.join.tree().iter().filter(|entry| !entry.path.ends_with(".old")) {
        holds_none(&entry.path, entry.content.as_deref().unwrap_or_default(), &token);
    }
}

/// What cannot be undone without a decision of an administrator ends it before anything is.
#[test]
fn a_reset_on_the_kernel_command_line_keeps_the_data_of_etcd_unless_it_is_forced() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server));
    assert_eq!(machine.run(&[]).outcome(), "joined");
    crate::reset::etcd_data(&machine.join);
    let data = machine.join.root().join("var/lib/etcd/member");
    for (value, is_kept) in [("1", true), ("force", false)] {
        let kernel = machine.join.beside("asked", &format!("kubejoin.reset={value}\n"));
        let ran = machine.run(&["--kernel-command-line", kernel.to_str().unwrap()]);
        let expected = if is_kept { (5, "failed") } else { (0, "joined") };
        assert_eq!((ran.status, ran.outcome()), expected, "{ran:#?}");
        assert_eq!(data.exists(), is_kept, "{value}");
        assert!(machine.join.root().join("etc/kubernetes/kubelet.conf").exists());
        if is_kept {
            assert_eq!(ran.result["code"], "reset.etcd-offline");
        }
    }
}

#[test]
fn a_machine_joins_by_a_pasted_command_and_stays_joined() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server)).entry("kubejoin.node-name", "edge-1\n");
    let first = machine.run(&["--shred-token-file"]);
    assert_eq!(case_of(&first), ("joined", "new"), "{first:#?}");
    assert_eq!(first.result["node"], "edge-1");
    // The pasted command held the token.
    assert!(!machine.join.root().join("etc/kubejoin/kubejoin.txt").exists());
    // No settings are left, and nobody answers any more.
    let tree = machine.join.tree();
    drop(server);
    let second = machine.run(&[]);
    assert_eq!(case_of(&second), ("already-joined", "well"), "{second:#?}");
    assert_eq!(machine.join.tree(), tree);
}

#[test]
fn a_well_node_asks_nobody_and_touches_nothing() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server)).entry("kubejoin.node-name", "edge-1");
    assert_eq!(machine.run(&[]).status, 0);
    let (tree, requests) = (machine.join.tree(), server.requests().len());
    let again = machine.run(&[]);
    assert_eq!(case_of(&again), ("already-joined", "well"), "{again:#?}");
    assert_eq!((machine.join.tree(), server.requests().len()), (tree, requests));
}

#[test]
fn a_token_may_come_later() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    machine
        .entry("kubejoin.endpoint", &server.endpoint())
        .entry("kubejoin.ca-cert-hash", &server.ca_hash())
        .entry("kubejoin.node-name", "edge-1");
    let without = machine.run(&[]);
    assert_eq!((without.status, without.code()), (3, "config.no-token-yet"), "{without:#?}");

    let mut waiting =
        machine.command(&["--deadline", "60s"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(waiting.try_wait().unwrap().is_none(), "it does not wait");
    machine.entry("kubejoin.token", &server.token());
    assert!(waiting.wait().unwrap().success());
}

#[test]
fn an_interrupted_join_goes_on_with_the_same_request() {
    let server = ApiServer::start(Options { approver: Approver::Manual, ..Options::default() });
    let machine = Machine::of(&server);
    let config = "kind: JoinConfiguration\napiVersion: kubeadm.k8s.io/v1beta4\ntimeouts: {tlsBootstrap: 1s}\n";
    let discovery = format!(
        "discovery:\n  bootstrapToken:\n    apiServerEndpoint: {:?}\n    caCertHashes: [{:?}]\n",
        server.endpoint(),
        server.ca_hash()
    );
    machine.entry("kubejoin.yaml", &format!("{config}{discovery}")).entry("kubejoin.token", &server.token());
    machine.entry("kubejoin.node-name", "edge-1");
    let first = machine.run(&[]);
    assert_eq!((first.status, first.code()), (3, "tls-bootstrap.csr-pending"), "{first:#?}");
    let [csr] = server.csrs().try_into().unwrap();
    server.approve(csr["metadata"]["name"].as_str().unwrap());
    let second = machine.run(&[]);
    assert_eq!(case_of(&second), ("joined", "interrupted"), "{second:#?}");
    assert_eq!(server.csrs().len(), 1);
}

#[test]
fn another_name_in_the_settings_is_another_node() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server)).entry("kubejoin.node-name", "edge-1");
    assert_eq!(machine.run(&[]).status, 0);
    machine.entry("kubejoin.node-name", "edge-2");
    let renamed = machine.run(&[]);
    assert_eq!(case_of(&renamed), ("joined", "name-changed"), "{renamed:#?}");
    assert_eq!(renamed.result["node"], "edge-2");
    // Without one, it keeps the one that it has.
    machine.without("kubejoin.node-name");
    let kept = machine.run(&[]);
    assert_eq!((case_of(&kept), kept.result["node"].as_str()), (("already-joined", "well"), Some("edge-2")));
    assert_eq!(case_of(&machine.run(&[])), ("already-joined", "well"));
}

#[test]
fn another_cluster_in_the_settings_is_verified_before_the_old_one_is_left() {
    let (old, new) = (ApiServer::start(Options::default()), ApiServer::start(Options::default()));
    let machine = Machine::of(&old);
    machine.entry("kubejoin.txt", &pasted(&old)).entry("kubejoin.node-name", "edge-1");
    assert_eq!(machine.run(&[]).status, 0);
    let tree = machine.join.tree();
    // The pin of one cluster, the server of another: nothing of the old identity may go.
    let (endpoint, token, hash) = (old.endpoint(), new.token(), new.ca_hash());
    let mixed = format!("kubeadm join {endpoint} --token {token} --discovery-token-ca-cert-hash {hash}");
    machine.entry("kubejoin.txt", &mixed);
    let refused = machine.run(&[]);
    assert_eq!(refused.status, 4, "{refused:#?}");
    let without_settings = |tree: Vec<crate::builder::Found>| -> Vec<_> {
        tree.into_iter().filter(|found| !found.path.starts_with("etc/kubejoin")).collect()
    };
    assert_eq!(without_settings(machine.join.tree()), without_settings(tree));

    machine.entry("kubejoin.txt", &pasted(&new));
    let moved = machine.run(&[]);
    assert_eq!(case_of(&moved), ("joined", "cluster-changed"), "{moved:#?}");
    assert_eq!(case_of(&machine.run(&[])), ("already-joined", "well"));
}

#[test]
fn another_endpoint_is_verified_with_the_nodes_own_certificate() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server)).entry("kubejoin.node-name", "edge-1");
    assert_eq!(machine.run(&[]).status, 0);
    machine.without("kubejoin.txt").entry("kubejoin.ca-cert-hash", &server.ca_hash());
    let conf = || machine.kubelet_conf();
    let (before, port) = (conf(), server.endpoint().rsplit_once(':').unwrap().1.to_owned());

    // Nobody answers there: the node stays as it is, and says so.
    machine.entry("kubejoin.server", "127.0.0.1:1");
    let unreachable = machine.entry("kubejoin.endpoint", &server.endpoint()).run(&[]);
    assert_eq!(case_of(&unreachable), ("already-joined", "well"), "{unreachable:#?}");
    assert!(unreachable.stderr.contains("127.0.0.1:1 is not the API server"), "{}", unreachable.stderr);
    assert_eq!(conf(), before);

    machine.entry("kubejoin.server", &format!("localhost:{port}"));
    let moved = machine.run(&[]);
    assert_eq!(case_of(&moved), ("already-joined", "endpoint-changed"), "{moved:#?}");
    assert!(conf().contains(&format!("https://localhost:{port}")), "{}", conf());
    assert_eq!(case_of(&machine.run(&[])), ("already-joined", "well"));

    // An endpoint through which the cluster names the same server: asked about once.
    machine.without("kubejoin.server").entry("kubejoin.endpoint", &server.endpoint());
    let (first, after_first) = (machine.run(&[]), server.requests().len());
    assert_eq!(first.status, 0, "{first:#?}");
    assert_eq!((machine.run(&[]).status, server.requests().len()), (0, after_first));
}

#[test]
fn settings_of_the_kubelet_are_made_so() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    let config = |extra: &str| {
        format!(
            "kind: JoinConfiguration\napiVersion: kubeadm.k8s.io/v1beta4\nnodeRegistration: {{name: edge-1{extra}}}\n\
             discovery:\n  bootstrapToken:\n    apiServerEndpoint: {:?}\n    caCertHashes: [{:?}]\n    token: {}\n",
            server.endpoint(),
            server.ca_hash(),
            server.token()
        )
    };
    machine.entry("kubejoin.yaml", &config(""));
    assert_eq!(machine.run(&[]).status, 0);
    machine.entry("kubejoin.yaml", &config(", kubeletExtraArgs: [{name: v, value: '4'}]"));
    let changed = machine.run(&[]);
    assert_eq!(case_of(&changed), ("already-joined", "settings-changed"), "{changed:#?}");
    let flags = std::fs::read_to_string(machine.join.root().join("var/lib/kubelet/kubeadm-flags.env")).unwrap();
    assert!(flags.contains("--v=4"), "{flags}");
    assert_eq!(case_of(&machine.run(&[])), ("already-joined", "well"));
}

#[test]
fn places_have_one_order_and_contradictions_are_named() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server)).entry("kubejoin.node-name", "from-etc");
    let boot = machine.join.root().join("boot/firmware");
    write(&boot.join("KUBEJOIN.NODE-NAME"), "from-boot");
    write(&boot.join("kubejoin.tokne"), "x");
    write(&boot.join("config.txt"), "arm_64bit=1");
    let credentials = machine.join.beside("x", "").parent().unwrap().join("credentials");
    write(&credentials.join("kubejoin.node-name"), "from-credentials");
    let kernel = machine.join.beside("cmdline-2", "kubejoin.node-name=from-kernel kubejoin.endpoint=127.0.0.1:1\n");
    let mut command = machine.command(&["--kernel-command-line", kernel.to_str().unwrap(), "-v=1"]);
    let ran = machine.join.ran(command.env("CREDENTIALS_DIRECTORY", &credentials).output().unwrap());
    assert_eq!((ran.status, ran.result["node"].as_str()), (0, Some("from-credentials")), "{ran:#?}");
    for expected in [
        "etc/kubejoin/kubejoin.node-name says something else than",
        "boot/firmware/KUBEJOIN.NODE-NAME says something else than",
        "kubejoin.node-name= of the kernel command line says something else than",
        "kubejoin.endpoint= of the kernel command line says something else than the endpoint in",
        "kubejoin.tokne: no setting has this name",
        "node name comes from",
    ] {
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("config.txt"), "{}", ran.stderr);
    assert!(!ran.stderr.contains(server.token().split('.').nth(1).unwrap()), "{}", ran.stderr);
}

#[test]
fn what_others_can_write_is_nobody_s_setting() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server)).entry("kubejoin.node-name", "edge-1");
    let path = machine.join.root().join("etc/kubejoin/kubejoin.txt");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let refused = machine.run(&[]);
    assert_eq!((refused.status, refused.code()), (2, "config.incomplete"), "{refused:#?}");
    assert!(refused.stderr.contains("its owner or mode lets others write it"), "{}", refused.stderr);
}

#[test]
fn only_what_may_still_come_is_waited_for() {
    let server = ApiServer::start(Options { faults: Faults::default(), ..Options::default() });
    let machine = Machine::of(&server);
    let wrong_pin = format!("sha256:{}", "0".repeat(64));
    let command = pasted(&server).replace(&server.ca_hash(), &wrong_pin);
    machine.entry("kubejoin.txt", &command).entry("kubejoin.node-name", "edge-1");
    // With a deadline that a test would not survive.
    for (name, text, status) in [
        ("kubejoin.txt", command.as_str(), 4),
        ("kubejoin.txt", "kubeadm join $ENDPOINT --token x", 2),
        ("kubejoin.txt", "nothing of the kind", 2),
    ] {
        machine.entry(name, text);
        let ran = machine.run(&["--deadline", "9000h"]);
        assert_eq!(ran.status, status, "{ran:#?}");
    }
}

#[test]
fn a_certificate_about_to_expire_is_renewed_with_itself() {
    // Signed for so short that most of its life, which begins five minutes before, is over.
    let server = ApiServer::start(Options { signing_duration: Duration::from_secs(25), ..Options::default() });
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server)).entry("kubejoin.node-name", "edge-1");
    assert_eq!(machine.run(&[]).status, 0);
    // No token is left.
    machine.without("kubejoin.txt").entry("kubejoin.endpoint", &server.endpoint());
    machine.entry("kubejoin.ca-cert-hash", &server.ca_hash());
    let renewed = machine.run(&[]);
    assert_eq!(case_of(&renewed), ("already-joined", "renewed"), "{renewed:#?}");
    let csrs = server.csrs();
    let users: Vec<String> = csrs.iter().map(|csr| csr["spec"]["username"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        BTreeSet::from_iter(users),
        BTreeSet::from(["system:bootstrap:abcdef".into(), "system:node:edge-1".into()])
    );

    // Nor are any settings left: server and CA are in kubelet.conf.
    std::fs::remove_dir_all(machine.join.root().join("etc/kubejoin")).unwrap();
    let link = machine.join.root().join("var/lib/kubelet/pki/kubelet-client-current.pem");
    let (before, conf) = (std::fs::read_link(&link).unwrap(), machine.kubelet_conf());
    // Certificates are named by the second of their issue.
    std::thread::sleep(Duration::from_secs(1));
    let alone = machine.run(&[]);
    assert_eq!(case_of(&alone), ("already-joined", "renewed"), "{alone:#?}");
    assert_eq!((server.csrs().len(), machine.kubelet_conf()), (3, conf));
    assert_ne!(std::fs::read_link(&link).unwrap(), before);
    assert!(!machine.join.root().join("var/lib/kubelet/pki/kubelet-client.key.tmp").exists());

    // Where the cluster does not answer, the node goes on with what it has.
    drop(server);
    let kept = machine.run(&[]);
    assert_eq!(case_of(&kept), ("already-joined", "well"), "{kept:#?}");
    assert!(kept.stderr.contains("about to expire could not be renewed"), "{}", kept.stderr);
}

#[test]
fn a_machine_that_was_off_for_too_long_joins_again() {
    let server = ApiServer::start(Options { signing_duration: Duration::from_secs(2), ..Options::default() });
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server)).entry("kubejoin.node-name", "edge-1");
    assert_eq!(machine.run(&[]).status, 0);
    std::thread::sleep(Duration::from_secs(3));
    let again = machine.run(&[]);
    assert_eq!(case_of(&again), ("joined", "expired"), "{again:#?}");
    // With a token that has expired, too, a person is needed.
    std::thread::sleep(Duration::from_secs(3));
    server.set_tokens(Vec::new());
    let refused = machine.run(&["--deadline", "9000h"]);
    assert_eq!((refused.status, refused.code()), (5, "discovery.token-unknown"), "{refused:#?}");
    // So it is without settings.
    std::fs::remove_dir_all(machine.join.root().join("etc/kubejoin")).unwrap();
    let refused = machine.run(&["--deadline", "9000h"]);
    assert_eq!((refused.status, refused.code()), (2, "config.incomplete"), "{refused:#?}");
}

/// What a power cut, a bad block or a careless hand leaves.
#[test]
fn a_node_with_a_damaged_identity_joins_again() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server)).entry("kubejoin.node-name", "edge-1");
    let path = |of: &str| machine.join.root().join(of);
    let (conf, config) = (path("etc/kubernetes/kubelet.conf"), path("var/lib/kubelet/config.yaml"));
    // The link has the path that it has when this root is booted.
    let pair = || {
        let link = std::fs::read_link(path("var/lib/kubelet/pki/kubelet-client-current.pem")).unwrap();
        path(link.to_str().unwrap().trim_start_matches('/'))
    };
    let cut = |path: &Path, length: usize| {
        let bytes = std::fs::read(path).unwrap();
        std::fs::write(path, &bytes[..length]).unwrap();
    };
    let damages: [(&str, &dyn Fn()); 7] = [
        ("an empty kubelet.conf", &|| cut(&conf, 0)),
        ("a kubelet.conf of zeros", &|| std::fs::write(&conf, [0; 4096]).unwrap()),
        ("a certificate that is cut", &|| cut(&pair(), 100)),
        ("no certificate", &|| std::fs::remove_file(pair()).unwrap()),
        ("no configuration", &|| std::fs::remove_file(&config).unwrap()),
        ("a key for everybody", &|| {
            std::fs::set_permissions(pair(), std::fs::Permissions::from_mode(0o644)).unwrap();
        }),
        ("a kubelet.conf for everybody", &|| {
            std::fs::set_permissions(&conf, std::fs::Permissions::from_mode(0o666)).unwrap();
        }),
    ];
    assert_eq!(machine.run(&[]).status, 0);
    for (name, damage) in damages {
        damage();
        let again = machine.run(&[]);
        assert_eq!(case_of(&again), ("joined", "damaged"), "{name}: {again:#?}");
        assert_eq!(case_of(&machine.run(&[])), ("already-joined", "well"), "{name}");
    }
    assert_eq!(server.csrs().len(), 8);
}

/// Cluster API's contract, in a mount namespace with a /run of its own.
#[test]
fn whoever_provisioned_it_hears_the_end() {
    let probe =
        Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "t", "/run"]).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: this test needs root and unshare(1), to make a mount namespace");
        return;
    }
    // A command line that is not understood ends before anything else is known.
    let program = tempfile::tempdir().unwrap();
    let kubeadm = program.path().join("kubeadm");
    std::os::unix::fs::symlink(crate::builder::KUBEJOIN, &kubeadm).unwrap();
    let script = format!("mount -t tmpfs t /run && {} join h:1 --tokn x; cat /run/cluster-api/*", kubeadm.display());
    let output = Command::new("unshare").args(["-m", "sh", "-c", &script]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("code: usage.arguments (exit 2)"));

    let server = ApiServer::start(Options::default());
    let (endpoint, token, hash) = (server.endpoint(), server.token(), server.ca_hash());
    let wrong_hash = format!("sha256:{}", "0".repeat(64));
    let rows: [(&str, &str, &str, i32, &str); 6] = [
        (&endpoint, &token, &hash, 0, ""),
        (&endpoint, "short", &hash, 2, "config.invalid"),
        ("127.0.0.1:1", &token, &hash, 3, "net.connection-refused"),
        (&endpoint, &token, &wrong_hash, 4, "discovery.ca-hash-mismatch"),
        (&endpoint, "zzzzzz.0123456789abcdef", &hash, 5, "discovery.token-unknown"),
        (&endpoint, &token, &hash, 6, "machine.read-only"),
    ];
    for (program, verb) in [("kubejoin", "ensure"), ("kubeadm", "join")] {
        for (endpoint, token, hash, status, code) in rows {
            let machine = Machine::of(&server);
            let (root, program) = (machine.join.root(), machine.join.beside("x", "").with_file_name(program));
            std::os::unix::fs::symlink(crate::builder::KUBEJOIN, &program).unwrap();
            let config = machine.join.beside(
                "provisioned.yaml",
                &format!(
                    "kind: JoinConfiguration\napiVersion: kubeadm.k8s.io/v1beta4\nnodeRegistration: {{name: edge-1}}\n\
                     timeouts: {{discovery: 1s}}\ndiscovery:\n  bootstrapToken:\n    apiServerEndpoint: {endpoint:?}\n    \
                     caCertHashes: [{hash:?}]\n    token: {token:?}\n"
                ),
            );
            let script = format!(
                "mount -t tmpfs t /run && {} && {} {verb} --config {} --rootfs {} {} >/dev/null 2>&1; echo $?; \
                 cat /run/cluster-api/bootstrap-success.complete; echo; cat /run/cluster-api/bootstrap-error.log",
                if status == 6 { format!("mount -t tmpfs -o ro t {}", root.display()) } else { "true".to_owned() },
                program.display(),
                config.display(),
                root.display(),
                if verb == "ensure" { "--deadline 0s" } else { "" },
            );
            let output = Command::new("unshare").args(["-m", "sh", "-c", &script]).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            let expected = if verb == "join" && status != 0 { 1 } else { status };
            assert!(said.starts_with(&format!("{expected}\n")), "{verb} {code}: {said}");
            assert_eq!(said.contains("\nsuccess\n"), status == 0, "{verb} {code}: {said}");
            let names_code = said.contains(&format!("code: {code} (exit {status})")) && said.contains("next: ");
            assert_eq!(names_code, status != 0, "{verb} {code}: {said}");
            assert!(!said.contains("0123456789abcdef"), "{said}");
        }
    }
}

/// A renewal that cannot be written leaves a node, or says that there is none.
#[test]
fn a_renewal_that_cannot_be_written_takes_no_node_away() {
    let server = ApiServer::start(Options { signing_duration: Duration::from_secs(25), ..Options::default() });
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server)).entry("kubejoin.node-name", "edge-1");
    assert_eq!(machine.run(&[]).status, 0);
    let conf = machine.join.root().join("etc/kubernetes/kubelet.conf");
    let key = machine.join.root().join("var/lib/kubelet/pki/kubelet-client.key.tmp");
    std::fs::create_dir_all(key.join("in-the-way")).unwrap();
    let kept = machine.run(&[]);
    assert_eq!(case_of(&kept), ("already-joined", "well"), "{kept:#?}");
    assert!(kept.stderr.contains("could not be renewed"), "{}", kept.stderr);
    assert!(conf.exists());
}

#[test]
fn a_token_is_removed_only_once_there_is_a_node() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server)).entry("kubejoin.node-name", "edge-1");
    let left = || machine.join.root().join("etc/kubejoin/kubejoin.txt").exists();
    for (flags, outcome) in [(&["--dry-run"][..], "dry-run"), (&["--skip-phases", "kubelet-start"], "phase-done")] {
        let ran = machine.run(&[flags, &["--shred-token-file"]].concat());
        assert_eq!((ran.outcome(), left()), (outcome, true), "{ran:#?}");
    }
    assert_eq!((machine.run(&["--shred-token-file"]).status, left()), (0, false));
}

#[test]
fn a_machine_of_a_fleet_waits_for_its_turn_and_asks_nobody_before() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server)).entry("kubejoin.node-name", "edge-1");
    // Whatever its share is, it is longer than this machine has been on.
    let early = machine.run(&["--spread", "900000h"]);
    assert_eq!((early.code(), early.status), ("node.not-its-turn", 3), "{early:#?}");
    assert!(server.requests().is_empty() && machine.join.tree().iter().all(|found| !found.path.contains("kubernetes")));
    // It has been on for longer than this.
    assert_eq!(machine.run(&["--spread", "1ms"]).outcome(), "joined");
    // A node waits for nothing.
    assert_eq!(machine.run(&["--spread", "900000h"]).outcome(), "already-joined");
}

#[test]
fn a_node_stays_one_when_its_settings_break() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server)).entry("kubejoin.node-name", "edge-1");
    assert_eq!(machine.run(&[]).status, 0);
    for (name, text) in [
        ("kubejoin.txt", "kubeadm join $ENDPOINT"),
        ("kubejoin.txt", "\0\0\0\0"),
        ("kubejoin.txt", ""),
        ("kubejoin.yaml", "kind: JoinConfiguration\napiVersion: kubeadm.k8s.io/v9\n"),
        ("kubejoin.kubelet-config", "/nowhere/at/all"),
    ] {
        machine.entry("kubejoin.txt", &pasted(&server)).entry(name, text);
        let kept = machine.run(&[]);
        assert_eq!(case_of(&kept), ("already-joined", "well"), "{name} {text}: {kept:#?}");
        if name != "kubejoin.txt" {
            assert!(kept.stderr.contains("this node stays as it is"), "{}", kept.stderr);
            machine.without(name);
        }
    }
}

#[test]
fn a_discovery_file_without_credentials_waits_for_a_token_of_its_own_place() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    let file = machine.join.beside("discovery.conf", &crate::builder::cluster_info_of(&server));
    // A path in a file that an editor has ended with a newline.
    machine.entry("kubejoin.discovery-file", &format!("{}\n", file.display()));
    machine.entry("kubejoin.node-name", "edge-1");
    let without = machine.run(&[]);
    assert_eq!((without.status, without.code()), (3, "config.no-token-yet"), "{without:#?}");

    // Whoever writes the weaker place must not have the token of the stronger one sent to a server of theirs.
    let credentials = machine.join.beside("x", "").with_file_name("credentials");
    write(&credentials.join("kubejoin.token"), &server.token());
    let mut command = machine.command(&[]);
    let refused = machine.join.ran(command.env("CREDENTIALS_DIRECTORY", &credentials).output().unwrap());
    assert_eq!((refused.status, refused.code()), (3, "config.no-token-yet"), "{refused:#?}");
    assert!(refused.stderr.contains("only weaker places vouch for the server"), "{}", refused.stderr);

    // Nor by naming its file, in the discovery file or beside it.
    let user = format!("tokenFile: {}", credentials.join("kubejoin.token").display());
    let with_user = crate::builder::with_user(&crate::builder::cluster_info_of(&server), &user);
    let boot = machine.join.root().join("boot/firmware");
    let theirs = machine.join.beside("theirs.conf", &with_user);
    machine.without("kubejoin.discovery-file");
    write(&boot.join("kubejoin.discovery-file"), theirs.to_str().unwrap());
    let refused = machine.run(&[]);
    assert_eq!((refused.status, refused.code()), (2, "discovery.file-unusable"), "{refused:#?}");
    assert!(refused.stderr.contains("names a tokenFile of this machine"), "{}", refused.stderr);
    write(&boot.join("kubejoin.discovery-file"), file.to_str().unwrap());
    write(&boot.join("kubejoin.token-file"), credentials.join("kubejoin.token").to_str().unwrap());
    let refused = machine.run(&[]);
    assert_eq!((refused.status, refused.code()), (3, "config.no-token-yet"), "{refused:#?}");
    assert_eq!(server.csrs().len(), 0);
    std::fs::remove_dir_all(boot).unwrap();

    // A command and an entry of one directory are of one hand.
    machine.entry("kubejoin.txt", &format!("kubeadm join --discovery-file {}", file.display()));
    machine.entry("kubejoin.token", &server.token());
    let joined = machine.run(&["--shred-token-file"]);
    assert_eq!(case_of(&joined), ("joined", "new"), "{joined:#?}");
    assert_eq!(case_of(&machine.run(&[])), ("already-joined", "well"));
}

#[test]
fn other_files_of_the_boot_partition_are_left_alone() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server)).entry("kubejoin.node-name", "edge-1");
    let boot = machine.join.root().join("boot");
    write(&boot.join("kubejoin.raw"), &"x".repeat(2 << 20));
    std::fs::write(boot.join("kubejoin.efi"), [0xff, 0xfe, 0]).unwrap();
    write(&boot.join("Kubejoin.Node-Name"), "first");
    write(&boot.join("kubejoin.node-name"), "second");
    let joined = machine.run(&[]);
    assert_eq!((joined.status, joined.result["node"].as_str()), (0, Some("edge-1")), "{joined:#?}");
    for expected in
        ["kubejoin.raw: no setting", "kubejoin.efi: no setting", "boot/kubejoin.node-name: it is there twice"]
    {
        assert!(joined.stderr.contains(expected), "{expected}: {}", joined.stderr);
    }
}

/// What cluster-info announces is tried with the node's own certificate before it is written.
#[test]
fn an_announced_server_that_does_not_answer_is_not_written() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    let port = server.endpoint().rsplit_once(':').unwrap().1.to_owned();
    machine.entry("kubejoin.txt", &pasted(&server)).entry("kubejoin.node-name", "edge-1");
    assert_eq!(machine.run(&[]).status, 0);
    server.set_faults(Faults::cluster_info(kubejoin_apiserver::ClusterInfo::server("https://localhost:1")));
    machine.entry("kubejoin.txt", &pasted(&server).replace("127.0.0.1", "localhost"));
    let kept = machine.run(&[]);
    assert_eq!(case_of(&kept), ("already-joined", "well"), "{kept:#?}");
    let conf = machine.kubelet_conf();
    assert!(conf.contains(&format!("https://127.0.0.1:{port}")), "{conf}");
    assert!(kept.stderr.contains("could not be verified"), "{}", kept.stderr);
}

/// No discovery file was given, so none is spoken of.
#[test]
fn an_endpoint_of_a_cluster_whose_cluster_info_is_closed_is_taken_as_it_is() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    let port = server.endpoint().rsplit_once(':').unwrap().1.to_owned();
    machine.entry("kubejoin.txt", &pasted(&server)).entry("kubejoin.node-name", "edge-1");
    assert_eq!(machine.run(&[]).status, 0);
    server.set_faults(crate::builder::closed_cluster_info(403));
    machine.entry("kubejoin.txt", &pasted(&server).replace("127.0.0.1", "localhost"));
    let moved = machine.run(&[]);
    assert_eq!(case_of(&moved), ("already-joined", "endpoint-changed"), "{moved:#?}");
    assert!(machine.kubelet_conf().contains(&format!("https://localhost:{port}")), "{}", machine.kubelet_conf());
    let expected = format!("nothing but the settings says that nodes are to use localhost:{port}");
    assert_eq!(moved.warnings().len(), 1, "{moved:#?}");
    assert!(moved.warnings()[0].ends_with(&expected), "{moved:#?}");
}

/// Whoever joins by hand has no settings, and whoever has them shredded neither.
#[test]
fn only_settings_that_are_broken_are_warned_of() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    assert_eq!(machine.join.run().outcome(), "joined");
    let by_hand = machine.run(&[]);
    assert_eq!((case_of(&by_hand), by_hand.warnings()), (("already-joined", "well"), vec![]), "{by_hand:#?}");
    machine.entry("kubejoin.node-name", "worker-1");
    let shredded = machine.run(&[]);
    assert_eq!((case_of(&shredded), shredded.warnings()), (("already-joined", "well"), vec![]), "{shredded:#?}");
    for (name, text, code) in [
        // Somebody wants it to be a node of that cluster.
        ("kubejoin.endpoint", "h:1", "config.incomplete"),
        ("kubejoin.clock", "sundial", "config.invalid"),
        ("kubejoin.txt", "kubeadm join $ENDPOINT", "usage.arguments"),
    ] {
        let broken = machine.entry(name, text).run(&[]);
        assert_eq!(case_of(&broken), ("already-joined", "well"), "{broken:#?}");
        let codes: Vec<_> =
            broken.result["warnings"].as_array().unwrap().iter().map(|warning| &warning["code"]).collect();
        assert_eq!(codes, [code], "{broken:#?}");
        machine.without(name);
    }
}

/// A load balancer in cluster-info, three servers in the settings: nobody is asked at the next boot.
#[test]
fn settings_that_lead_to_another_server_are_remembered_by_the_join() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    machine.entry("kubejoin.txt", &pasted(&server).replace("127.0.0.1", "localhost"));
    machine.entry("kubejoin.node-name", "edge-1");
    let joined = machine.run(&[]);
    assert_eq!(
        (joined.status, joined.result["server"].as_str().unwrap()),
        (0, &*format!("https://{}", server.endpoint()))
    );
    let requests = server.requests().len();
    assert_eq!(case_of(&machine.run(&[])), ("already-joined", "well"));
    assert_eq!(server.requests().len(), requests);
}

#[test]
fn a_dry_run_shows_what_would_change_and_changes_nothing() {
    let server = ApiServer::start(Options::default());
    let machine = Machine::of(&server);
    let new = machine.run(&["--dry-run", "--deadline", "9000h"]);
    assert_eq!((new.status, new.code()), (2, "config.incomplete"), "{new:#?}");
    machine.entry("kubejoin.endpoint", &server.endpoint()).entry("kubejoin.ca-cert-hash", &server.ca_hash());
    machine.entry("kubejoin.node-name", "edge-1");
    // One attempt: nothing is waited for.
    assert_eq!(machine.run(&["--dry-run", "--deadline", "9000h"]).code(), "config.no-token-yet");
    machine.entry("kubejoin.token", &server.token());
    assert_eq!(machine.run(&[]).status, 0);
    let (tree, requests) = (machine.join.tree(), server.requests().len());
    let shown = machine.run(&["--dry-run"]);
    assert_eq!((shown.outcome(), &shown.result["files"]), ("dry-run", &serde_json::json!([])), "{shown:#?}");
    assert_eq!((machine.join.tree(), server.requests().len()), (tree, requests));
}
