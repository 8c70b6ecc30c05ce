use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::machine::Machine;
use super::*;
use crate::values::ProxyVariables;

/// A tree of files, at once machine and target root.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Tree(tempfile::tempdir().unwrap());
        files.iter().for_each(|(path, text)| tree.write(path, text));
        tree
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A shell script in the search path. A shell writes it: a file that this process has held open for writing cannot be
    /// executed while a child of another test's thread still holds it, too (ETXTBSY, execve(2)).
    fn program(&self, name: &str, body: &str) {
        let path = self.path("bin").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let write = r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod 755 "$1""#;
        let status = Command::new("/bin/sh").args(["-c", write, "sh"]).arg(&path).arg(body).status().unwrap();
        assert!(status.success());
    }

    fn machine(&self) -> Machine {
        Machine {
            proxy_variables: Vec::new(),
            prefix: self.path(""),
            path: Some(self.path("bin").into()),
            proxy: ProxyVariables::default(),
            ssl_cert_file: None,
            ssl_cert_dir: None,
        }
    }

    fn facts(&self) -> HostFacts {
        HostFacts::read_from(&self.machine(), self.0.path())
    }
}

#[test]
fn a_machine_that_tells_nothing_has_no_facts_and_makes_no_error() {
    let facts = Tree::new(&[]).facts();
    assert_eq!((facts.machine_id, facts.system_uuid, facts.kubelet_hostname), (None, None, None));
    assert_eq!((facts.swap_areas, facts.ipv4_forwarding, facts.ipv6_forwarding), (None, None, None));
    assert!(!facts.systemd_resolved_active);
    assert!(facts.cri_sockets.is_empty());
    let nowhere = HostFacts::read_from(&Tree::new(&[]).machine(), Path::new("/nowhere/at/all"));
    assert_eq!(nowhere.machine_id, None);
}

#[test]
fn the_machine_id_is_the_one_that_cadvisor_finds() {
    let table: [(&[(&str, &str)], Option<&str>); 6] = [
        (&[("/etc/machine-id", "aaaa\n"), ("/var/lib/dbus/machine-id", "bbbb\n")], Some("aaaa")),
        (&[("/var/lib/dbus/machine-id", "bbbb\n")], Some("bbbb")),
        // cadvisor stops at the first file that it can read.
        (&[("/etc/machine-id", ""), ("/var/lib/dbus/machine-id", "bbbb\n")], None),
        (&[("/etc/machine-id", "uninitialized\n")], None),
        (&[("/etc/machine-id", " \n")], None),
        (&[], None),
    ];
    for (files, expected) in table {
        assert_eq!(Tree::new(files).facts().machine_id.as_deref(), expected, "{files:?}");
    }
    // Debian's link is absolute: it means the root's own file.
    let tree = Tree::new(&[("/etc/other", "cccc\n")]);
    symlink("/etc/other", tree.path("/etc/machine-id")).unwrap();
    assert_eq!(tree.facts().machine_id.as_deref(), Some("cccc"));
}

#[test]
fn of_a_root_about_to_boot_the_machine_id_is_known_before_it_is_there() {
    const ID: &str = "00112233445566778899aabbccddeeff";
    const OTHER: &str = "ffeeddccbbaa99887766554433221100";
    let parameter = format!("quiet systemd.machine-id={OTHER} systemd.machine_id={ID}\n");
    let firmware = "systemd.machine_id=firmware root=/dev/vda\n";
    let uuid = ("/sys/class/dmi/id/product_uuid", "FFEEDDCC-BBAA-9988-7766-554433221100\n");
    let on_disk = ("/etc/machine-id", "ffeeddccbbaa99887766554433221100\n");
    let none = ("/etc/machine-id", "uninitialized\n");
    let credential = ("/run/credentials/@system/system.machine_id", "00112233-4455-6677-8899-aabbccddeeff");
    let table: [(&[(&str, &str)], Option<&str>, Option<&str>); 7] = [
        (&[("/proc/cmdline", &parameter), on_disk, credential], Some(ID), Some(OTHER)),
        (&[("/proc/cmdline", &parameter), none], Some(ID), None),
        (&[("/proc/cmdline", firmware), none, uuid], Some(OTHER), None),
        (&[("/proc/cmdline", firmware), none], None, None),
        (&[("/proc/cmdline", "systemd.machine_id=0 quiet"), on_disk, credential], Some(OTHER), Some(OTHER)),
        (&[none, credential], Some(ID), None),
        (&[none, uuid], None, None),
    ];
    for (files, about_to_boot, mounted) in table {
        let tree = Tree::new(files);
        let root = crate::rootfs::Root::open(tree.0.path()).unwrap();
        let found = |boots| identity::machine_id(&tree.machine(), Some(&root), boots);
        assert_eq!((found(true).as_deref(), found(false).as_deref()), (about_to_boot, mounted), "{files:?}");
    }
}

