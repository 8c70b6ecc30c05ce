//! What is checked after discovery.

use super::bench::{Bench, Lines, Said};
use crate::cri::fake::{Fake, status};
use crate::error::Explain;
use crate::host::CgroupVersion;
use crate::preflight::subject::Subject;
use crate::preflight::{ClusterRequirements, cluster_checks, worker};
use crate::report::Report;
use crate::rootfs::Root;
use crate::services::InitSystem;

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
    let table: [(&str, Change, &str, Option<&str>); 12] = [
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
                bench.write("/usr/lib/systemd/system/kubelet.service", b"[Service]\nExecStart=kubelet\n");
                let drop_in = b"[Service]\nExecStart=\nExecStart=kubelet --fail-swap-on=false\n";
                bench.write("/etc/systemd/system/kubelet.service.d/9.conf", drop_in)
            },
            "",
            None,
        ),
        ("on", |bench| bench.write("/etc/default/kubelet", b"# --fail-swap-on=false"), "", Some("run `swapoff -a`")),
        // What the unit says counts, and not what it does not read.
        (
            "on",
            |bench| {
                bench.write(
                    "/usr/lib/systemd/system/kubelet.service",
                    b"[Service]\nExecStart=kubelet --fail-swap-on=1\n",
                );
                bench.write("/etc/default/kubelet", b"KUBELET_EXTRA_ARGS=--fail-swap-on=false\n");
            },
            "",
            Some("run `swapoff -a`"),
        ),
        // A program that is not understood may read it.
        (
            "on",
            |bench| {
                bench.write("/usr/lib/systemd/system/kubelet.service", b"[Service]\nExecStart=/opt/start\n");
                bench.write("/etc/default/kubelet", b"KUBELET_EXTRA_ARGS=--fail-swap-on=false\n");
            },
            "",
            None,
        ),
        (
            "on",
            |bench| {
                bench.write("/etc/default/kubelet", b"KUBELET_EXTRA_ARGS=--config-dir=/d\n");
                bench.write("/d/1.conf", b"failSwapOn: false");
            },
            "",
            None,
        ),
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

#[test]
fn what_overrides_the_clusters_configuration_is_named() {
    const CONFIG: &str =
        "clusterDNS: [10.96.0.10]\nstaticPodPath: /etc/kubernetes/manifests\nrotateCertificates: true\n";
    let with_directory = b"KUBELET_EXTRA_ARGS=--config-dir=/etc/kubelet.d\n".as_slice();
    // The files, and what is said of each field that is overridden.
    type Files<'a> = &'a [(&'a str, &'a [u8])];
    let table: [(Files<'_>, &[&str]); 10] = [
        (&[], &[]),
        // Without the flag, nobody reads a drop-in.
        (&[("/etc/kubelet.d/10.conf", b"clusterDNS: [1.1.1.1]")], &[]),
        (
            &[("/etc/default/kubelet", with_directory), ("/etc/kubelet.d/10.conf", b"clusterDNS: [1.1.1.1, 8.8.8.8]")],
            &[
                "/etc/kubelet.d/10.conf sets clusterDNS to 1.1.1.1,8.8.8.8, where the cluster's configuration has 10.96.0.10:",
            ],
        ),
        // The last one counts, and it says what the cluster says.
        (
            &[
                ("/etc/default/kubelet", with_directory),
                ("/etc/kubelet.d/10.conf", b"rotateCertificates: false"),
                ("/etc/kubelet.d/20.conf", b"rotateCertificates: true"),
                ("/etc/kubelet.d/30.conf.bak", b"rotateCertificates: false"),
            ],
            &[],
        ),
        (
            &[
                ("/etc/default/kubelet", with_directory),
                ("/etc/kubelet.d/10.conf", b"rotateCertificates: false\nstaticPodPath: /other\nmaxPods: 5"),
            ],
            &["sets staticPodPath to /other, where", "sets rotateCertificates to false, where"],
        ),
        // A directory in it comes where its name does.
        (
            &[
                ("/etc/default/kubelet", with_directory),
                ("/etc/kubelet.d/15/deep/10.conf", b"rotateCertificates: false\nstaticPodPath: /other"),
                ("/etc/kubelet.d/10.conf", b"rotateCertificates: true"),
                ("/etc/kubelet.d/20.conf", b"staticPodPath: /etc/kubernetes/manifests"),
            ],
            &["/etc/kubelet.d/15/deep/10.conf sets rotateCertificates to false,"],
        ),
        // A flag counts more than a drop-in.
        (
            &[
                ("/etc/default/kubelet", b"KUBELET_EXTRA_ARGS='--config-dir=/d --cluster-dns=10.96.0.10'\n"),
                ("/d/10.conf", b"clusterDNS: [1.1.1.1]"),
            ],
            &[],
        ),
        (
            &[("/etc/default/kubelet", b"KUBELET_EXTRA_ARGS=--rotate-certificates=false\n")],
            &["/etc/default/kubelet sets rotateCertificates to false,"],
        ),
        // The same in other words, what is not known, and a list that flags make longer.
        (
            &[(
                "/etc/default/kubelet",
                b"KUBELET_EXTRA_ARGS='--rotate-certificates=1 --pod-manifest-path=/etc/kubernetes/manifests/ --cluster-dns=${DNS}'\n",
            )],
            &[],
        ),
        (
            &[("/etc/default/kubelet", b"KUBELET_EXTRA_ARGS='--cluster-dns=10.96.0.10 --cluster-dns=1.1.1.1'\n")],
            &["/etc/default/kubelet sets clusterDNS to 10.96.0.10,1.1.1.1,"],
        ),
    ];
    for (files, expected) in table {
        for bench in [Bench::this_system(), Bench::other_root()] {
            for (path, text) in files {
                bench.write(path, text);
            }
            let said = after_discovery(&bench, CONFIG, None);
            assert_eq!(said.result, Ok(()), "the kubelet starts");
            let found: Vec<_> = said.warnings.iter().filter(|text| text.contains("KubeletDropIns")).collect();
            assert_eq!(found.len(), expected.len(), "{files:?}: {found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.contains(expected), "{found}");
            }
        }
    }
}

#[test]
fn a_link_to_the_directory_of_drop_ins_is_entered_only_with_a_slash() {
    for (flag, count) in [("/etc/link", 0), ("/etc/link/", 1), ("/etc/kubelet.d", 1)] {
        let bench = Bench::this_system();
        bench.write("/etc/default/kubelet", format!("KUBELET_EXTRA_ARGS=--config-dir={flag}\n").as_bytes());
        bench.write("/etc/kubelet.d/10.conf", b"clusterDNS: [1.1.1.1]");
        std::os::unix::fs::symlink("kubelet.d", bench.root.path().join("etc/link")).unwrap();
        let said = after_discovery(&bench, "clusterDNS: [10.96.0.10]\n", None);
        let found = said.warnings.iter().filter(|text| text.contains("KubeletDropIns")).count();
        assert_eq!(found, count, "{flag}");
    }
}

#[test]
fn a_kubelet_that_needs_runtime_config_is_not_left_without_it() {
    for (release, refused) in [("1.37.2", false), ("1.38.0-alpha.1", true), ("1.38.0", true)] {
        let mut bench = Bench::this_system();
        bench.program("kubelet", &format!("echo Kubernetes v{release}"));
        bench.runtime = Some(Fake::runtime("0", &status("RuntimeReady", true, ""), "12"));
        let names = after_discovery(&bench, "", None).error_names();
        assert_eq!(names, if refused { vec!["ContainerRuntimeVersion"] } else { Vec::new() }, "{release}");
    }
}
