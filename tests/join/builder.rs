//! A small builder: a target root, a configuration file with short waits, the binary, and what it left behind.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubejoin::for_tests::clock::Clock;
use kubejoin::for_tests::inputs::{Discovery, Trust};
use kubejoin::for_tests::net::dial::Proxies;
use kubejoin::for_tests::plan::Access;
use kubejoin::for_tests::retry::{Jitter, Retry};
use kubejoin_apiserver::{ApiServer, Faults, Reply, Rule};
use serde_json::Value;
use tempfile::TempDir;

/// The binary under test.
pub const KUBEJOIN: &str = env!("CARGO_BIN_EXE_kubejoin");

/// A join that is to be run, possibly several times on the same root.
pub struct Join {
    directory: TempDir,
    name: String,
    endpoint: String,
    token: String,
    hashes: Vec<String>,
    unsafe_skip_ca_verification: bool,
    discovery_seconds: u32,
    bootstrap_seconds: u32,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    config: String,
    /// Path or URL of a discovery file, in place of endpoint, token and pins; and the token of the TLS bootstrap.
    kubeconfig: Option<(String, Option<String>)>,
}

impl Join {
    /// Joins this server's cluster with its token and pin, as node `worker-1`, onto an empty root with a kubelet unit.
    pub fn to(server: &ApiServer) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let units = directory.path().join("root/usr/lib/systemd/system");
        std::fs::create_dir_all(&units).unwrap();
        std::fs::write(units.join("kubelet.service"), "[Unit]\n[Install]\nWantedBy=multi-user.target\n").unwrap();
        Join {
            directory,
            name: "worker-1".to_owned(),
            endpoint: server.endpoint(),
            token: server.token(),
            hashes: vec![server.ca_hash()],
            unsafe_skip_ca_verification: false,
            discovery_seconds: 2,
            bootstrap_seconds: 2,
            arguments: Vec::new(),
            environment: Vec::new(),
            config: String::new(),
            kubeconfig: None,
        }
    }

    /// Discovery by this kubeconfig, which is written to a file.
    pub fn by_file(self, kubeconfig: &str, tls_bootstrap_token: Option<&str>) -> Self {
        let path = self.beside("discovery.conf", kubeconfig);
        self.by(path.to_str().unwrap(), tls_bootstrap_token)
    }

    /// Discovery by the kubeconfig of this path or URL.
    pub fn by(mut self, place: &str, tls_bootstrap_token: Option<&str>) -> Self {
        self.kubeconfig = Some((place.to_owned(), tls_bootstrap_token.map(str::to_owned)));
        self
    }

    /// A file of this machine, outside of the target root.
    pub fn beside(&self, name: &str, content: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Another endpoint than the server's own.
    pub fn endpoint(mut self, endpoint: &str) -> Self {
        self.endpoint = endpoint.to_owned();
        self
    }

    /// Another node name.
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// Other pins.
    pub fn hashes(mut self, hashes: &[&str]) -> Self {
        self.hashes = hashes.iter().map(|hash| (*hash).to_owned()).collect();
        self
    }

    /// Goes without pins, explicitly.
    pub fn unsafe_skip_ca_verification(mut self) -> Self {
        self.unsafe_skip_ca_verification = true;
        self
    }

    /// Another token.
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = token.to_owned();
        self
    }

    /// Other waits: `timeouts.discovery` and `timeouts.tlsBootstrap`, in seconds.
    pub fn waits(mut self, discovery: u32, bootstrap: u32) -> Self {
        (self.discovery_seconds, self.bootstrap_seconds) = (discovery, bootstrap);
        self
    }

    /// One more argument.
    pub fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// No further arguments any more.
    pub fn without_args(mut self) -> Self {
        self.arguments.clear();
        self
    }

    /// One more variable of the environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// More lines of the configuration file.
    pub fn config(mut self, lines: &str) -> Self {
        self.config.push_str(lines);
        self
    }

    /// No further lines of the configuration file any more.
    pub fn without_config(mut self) -> Self {
        self.config.clear();
        self
    }

    /// The target root.
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// Where the result is left.
    pub fn result_file(&self) -> PathBuf {
        self.directory.path().join("result.json")
    }

    /// The command, ready to run.
    pub fn command(&self) -> Command {
        self.command_of(&["join"])
    }

    /// `join phase` with these words and everything else as it is.
    pub fn run_phase(&self, words: &[&str]) -> Ran {
        let _ = std::fs::remove_file(self.result_file());
        let output = self.command_of(&[&["join", "phase"], words].concat()).output().unwrap();
        Ran::new(output, &self.result_file())
    }

    /// The command `doctor` with these arguments and everything else as it is.
    pub fn doctor(&self, arguments: &[&str]) -> Command {
        let mut command = self.command_of(&["doctor"]);
        command.args(arguments);
        command
    }

    /// Runs it to its end; the result is its document.
    pub fn run_doctor(&self, arguments: &[&str]) -> Ran {
        let output = self.doctor(arguments).args(["-o", "json"]).output().unwrap();
        let document = serde_json::from_slice(&output.stdout);
        let result = document.unwrap_or_else(|error| panic!("{error}: {output:#?}"));
        Ran { result, ..Ran::new(output, Path::new("/nowhere")) }
    }

    fn command_of(&self, words: &[&str]) -> Command {
        let hashes: Vec<_> = self.hashes.iter().map(|hash| format!("    - {hash}\n")).collect();
        let discovery = match &self.kubeconfig {
            None => {
                let hashes =
                    if hashes.is_empty() { String::new() } else { format!("    caCertHashes:\n{}", hashes.concat()) };
                format!(
                    "  bootstrapToken:\n    token: {}\n    apiServerEndpoint: \"{}\"\n    \
                     unsafeSkipCAVerification: {}\n{hashes}",
                    self.token, self.endpoint, self.unsafe_skip_ca_verification
                )
            }
            Some((place, token)) => {
                let token = token.as_ref().map_or_else(String::new, |token| format!("  tlsBootstrapToken: {token}\n"));
                format!("  file:\n    kubeConfigPath: {place}\n{token}")
            }
        };
        let config = format!(
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ndiscovery:\n{discovery}timeouts:\n  \
             discovery: {}s\n  tlsBootstrap: {}s\n  kubernetesAPICall: 2s\n{}",
            self.discovery_seconds, self.bootstrap_seconds, self.config,
        );
        let path = self.directory.path().join("join.yaml");
        std::fs::write(&path, config).unwrap();
        let mut command = Command::new(KUBEJOIN);
        for name in ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
            command.env_remove(name);
        }
        command
            .args(words)
            .args(["--node-name", &self.name, "--config"])
            .arg(path)
            .arg("--rootfs")
            .arg(self.root())
            .arg("--result-file")
            .arg(self.result_file())
            .args(&self.arguments)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub fn run(&self) -> Ran {
        let _ = std::fs::remove_file(self.result_file());
        let output = self.command().output().unwrap();
        Ran::new(output, &self.result_file())
    }

    /// What such a run, started otherwise, has left.
    pub fn ran(&self, output: Output) -> Ran {
        Ran::new(output, &self.result_file())
    }

    /// Everything in the root but the unit that was there before: path, mode, and content or link target.
    pub fn tree(&self) -> Vec<Found> {
        let mut found = Vec::new();
        walk(&self.root(), &self.root(), &mut found);
        found.retain(|entry| !entry.path.starts_with("usr"));
        found.sort();
        found
    }
}

