//! A machine that is checked, and what the checks said of it.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use crate::clock::{Clock, ClockMode};
use crate::config::settings_table::typed;
use crate::config::{Extras, Sources, TokenNeed, WithOrigin, resolve};
use crate::cri::fake::{Fake, status};
use crate::error::{Explain, Severity};
use crate::host::{CgroupVersion, Cgroups, HostFacts};
use crate::inputs::{Inputs, Named};
use crate::node::state::NodeState;
use crate::plan::JoinPlan;
use crate::preflight::error::PreflightError;
use crate::preflight::run;
use crate::report::{Event, Level, Report, Sink};
use crate::rootfs::Root;

const PIN: &str = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A join that is about to be checked.
pub(super) struct Bench {
    pub(super) root: tempfile::TempDir,
    pub(super) endpoint: &'static str,
    pub(super) rootfs: Option<&'static str>,
    pub(super) ignore: Vec<String>,
    pub(super) dry_run: bool,
    pub(super) state: NodeState,
    pub(super) host: HostFacts,
    pub(super) node_name: Option<&'static str>,
    pub(super) clock: Clock,
    /// The container runtime, where there is one.
    pub(super) runtime: Option<Fake>,
    /// Where it is looked for instead.
    pub(super) cri_socket: Option<String>,
}

/// What `SystemVerification` wants to find.
pub(super) const KERNEL: &str = "CONFIG_NAMESPACES=y\nCONFIG_NET_NS=y\nCONFIG_PID_NS=y\nCONFIG_IPC_NS=y\nCONFIG_UTS_NS=y\n\
    CONFIG_CPUSETS=y\nCONFIG_MEMCG=y\nCONFIG_INET=y\nCONFIG_EXT4_FS=m\nCONFIG_PROC_FS=y\n\
    CONFIG_NETFILTER_XT_TARGET_REDIRECT=m\nCONFIG_NETFILTER_XT_MATCH_COMMENT=m\nCONFIG_FAIR_GROUP_SCHED=y\n\
    CONFIG_CGROUPS=y\nCONFIG_CGROUP_BPF=y\nCONFIG_CGROUP_PIDS=y\nCONFIG_CGROUP_SCHED=y\n";

/// What the checks reported.
pub(super) struct Said {
    pub(super) result: Result<(), PreflightError>,
    pub(super) warnings: Vec<String>,
    pub(super) infos: Vec<String>,
}

#[derive(Clone, Default)]
pub(super) struct Lines(pub(super) Rc<RefCell<Vec<(bool, String)>>>);

impl Sink for Lines {
    fn accept(&mut self, event: &Event<'_>) {
        match event {
            Event::Line { level, text, .. } => self.0.borrow_mut().push((*level == Level::Warning, (*text).to_owned())),
            Event::Finding { finding, .. } => self.0.borrow_mut().push((true, finding.to_string())),
            _ => {}
        }
    }
}

impl Bench {
    /// A tree that is not this system: checks of a running one are left out.
    pub(super) fn other_root() -> Self {
        Bench {
            root: tempfile::tempdir().unwrap(),
            endpoint: "10.0.0.1:6443",
            rootfs: Some("/mnt"),
            ignore: Vec::new(),
            dry_run: false,
            state: NodeState::Nothing,
            host: HostFacts {
                hostname: "pi-1".to_owned(),
                kubelet_hostname: Some("pi-1".to_owned()),
                ..HostFacts::default()
            },
            node_name: None,
            clock: Clock::read(ClockMode::System, None),
            runtime: None,
            cri_socket: None,
        }
    }

