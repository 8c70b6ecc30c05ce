use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use super::error::PreflightError;
use super::subject::Subject;
use super::verdict::Verdict;
use super::*;
use crate::clock::{Clock, ClockMode};
use crate::config::settings_table::typed;
use crate::config::{Extras, Sources, TokenNeed, WithOrigin, resolve};
use crate::cri::fake::{Fake, status};
use crate::error::{Code, Explain, Severity, codes};
use crate::host::{CgroupVersion, Cgroups, HostFacts};
use crate::inputs::{Discovery, Inputs, Named, Trust};
use crate::node::state::{Conflict, NodeIdentity, NodeState, Unusable};
use crate::plan::JoinPlan;
use crate::report::{Event, Level, Report, Sink};
use crate::rootfs::Root;
use crate::secret::Secret;
use crate::services::InitSystem;

const PIN: &str = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A join that is about to be checked.
struct Bench {
    root: tempfile::TempDir,
    endpoint: &'static str,
    rootfs: Option<&'static str>,
    ignore: Vec<String>,
    dry_run: bool,
    state: NodeState,
    host: HostFacts,
    node_name: Option<&'static str>,
    clock: Clock,
    /// The container runtime, where there is one.
    runtime: Option<Fake>,
    /// Where it is looked for instead.
    cri_socket: Option<String>,
}

/// What `SystemVerification` wants to find.
const KERNEL: &str = "CONFIG_NAMESPACES=y\nCONFIG_NET_NS=y\nCONFIG_PID_NS=y\nCONFIG_IPC_NS=y\nCONFIG_UTS_NS=y\n\
    CONFIG_CPUSETS=y\nCONFIG_MEMCG=y\nCONFIG_INET=y\nCONFIG_EXT4_FS=m\nCONFIG_PROC_FS=y\n\
    CONFIG_NETFILTER_XT_TARGET_REDIRECT=m\nCONFIG_NETFILTER_XT_MATCH_COMMENT=m\nCONFIG_FAIR_GROUP_SCHED=y\n\
    CONFIG_CGROUPS=y\nCONFIG_CGROUP_BPF=y\nCONFIG_CGROUP_PIDS=y\nCONFIG_CGROUP_SCHED=y\n";

/// What the checks reported.
struct Said {
    result: Result<(), PreflightError>,
    warnings: Vec<String>,
    infos: Vec<String>,
}

