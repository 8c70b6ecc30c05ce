//! The set of a control plane: what kubeadm checks beyond the worker's set, under its names and in its order, and etcd's disk.
//!
//! kubeadm refuses whatever is there already. Here, what an interrupted join of this very control plane has left is no
//! obstacle: its pods may run.

use std::borrow::Cow;
use std::net::IpAddr;

use super::engine::{Check, Engine, Scope};
use super::error::PreflightError;
use super::subject::Subject;
use super::verdict::Verdict;
use super::{files, machine, ports};
use crate::cluster::control_plane::{Argument, ControlPlaneConfiguration, Etcd, last_argument};
use crate::etcd;
use crate::node::paths;
use crate::phase::Phase;
use crate::plan::ControlPlaneSpec;
use crate::rootfs::TargetPath;
use crate::values::{Quoted, Version};

/// Fewest processors (kubeadm `ControlPlaneNumCPU`).
const MIN_CPUS: usize = 2;
/// Least memory, in bytes (kubeadm `ControlPlaneMem`, 1700 MB).
const MIN_MEMORY: u64 = 1700 << 20;
/// The newest release whose control plane is known here (kubeadm 1.37).
const NEWEST_MINOR: u32 = 37;

/// What a control plane is made of.
#[derive(Clone, Copy, Debug)]
pub struct ControlPlaneRequirements<'a> {
    /// The cluster's configuration.
    pub configuration: &'a ControlPlaneConfiguration,
    /// This control plane.
    pub spec: &'a ControlPlaneSpec,
    /// An interrupted join of this control plane is gone on with.
    pub is_resumed: bool,
}

/// Static pods, in the order of their checks.
const COMPONENTS: [&str; 4] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"];

struct Pair<'a> {
    machine: &'a Subject<'a>,
    requirements: ControlPlaneRequirements<'a>,
}

type Checks<'a> = Vec<Check<Pair<'a>>>;

fn checks<'a>() -> Checks<'a> {
    use Scope::RunningSystem;
    vec![
        Check::new("NumCPU", RunningSystem, |_| processors()),
        Check::new("Mem", RunningSystem, |_| memory()),
        Check::new("KubernetesVersion", Scope::Target, version),
        Check::new("Firewalld", RunningSystem, firewalld),
        Check::named(
            |pair: &Pair<'_>| Some(Cow::Owned(format!("Port-{}", pair.requirements.spec.bind_port))),
            RunningSystem,
            |pair| {
                let arguments = &pair.requirements.configuration.api_server.extra_args;
                port(pair, pair.requirements.spec.bind_port, bind_address(arguments, "bind-address"))
            },
        ),
        Check::new("Port-10259", RunningSystem, |pair: &Pair<'_>| {
            port(pair, 10259, bind_address(&pair.requirements.configuration.scheduler.extra_args, "bind-address"))
        }),
        Check::new("Port-10257", RunningSystem, |pair: &Pair<'_>| {
            port(
                pair,
                10257,
                bind_address(&pair.requirements.configuration.controller_manager.extra_args, "bind-address"),
            )
        }),
        manifest::<0>(),
        manifest::<1>(),
        manifest::<2>(),
        manifest::<3>(),
        Check::new("HTTPProxy", Scope::Target, |pair: &Pair<'_>| {
            machine::proxy_for(pair.machine, pair.requirements.spec.advertise_address)
        }),
        Check::new("HTTPProxyCIDR", Scope::Target, proxy_for_subnets),
        Check::new("Port-2379", RunningSystem, |pair: &Pair<'_>| etcd_port(pair, 2379)),
        Check::new("Port-2380", RunningSystem, |pair: &Pair<'_>| etcd_port(pair, 2380)),
        Check::named(data_directory_name, Scope::Target, data_directory),
        Check::new("EtcdDisk", RunningSystem, disk),
    ]
}

/// Makes them all.
pub(super) fn run(
    engine: &Engine<'_>,
    machine: &Subject<'_>,
    requirements: ControlPlaneRequirements<'_>,
) -> Result<(), PreflightError> {
    engine.run(&checks(), &Pair { machine, requirements })
}

fn processors() -> Vec<Verdict> {
    match std::thread::available_parallelism().map(usize::from) {
        Ok(count) if count >= MIN_CPUS => Vec::new(),
        Ok(count) => {
            let text = format!("the number of available CPUs {count} is less than the required {MIN_CPUS}");
            vec![Verdict::error(
                text,
                "give this machine two processors; with one, API server and etcd miss their deadlines",
            )]
        }
        Err(error) => vec![Verdict::could_not_check(error)],
    }
}

fn memory() -> Vec<Verdict> {
    let info = rustix::system::sysinfo();
    // On 32 bits the first is one of them.
    #[allow(clippy::useless_conversion)]
    let bytes = u64::from(info.totalram).saturating_mul(info.mem_unit.into());
    if bytes >= MIN_MEMORY {
        return Vec::new();
    }
    let text = format!("the system RAM ({} MB) is less than the minimum {} MB", bytes >> 20, MIN_MEMORY >> 20);
    vec![Verdict::error(text, "give this machine more memory: API server, etcd and the kubelet need it")]
}

fn version(pair: &Pair<'_>) -> Vec<Verdict> {
    let text = pair.requirements.configuration.cluster.kubernetes_version().unwrap_or_default();
    match text.parse::<Version>() {
        Ok(version) if version.minor > NEWEST_MINOR => vec![Verdict::warning(format!(
            "Kubernetes version {text} is newer than 1.{NEWEST_MINOR}, the newest that this program knows"
        ))],
        _ => Vec::new(),
    }
}

