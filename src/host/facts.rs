//! Everything that is read about this machine, in one value.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::cgroups::{self, Cgroups};
use super::identity::SystemUuid;
use super::machine::Machine;
use super::search_path::{self, search_path};
use super::system_ca_bundle::SystemCaBundle;
use super::{default_address, identity, interfaces, kernel, resolved, runtime, seen_time};
use crate::rootfs::Root;
use crate::secret::Secret;
use crate::services::InitSystem;
use crate::values::ProxyVariables;

/// Longest time for a question to the init system; it answers in milliseconds or not at all.
const INIT_SYSTEM_TIMEOUT: Duration = Duration::from_secs(5);

/// What the plan needs to know about the machine.
#[derive(Clone, Debug, Default)]
pub struct HostFacts {
    /// The host name, trimmed and lower-cased as the kubelet does (component-helpers `node/util/hostname.go`): the
    /// kernel's; in another root that of its `/etc/hostname`, where there is one.
    pub hostname: String,
    /// The host name that the kubelet is sure to see: `None` in another root without an `/etc/hostname`.
    pub kubelet_hostname: Option<String>,
    /// `machine-id` of the target root, as the kubelet reports it in `status.nodeInfo.machineID`: also what the kernel command
    /// line says that it is going to be, where what runs is the initramfs. `None` where there is none yet.
    pub machine_id: Option<String>,
    /// `status.nodeInfo.systemUUID`, as the kubelet finds it.
    pub system_uuid: Option<SystemUuid>,
    /// The target root is that of the machine that runs: it is this system, or what runs is its initramfs. A root that is only
    /// mounted may be another machine's.
    pub is_target_machine: bool,
    /// The serial number of the device tree or the firmware, which may be everybody's (`is_placeholder_serial`).
    pub serial: Option<String>,
    /// The hardware address of the first wired interface, in lower case and without colons.
    pub mac: Option<String>,
    /// The address of the interface with the default route.
    pub default_address: Option<IpAddr>,
    /// `status.nodeInfo.bootID` of the system that runs.
    pub boot_id: Option<String>,
    /// Runtime sockets that answer, as `unix://` URLs in kubeadm's order of candidates; none in another root.
    pub cri_sockets: Vec<String>,
    /// Effective user id.
    pub euid: u32,
    /// `systemd-resolved` is active, or will be in another root (decides `resolvConf`).
    pub systemd_resolved_active: bool,
    /// The unit of systemd that this program runs in, such as `kubejoin.service`.
    pub unit: Option<String>,
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
    /// Every proxy variable of the environment, sorted: kubeadm hands them on to static pods. They may hold passwords.
    pub proxy_variables: Vec<(String, Secret)>,
    /// Where the running system may have the CA certificates that web servers are verified with.
    pub system_ca_bundle: SystemCaBundle,
    /// The latest moment that files of the target root tell of: it cannot be earlier now.
    pub seen_time: Option<SystemTime>,
    /// What stands before `/proc`, `/boot` and the like of the running system; `/` outside of tests.
    pub prefix: PathBuf,
}

impl HostFacts {
    /// A program in a usual directory, for one that the search path does not lead to: it is installed, and PATH is short.
    pub fn find_outside_path(&self, program: &str) -> Option<PathBuf> {
        search_path::find_in_usual_directories(&self.prefix, program)
    }

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
        let init_system = InitSystem::detect_with(&path, INIT_SYSTEM_TIMEOUT);
        let is_initramfs = kernel::is_initramfs();
        let kernel_hostname = kernel::hostname();
        let kubelet_hostname =
            if is_this_system { Some(kernel_hostname.clone()) } else { root.as_ref().and_then(identity::hostname) };
        HostFacts {
            hostname: kubelet_hostname.clone().unwrap_or(kernel_hostname),
            kubelet_hostname,
            machine_id: identity::machine_id(machine, root.as_ref(), is_initramfs && !is_this_system),
            system_uuid: identity::system_uuid(machine, root.as_ref()),
            is_target_machine: is_this_system || is_initramfs,
            serial: identity::serial(machine),
            mac: interfaces::first_wired_address(&machine.prefix),
            default_address: default_address::read(&machine.prefix),
            boot_id: identity::boot_id(machine),
            cri_sockets: if is_this_system { runtime::answering_sockets(machine) } else { Vec::new() },
            euid: rustix::process::geteuid().as_raw(),
            systemd_resolved_active: match &root {
                _ if is_this_system => resolved::is_active(&init_system),
                Some(root) => resolved::is_enabled(root),
                None => false,
            },
            unit: cgroups::unit_on(machine),
            path,
            swap_areas: kernel::swap_areas(machine),
            ipv4_forwarding: kernel::is_one(machine, kernel::IPV4_FORWARDING),
            ipv6_forwarding: kernel::is_one(machine, kernel::IPV6_FORWARDING),
            kernel_release: kernel::release(),
            cgroups: Cgroups::read(machine),
            is_initramfs,
            board: identity::board(machine),
            proxy: machine.proxy.clone(),
            proxy_variables: machine.proxy_variables.clone(),
            system_ca_bundle: SystemCaBundle::of(machine),
            seen_time: root.as_ref().and_then(seen_time::latest),
            prefix: machine.prefix.clone(),
        }
    }
}