#[derive(Clone, Default)]
struct Lines(Rc<RefCell<Vec<(bool, String)>>>);

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
    fn other_root() -> Self {
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
    fn this_system() -> Self {
        let mut bench = Bench { rootfs: None, node_name: Some("localhost"), ..Bench::other_root() };
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

    fn write(&self, path: &str, text: &[u8]) {
        let path = self.root.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A shell script in the search path. A shell writes it: a file that this process has held open for writing cannot be
    /// executed while a child of another test's thread still holds it, too (ETXTBSY, execve(2)).
    fn program(&self, name: &str, body: &str) {
        let path = self.root.path().join("bin").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let write = r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod 755 "$1""#;
        let status = Command::new("/bin/sh").args(["-c", write, "sh"]).arg(&path).arg(body).status().unwrap();
        assert!(status.success());
    }

    fn plan(&self) -> JoinPlan {
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
        let named =
            Named { discovery: &configuration.discovery, kubelet_config: None, patches: None, rootfs: Path::new("/") };
        let inputs = Inputs::read(named, &HostFacts::default(), self.clock, &report).unwrap();
        JoinPlan::new(configuration, extras, inputs, self.host.clone(), self.clock).unwrap()
    }

    fn run(&self) -> Said {
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
    fn errors(&self) -> Vec<(String, String)> {
        let findings = self.result.as_ref().err().map(|error| error.findings().to_vec()).unwrap_or_default();
        assert!(findings.iter().all(|finding| finding.severity == Severity::Error && finding.code.is_some()));
        findings.into_iter().map(|finding| (finding.check, finding.message)).collect()
    }

    fn error_names(&self) -> Vec<String> {
        self.errors().into_iter().map(|(name, _)| name).collect()
    }
}

#[test]
fn the_names_and_their_order_are_kubeadms() {
    let bench = Bench::other_root();
    let plan = bench.plan();
    let root = Root::open(bench.root.path()).unwrap();
    let report = Report::new(Vec::new());
    let subject = Subject::new(&plan, &root, &bench.state, InitSystem::Unmanaged, &report);
    let names: Vec<_> = worker::checks().iter().filter_map(|check| check.name(&subject)).collect();
    assert_eq!(
        names,
        [
            "FileAvailable--etc-kubernetes-kubelet.conf",
            "FileAvailable--etc-kubernetes-bootstrap-kubelet.conf",
            "CRI",
            "ContainerRuntimeVersion",
            "Swap",
            "FileExisting-losetup",
            "FileExisting-mount",
            "FileExisting-cp",
            "SystemVerification",
            "Hostname",
            "KubeletVersion",
            "Service-kubelet",
            "Port-10250",
            "FileAvailable--etc-kubernetes-pki-ca.crt",
            "HTTPProxy",
            "FileContent--proc-sys-net-ipv4-ip_forward",
            // Ours.
            "MemoryCgroup",
            "TargetMounted",
            "TargetWritable",
            "DirectoryOwner",
            "DefaultHostname",
            "Clock",
        ]
    );
}

#[test]
fn another_root_is_spared_checks_of_a_running_system() {
    let said = Bench::other_root().run();
    assert_eq!((said.result, said.warnings), (Ok(()), vec![]));
    assert_eq!(
        said.infos,
        [
            "Checking this machine",
            "left out, the target root is not running: CRI, ContainerRuntimeVersion, Swap, FileExisting-losetup, \
             FileExisting-mount, FileExisting-cp, SystemVerification, KubeletVersion, Service-kubelet, Port-10250, \
             FileContent--proc-sys-net-ipv4-ip_forward, MemoryCgroup",
        ]
    );
}

#[test]
fn only_files_of_other_nodes_are_an_error() {
    const CA: &str = "FileAvailable--etc-kubernetes-pki-ca.crt";
    const CONF: &str = "FileAvailable--etc-kubernetes-kubelet.conf";
    let joined = || {
        NodeState::Joined(NodeIdentity {
            node: "node".to_owned(),
            not_before: std::time::SystemTime::UNIX_EPOCH,
            not_after: std::time::SystemTime::UNIX_EPOCH,
            server: "https://h:1".to_owned(),
            is_compared: true,
        })
    };
    let table: [(NodeState, bool, &[&str]); 9] = [
        (NodeState::Nothing, false, &[CA]),
        // A run of ours was interrupted.
        (NodeState::Nothing, true, &[]),
        (joined(), false, &[]),
        (NodeState::Unusable(Unusable::Expired), false, &[]),
        // What the settings say now is to replace it.
        (NodeState::Superseded(Conflict::Cluster), false, &[]),
        (NodeState::Superseded(Conflict::Node), false, &[]),
        (NodeState::Conflict(Conflict::Cluster), false, &[CONF, CA]),
        (NodeState::Conflict(Conflict::Node), true, &[CONF]),
        (NodeState::Conflict(Conflict::Preexisting), true, &[CONF]),
    ];
    for (state, pending_key, expected) in table {
        let bench = Bench { state: state.clone(), ..Bench::other_root() };
        bench.write("/etc/kubernetes/pki/ca.crt", b"whatever");
        if pending_key {
            bench.write(crate::node::paths::PENDING_KEY.as_str(), b"");
        }
        assert_eq!(bench.run().error_names(), expected, "{state:?}, pending key: {pending_key}");
    }
}

#[test]
fn a_ca_that_matches_a_pin_is_no_error() {
    let ca = kubejoin_apiserver::Pki::new();
    let pin = ca.ca_hash().parse().unwrap();
    let bench = Bench::other_root();
    bench.write("/etc/kubernetes/pki/ca.crt", ca.ca_pem().as_bytes());
    let root = Root::open(bench.root.path()).unwrap();
    for (pins, expected) in [(vec![pin], 0), (vec![crate::values::CaCertHash([0; 32])], 1)] {
        let mut plan = bench.plan();
        let Discovery::Token { trust, .. } = &mut plan.access.discovery else { panic!("no token discovery") };
        *trust = Trust::Pins(pins);
        let report = Report::new(Vec::new());
        let subject = Subject::new(&plan, &root, &bench.state, InitSystem::Unmanaged, &report);
        assert_eq!(files::ca_cert(&subject).len(), expected);
    }
}

#[test]
fn without_pins_a_ca_is_compared_with_the_clusters() {
    let (ca, other) = (kubejoin_apiserver::Pki::new(), kubejoin_apiserver::Pki::new());
    let bench = Bench::other_root();
    bench.write("/etc/kubernetes/pki/ca.crt", ca.ca_pem().as_bytes());
    let root = Root::open(bench.root.path()).unwrap();
    let mut plan = bench.plan();
    let Discovery::Token { trust, .. } = &mut plan.access.discovery else { panic!("no token discovery") };
    *trust = Trust::UnsafeSkipCaVerification;
    let report = Report::new(Vec::new());
    let subject = Subject::new(&plan, &root, &bench.state, InitSystem::Unmanaged, &report);
    assert_eq!(files::ca_cert(&subject), []);
    let text = b"apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
    let kubelet = crate::kubelet::configuration::KubeletConfiguration::read(text).unwrap();
    let refused: &[&str] = &["FileAvailable--etc-kubernetes-pki-ca.crt"];
    for (pem, expected) in [(ca.ca_pem(), &[][..]), (other.ca_pem(), refused)] {
        let ca_certificates = &crate::pki::certificate::Certificate::all_from_pem(pem.as_bytes()).unwrap();
        let requirements = ClusterRequirements { kubelet: &kubelet, api_server: None, ca_certificates };
        let found = cluster_checks::run(&worker::engine(&subject), &subject, &requirements);
        let names: Vec<_> = found.as_ref().err().iter().flat_map(|error| error.findings()).map(|f| &f.check).collect();
        assert_eq!(names, expected, "{found:?}");
    }
}

#[test]
fn a_bootstrap_kubeconfig_of_kubeadm_is_a_warning() {
    let bench = Bench::other_root();
    bench.write("/etc/kubernetes/bootstrap-kubelet.conf", b"token");
    let said = bench.run();
    assert_eq!(said.result, Ok(()));
    assert!(said.warnings[0].starts_with("[WARNING FileAvailable--etc-kubernetes-bootstrap-kubelet.conf]: "));
}

#[test]
fn ignored_errors_become_warnings() {
    for ignore in [vec!["fileavailable--etc-kubernetes-kubelet.conf".to_owned()], vec!["all".to_owned()]] {
        let bench = Bench { state: NodeState::Conflict(Conflict::Node), ignore, ..Bench::other_root() };
        let said = bench.run();
        assert_eq!(said.result, Ok(()));
        assert_eq!(
            said.warnings,
            [
                "[WARNING FileAvailable--etc-kubernetes-kubelet.conf]: /etc/kubernetes/kubelet.conf already exists, and it \
              belongs to a node of another name"
            ]
        );
    }
}

#[test]
fn root_is_needed_only_to_change_this_system() {
    let table = [
        (None, false, 1000, true),
        (None, true, 1000, false),
        (Some("/mnt"), false, 1000, false),
        (None, false, 0, false),
    ];
    for (rootfs, dry_run, euid, refused) in table {
        let mut bench = Bench { rootfs, dry_run, ..Bench::this_system() };
        bench.host.euid = euid;
        let names = bench.run().error_names();
        assert_eq!(names.iter().any(|name| name == "IsPrivilegedUser"), refused, "{rootfs:?} {dry_run} {euid}");
        if refused {
            assert_eq!(names.len(), 1, "the others are not made: {names:?}");
        }
    }
}

#[test]
fn every_error_of_a_machine_is_reported_at_once() {
    let mut bench = Bench { ignore: vec!["port-10250".to_owned()], ..Bench::this_system() };
    bench.host.ipv4_forwarding = Some(false);
    bench.host.swap_areas = Some(1);
    bench.host.proxy.https_proxy = Some(Secret::new("http://u:secret@proxy:3128"));
    std::fs::remove_file(bench.root.path().join("bin/losetup")).unwrap();
    bench.program("kubelet", "echo broken; exit 3");
    let said = bench.run();
    let errors = said.errors();
    let shown: Vec<_> = errors.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(
        shown,
        [
            ("FileExisting-losetup", "losetup not found in system path"),
            ("FileContent--proc-sys-net-ipv4-ip_forward", "/proc/sys/net/ipv4/ip_forward contents are not set to 1"),
            // Waited for now, since there is no later.
            (
                "KubeletVersion",
                "the kubelet's version is not known: `kubelet --version` failed (exit status 3): broken"
            ),
        ]
    );
    let error = said.result.unwrap_err();
    assert!(error.to_string().starts_with("preflight checks failed: [ERROR FileExisting-losetup]: losetup not found"));
    assert!(error.hint().contains(
        "--ignore-preflight-errors=FileExisting-losetup,FileContent--proc-sys-net-ipv4-ip_forward,KubeletVersion"
    ));
    let names: Vec<_> = said.warnings.iter().filter_map(|text| Some(text.split_once("]: ")?.0)).collect();
    for name in ["[WARNING Swap", "[WARNING Service-kubelet", "[WARNING HTTPProxy"] {
        assert!(names.contains(&name), "{name}: {:?}", said.warnings);
    }
    assert!(!said.warnings.iter().any(|text| text.contains("secret")));
}

/// Runs the checks of a join, and looks at the machine again after discovery.
fn before_and_after(bench: &Bench, between: impl FnOnce()) -> (Result<(), PreflightError>, Option<PreflightError>) {
    let report = Report::new(Vec::new());
    let root = Root::open(bench.root.path()).unwrap();
    let plan = bench.plan();
    let passed = match run(&plan, &root, &bench.state, &report) {
        Ok(passed) => passed,
        Err(error) => return (Err(error), None),
    };
    between();
    let text = b"apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
    let kubelet = crate::kubelet::configuration::KubeletConfiguration::read(text).unwrap();
    let requirements = ClusterRequirements { kubelet: &kubelet, api_server: None, ca_certificates: &[] };
    (Ok(()), passed.after_discovery(&requirements).err())
}

#[test]
fn the_kubelet_loads_beside_the_network() {
    let bench = Bench { ignore: vec!["port-10250".to_owned()], ..Bench::this_system() };
    let at = |name: &str| bench.root.path().join(name).display().to_string();
    let (begun, go) = (at("begun"), at("go"));
    bench.program(
        "kubelet",
        &format!("echo > {begun}; until [ -e {go} ]; do /bin/sleep 0.01; done; echo Kubernetes v1.33.9"),
    );
    let (before, after) = before_and_after(&bench, || {
        while !Path::new(&begun).exists() {
            std::thread::yield_now();
        }
        std::fs::write(&go, "").unwrap();
    });
    assert_eq!(before, Ok(()), "what is asked for has not been waited for");
    let after = after.unwrap();
    let found: Vec<_> = after.findings().iter().map(|finding| finding.check.as_str()).collect();
    assert_eq!(found, ["KubeletVersion"]);
    assert!(after.to_string().contains("kubelet 1.33.9 is older than 1.34.0"), "{after}");
}

#[test]
fn a_kubelet_that_is_not_waited_for_is_ended() {
    let bench = Bench { ignore: vec!["port-10250".to_owned()], ..Bench::this_system() };
    let pid = bench.root.path().join("pid");
    bench.program("kubelet", &format!("echo $$ > {0}.new; /bin/mv {0}.new {0}; exec /bin/sleep 1000", pid.display()));
    let mut number = String::new();
    let report = Report::new(Vec::new());
    let root = Root::open(bench.root.path()).unwrap();
    let plan = bench.plan();
    let passed = run(&plan, &root, &bench.state, &report).map_err(|error| error.to_string()).unwrap();
    while number.is_empty() {
        number = std::fs::read_to_string(&pid).unwrap_or_default().trim().to_owned();
    }
    let process = Path::new("/proc").join(number);
    assert!(process.exists());
    drop(passed);
    assert!(!process.exists());
}

#[test]
fn alone_the_checks_find_everything_in_kubeadms_order() {
    let bench = Bench { ignore: vec!["port-10250".to_owned()], ..Bench::this_system() };
    std::fs::remove_file(bench.root.path().join("bin/losetup")).unwrap();
    bench.program("kubelet", "exit 3");
    let report = Report::new(Vec::new());
    let root = Root::open(bench.root.path()).unwrap();
    let mut plan = bench.plan();
    plan.host.ipv4_forwarding = Some(false);
    plan.options.phases = crate::plan::Phases::only(crate::phase::Phase::Preflight);
    let error = run(&plan, &root, &bench.state, &report).map(drop).unwrap_err();
    let found: Vec<_> = error.findings().iter().map(|finding| finding.check.as_str()).collect();
    let forwarding = "FileContent--proc-sys-net-ipv4-ip_forward";
    assert_eq!(found, ["FileExisting-losetup", "SystemVerification", "KubeletVersion", forwarding]);
}

#[test]
fn a_missing_kubelet_is_found_before_anything_is_sent() {
    let bench = Bench { ignore: vec!["port-10250".to_owned()], ..Bench::this_system() };
    std::fs::remove_file(bench.root.path().join("bin/kubelet")).unwrap();
    let (before, _) = before_and_after(&bench, || panic!("nothing comes after"));
    assert_eq!(before.unwrap_err().code(), &codes::KUBELET_NOT_INSTALLED);
}

#[test]
fn a_program_that_only_path_leaves_out_is_not_called_missing() {
    let bench = Bench { ignore: vec!["port-10250".to_owned()], ..Bench::this_system() };
    for (name, directory) in [("losetup", "usr/sbin"), ("kubelet", "opt/bin")] {
        let elsewhere = bench.root.path().join(directory);
        std::fs::create_dir_all(&elsewhere).unwrap();
        std::fs::rename(bench.root.path().join("bin").join(name), elsewhere.join(name)).unwrap();
    }
    let said = bench.run();
    let shown =
        |path: &str| format!("not found in system path; it is installed as {}/{path}", bench.host.prefix.display());
    let errors = said.errors();
    assert_eq!(errors[0], ("FileExisting-losetup".to_owned(), format!("losetup {}", shown("usr/sbin/losetup"))));
    assert!(
        errors.contains(&("KubeletVersion".to_owned(), format!("kubelet {}", shown("opt/bin/kubelet")))),
        "{errors:?}"
    );
    let error = said.result.unwrap_err();
    assert_eq!(error.code(), &codes::PREFLIGHT_FAILED, "a kubelet is installed");
    assert!(error.hint().contains("to PATH where kubejoin is started"), "{}", error.hint());
}

#[test]
fn what_cannot_be_checked_is_a_warning() {
    let mut bench = Bench { ignore: vec!["port-10250".to_owned()], ..Bench::this_system() };
    bench.host.ipv4_forwarding = None;
    let said = bench.run();
    assert_eq!(said.error_names(), [""; 0]);
    let expected = "[WARNING FileContent--proc-sys-net-ipv4-ip_forward]: could not check: /proc/sys/net/ipv4/ip_forward \
                    cannot be read";
    assert!(said.warnings.iter().any(|text| text == expected), "{:?}", said.warnings);
}

#[test]
fn forwarding_is_checked_for_the_endpoints_family() {
    let table = [
        ("10.0.0.1:6443", Some("FileContent--proc-sys-net-ipv4-ip_forward")),
        ("[::ffff:10.0.0.1]:6443", Some("FileContent--proc-sys-net-ipv4-ip_forward")),
        ("[fd00::1]:6443", Some("FileContent--proc-sys-net-ipv6-conf-default-forwarding")),
        ("cp.example.com:6443", None),
    ];
    for (endpoint, expected) in table {
        let bench = Bench { endpoint, ..Bench::other_root() };
        let plan = bench.plan();
        let root = Root::open(bench.root.path()).unwrap();
        let report = Report::new(Vec::new());
        let subject = Subject::new(&plan, &root, &bench.state, InitSystem::Unmanaged, &report);
        assert_eq!(machine::forwarding_name(&subject).as_deref(), expected, "{endpoint}");
    }
}

#[test]
fn a_missing_or_disabled_kubelet_service_is_a_warning() {
    let table = [
        (
            "case $1 in status) echo 'Unit kubelet.service could not be found.';; esac",
            Some("kubelet service does not exist"),
        ),
        (
            "case $1 in is-enabled) exit 1;; esac",
            Some("kubelet service is not enabled, please run 'systemctl enable kubelet.service'"),
        ),
        (
            "case $1 in is-enabled) exit 1;; show) printf 'RequiredBy=\\nWantedBy=\\n';; esac",
            Some("kubelet service is not enabled, please run 'systemctl enable kubelet.service'"),
        ),
        ("case $1 in is-enabled) exit 1;; show) printf 'RequiredBy=\\nUpheldBy=multi-user.target\\n';; esac", None),
        ("case $1 in is-enabled) exit 1;; show) printf 'WantedBy=kubejoin.target\\nRequiredBy=\\n';; esac", None),
        ("exit 0", None),
    ];
    for (script, expected) in table {
        let bench = Bench { ignore: vec!["port-10250".to_owned()], ..Bench::this_system() };
        bench.program("systemctl", script);
        let said = bench.run();
        let found = said.warnings.iter().find_map(|text| text.strip_prefix("[WARNING Service-kubelet]: "));
        assert_eq!(found, expected, "{script}");
    }
}

#[test]
fn a_ready_machine_gets_no_warning_from_our_checks() {
    let said = Bench { ignore: vec!["port-10250".to_owned()], ..Bench::this_system() }.run();
    assert_eq!(said.result, Ok(()));
    let quiet = ["CRI", "ContainerRuntimeVersion", "SystemVerification", "TargetWritable", "DefaultHostname", "Clock"];
    for name in quiet {
        assert!(!said.warnings.iter().any(|text| text.contains(name)), "{:?}", said.warnings);
    }
}

#[test]
fn the_container_runtime_is_checked_as_in_kubeadm() {
    const DISABLED: (&str, &str) = ("/etc/containerd/config.toml", "version = 2\n\ndisabled_plugins = [\"cri\"]\n");
    let ready = status("RuntimeReady", true, "");
    let table: [(Option<Fake>, &str, &[(&str, &str)], &str); 7] = [
        (Some(Fake::runtime("0", &ready, "0")), "", &[], ""),
        // The network comes later.
        (Some(Fake::runtime("0", &status("NetworkReady", false, "x"), "0")), "", &[], ""),
        (
            Some(Fake::runtime("0", &status("RuntimeReady", false, "Broken"), "0")),
            "",
            &[("CRI", "container runtime condition RuntimeReady is not true: reason Broken, message ")],
            "see the log of the container runtime on this machine",
        ),
        (Some(Fake::runtime("0", &ready, "12")), "without which kubelets from 1.38 on", &[], ""),
        (
            Some(Fake::runtime("0", &ready, "13")),
            "",
            &[("ContainerRuntimeVersion", "could not check if the runtime config is available: ")],
            "see the log of",
        ),
        (
            Some(Fake::runtime("12", &ready, "0")),
            "",
            &[
                ("CRI", "could not connect to the container runtime: "),
                ("ContainerRuntimeVersion", "could not connect to the container runtime: "),
            ],
            "update the container runtime on this machine to a version that has CRI v1",
        ),
        (
            Some(Fake::saying(vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()], false)),
            "",
            &[("CRI", "could not connect"), ("ContainerRuntimeVersion", "could not connect")],
            "name the socket of the container runtime with --cri-socket",
        ),
    ];
    for (runtime, warning, errors, hint) in table {
        let bench = Bench { runtime, ignore: vec!["port-10250".to_owned()], ..Bench::this_system() };
        bench.write(DISABLED.0, DISABLED.1.as_bytes());
        let said = bench.run();
        let found = said.errors();
        assert_eq!(found.len(), errors.len(), "{found:?}");
        for ((name, text), (expected_name, expected)) in found.iter().zip(errors) {
            assert!(name == expected_name && text.starts_with(expected), "{name}: {text}");
        }
        let warned = said.warnings.iter().any(|text| text.contains("RuntimeConfig") && text.contains(warning));
        assert_eq!(warned, !warning.is_empty(), "{:?}", said.warnings);
        if let Err(error) = said.result {
            let found = error.findings()[0].hint.as_deref().unwrap_or_default();
            assert!(found.starts_with(hint), "{found}");
        }
    }
}

fn hints(verdicts: &[Verdict]) -> Vec<&str> {
    verdicts.iter().filter_map(|verdict| verdict.hint.as_deref()).collect()
}

#[test]
fn the_line_that_turns_cri_off_is_named() {
    let bench = Bench::this_system();
    bench.write("/etc/containerd/config.toml", b"version = 2\n\n  disabled_plugins = [\"cri\"]\n");
    let mut plan = bench.plan();
    let fake = Fake::runtime("12", b"", "0");
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("containerd.sock");
    std::os::unix::fs::symlink(fake.endpoint().strip_prefix("unix://").unwrap(), &link).unwrap();
    plan.node.cri_socket = format!("unix://{}", link.display());
    let root = Root::open(bench.root.path()).unwrap();
    let report = Report::new(Vec::new());
    let subject = Subject::new(&plan, &root, &bench.state, InitSystem::Unmanaged, &report);
    let verdicts = runtime::ready(&subject);
    let expected = "remove \"cri\" from disabled_plugins in line 3 of /etc/containerd/config.toml and run `systemctl restart \
                    containerd` on this machine";
    assert_eq!(hints(&verdicts), [expected]);
    // And one that is not there at all.
    std::fs::remove_file(&link).unwrap();
    let subject = Subject::new(&plan, &root, &bench.state, InitSystem::Unmanaged, &report);
    let verdicts = runtime::ready(&subject);
    let found = hints(&verdicts);
    assert!(found[0].contains("`systemctl enable --now containerd`") && found.len() == 1, "{found:?}");
}

#[test]
fn a_runtime_that_is_only_not_there_yet_has_a_code_of_its_own() {
    let ready = status("RuntimeReady", true, "");
    let table = [
        (Fake::runtime("0", &status("RuntimeReady", false, "Starting"), "0"), &codes::PREFLIGHT_RUNTIME),
        // Unavailable, DeadlineExceeded: containerd before its plugins are loaded.
        (Fake::runtime("14", &ready, "0"), &codes::PREFLIGHT_RUNTIME),
        (Fake::runtime("4", &ready, "0"), &codes::PREFLIGHT_RUNTIME),
        (Fake::runtime("0", &ready, "14"), &codes::PREFLIGHT_RUNTIME),
        (Fake::saying(vec![crate::grpc::scripted::SETTINGS.to_vec()], false), &codes::PREFLIGHT_RUNTIME),
        // Says nothing: two seconds.
        (Fake::saying(Vec::new(), true), &codes::PREFLIGHT_RUNTIME),
        // No CRI, an error of its own, and something else; one that hangs up without a word does not speak gRPC.
        (Fake::runtime("12", &ready, "0"), &codes::PREFLIGHT_FAILED),
        (Fake::saying(vec![Vec::new()], false), &codes::PREFLIGHT_FAILED),
        (Fake::runtime("13", &ready, "0"), &codes::PREFLIGHT_FAILED),
        (Fake::saying(vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()], false), &codes::PREFLIGHT_FAILED),
    ];
    let ignore = || vec!["port-10250".to_owned()];
    for (at, (runtime, expected)) in table.into_iter().enumerate() {
        let bench = Bench { runtime: Some(runtime), ignore: ignore(), ..Bench::this_system() };
        assert_eq!(bench.run().result.unwrap_err().code(), expected, "row {at}");
    }
    let socket =
        |path: &str| Bench { cri_socket: Some(format!("unix://{path}")), ignore: ignore(), ..Bench::this_system() };
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    drop(std::os::unix::net::UnixListener::bind(at("left")).unwrap());
    std::fs::write(at("file"), "").unwrap();
    for (path, expected) in [
        (at("missing"), &codes::PREFLIGHT_RUNTIME),
        (at("missing/socket"), &codes::PREFLIGHT_RUNTIME),
        (at("left"), &codes::PREFLIGHT_RUNTIME),
        // ENOTDIR.
        (at("file/socket"), &codes::PREFLIGHT_FAILED),
    ] {
        let error = socket(&path).run().result.unwrap_err();
        assert_eq!((error.code(), error.findings().len()), (expected, 2), "{path}");
        assert!(error.hint().contains("--ignore-preflight-errors=CRI,ContainerRuntimeVersion"), "{}", error.hint());
        assert!(!error.hint().contains("systemctl"), "of which service? {}", error.hint());
    }
    // With anything else that does not go away by itself, waiting is no use.
    let mut bench = socket(&at("missing"));
    bench.host.ipv4_forwarding = Some(false);
    assert_eq!(bench.run().result.unwrap_err().code(), &codes::PREFLIGHT_FAILED);
}

#[test]
fn what_a_mount_will_hide_is_not_written_to() {
    const FSTAB: &str = "# /var\nLABEL=root / ext4 defaults 0 1\nLABEL=var /var ext4 defaults 0 2\n\
        LABEL=data /data ext4 defaults\n/dev/x /etc/kubernetes/pki ext4 nofail\n/dev/y /var/lib/kubelet ext4 noauto\n\
        overlay /etc overlay lowerdir=/a,x-initrd.mount\n/swap none swap sw 0 0\n";
    let mounts = |mounted: &[&str]| -> String {
        mounted.iter().map(|at| format!("36 35 98:0 / {at} rw,noatime master:1 - ext4 /dev/root rw\n")).collect()
    };
    let late = Some(&codes::PREFLIGHT_NOT_MOUNTED);
    let failed = Some(&codes::PREFLIGHT_FAILED);
    type Row<'a> = (&'a str, bool, &'a [&'a str], Option<&'a Code>, usize);
    let table: [Row<'_>; 10] = [
        ("/", false, &["/", "/var", "/etc"], None, 0),
        ("/", false, &["/", "/etc"], late, 1),
        ("/", false, &["/"], late, 2),
        ("/", true, &["/"], late, 2),
        ("ROOT", false, &["/", "ROOT/var", "ROOT/etc"], None, 0),
        // Nobody will mount it while this waits.
        ("ROOT", false, &["/", "/var", "/etc"], failed, 2),
        ("ROOT", true, &["/", "ROOT", "ROOT/var"], late, 1),
        ("ROOT", true, &["/", "ROOT", "ROOT/etc"], failed, 1),
        ("ROOT", true, &["/", "/var", "/etc"], late, 1),
        ("ROOT", true, &["/", "ROOT", "ROOT/var", "ROOT/etc"], None, 0),
    ];
    for (rootfs, is_initramfs, mounted, code, count) in table {
        let mut bench = if rootfs == "/" { Bench::this_system() } else { Bench::other_root() };
        let outside = bench.root.path().canonicalize().unwrap().display().to_string();
        if rootfs == "ROOT" {
            bench.rootfs = Some(outside.clone().leak());
        }
        bench.ignore = vec!["port-10250".to_owned()];
        bench.host.is_initramfs = is_initramfs;
        bench.host.prefix = bench.root.path().to_owned();
        bench.write("/etc/fstab", FSTAB.as_bytes());
        bench.write("/proc/self/mountinfo", mounts(mounted).replace("ROOT", &outside).as_bytes());
        let said = bench.run();
        let names = said.error_names();
        assert_eq!(names, vec!["TargetMounted"; count], "{rootfs} {is_initramfs} {mounted:?}: {:?}", said.errors());
        assert_eq!(said.result.err().map(|error| error.code()), code, "{rootfs} {is_initramfs} {mounted:?}");
    }
}