#[test]
fn a_serial_number_that_is_everybodys_counts_last() {
    const TREE: (&str, &str) = ("/proc/device-tree/serial-number", "10000000abcdef01\0");
    const PRODUCT: (&str, &str) = ("/sys/class/dmi/id/product_serial", "PF-0ABC1 \n");
    const OEM: (&str, &str) = ("/sys/class/dmi/id/product_serial", "To Be Filled By O.E.M.\n");
    const BOARD: (&str, &str) = ("/sys/class/dmi/id/board_serial", "B7\n");
    const CHASSIS: (&str, &str) = ("/sys/class/dmi/id/chassis_serial", "C9\n");
    let table: [(&[(&str, &str)], Option<&str>); 6] = [
        (&[TREE, PRODUCT], Some("10000000abcdef01")),
        (&[PRODUCT, BOARD], Some("PF-0ABC1")),
        (&[OEM, BOARD], Some("B7")),
        (&[OEM, CHASSIS], Some("To Be Filled By O.E.M.")),
        (&[("/sys/class/dmi/id/product_serial", " \n"), CHASSIS], None),
        (&[("/proc/device-tree/serial-number", "0000000000000000\0"), BOARD], Some("B7")),
    ];
    for (files, expected) in table {
        assert_eq!(Tree::new(files).facts().serial.as_deref(), expected, "{files:?}");
    }
    for everybodys in
        ["Not Specified", "Default string", "System Serial Number", "N/A", "None", "0123456789", "FFFF", "0"]
    {
        assert!(is_placeholder_serial(everybodys), "{everybodys}");
    }
    for own in ["10000000abcdef01", "7", "VMware-56 4d 0a", "f00"] {
        assert!(!is_placeholder_serial(own), "{own}");
    }
}

#[test]
fn the_hardware_address_is_that_of_the_first_wired_device() {
    let interface = |name: &str, index: &str, address: &str, more: &[(&str, &str)]| {
        let file = |entry: &str, text: &str| (format!("/sys/class/net/{name}/{entry}"), text.to_owned());
        let mut files = vec![file("ifindex", index), file("address", address), file("type", "1\n")];
        files.extend(more.iter().map(|(entry, text)| file(entry, text)));
        files
    };
    const DEVICE: (&str, &str) = ("device/uevent", "");
    let files = [
        interface("lo", "1\n", "02:00:00:00:00:01\n", &[DEVICE]),
        interface("br0", "2\n", "02:00:00:00:00:02\n", &[]),
        interface("wlan0", "3\n", "02:00:00:00:00:03\n", &[DEVICE, ("phy80211/name", "")]),
        interface("usb0", "4\n", "02:00:00:00:00:04\n", &[DEVICE, ("addr_assign_type", "1\n")]),
        interface("can0", "5\n", "00:00:00:00:00:00\n", &[DEVICE]),
        interface("eth1", "10\n", "02:00:00:00:00:0A\n", &[DEVICE]),
        interface("eth0", "9\n", "DC:A6:32:00:00:09\n", &[DEVICE, ("addr_assign_type", "0\n")]),
    ];
    let files: Vec<_> = files.iter().flatten().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    assert_eq!(Tree::new(&files).facts().mac.as_deref(), Some("dca632000009"));
    let without: Vec<_> = files.into_iter().filter(|(path, _)| !path.contains("/eth")).collect();
    assert_eq!(Tree::new(&without).facts().mac, None);
}

