//! One join of one program: a relay in front of the real API server, the program on a real node, and what was measured.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Who joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The reference.
    Kubeadm,
    /// Ours.
    Kubejoin,
}

/// How far a join goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Up to the kubelet's start, which is a stand-in: nothing but the program itself is measured.
    KubeletStart,
    /// With the real kubelet, until the end of the command.
    Whole,
}

/// What one join cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// From the start of the process to its end, in milliseconds.
    pub wall_ms: f64,
    /// From the start of the process to the signed certificate on disk, in milliseconds; 0 where none was looked for.
    pub certificate_ms: f64,
    /// User and system time, in milliseconds.
    pub cpu_ms: f64,
    /// Peak resident memory, in bytes.
    pub peak_bytes: f64,
    /// TCP connections to the API server.
    pub connections: f64,
    /// TCP payload to the API server, in bytes.
    pub bytes_up: f64,
    /// TCP payload from it, in bytes.
    pub bytes_down: f64,
}

/// Where everything is.
#[derive(Debug)]
pub struct Lab {
    /// tests/peers.
    pub peers: PathBuf,
    /// A cluster whose endpoint is not its API server; the relay goes there.
    pub cluster: PathBuf,
    /// Where nodes are made.
    pub work: PathBuf,
    /// The two programs.
    pub kubeadm: PathBuf,
    /// The two programs.
    pub kubejoin: PathBuf,
}

/// What a node's name in [`Lab::work`] begins with; `run` ends all of these.
const NODE: &str = "node-";
/// Directory of the stand-ins, in [`Lab::work`].
const STAND_INS: &str = "stand-ins";
/// The kubelet's link to its certificate.
const CERTIFICATE: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";

impl Lab {
    /// The executable of a program.
    pub fn executable(&self, program: Program) -> &Path {
        match program {
            Program::Kubeadm => &self.kubeadm,
            Program::Kubejoin => &self.kubejoin,
        }
    }

    /// Makes the stand-ins: links to this program.
    pub fn prepare(&self) -> Result<(), String> {
        let directory = self.work.join(STAND_INS);
        fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        for name in ["systemctl", "kubelet"] {
            let link = directory.join(name);
            std::os::unix::fs::symlink(ourselves()?, &link).map_err(|error| format!("{}: {error}", link.display()))?;
        }
        Ok(())
    }

    /// Starts a node.
    pub fn node_up(&self, name: &str) -> Result<PathBuf, String> {
        let node = self.work.join(format!("{NODE}{name}"));
        succeed(self.script("node.sh").arg("up").args([&node, &self.cluster]))?;
        Ok(node)
    }

    /// Ends a node.
    pub fn node_down(&self, node: &Path) -> Result<(), String> {
        succeed(self.script("node.sh").arg("down").arg(node))
    }

    /// Joins a clean node and measures that.
    pub fn join(&self, program: Program, node: &Path, rtt_ms: u32, extent: Extent) -> Result<Cost, String> {
        let facts = read_json(&self.cluster.join("facts.json"))?;
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or("facts.json is not as expected");
        let endpoint = text(&facts["endpoint"])?;
        let mut relay = self.script("cluster.sh");
        relay.arg("run").arg(&self.cluster).arg(ourselves()?);
        relay.args(["relay", &endpoint, &text(&facts["apiserver"])?, &rtt_ms.to_string()]);
        let mut relay = relay.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|e| e.to_string())?;
        let mut output = BufReader::new(relay.stdout.take().ok_or("the relay has no output")?);
        let mut line = String::new();
        output.read_line(&mut line).map_err(|error| format!("the relay: {error}"))?;
        if line.trim() != "listening" {
            return Err("the relay did not start".into());
        }