#[test]
fn kernel_and_control_groups_are_checked_as_in_kubeadm() {
    type Change = fn(&mut Bench);
    let table: [(Change, &[&str], &[&str]); 10] = [
        (|_| {}, &[], &[]),
        (
            |bench| bench.host.kernel_release = "4.19.0".to_owned(),
            &[],
            &["kernel release 4.19.0 is unsupported", "could not check"],
        ),
        // Minimal images have none: no news.
        (|bench| std::fs::remove_file(bench.root.path().join("boot/config-6.1.0-28-amd64")).unwrap(), &[], &[]),
        (|bench| bench.write("/proc/config.gz", b"not packed"), &[], &["could not check"]),
        (
            |bench| bench.write("/boot/config-6.1.0-28-amd64", KERNEL.replace("CONFIG_MEMCG=y", "").as_bytes()),
            &["unexpected kernel config: CONFIG_MEMCG"],
            &[],
        ),
        (|bench| bench.host.cgroups = Cgroups::default(), &["no control groups are mounted"], &[]),
        (|bench| bench.host.cgroups.controllers = None, &[], &["could not check: the list of control group"]),
        (
            |bench| bench.host.cgroups.controllers = Some(vec!["cpu".to_owned(), "cpuset".to_owned()]),
            &["missing required cgroups: devices freezer memory pids"],
            &["missing optional cgroups: hugetlb io"],
        ),
        (
            |bench| bench.host.cgroups.version = Some(CgroupVersion::V1),
            &[
                "unexpected kernel config: CONFIG_CGROUP_CPUACCT CONFIG_CGROUP_DEVICE CONFIG_CGROUP_FREEZER",
                "control groups are of version 1, which kubelet 1.37.2 refuses",
                "missing required cgroups: cpuacct",
            ],
            &["missing optional cgroups: blkio"],
        ),
        (
            |bench| {
                bench.program("kubelet", "echo Kubernetes v1.34.9");
                bench.host.cgroups.version = Some(CgroupVersion::V1);
                bench.write(
                    "/boot/config-6.1.0-28-amd64",
                    format!("{KERNEL}CONFIG_CGROUP_CPUACCT=y\nCONFIG_CGROUP_DEVICE=y\nCONFIG_CGROUP_FREEZER=y\n")
                        .as_bytes(),
                );
            },
            &["missing required cgroups: cpuacct"],
            &["control groups are of version 1, which kubelets from 1.35 on refuse", "missing optional cgroups: blkio"],
        ),
    ];
    for (change, errors, warnings) in table {
        let mut bench = Bench { ignore: vec!["port-10250".to_owned()], ..Bench::this_system() };
        change(&mut bench);
        let said = bench.run();
        let found: Vec<_> = said.errors();
        let agree = |found: &[String], expected: &[&str]| {
            found.len() == expected.len()
                && found.iter().zip(expected).all(|(found, expected)| found.starts_with(expected))
        };
        assert!(found.iter().all(|(name, _)| name == "SystemVerification"), "{found:?}");
        let found: Vec<_> = found.into_iter().map(|(_, text)| text).collect();
        assert!(agree(&found, errors), "{found:?}, expected {errors:?}");
        let warned = said.warnings.iter().filter_map(|text| text.strip_prefix("[WARNING SystemVerification]: "));
        let warned: Vec<_> = warned.map(str::to_owned).collect();
        assert!(agree(&warned, warnings), "{warned:?}, expected {warnings:?}");
    }
}

