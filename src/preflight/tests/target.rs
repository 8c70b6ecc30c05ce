//! The target root, its name and its clock.

use super::bench::Bench;
use crate::clock::{Clock, ClockMode};
use crate::error::{Code, Explain, codes};
use crate::inputs::{Discovery, Trust};
use crate::preflight::run;
use crate::report::Report;
use crate::rootfs::Root;

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
            None => Bench { clock, ..Bench::this_system() },
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
