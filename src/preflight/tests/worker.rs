//! The set of a worker as a whole.

use super::bench::Bench;
use crate::error::Explain;
use crate::node::state::{Conflict, NodeState};
use crate::preflight::subject::Subject;
use crate::preflight::{run, worker};
use crate::report::Report;
use crate::rootfs::Root;
use crate::secret::Secret;
use crate::services::InitSystem;

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
            "KubeletFlags",
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
             FileContent--proc-sys-net-ipv4-ip_forward, MemoryCgroup, KubeletFlags",
        ]
    );
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
    let mut bench = Bench::this_system();
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

#[test]
fn alone_the_checks_find_everything_in_kubeadms_order() {
    let bench = Bench::this_system();
    std::fs::remove_file(bench.root.path().join("bin/losetup")).unwrap();
    bench.program("kubelet", "exit 3");
    let report = Report::new(Vec::new());
    let root = Root::open(bench.root.path()).unwrap();
    let mut plan = bench.plan();
    plan.host.ipv4_forwarding = Some(false);
    plan.options.phases = crate::plan::Phases::only([crate::phase::Phase::Preflight]);
    let error = run(&plan, &root, &bench.state, &report).map(drop).unwrap_err();
    let found: Vec<_> = error.findings().iter().map(|finding| finding.check.as_str()).collect();
    let forwarding = "FileContent--proc-sys-net-ipv4-ip_forward";
    assert_eq!(found, ["FileExisting-losetup", "SystemVerification", "KubeletVersion", forwarding]);
}

#[test]
fn what_cannot_be_checked_is_a_warning() {
    let mut bench = Bench::this_system();
    bench.host.ipv4_forwarding = None;
    let said = bench.run();
    assert_eq!(said.error_names(), [""; 0]);
    let expected = "[WARNING FileContent--proc-sys-net-ipv4-ip_forward]: could not check: /proc/sys/net/ipv4/ip_forward \
                    cannot be read";
    assert!(said.warnings.iter().any(|text| text == expected), "{:?}", said.warnings);
}

#[test]
fn a_ready_machine_gets_no_warning_from_our_checks() {
    let said = Bench::this_system().run();
    assert_eq!(said.result, Ok(()));
    let quiet = ["CRI", "ContainerRuntimeVersion", "SystemVerification", "TargetWritable", "DefaultHostname", "Clock"];
    for name in quiet {
        assert!(!said.warnings.iter().any(|text| text.contains(name)), "{:?}", said.warnings);
    }
}