#[test]
fn the_module_configs_is_loaded_only_where_it_helps() {
    for (dry_run, expected) in [(false, "configs\n-r configs\n"), (true, "")] {
        let bench = Bench { ignore: vec!["port-10250".to_owned()], dry_run, ..Bench::this_system() };
        let at = |path: &str| bench.root.path().join(path).display().to_string();
        let (found, config, log) = (at("boot/config-6.1.0-28-amd64"), at("kept"), at("log"));
        std::fs::rename(&found, &config).unwrap();
        bench.program("modprobe", &format!("echo \"$@\" >> {log}; test $1 = -r || /bin/cp {config} {found}"));
        let said = bench.run();
        assert_eq!(std::fs::read_to_string(&log).unwrap_or_default(), expected);
        let unknown = said.infos.iter().any(|text| text.starts_with("SystemVerification: the kernel's configuration"));
        assert_eq!((unknown, said.result), (dry_run, Ok(())));
    }
}

#[test]
fn the_line_that_turns_the_memory_controller_on_is_named() {
    let table: [(Option<&str>, Option<&str>, &str); 4] = [
        (
            Some("/boot/firmware/cmdline.txt"),
            None,
            "into /boot/firmware/cmdline.txt, remove cgroup_disable=memory there",
        ),
        (Some("/boot/cmdline.txt"), None, "into /boot/cmdline.txt,"),
        (
            None,
            Some("Raspberry Pi 4 Model B Rev 1.4"),
            "into /boot/firmware/cmdline.txt (/boot/cmdline.txt before Debian 12),",
        ),
        (Some("/etc/default/grub"), None, "into GRUB_CMDLINE_LINUX of /etc/default/grub (then run `update-grub`),"),
    ];
    for (file, board, expected) in table {
        for is_initramfs in [true, false] {
            let mut bench = Bench::other_root();
            bench.host.cgroups.memory_is_off = true;
            bench.host.is_initramfs = is_initramfs;
            bench.host.board = board.map(str::to_owned);
            if let Some(file) = file {
                bench.write(file, b"");
            }
            let said = bench.run();
            assert_eq!(said.error_names(), if is_initramfs { vec!["MemoryCgroup"] } else { Vec::new() });
            if let Err(error) = said.result {
                let hint = error.hint();
                assert!(
                    hint.starts_with("write cgroup_enable=memory cgroup_memory=1 ") && hint.contains(expected),
                    "{hint}"
                );
            }
        }
        // On a running system it is one of kubeadm's findings.
        let mut bench = Bench { ignore: vec!["port-10250".to_owned()], ..Bench::this_system() };
        bench.host.cgroups.controllers.as_mut().unwrap().retain(|name| name != "memory");
        bench.host.board = board.map(str::to_owned);
        if let Some(file) = file {
            bench.write(file, b"");
        }
        let said = bench.run();
        assert_eq!(said.errors(), [("SystemVerification".to_owned(), "missing required cgroups: memory".to_owned())]);
        assert!(said.result.unwrap_err().hint().contains(expected));
    }
}