        let result = node.join("log/bench.json");
        let log = node.join("log/bench.log");
        let written = fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let errors = written.try_clone().map_err(|error| format!("{}: {error}", log.display()))?;
        let mut command = self.script("node.sh");
        command.arg("run").arg(node);
        if extent == Extent::KubeletStart {
            command
                .arg("env")
                .arg(format!("PATH={}:/usr/sbin:/usr/bin:/sbin:/bin", self.work.join(STAND_INS).display()));
        }
        command.arg(ourselves()?).arg("measure").arg(&result);
        if extent == Extent::Whole {
            command.arg("--mark").arg(format!("certificate={CERTIFICATE}"));
        }
        command.arg("--").arg(self.executable(program)).args(["join", &endpoint]);
        command.args(["--token", &text(&facts["tokens"]["normal"])?]);
        command.args(["--discovery-token-ca-cert-hash", &text(&facts["ca_cert_hash"])?]);
        command.args(["--cri-socket", "unix:///run/containerd/containerd.sock"]);
        // Refuses kernels with cgroup v1, where tests run.
        command.args(["--ignore-preflight-errors", "SystemVerification"]);
        if extent == Extent::KubeletStart {
            command.args(["--skip-phases", "kubelet-wait-bootstrap"]);
        }
        succeed(command.stdout(written).stderr(errors)).map_err(|why| complain(&why, &log))?;

        drop(relay.stdin.take());
        let mut passed = String::new();
        output.read_to_string(&mut passed).map_err(|error| format!("the relay: {error}"))?;
        relay.wait().map_err(|error| format!("the relay: {error}"))?;
        let passed: Value = serde_json::from_str(&passed).map_err(|error| format!("the relay: {error}"))?;
        let used = read_json(&result)?;
        if used["status"] != 0 {
            return Err(complain(&format!("{program:?} ended with status {}", used["status"]), &log));
        }
        did_what_is_claimed(program, node, extent).map_err(|why| complain(&why, &log))?;
        let number = |value: &Value| value.as_f64().ok_or_else(|| format!("a figure is missing in {used} or {passed}"));
        Ok(Cost {
            wall_ms: number(&used["wall_us"])? / 1e3,
            certificate_ms: used["marks"]["certificate"].as_f64().unwrap_or_default() / 1e3,
            cpu_ms: (number(&used["user_us"])? + number(&used["sys_us"])?) / 1e3,
            peak_bytes: number(&used["peak_bytes"])?,
            connections: number(&passed["connections"])?,
            bytes_up: number(&passed["bytes_up"])?,
            bytes_down: number(&passed["bytes_down"])?,
        })
    }

    fn script(&self, name: &str) -> Command {
        Command::new(self.peers.join(name))
    }
}

/// Makes the node one that has never joined. Only after a join without a real kubelet: that one leaves mounts.
pub fn wipe(node: &Path) -> Result<(), String> {
    for directory in ["etc/kubernetes", "var/lib/kubelet", "run/kubejoin"] {
        let directory = node.join("root").join(directory);
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten().filter(|entry| entry.file_name() != "manifests") {
            let path = entry.path();
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let removed = if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    Ok(())
}

/// A join that has not got where the table says it has would be cheap.
fn did_what_is_claimed(program: Program, node: &Path, extent: Extent) -> Result<(), String> {
    let expected: &[&str] = match (program, extent) {
        (Program::Kubeadm, Extent::KubeletStart) => {
            &["/etc/kubernetes/bootstrap-kubelet.conf", "/var/lib/kubelet/config.yaml"]
        }
        _ => &["/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/config.yaml", CERTIFICATE],
    };
    for path in expected {
        if node.join("root").join(&path[1..]).symlink_metadata().is_err() {
            return Err(format!("{program:?} has left no {path}"));
        }
    }
    Ok(())
}

/// The path of this program, in every namespace.
fn ourselves() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|error| format!("where is this program? {error}"))
}

fn read_json(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).status().map_err(|error| format!("{name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name}: {status}")) }
}

fn complain(why: &str, log: &Path) -> String {
    format!("{why}; its output:\n{}", fs::read_to_string(log).unwrap_or_default())
}
