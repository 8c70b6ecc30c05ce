//! README's first command, `cargo run --example demo`: a join from end to end that anybody can watch.
//!
//! In here: the story, and what has to be true for it to end well. The control plane is [`kubejoin_apiserver`] in this
//! process, on the loopback; the program is the real binary, as a child; the machine is a directory. Not in here: tests of
//! details (`tests/join`), and a kubelet (`tests/peers`).

mod machine;
mod screen;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use kubejoin_apiserver::{ApiServer, Options, Recorded};
use serde_json::Value;

use machine::{Machine, Ran};
use screen::{Checks, line, prose, section, size};

/// A token that the server does not know. Its form is right.
const UNKNOWN_TOKEN: &str = "zzzzzz.0123456789abcdef";

fn main() -> ExitCode {
    match play() {
        Ok(checks) => checks.exit_code(),
        Err(error) => {
            eprintln!("\nThe demo could not go on: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play() -> Result<Checks, Box<dyn Error>> {
    let mut checks = Checks::default();
    prose(
        "kubejoin makes a machine a node of a Kubernetes cluster. Here, the control plane is an API server in this \
         process, and the machine is a directory; the program is the real one. No root is needed, and no network but \
         127.0.0.1.",
    );

    section("1  The program");
    let kubejoin = build()?;
    let place = kubejoin.ancestors().nth(2).ok_or("cargo left the program at an odd place")?.join("demo");
    line(&shown(&kubejoin));
    prose(
        "Built for looking at: large, slow and with debugging information. The small static one for a node is what \
         cross/build.sh makes.",
    );

    section("2  The control plane");
    let server = ApiServer::start(Options::default());
    line(&format!("https://{}", server.endpoint()));
    prose(
        "It is as `kubeadm init` leaves one: a cluster CA, a bootstrap token, a signed cluster-info, a kubelet-config, \
         and somebody who signs certificates. On a real one, `kubeadm token create --print-join-command` prints the \
         line that is typed below.",
    );

    section("3  The join");
    let pi = Machine::new(&kubejoin, &place, "pi-1")?;
    let ran = pi.run(&typed(&server.endpoint(), &server.token(), &server.ca_hash()))?;
    checks.that(ran.is("joined", 0), "the program exits with 0, and result.json says joined");

    section("4  What the machine has now");
    show_tree(&pi, &mut checks)?;
    let secret = server.token().split_once('.').map(|(_, secret)| secret.to_owned()).unwrap_or_default();
    checks.that(!pi.holds(&secret)?, "the token is in none of these files");

    section("5  How long each phase took");
    show_phases(&ran, &mut checks);

    section("6  What the control plane saw");
    show_requests(&server, &mut checks);

    section("7  The same line again");
    let again = pi.run(&typed(&server.endpoint(), &server.token(), &server.ca_hash()))?;
    line(&format!("That took {}.", milliseconds(again.took)));
    checks.that(again.is("already-joined", 0), "it has joined already, and exits with 0");
    checks.that(server.connections().len() == 1, "the control plane was not asked");

    section("8  A pin of another cluster");
    server.forget_requests();
    let wrong = Machine::new(&kubejoin, &place, "pi-2")?;
    let pin = ApiServer::start(Options::default()).ca_hash();
    let ran = wrong.run(&typed(&server.endpoint(), &server.token(), &pin))?;
    checks.that(ran.is("discovery.ca-hash-mismatch", 4), "exit 4: refused for safety, no retry");
    checks.that(!server.has_received(&secret), "the token was not sent");
    checks.that(wrong.tree()?.is_empty(), "nothing was written");

    section("9  A token that nobody knows");
    prose(
        "It may be so new that the control plane has yet to sign for it, so this waits: five minutes, or what \
         timeouts.discovery in the file of --config says. Here it says one second.",
    );
    line("");
    let config = wrong.configuration(&server.endpoint(), UNKNOWN_TOKEN, &server.ca_hash())?;
    let ran = wrong.run(&["--config".to_owned(), config])?;
    checks.that(ran.is("discovery.token-unknown", 5), "exit 5: the cluster refuses, somebody has to act");
    checks.that(wrong.tree()?.is_empty(), "nothing was written");
    drop(server);

    section("The end");
    prose("Left to be read, until the next demo or `cargo clean`: the machine of step 3, and its result.json.");
    line(&shown(&pi.root));
    line(&shown(&pi.result_file));
    if std::fs::OpenOptions::new().write(true).open("/dev/kmsg").is_ok() {
        prose("As on a node, kubejoin has written some lines to the kernel log, too: `dmesg` shows them.");
    }
    Ok(checks)
}

/// Builds the real binary, and says where it is. The example is named as well because it is built already: with it, cargo
/// chooses the same features for the crates that both use, and has next to nothing left to do.
fn build() -> Result<PathBuf, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args([
            "build",
            "--quiet",
            "--bin",
            "kubejoin",
            "--example",
            "demo",
            "--message-format=json-render-diagnostics",
        ])
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    // What `cargo run` says about this example is not about what is built: ring's build script would take it for news and
    // be run again, and everything that stands on ring with it.
    let about_us = |name: &str| {
        name == "OUT_DIR" || ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix))
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(about_us)) {
        command.env_remove(name);
    }
    let output = command.output().map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !output.status.success() {
        return Err("cargo build failed".into());
    }
    let messages = String::from_utf8(output.stdout)?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = messages
        .filter(|message| message["target"]["name"] == "kubejoin" && message["target"]["kind"][0] == "bin")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    Ok(executable.ok_or("cargo names no program")?)
}