/// One object of a tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Relative to the root.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Content, link target, or nothing for a directory.
    pub content: Option<Vec<u8>>,
}

fn walk(root: &Path, directory: &Path, found: &mut Vec<Found>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        let content = if metadata.is_symlink() {
            Some(std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes())
        } else if metadata.is_dir() {
            walk(root, &path, found);
            None
        } else {
            Some(std::fs::read(&path).unwrap())
        };
        let relative = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        found.push(Found { path: relative, mode: metadata.mode() & 0o7777, content });
    }
}

/// A finished run.
#[derive(Debug)]
pub struct Ran {
    /// Exit status.
    pub status: i32,
    /// What it printed.
    pub stdout: String,
    /// What it printed as warnings and errors.
    pub stderr: String,
    /// `result.json`.
    pub result: Value,
}

impl Ran {
    fn new(output: Output, result: &Path) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran {
            status: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            result: std::fs::read(result).map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap()),
        }
    }

    /// `outcome` of the result.
    pub fn outcome(&self) -> &str {
        self.result["outcome"].as_str().unwrap_or_default()
    }

    /// `code` of the result.
    pub fn code(&self) -> &str {
        self.result["code"].as_str().unwrap_or_default()
    }

    /// The messages of its warnings.
    pub fn warnings(&self) -> Vec<&str> {
        self.result["warnings"].as_array().unwrap().iter().map(|warning| warning["message"].as_str().unwrap()).collect()
    }
}

