//! Whose machine a Node of our name is, and what a node is named after, in an initramfs: a root directory in memory, a `/sys`
//! and a kernel command line of the test's own.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use kubejoin_apiserver::{ApiServer, ExistingNode, Options};
use serde_json::Value;

use crate::builder::{Join, KUBEJOIN};

const MACHINE_ID: &str = "00112233445566778899aabbccddeeff";
const UUID: &str = "4c4c4544-0042-3510-8052-b4c04f4a5931";
const OTHER_ID: &str = "ffffffffffffffffffffffffffff0001";
const OTHER_UUID: &str = "6e1c8d0f-4d5e-4a6b-8f00-3c1b4b1f0001";

/// The machine that boots: its kernel command line, and files below `/sys`.
#[derive(Default)]
struct Booting {
    command_line: String,
    sys: Vec<(&'static str, String)>,
}

impl Booting {
    fn with_uuid() -> Self {
        Booting {
            sys: vec![
                ("class/dmi/id/product_uuid", format!("{}\n", UUID.to_uppercase())),
                ("class/dmi/id/product_serial", "PF 0ABC1\n".to_owned()),
                ("class/dmi/id/board_serial", "Default string\n".to_owned()),
            ],
            ..Booting::default()
        }
    }

    /// Another board: another UUID, another serial number.
    fn other_board() -> Self {
        Booting {
            sys: vec![
                ("class/dmi/id/product_uuid", format!("{OTHER_UUID}\n")),
                ("class/dmi/id/product_serial", "PF 0XYZ2\n".to_owned()),
            ],
            ..Booting::default()
        }
    }

    /// Runs the join as [`Self::boot`] says.
    fn run(&self, join: &Join) -> Option<Value> {
        self.boot(join, &join.command())
    }

    /// Runs `ensure` once, as [`Self::boot`] says.
    fn ensure(&self, server: &ApiServer, join: &Join, name: &str) -> Option<Value> {
        self.boot(join, ensure(server, join, name).args(["--deadline", "0s"]))
    }