#[test]
fn a_token_is_not_taken_for_a_node_name() {
    let said = Bench { node_name: Some("abcdef.0123456789abcdef"), ..Bench::other_root() }.run();
    assert_eq!(said.error_names(), ["Hostname"]);
    assert!(!said.result.unwrap_err().to_string().contains("0123456789abcdef"));
}

#[test]
fn a_default_host_name_is_refused_unless_it_was_given() {
    for (hostname, node_name, refused) in [
        ("localhost", None, true),
        ("raspberrypi", None, true),
        ("raspberrypi", Some("raspberrypi"), false),
        ("raspberrypi", Some("pi-7"), false),
        ("raspberrypi-7", None, false),
    ] {
        let mut bench = Bench { node_name, ..Bench::other_root() };
        bench.host.hostname = hostname.to_owned();
        let expected: &[&str] = if refused { &["DefaultHostname"] } else { &[] };
        assert_eq!(bench.run().error_names(), expected, "{hostname} {node_name:?}");
    }
}

#[test]
fn a_root_without_a_host_name_is_a_warning() {
    for (in_the_root, node_name, expected) in [(None, None, 1), (None, Some("pi-7"), 0), (Some("pi-1"), None, 0)] {
        let mut bench = Bench { node_name, ..Bench::other_root() };
        bench.host.kubelet_hostname = in_the_root.map(str::to_owned);
        let said = bench.run();
        let about = said.warnings.iter().filter(|warning| warning.contains("[WARNING DefaultHostname]")).count();
        assert_eq!((said.result, about), (Ok(()), expected), "{in_the_root:?} {node_name:?}");
    }
}