    /// This system, with a search path, a runtime and a kernel of our own; `root` still is a tree of ours.
    pub(super) fn this_system() -> Self {
        let mut bench = Bench { rootfs: None, node_name: Some("localhost"), ..Bench::other_root() };
        // This machine's, which the same check of another test has at this moment, or a kubelet.
        bench.ignore = vec!["port-10250".to_owned()];
        bench.runtime = Some(Fake::runtime("0", &status("RuntimeReady", true, ""), "0"));
        bench.host.prefix = bench.root.path().to_owned();
        bench.host.kernel_release = "6.1.0-28-amd64".to_owned();
        bench.write("/boot/config-6.1.0-28-amd64", KERNEL.as_bytes());
        let controllers = "cpuset cpu io memory hugetlb pids devices freezer".split(' ').map(str::to_owned).collect();
        bench.host.cgroups =
            Cgroups { version: Some(CgroupVersion::V2), controllers: Some(controllers), memory_is_off: false };
        bench.host.ipv4_forwarding = Some(true);
        bench.host.path = vec![bench.root.path().join("bin")];
        for name in ["losetup", "mount", "cp"] {
            bench.program(name, "");
        }
        bench.program("kubelet", "echo Kubernetes v1.37.2");
        bench
    }

    pub(super) fn write(&self, path: &str, text: &[u8]) {
        let path = self.root.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A shell script in the search path. A shell writes it: a file that this process has held open for writing cannot be
    /// executed while a child of another test's thread still holds it, too (ETXTBSY, execve(2)).
    pub(super) fn program(&self, name: &str, body: &str) {
        let path = self.root.path().join("bin").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let write = r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod 755 "$1""#;
        let status = Command::new("/bin/sh").args(["-c", write, "sh"]).arg(&path).arg(body).status().unwrap();
        assert!(status.success());
    }

    pub(super) fn plan(&self) -> JoinPlan {
        let flags = typed(&[
            ("", self.endpoint),
            ("token", "abcdef.0123456789abcdef"),
            ("discovery-token-ca-cert-hash", PIN),
            ("ignore-preflight-errors", &self.ignore.join(",")),
            ("dry-run", if self.dry_run { "true" } else { "false" }),
            ("node-name", self.node_name.unwrap_or_default()),
            ("cri-socket", &self.cri_socket.clone().or(self.runtime.as_ref().map(Fake::endpoint)).unwrap_or_default()),
        ]);
        let read_token = |_: &WithOrigin<PathBuf>| unreachable!("no token file is given");
        let sources =
            Sources { flags: &flags, places: Vec::new(), config: None, read_token: &read_token, token: TokenNeed::Now };
        let configuration = resolve(sources).unwrap().configuration;
        let extras = Extras { rootfs: self.rootfs.map(Into::into), ..Extras::default() };
        let report = Report::new(Vec::new());
        let named = Named {
            kustomize: None,
            certs_dir_from: None,
            discovery: &configuration.discovery,
            discovery_file_is_foreign: false,
            kubelet_config: None,
            patches: None,
            rootfs: Path::new("/"),
        };
        let inputs = Inputs::read(named, &HostFacts::default(), self.clock, &report).unwrap();
        JoinPlan::new(configuration, extras, inputs, self.host.clone(), self.clock).unwrap()
    }

    pub(super) fn run(&self) -> Said {
        let lines = Lines::default();
        let report = Report::new(vec![Box::new(lines.clone())]);
        let root = Root::open(self.root.path()).unwrap();
        let plan = self.plan();
        let result = run(&plan, &root, &self.state, &report).map(drop);
        let lines = lines.0.borrow();
        let of = |warning: bool| lines.iter().filter(|line| line.0 == warning).map(|line| line.1.clone()).collect();
        Said { result, warnings: of(true), infos: of(false) }
    }
}

impl Said {
    pub(super) fn errors(&self) -> Vec<(String, String)> {
        let findings = self.result.as_ref().err().map(|error| error.findings().to_vec()).unwrap_or_default();
        assert!(findings.iter().all(|finding| finding.severity == Severity::Error && finding.code.is_some()));
        findings.into_iter().map(|finding| (finding.check, finding.message)).collect()
    }

    pub(super) fn error_names(&self) -> Vec<String> {
        self.errors().into_iter().map(|(name, _)| name).collect()
    }
}