    /// Runs a command with a root directory in memory, where `/sys` and `/proc/cmdline` are these; `None` where this machine
    /// cannot have one.
    fn boot(&self, join: &Join, command: &Command) -> Option<Value> {
        let may = Command::new("unshare").args(["-m", "true"]).stderr(Stdio::null()).status();
        if !may.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: this test needs root and unshare(1), to make a mount namespace");
            return None;
        }
        let memory = join.root().with_file_name("memory");
        let _ = std::fs::remove_dir_all(&memory);
        std::fs::create_dir(&memory).unwrap();
        let sys = memory.with_file_name("sys");
        let _ = std::fs::remove_dir_all(&sys);
        for (path, text) in &self.sys {
            let path: PathBuf = sys.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        std::fs::create_dir_all(&sys).unwrap();
        let command_line = join.beside("cmdline", &self.command_line);
        let script = "set -e
            memory=$1 sys=$2 command_line=$3 root=$4; shift 4
            mount --make-rprivate / && mount -t tmpfs memory \"$memory\"
            for path in /*; do
                if [ -L \"$path\" ]; then cp -P \"$path\" \"$memory$path\"
                elif [ -d \"$path\" ]; then mkdir \"$memory$path\" && mount --rbind \"$path\" \"$memory$path\"
                fi
            done
            mount --bind \"$root\" \"$memory$root\"
            mount --bind \"$sys\" \"$memory/sys\"
            mount --bind \"$command_line\" \"$memory/proc/cmdline\"
            exec chroot \"$memory\" \"$@\"";
        let _ = std::fs::remove_file(join.result_file());
        let mut shell = Command::new("unshare");
        shell.args(["-m", "sh", "-c", script, "sh"]).args([&memory, &sys, &command_line, &join.root()]);
        shell.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
        let output = shell.output().unwrap();
        let result = std::fs::read(join.result_file()).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        Some(serde_json::from_slice(&result).unwrap())
    }
}

fn server_with(node: ExistingNode) -> ApiServer {
    let server = ApiServer::start(Options::default());
    server.add_node(&node);
    server
}

#[track_caller]
fn ended(result: &Value) -> (&str, i64) {
    (result["code"].as_str().or(result["outcome"].as_str()).unwrap_or_default(), result["exit"].as_i64().unwrap())
}

#[test]
fn who_cannot_be_compared_waits_until_the_node_is_not_ready() {
    let server = server_with(ExistingNode::ready("worker-1").of_machine(UUID, MACHINE_ID));
    // A root that was mounted on whatever machine runs this test.
    let join = Join::to(&server);
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("node.owner-unknown", 3), "{ran:#?}");
    assert!(ran.result["hint"].as_str().unwrap().contains("NotReady"), "{ran:#?}");
    assert_eq!(join.tree(), []);
    assert_eq!(server.csrs().len(), 0, "a certificate was asked for");
    server.add_node(&ExistingNode::not_ready("worker-1").of_machine(UUID, MACHINE_ID));
    assert_eq!(join.run().outcome(), "joined");
}

fn ensure(server: &ApiServer, join: &Join, name: &str) -> Command {
    let mut command = Command::new(KUBEJOIN);
    command.args(["ensure", &server.endpoint(), "--token", &server.token(), "--node-name", name, "--deadline", "60s"]);
    command.args(["--discovery-token-ca-cert-hash", &server.ca_hash(), "--rootfs"]).arg(join.root());
    command.arg("--result-file").arg(join.result_file()).env_remove("CREDENTIALS_DIRECTORY").stdin(Stdio::null());
    command
}

#[test]
fn ensure_waits_for_the_node_of_the_boot_before() {
    let server = server_with(ExistingNode::ready("worker-1").of_machine(UUID, MACHINE_ID));
    let join = Join::to(&server);
    let mut waiting = ensure(&server, &join, "worker-1").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert!(waiting.try_wait().unwrap().is_none(), "it does not wait");
    server.add_node(&ExistingNode::not_ready("worker-1").of_machine(UUID, MACHINE_ID));
    let output = waiting.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("no machine-id yet"), "{output:?}");
}

#[test]
fn a_node_that_is_named_after_its_machine_stays_joined() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    std::fs::create_dir_all(join.root().join("etc")).unwrap();
    std::fs::write(join.root().join("etc/machine-id"), format!("{MACHINE_ID}\n")).unwrap();
    for outcome in ["joined", "already-joined"] {
        let requests = server.requests().len();
        let output = ensure(&server, &join, "edge-{machine-id}").output().unwrap();
        let result: Value = serde_json::from_slice(&std::fs::read(join.result_file()).unwrap()).unwrap();
        assert_eq!((result["outcome"].as_str(), output.status.code()), (Some(outcome), Some(0)), "{output:?}");
        assert_eq!(server.requests().len() == requests, outcome == "already-joined", "{output:?}");
    }
}

#[test]
fn a_machine_without_a_disk_comes_back_at_every_boot() {
    let ready = |uuid, machine_id| ExistingNode::ready("worker-1").of_machine(uuid, machine_id);
    let parameter = format!("quiet systemd.machine_id={MACHINE_ID} root=live:/dev/vda");
    let booting = |command_line: &str, has_uuid: bool| Booting {
        command_line: command_line.to_owned(),
        ..if has_uuid { Booting::with_uuid() } else { Booting::default() }
    };
    let other = OTHER_ID;
    let rows = [
        // Its firmware knows it, whatever machine-id the last boot has made up.
        (booting("", true), ready(UUID, other), ("joined", 0)),
        (booting(&parameter, true), ready(UUID, MACHINE_ID), ("joined", 0)),
        (booting("", true), ready(OTHER_UUID, other), ("node.name-in-use", 5)),
        // The machine-id says another thing than the UUID: this board with another system, or its twin.
        (booting(&parameter, true), ready(UUID, other), ("node.owner-unknown", 3)),
        // A Raspberry Pi: with the machine-id it may be a copy, without it anybody.
        (booting(&parameter, false), ready(MACHINE_ID, MACHINE_ID), ("node.owner-unknown", 3)),
        (booting("", false), ready(MACHINE_ID, MACHINE_ID), ("node.owner-unknown", 3)),
        (booting(&parameter, false), ready(other, other), ("node.name-in-use", 5)),
    ];
    for (number, (machine, node, expected)) in rows.into_iter().enumerate() {
        let server = server_with(node);
        let Some(result) = machine.run(&Join::to(&server)) else { return };
        assert_eq!(ended(&result), expected, "row {number}: {result:#}");
    }
}

#[test]
fn a_node_is_named_after_its_machine() {
    let server = ApiServer::start(Options::default());
    let named = |template: &str| Join::to(&server).named(template);
    for (template, expected) in
        [("edge-{serial}", "edge-pf-0abc1"), ("{uuid}", UUID), ("m-{machine-id}", "m-00112233445566778899aabbccddeeff")]
    {
        let join = named(template);
        std::fs::create_dir_all(join.root().join("etc")).unwrap();
        std::fs::write(join.root().join("etc/machine-id"), format!("{MACHINE_ID}\n")).unwrap();
        let Some(result) = Booting::with_uuid().run(&join) else { return };
        assert_eq!((ended(&result), result["node"].as_str()), (("joined", 0), Some(expected)), "{result:#}");
        let flags = std::fs::read_to_string(join.root().join("var/lib/kubelet/kubeadm-flags.env")).unwrap();
        assert!(flags.contains(&format!("--hostname-override={expected}")), "{flags}");
    }
    let Some(result) = Booting::with_uuid().run(&named("{mac}")) else { return };
    assert_eq!(ended(&result), ("node.no-mac", 3), "{result:#}");
}

#[test]
fn the_name_of_a_mounted_root_is_made_of_its_machine_id() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server).named("edge-{machine-id}");
    std::fs::create_dir_all(join.root().join("etc")).unwrap();
    std::fs::write(join.root().join("etc/machine-id"), "uninitialized\n").unwrap();
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("config.node-name", 2), "{ran:#?}");
    assert!(ran.result["message"].as_str().unwrap().contains("uninitialized"), "{ran:#?}");
    std::fs::write(join.root().join("etc/machine-id"), format!("{MACHINE_ID}\n")).unwrap();
    let ran = join.run();
    assert_eq!(
        (ran.outcome(), ran.result["node"].as_str()),
        ("joined", Some(&*format!("edge-{MACHINE_ID}"))),
        "{ran:#?}"
    );
    let join = join.named("edge-{seriel}");
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("config.invalid", 2), "{ran:#?}");
    assert!(ran.result["message"].as_str().unwrap().contains("{machine-id}"), "{ran:#?}");
}

/// A root with this machine-id, and with nothing of a node.
fn new_disk(join: &Join, machine_id: &str) {
    for left in ["etc/kubernetes", "var/lib/kubelet", "etc/systemd"] {
        let _ = std::fs::remove_dir_all(join.root().join(left));
    }
    std::fs::create_dir_all(join.root().join("etc")).unwrap();
    std::fs::write(join.root().join("etc/machine-id"), machine_id).unwrap();
}

#[track_caller]
fn case_of(result: &Value) -> (&str, &str, i64) {
    let (ended, exit) = ended(result);
    (ended, result["case"].as_str().unwrap_or_default(), exit)
}

/// The disk is the node: nobody is asked, whichever board it is in.
#[test]
fn a_disk_stays_the_node_on_another_board() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    new_disk(&join, MACHINE_ID);
    let Some(first) = Booting::with_uuid().ensure(&server, &join, "worker-1") else { return };
    assert_eq!(case_of(&first), ("joined", "new", 0), "{first:#}");
    server.add_node(&ExistingNode::ready("worker-1").of_machine(UUID, MACHINE_ID));
    let requests = server.requests().len();
    let moved = Booting::other_board().ensure(&server, &join, "worker-1").unwrap();
    assert_eq!(case_of(&moved), ("already-joined", "well", 0), "{moved:#}");
    assert_eq!(server.requests().len(), requests);

    // The board that it was in, with a new disk, must not have its name while that runs.
    server.add_node(&ExistingNode::ready("worker-1").of_machine(OTHER_UUID, MACHINE_ID));
    let left_behind = Join::to(&server);
    new_disk(&left_behind, OTHER_ID);
    let refused = Booting::with_uuid().ensure(&server, &left_behind, "worker-1").unwrap();
    assert_eq!(case_of(&refused), ("node.name-in-use", "", 5), "{refused:#}");
}

#[test]
fn a_disk_whose_node_is_named_after_the_board_takes_the_new_name() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    new_disk(&join, MACHINE_ID);
    let Some(first) = Booting::with_uuid().ensure(&server, &join, "edge-{serial}") else { return };
    assert_eq!((case_of(&first), &first["node"]), (("joined", "new", 0), &"edge-pf-0abc1".into()), "{first:#}");
    let moved = Booting::other_board().ensure(&server, &join, "edge-{serial}").unwrap();
    assert_eq!(
        (case_of(&moved), &moved["node"]),
        (("joined", "name-changed", 0), &"edge-pf-0xyz2".into()),
        "{moved:#}"
    );
    let again = Booting::other_board().ensure(&server, &join, "edge-{serial}").unwrap();
    assert_eq!(case_of(&again), ("already-joined", "well", 0), "{again:#}");
}

/// The board is the same, the system on it is not: it may be a twin for as long as the old Node is Ready.
#[test]
fn a_machine_that_was_imaged_again_takes_its_name_back() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    new_disk(&join, MACHINE_ID);
    let Some(first) = Booting::with_uuid().ensure(&server, &join, "worker-1") else { return };
    assert_eq!(case_of(&first), ("joined", "new", 0), "{first:#}");
    server.add_node(&ExistingNode::ready("worker-1").of_machine(UUID, MACHINE_ID));
    new_disk(&join, OTHER_ID);
    let early = Booting::with_uuid().ensure(&server, &join, "worker-1").unwrap();
    assert_eq!(case_of(&early), ("node.owner-unknown", "", 3), "{early:#}");
    server.add_node(&ExistingNode::not_ready("worker-1").of_machine(UUID, MACHINE_ID));
    let later = Booting::with_uuid().ensure(&server, &join, "worker-1").unwrap();
    assert_eq!(case_of(&later), ("joined", "new", 0), "{later:#}");
    // Where the image makes its machine-id only when it is booted, nothing speaks against it.
    server.add_node(&ExistingNode::ready("worker-1").of_machine(UUID, OTHER_ID));
    new_disk(&join, "uninitialized\n");
    let at_once = Booting::with_uuid().ensure(&server, &join, "worker-1").unwrap();
    assert_eq!(case_of(&at_once), ("joined", "new", 0), "{at_once:#}");
}

/// Its Node is Ready all the time: it boots faster than that is noticed.
#[test]
fn a_machine_that_boots_from_memory_joins_ten_times_in_a_row() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    let mut certificates = std::collections::BTreeSet::new();
    for boot in 1..=10 {
        new_disk(&join, "");
        let Some(result) = Booting::with_uuid().ensure(&server, &join, "worker-1") else { return };
        assert_eq!(case_of(&result), ("joined", "new", 0), "boot {boot}: {result:#}");
        certificates.insert(result["csr"].as_str().unwrap().to_owned());
        assert_eq!((server.csrs().len(), certificates.len()), (boot, boot), "boot {boot}");
        // What its kubelet says of it; systemd makes up another machine-id each time.
        server.add_node(&ExistingNode::ready("worker-1").of_machine(UUID, &format!("{boot:032x}")));
    }
    // Without any identity of its own it has to wait each time.
    new_disk(&join, "");
    let unknown = Booting::default().ensure(&server, &join, "worker-1").unwrap();
    assert_eq!(case_of(&unknown), ("node.owner-unknown", "", 3), "{unknown:#}");
}