#[test]
fn an_impossible_clock_is_an_error_only_where_it_counts() {
    let at =
        |seconds, mode| Clock::at(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds), mode);
    let table = [
        (at(0, ClockMode::System), Some("/mnt"), Some(true)),
        (at(0, ClockMode::System), None, Some(true)),
        (at(0, ClockMode::Auto), None, Some(false)),
        (at(0, ClockMode::Auto), Some("/mnt"), None),
        (at(1 << 33, ClockMode::System), None, None),
    ];
    for (clock, rootfs, expected) in table {
        let bench = match rootfs {
            Some(_) => Bench { clock, ..Bench::other_root() },
            None => Bench { clock, ignore: vec!["port-10250".to_owned()], ..Bench::this_system() },
        };
        let said = bench.run();
        let is_error = said.error_names().iter().any(|name| name == "Clock");
        assert!(!is_error || said.result.as_ref().unwrap_err().code() == &codes::CLOCK_NOT_SET);
        let warning = said.warnings.iter().find(|text| text.starts_with("[WARNING Clock]: "));
        assert_eq!((is_error, warning.is_some()), (expected == Some(true), expected == Some(false)), "{clock:?}");
        if let Some(warning) = warning {
            assert!(warning.contains("clock says Thu, 01 Jan 1970 00:00:00 GMT, which is before"), "{warning}");
        }
    }
}