fn firewalld(pair: &Pair<'_>) -> Vec<Verdict> {
    if !pair.machine.init.is_active("firewalld").unwrap_or(false) {
        return Vec::new();
    }
    let port = pair.requirements.spec.bind_port;
    vec![Verdict::warning(format!(
        "firewalld is active, please ensure ports [{port} 10250] are open or your cluster may not function correctly"
    ))]
}

/// The first address of each network of services and of pods.
fn proxy_for_subnets(pair: &Pair<'_>) -> Vec<Verdict> {
    let configuration = pair.requirements.configuration;
    let pods = configuration.pod_subnet.as_deref().unwrap_or_default();
    let subnets = configuration.cluster.service_subnet().split(',').chain(pods.split(','));
    let check = |subnet: &str| match subnet.split('/').next().unwrap_or_default().parse() {
        Ok(address) => machine::proxy_for(pair.machine, address),
        Err(_) => vec![Verdict::error(
            format!("{} is not a network", Quoted(subnet)),
            "correct networking in `kubectl -n kube-system edit configmap kubeadm-config`",
        )],
    };
    subnets.map(str::trim).filter(|subnet| !subnet.is_empty()).flat_map(check).collect()
}

/// The address that an argument of a component names; every one where there is none.
fn bind_address(arguments: &[Argument], name: &str) -> Option<IpAddr> {
    last_argument(arguments, name)?.value.parse().ok()
}

fn port(pair: &Pair<'_>, port: u16, address: Option<IpAddr>) -> Vec<Verdict> {
    if pair.requirements.is_resumed { Vec::new() } else { ports::listen(port, address) }
}

fn etcd_port(pair: &Pair<'_>, number: u16) -> Vec<Verdict> {
    if matches!(pair.requirements.configuration.etcd, Etcd::External(_)) {
        return Vec::new();
    }
    port(pair, number, Some(pair.requirements.spec.advertise_address))
}

/// `FileAvailable` of the static pod of one of [`COMPONENTS`].
fn manifest<'a, const AT: usize>() -> Check<Pair<'a>> {
    Check::named(
        |_| Some(files::name(&manifest_path(COMPONENTS[AT]))),
        Scope::Target,
        |pair| manifest_is_free(pair, COMPONENTS[AT]),
    )
}

fn manifest_path(component: &str) -> TargetPath {
    paths::MANIFESTS.join(&format!("{component}.yaml")).unwrap_or(paths::MANIFESTS)
}

fn manifest_is_free(pair: &Pair<'_>, component: &str) -> Vec<Verdict> {
    let path = manifest_path(component);
    match pair.machine.root.exists(&path) {
        Ok(true) if !pair.requirements.is_resumed => {
            vec![Verdict::error(format!("{path} already exists"), files::reset(pair.machine))]
        }
        Ok(_) => Vec::new(),
        Err(error) => vec![Verdict::could_not_check(error)],
    }
}

/// Ours: etcd is as fast as its disk.
fn disk(pair: &Pair<'_>) -> Vec<Verdict> {
    let Some(path) = local_data(pair).filter(|_| pair.machine.changes_this_system()) else { return Vec::new() };
    let times = match etcd::measure_disk(pair.machine.root, &path) {
        Ok(times) => times,
        Err(error) => return vec![Verdict::could_not_check(error)],
    };
    let measured = format!("99 of 100 writes to the disk of {path} take up to {} ms", times.p99.as_millis());
    if times.p99 > etcd::TOO_SLOW_FOR_DEFAULTS {
        return vec![Verdict::warning(format!(
            "{measured}: too slow for etcd's defaults; give every member heartbeat-interval and election-timeout of at least \
             {} and {} ms in etcd.local.extraArgs",
            times.p99.as_millis() * 2,
            times.p99.as_millis() * 20
        ))];
    }
    if times.p99 > etcd::SLOW {
        return vec![Verdict::warning(format!("{measured}: etcd wants them in 10 ms"))];
    }
    pair.machine.report.info(Phase::Preflight, measured);
    Vec::new()
}

fn local_data(pair: &Pair<'_>) -> Option<TargetPath> {
    match &pair.requirements.configuration.etcd {
        Etcd::Local(local) => local.data_dir.parse().ok(),
        Etcd::External(_) => None,
    }
}

fn data_directory_name(pair: &Pair<'_>) -> Option<Cow<'static, str>> {
    local_data(pair).map(|path| Cow::Owned(format!("DirAvailable-{}", path.as_str().replace('/', "-"))))
}

/// `DirAvailable`: data of another member would be taken for this one's.
fn data_directory(pair: &Pair<'_>) -> Vec<Verdict> {
    let Some(path) = local_data(pair).filter(|_| !pair.requirements.is_resumed) else { return Vec::new() };
    match pair.machine.root.list(&path) {
        // A file system of its own has that from its making.
        Ok(names) if names.iter().flatten().all(|name| name == "lost+found") => Vec::new(),
        Ok(_) => vec![Verdict::error(
            format!("{path} is not empty"),
            format!("if no etcd of this machine needs what is in it any more, move it away: {path} has to be empty"),
        )],
        Err(error) => vec![Verdict::could_not_check(error)],
    }
}