#[test]
fn the_system_uuid_is_the_one_that_cadvisor_finds() {
    const DMI: (&str, &str) = ("/sys/class/dmi/id/product_uuid", "D1\n");
    const SYSTEM_ID: (&str, &str) = ("/proc/device-tree/system-id", "S2\0");
    const VM_UUID: (&str, &str) = ("/proc/device-tree/vm,uuid", "V3\0");
    const MACHINE_ID: (&str, &str) = ("/etc/machine-id", "M4\n");
    use UuidSource::{Machine, MachineId, Placeholder};
    let table: [(&[(&str, &str)], Option<(&str, UuidSource)>); 9] = [
        (&[DMI, SYSTEM_ID, MACHINE_ID], Some(("D1", Machine))),
        (&[SYSTEM_ID, VM_UUID, MACHINE_ID], Some(("S2", Machine))),
        (&[VM_UUID, MACHINE_ID], Some(("V3", Machine))),
        (&[MACHINE_ID], Some(("M4", MachineId))),
        // A serial number is none of them: no kubelet reports it.
        (&[("/proc/device-tree/serial-number", "10000000abcdef01\0"), MACHINE_ID], Some(("M4", MachineId))),
        (&[("/var/lib/dbus/machine-id", "x\n")], None),
        (
            &[("/sys/class/dmi/id/product_uuid", "03000200-0400-0500-0006-000700080009\n")],
            Some(("03000200-0400-0500-0006-000700080009", Placeholder)),
        ),
        (
            &[("/sys/class/dmi/id/product_uuid", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF\n")],
            Some(("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", Placeholder)),
        ),
        (
            &[("/sys/class/dmi/id/product_uuid", "00000000-0000-0000-0000-000000000000\n")],
            Some(("00000000-0000-0000-0000-000000000000", Placeholder)),
        ),
    ];
    for (files, expected) in table {
        let expected = expected.map(|(value, source)| SystemUuid { value: value.to_owned(), source });
        assert_eq!(Tree::new(files).facts().system_uuid, expected, "{files:?}");
    }
    let boot = Tree::new(&[("/proc/sys/kernel/random/boot_id", "b5\n")]).facts();
    assert_eq!(boot.boot_id.as_deref(), Some("b5"));
}

#[test]
fn another_root_brings_its_own_host_name() {
    let facts = Tree::new(&[("/etc/hostname", "# set by the image\n\n Pi-1 \n")]).facts();
    assert_eq!((facts.hostname.as_str(), facts.kubelet_hostname.as_deref()), ("pi-1", Some("pi-1")));
    let without = Tree::new(&[]).facts();
    assert_eq!((without.hostname, without.kubelet_hostname), (kernel::hostname(), None));
    let this_system = HostFacts::read_from(&Tree::new(&[]).machine(), Path::new("/"));
    assert_eq!(this_system.kubelet_hostname, Some(kernel::hostname()));
}

#[test]
fn only_sockets_of_this_system_that_answer_are_runtimes() {
    let tree = Tree::new(&[("/var/run/crio/crio.sock", "no socket"), ("/var/run/containerd/x", "")]);
    let _containerd = UnixListener::bind(tree.path("/var/run/containerd/containerd.sock")).unwrap();
    // A runtime that has gone leaves its socket behind.
    drop(UnixListener::bind(tree.path("/var/run/cri-dockerd.sock")).unwrap());
    assert_eq!(runtime::answering_sockets(&tree.machine()), ["unix:///var/run/containerd/containerd.sock"]);
    assert!(tree.facts().cri_sockets.is_empty());
}

#[test]
fn systemd_resolved_is_asked_here_and_a_link_elsewhere() {
    let tree = Tree::new(&[]);
    let answer = |text: &str| {
        tree.program("systemctl", &format!("test \"$*\" = 'is-active systemd-resolved' && {text}"));
        HostFacts::read_from(&tree.machine(), Path::new("/")).systemd_resolved_active
    };
    assert!(answer("echo active"));
    assert!(!answer("{ echo inactive; exit 3; }"));
    assert!(!tree.facts().systemd_resolved_active);
    std::fs::create_dir_all(tree.path("/etc/systemd/system/sysinit.target.wants")).unwrap();
    let link = tree.path("/etc/systemd/system/sysinit.target.wants/systemd-resolved.service");
    symlink("/usr/lib/systemd/system/systemd-resolved.service", link).unwrap();
    assert!(tree.facts().systemd_resolved_active);
}

#[test]
fn swap_and_forwarding_are_read_from_the_kernel() {
    let heading = "Filename\tType\tSize\tUsed\tPriority\n";
    let table = [(heading.to_owned(), Some(0)), (format!("{heading}/dev/zram0 partition 1 0 100\n"), Some(1))];
    for (text, areas) in table {
        assert_eq!(Tree::new(&[("/proc/swaps", &text)]).facts().swap_areas, areas);
    }
    let facts = Tree::new(&[(kernel::IPV4_FORWARDING, "1\n"), (kernel::IPV6_FORWARDING, "0\n")]).facts();
    assert_eq!((facts.ipv4_forwarding, facts.ipv6_forwarding), (Some(true), Some(false)));
}

#[test]
fn the_search_path_is_absolute_and_never_empty() {
    let shown = |text: Option<&str>| search_path(text.map(OsStr::new));
    assert_eq!(shown(Some("/a::b:/c:.")), [Path::new("/a"), Path::new("/c")]);
    assert!(shown(None).contains(&PathBuf::from("/usr/sbin")) && shown(Some("")).len() == 6);
}

#[test]
fn the_unit_of_systemd_is_what_stands_behind_the_slices() {
    let table = [
        ("0::/system.slice/kubejoin.service\n", Some("kubejoin.service")),
        ("0::/system.slice/system-x.slice/kubejoin@a.service/payload\n", Some("kubejoin@a.service")),
        (
            "9:pids:/system.slice/other.service\n1:name=systemd:/system.slice/kubejoin.service\n0::/\n",
            Some("kubejoin.service"),
        ),
        ("0::/user.slice/user-0.slice/session-1.scope\n", None),
        ("0::/user.slice/user-0.slice/user@0.service/app.slice/a.service\n", Some("user@0.service")),
        ("0::/init.scope\n", None),
        ("0::/\n", None),
        ("", None),
    ];
    for (text, expected) in table {
        let facts = Tree::new(&[("/proc/self/cgroup", text)]).facts();
        assert_eq!(facts.unit.as_deref(), expected, "{text}");
    }
}