/// What stands behind `kubejoin join` on the line that kubeadm prints.
fn typed(endpoint: &str, token: &str, pin: &str) -> Vec<String> {
    [endpoint, "--token", token, "--discovery-token-ca-cert-hash", pin].map(str::to_owned).into()
}

/// What the files of a node are for, by their names. Only what is written by a join has a line here.
const MEANINGS: [(&str, u32, &str); 8] = [
    ("/etc/kubernetes/kubelet.conf", 0o600, "the kubelet's kubeconfig; written last"),
    ("/etc/kubernetes/pki/ca.crt", 0o644, "the cluster CA that the pin names"),
    ("/etc/systemd/system/multi-user.target.wants/kubelet.service", 0o777, "starts it at boot"),
    ("/var/lib/kubelet/config.yaml", 0o644, "KubeletConfiguration of the cluster"),
    ("/var/lib/kubelet/instance-config.yaml", 0o644, "this node's part: the runtime's socket"),
    ("/var/lib/kubelet/kubeadm-flags.env", 0o644, "flags for the kubelet's unit"),
    ("/var/lib/kubelet/pki/kubelet-client-TIME.pem", 0o600, "certificate and key"),
    ("/var/lib/kubelet/pki/kubelet-client-current.pem", 0o777, "link to it; rotation moves the link"),
];

fn show_tree(machine: &Machine, checks: &mut Checks) -> Result<(), Box<dyn Error>> {
    let tree = machine.tree()?;
    let files: Vec<_> = tree.iter().filter(|found| !found.kind.is_dir()).collect();
    let mut directory = "";
    for found in &files {
        let (parent, name) = found.path.rsplit_once('/').unwrap_or_default();
        if parent != directory {
            directory = parent;
            let mode = tree.iter().find(|found| found.path == parent).map_or(0, |found| found.mode);
            line(&format!("{mode:04o}  {directory}/"));
        }
        let meaning = MEANINGS.iter().find(|(path, ..)| *path == found.name()).map_or("?", |(.., meaning)| meaning);
        let (mode, size) = match found.kind.is_symlink() {
            true => ("link".to_owned(), String::new()),
            false => (format!("{:04o}", found.mode), size(found.size)),
        };
        line(&format!("{mode}  {size:>7}  {name:<23}  {meaning}"));
    }
    let is: Vec<_> = files.iter().map(|found| (found.name(), found.mode)).collect();
    let should: Vec<_> = MEANINGS.iter().map(|(path, mode, _)| ((*path).to_owned(), *mode)).collect();
    checks.that(is == should, "these are all the files of a node, each with kubeadm's mode");
    Ok(())
}

fn show_phases(ran: &Ran, checks: &mut Checks) {
    let meanings = [
        ("preflight", "checks of the machine"),
        ("discovery", "cluster-info read; signature, pin, chain verified"),
        ("tls-bootstrap", "key made; certificate requested, signed, checked"),
        ("kubelet-start", "files written, safe against a power cut"),
    ];
    let phases = ran.result["phases"].as_array().cloned().unwrap_or_default();
    for phase in &phases {
        let (name, ms) = (phase["name"].as_str().unwrap_or("?"), phase["ms"].as_u64().unwrap_or_default());
        let meaning = meanings.iter().find(|(known, _)| *known == name).map_or("", |(_, meaning)| meaning);
        line(&format!("{name:<13} {ms:>4} ms  {meaning}"));
    }
    line(&format!("{:<13} {:>4} ms  from start to exit", "all", ran.took.as_millis()));
    line("The kubelet is not started here: it starts when this root is booted.");
    let names: Vec<_> = phases.iter().filter_map(|phase| phase["name"].as_str()).collect();
    checks.that(names == meanings.map(|(name, _)| name), "every phase is in result.json");
}

fn show_requests(server: &ApiServer, checks: &mut Checks) {
    let requests = server.requests();
    for Recorded { method, path, user, status, .. } in &requests {
        let path = path.trim_start_matches("/apis/").trim_start_matches("/api/v1/");
        let who = match user.strip_prefix("system:bootstrap:") {
            Some(id) => format!("token {id}"),
            None => user.trim_start_matches("system:").to_owned(),
        };
        line(&format!("{method:<4} {path:<50} {status}  {who}"));
    }
    let connections = server.connections();
    let bytes: u64 = connections.iter().map(|connection| connection.bytes_in + connection.bytes_out).sum();
    line(&format!("{} requests on {} connection, {}.", requests.len(), connections.len(), size(bytes)));
    checks.that(connections.len() == 1, "one connection");
    let sent: Vec<_> = requests.iter().map(|request| request.authorization().is_some()).collect();
    let only_later = sent.first() == Some(&false) && sent[1..].iter().all(|sent| *sent);
    checks.that(only_later, "the token was sent only after the control plane had been verified");
}

fn milliseconds(took: Duration) -> String {
    format!("{} ms", took.as_millis().max(1))
}

/// A path as one would type it here.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}
