//! Facts about this machine, read once: names, identity, runtime socket, what the kernel says. Nothing of
//! the cluster.
//!
//! Enters: `/proc` and `/sys` of the running kernel, the environment, `/etc` of the target root. Leaves: [`HostFacts`], in
//! which what a half-booted machine does not tell is absent, never an error. Where the target root is not this system,
//! facts about what will run there come from its files or are absent.

mod cgroups;
mod identity;
mod kernel;
mod resolved;
mod runtime;
mod seen_time;
mod system_ca_bundle;

pub use cgroups::{CgroupVersion, Cgroups};
pub use system_ca_bundle::SystemCaBundle;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::rootfs::Root;
use crate::secret::Secret;
use crate::services::InitSystem;
use crate::values::ProxyVariables;

/// Where programs are looked for when nobody says so: init starts us without a PATH.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Longest time for a question to the init system; it answers in milliseconds or not at all.
const QUESTION_LIMIT: Duration = Duration::from_secs(5);

/// What the plan needs to know about the machine.
#[derive(Clone, Debug, Default)]
pub struct HostFacts {
    /// The host name, trimmed and lower-cased as the kubelet does (component-helpers `node/util/hostname.go`): the
    /// kernel's; in another root that of its `/etc/hostname`, where there is one.
    pub hostname: String,
    /// The host name that the kubelet is sure to see: `None` in another root without an `/etc/hostname`.
    pub kubelet_hostname: Option<String>,
    /// `machine-id` of the target root, as the kubelet reports it in `status.nodeInfo.machineID`.
    pub machine_id: Option<String>,
    /// `status.nodeInfo.systemUUID`: DMI product UUID, else as the kubelet falls back.
    pub system_uuid: Option<String>,
    /// Runtime sockets that answer, as `unix://` URLs in kubeadm's order of candidates; none in another root.
    pub cri_sockets: Vec<String>,
    /// Effective user id.
    pub euid: u32,
    /// `systemd-resolved` is active, or will be in another root (decides `resolvConf`).
    pub systemd_resolved_active: bool,
    /// Executable search path: absolute directories.
    pub path: Vec<PathBuf>,
    /// Number of swap areas in use.
    pub swap_areas: Option<usize>,
    /// `net.ipv4.ip_forward` is 1.
    pub ipv4_forwarding: Option<bool>,
    /// `net.ipv6.conf.default.forwarding` is 1.
    pub ipv6_forwarding: Option<bool>,
    /// The kernel's release, such as `6.12.47+rpt-rpi-v8`.
    pub kernel_release: String,
    /// Control groups.
    pub cgroups: Cgroups,
    /// What runs is an initramfs: its kernel, not its files, is the one of the system that will run.
    pub is_initramfs: bool,
    /// The board's name in the device tree, such as `Raspberry Pi 4 Model B Rev 1.4`.
    pub board: Option<String>,
    /// The proxy that the environment names for https.
    pub proxy: ProxyVariables,
    /// Where the running system may have the CA certificates that it knows web servers by.
    pub system_ca_bundle: SystemCaBundle,
    /// The latest moment that files of the target root tell of: it cannot be earlier now.
    pub seen_time: Option<SystemTime>,
    /// What stands before `/proc`, `/boot` and the like of the running system; `/` outside of tests.
    pub prefix: PathBuf,
}

/// Where facts are read from, apart from the target root: data, so that a test can point elsewhere.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What stands before `/proc`, `/sys` and `/var/run`; `/` outside of tests.
    pub prefix: PathBuf,
    /// The search path, `PATH`.
    pub path: Option<OsString>,
    /// The proxy variables.
    pub proxy: ProxyVariables,
    /// `SSL_CERT_FILE`.
    pub ssl_cert_file: Option<PathBuf>,
    /// `SSL_CERT_DIR`.
    pub ssl_cert_dir: Option<OsString>,
}

impl Machine {
    /// This machine and this process's environment, with the given search path.
    pub fn this(path: Option<&OsStr>) -> Self {
        let variable = |names: [&str; 2]| {
            let values = names.into_iter().filter_map(std::env::var_os);
            // What is not UTF-8 names no proxy, but must not count as absent.
            values.map(|value| value.to_string_lossy().into_owned()).find(|value| !value.is_empty())
        };
        let path_variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Machine {
            prefix: PathBuf::from("/"),
            path: path.map(OsStr::to_owned),
            proxy: ProxyVariables {
                https_proxy: variable(["HTTPS_PROXY", "https_proxy"]).map(Secret::new),
                no_proxy: variable(["NO_PROXY", "no_proxy"]),
            },
            ssl_cert_file: path_variable("SSL_CERT_FILE").map(PathBuf::from),
            ssl_cert_dir: path_variable("SSL_CERT_DIR"),
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.prefix.join(path.trim_start_matches('/'))
    }
}

impl HostFacts {
    /// Reads everything about this machine, and about the root that will be written to.
    pub fn read(rootfs: &Path, path: Option<&OsStr>) -> Self {
        HostFacts::read_from(&Machine::this(path), rootfs)
    }

    /// The same about another machine, such as a test's.
    pub fn read_from(machine: &Machine, rootfs: &Path) -> Self {
        // A root that cannot be opened fails the join later, with its reason.
        let root = Root::open(rootfs).ok();
        let is_this_system = rootfs == Path::new("/");
        let path = search_path(machine.path.as_deref());
        let control = InitSystem::detect_with(&path, QUESTION_LIMIT);
        let kernel_hostname = kernel::hostname();
        let kubelet_hostname =
            if is_this_system { Some(kernel_hostname.clone()) } else { root.as_ref().and_then(identity::hostname) };
        HostFacts {
            hostname: kubelet_hostname.clone().unwrap_or(kernel_hostname),
            kubelet_hostname,
            machine_id: root.as_ref().and_then(identity::machine_id),
            system_uuid: identity::system_uuid(machine, root.as_ref()),
            cri_sockets: if is_this_system { runtime::answering_sockets(machine) } else { Vec::new() },
            euid: rustix::process::geteuid().as_raw(),
            systemd_resolved_active: match &root {
                _ if is_this_system => resolved::is_active(&control),
                Some(root) => resolved::is_enabled(root),
                None => false,
            },
            path,
            swap_areas: kernel::swap_areas(machine),
            ipv4_forwarding: kernel::is_one(machine, kernel::IPV4_FORWARDING),
            ipv6_forwarding: kernel::is_one(machine, kernel::IPV6_FORWARDING),
            kernel_release: kernel::release(),
            cgroups: Cgroups::read(machine),
            is_initramfs: kernel::is_initramfs(),
            board: identity::board(machine),
            proxy: machine.proxy.clone(),
            system_ca_bundle: SystemCaBundle::of(machine),
            seen_time: root.as_ref().and_then(seen_time::latest),
            prefix: machine.prefix.clone(),
        }
    }
}

/// The absolute directories of a search path. Relative ones are left out, as Go's `exec.LookPath` refuses them.
pub fn search_path(text: Option<&OsStr>) -> Vec<PathBuf> {
    let text = text.filter(|text| !text.is_empty()).unwrap_or(OsStr::new(DEFAULT_PATH));
    std::env::split_paths(text).filter(|directory| directory.is_absolute()).collect()
}

#[cfg(test)]
mod tests;