#[test]
fn an_impossible_clock_is_waited_for_where_no_server_may_tell_the_time() {
    let bench = Bench::other_root();
    let root = Root::open(bench.root.path()).unwrap();
    let report = Report::new(Vec::new());
    for (mode, pinned, refused) in [
        (ClockMode::Auto, true, false),
        (ClockMode::Server, true, false),
        (ClockMode::Auto, false, true),
        (ClockMode::Server, false, true),
    ] {
        let mut plan = bench.plan();
        plan.access.clock = Clock::at(std::time::SystemTime::UNIX_EPOCH, mode);
        let Discovery::Token { trust, .. } = &mut plan.access.discovery else { panic!("no token discovery") };
        if !pinned {
            *trust = Trust::UnsafeSkipCaVerification;
        }
        let found = run(&plan, &root, &bench.state, &report).map(drop);
        assert_eq!(
            found.err().map(|error| error.code()),
            refused.then_some(&codes::CLOCK_NOT_SET),
            "{mode:?} {pinned}"
        );
    }
}

#[test]
fn an_unwritable_target_is_one_finding_with_its_code() {
    // sysfs has no room for anything.
    let bench = Bench::other_root();
    let plan = bench.plan();
    let root = Root::open(std::path::Path::new("/sys/kernel")).unwrap();
    let report = Report::new(Vec::new());
    let error = run(&plan, &root, &bench.state, &report).map(drop).unwrap_err();
    let (code, text) = if root.space(&crate::node::paths::KUBELET).unwrap().read_only {
        (&codes::MACHINE_READ_ONLY, "is mounted read-only")
    } else {
        (&codes::MACHINE_NO_SPACE, "has only 0 KiB left")
    };
    assert_eq!(error.code(), code);
    let place = |path| format!("/sys/kernel/{path}");
    let expected = format!("the file system of {} and {} {text}", place("etc/kubernetes"), place("var/lib/kubelet"));
    assert_eq!(error.findings().iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_missing_kubelet_alone_has_a_code_of_its_own() {
    let bench = Bench::this_system();
    std::fs::remove_file(bench.root.path().join("bin/kubelet")).unwrap();
    let said = bench.run();
    let names: Vec<_> = said.errors().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["SystemVerification", "KubeletVersion"]);
    assert_eq!(said.result.unwrap_err().code(), &codes::KUBELET_NOT_INSTALLED);
}

/// What [`LocalChecksPassed::after_discovery`] says of a KubeletConfiguration and an API server.
fn after_discovery(bench: &Bench, fields: &str, api_server: Option<&str>) -> Said {
    let text = format!("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n{fields}");
    let kubelet = crate::kubelet::configuration::KubeletConfiguration::read(text.as_bytes()).unwrap();
    let lines = Lines::default();
    let report = Report::new(vec![Box::new(lines.clone())]);
    let root = Root::open(bench.root.path()).unwrap();
    let plan = bench.plan();
    let subject = Subject::new(&plan, &root, &bench.state, InitSystem::Unmanaged, &report);
    let requirements = ClusterRequirements { kubelet: &kubelet, api_server, ca_certificates: &[] };
    let result = cluster_checks::run(&worker::engine(&subject), &subject, &requirements);
    let warnings = lines.0.borrow().iter().filter(|line| line.0).map(|line| line.1.clone()).collect();
    Said { result, warnings, infos: Vec::new() }
}

#[test]
fn swap_is_compared_with_the_nodes_configuration() {
    const FSTAB: &str = "# swap\n/dev/sda1 / ext4 ro 0 1\n#/dev/sda2 none swap sw 0 0\n/dev/sda3 none swap sw,noauto 0 0\n\
                         /swap none swap sw 0 0\n";
    type Change = fn(&mut Bench);
    let extra =
        |bench: &mut Bench| bench.write("/etc/default/kubelet", b"#x\nKUBELET_EXTRA_ARGS=--fail-swap-on=false\n");
    let table: [(&str, Change, &str, Option<&str>); 9] = [
        ("on", |_| {}, "", Some("run `swapoff -a` and remove what turns it on (zram-generator")),
        (
            "on",
            |bench| bench.write("/etc/fstab", FSTAB.as_bytes()),
            "",
            Some("run `swapoff -a` and remove line 5 of /etc/fstab on"),
        ),
        ("on", |_| {}, "failSwapOn: false", None),
        ("on", extra, "", None),
        (
            "on",
            |bench| {
                bench.write("/etc/systemd/system/kubelet.service.d/9.conf", b"ExecStart=kubelet --fail-swap-on=false")
            },
            "",
            None,
        ),
        ("on", |bench| bench.write("/etc/default/kubelet", b"# --fail-swap-on=false"), "", Some("run `swapoff -a`")),
        ("off", |bench| bench.write("/etc/fstab", FSTAB.as_bytes()), "", None),
        ("elsewhere", |_| {}, "", None),
        (
            "elsewhere",
            |bench| bench.write("/etc/fstab", FSTAB.as_bytes()),
            "",
            Some("remove line 5 of /etc/fstab on this machine, or write"),
        ),
    ];
    for (state, change, fields, expected) in table {
        let mut bench = if state == "elsewhere" { Bench::other_root() } else { Bench::this_system() };
        bench.host.swap_areas = Some(usize::from(state != "off"));
        change(&mut bench);
        let said = after_discovery(&bench, fields, None);
        let hint = said.result.err().and_then(|error| error.findings()[0].hint.clone());
        let agrees = match (&hint, expected) {
            (Some(hint), Some(expected)) => hint.starts_with(expected) && hint.contains("`failSwapOn: false`"),
            (hint, expected) => hint.is_none() && expected.is_none(),
        };
        assert!(agrees, "{state} {fields}: {hint:?}, expected {expected:?}");
    }
    // A user who has always ignored kubeadm's check of that name still can.
    let mut bench = Bench { ignore: vec!["swap".to_owned()], ..Bench::this_system() };
    bench.host.swap_areas = Some(1);
    let said = after_discovery(&bench, "", None);
    assert!(said.result.is_ok() && said.warnings[0].starts_with("[WARNING Swap]: swap is on, and with failSwapOn"));
}

#[test]
fn cgroup_v1_is_compared_with_the_nodes_configuration() {
    use CgroupVersion::{V1, V2};
    let table = [
        (V1, "1.37.2", "", true),
        (V1, "1.35.0-rc.0", "failCgroupV1: true", true),
        (V1, "1.37.2", "failCgroupV1: false", false),
        (V1, "1.34.9", "", false),
        (V2, "1.37.2", "", false),
    ];
    for (version, kubelet, fields, refused) in table {
        let mut bench = Bench::this_system();
        bench.program("kubelet", &format!("echo Kubernetes v{kubelet}"));
        bench.host.cgroups.version = Some(version);
        let names = after_discovery(&bench, fields, None).error_names();
        assert_eq!(names, if refused { vec!["FailCgroupV1"] } else { Vec::new() }, "{version:?} {kubelet} {fields}");
    }
}

#[test]
fn a_kubelet_newer_than_the_api_server_is_a_warning() {
    let table = [
        (None, None),
        (Some("v1.37.0"), None),
        (Some("v1.38.0-alpha.1+abc"), None),
        (
            Some("v1.36.9"),
            Some("kubelet 1.37.2 is newer than the API server (1.36.9), which is not a supported combination: install"),
        ),
        (Some("v1.36.9-gke.100"), Some("kubelet 1.37.2 is newer")),
        (Some("stable-1"), Some("could not check: the API server's version is \"stable-1\"")),
    ];
    for (api_server, expected) in table {
        let said = after_discovery(&Bench::this_system(), "", api_server);
        assert_eq!(said.result, Ok(()));
        let found = said.warnings.first().and_then(|text| text.strip_prefix("[WARNING KubeletVersion]: "));
        let agrees = match (found, expected) {
            (Some(found), Some(expected)) => found.starts_with(expected),
            (found, expected) => found.is_none() && expected.is_none(),
        };
        assert!(agrees, "{found:?}, expected {expected:?}");
    }
}
