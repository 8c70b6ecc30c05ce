//! Kernel and control groups.

use super::bench::{Bench, KERNEL};
use crate::error::Explain;
use crate::host::{CgroupVersion, Cgroups};

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
        let mut bench = Bench::this_system();
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
        let bench = Bench { dry_run, ..Bench::this_system() };
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
        let mut bench = Bench::this_system();
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