/// Cluster-info that is answered with this status only.
pub fn closed_cluster_info(code: u16) -> Faults {
    let (reason, message) = ("Forbidden".to_owned(), "cluster-info is closed".to_owned());
    Faults::replying(Rule::on("cluster-info", Reply::Status { code, reason, message }))
}

/// The file of that path.
pub fn file<'t>(tree: &'t [Found], path: &str) -> &'t Found {
    tree.iter().find(|entry| entry.path == path).unwrap_or_else(|| panic!("{path} is not in the tree"))
}

/// Its content as text.
pub fn text(tree: &[Found], path: &str) -> String {
    String::from_utf8(file(tree, path).content.clone().unwrap()).unwrap()
}

/// What `kubectl -n kube-public get configmap cluster-info -o jsonpath={.data.kubeconfig}` prints: server and CA.
pub fn cluster_info_of(server: &ApiServer) -> String {
    kubeconfig_of(server, Some(&server.ca_pem()))
}

/// The same with another CA or none.
pub fn kubeconfig_of(server: &ApiServer, ca_pem: Option<&str>) -> String {
    let ca =
        ca_pem.map(|pem| format!("    certificate-authority-data: {}\n", STANDARD.encode(pem))).unwrap_or_default();
    format!(
        "apiVersion: v1\nclusters:\n- cluster:\n{ca}    server: https://{}\n  name: \"\"\ncontexts: []\n\
         current-context: \"\"\nkind: Config\npreferences: {{}}\nusers: []\n",
        server.endpoint()
    )
}

/// The same with a user, given as the body of a flow mapping.
pub fn with_user(kubeconfig: &str, user: &str) -> String {
    kubeconfig
        .replace("contexts: []", "contexts: [{name: own-context, context: {cluster: \"\", user: own-user}}]")
        .replace("current-context: \"\"", "current-context: own-context")
        .replace("users: []", &format!("users: [{{name: own-user, user: {{{user}}}}}]"))
}

/// Access by one discovery method, at the time of `clock`.
pub fn access(discovery: Discovery, token: Option<&str>, clock: Clock) -> Access {
    Access {
        token_may_come: false,
        discovery,
        server: None,
        bootstrap_token: token.map(|token| token.parse().unwrap()),
        proxies: Proxies::default(),
        clock,
    }
}

/// A few tries within five seconds.
pub fn soon() -> Retry {
    Retry::within(Duration::from_secs(5), Duration::from_millis(100), Duration::from_secs(1), Jitter::Seed(1))
}

/// Token discovery of this server alone.
pub fn access_by_token(server: &ApiServer, trust: Trust, clock: Clock) -> Access {
    let token = server.token();
    let discovery = Discovery::Token {
        endpoints: vec![server.endpoint().parse().unwrap()],
        token: Some(token.parse().unwrap()),
        trust,
    };
    access(discovery, Some(&token), clock)
}
