use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::error::ServiceError;
use super::*;
use crate::error::{Explain, codes};

/// The unit that this program runs in.
const OWN: &str = "kubejoin.service";

/// A directory for PATH with scripts in it that log how they are called, and do as their bodies say.
struct Stubs(tempfile::TempDir);

impl Stubs {
    fn new(scripts: &[(&str, &str)]) -> Stubs {
        let stubs = Stubs(tempfile::tempdir().unwrap());
        for (name, body) in scripts {
            let log = stubs.at("log");
            let text = format!("#!/bin/sh\necho {name} \"$@\" >> {}\n{body}\n", log.display());
            // Written by a process of its own: one that another thread forks while this one has the script open for
            // writing would make it "text file busy".
            let script = "printf %s \"$1\" > \"$2\" && chmod 755 \"$2\"";
            let status = Command::new("sh").args(["-c", script, "sh", &text]).arg(stubs.at(name)).status().unwrap();
            assert!(status.success());
        }
        stubs
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn init_system(&self) -> InitSystem {
        InitSystem::detect(&[PathBuf::from("/nowhere"), self.0.path().to_owned()])
    }

    fn calls(&self) -> Vec<String> {
        fs::read_to_string(self.at("log")).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

fn openrc(rc_service: &'static str) -> Stubs {
    Stubs::new(&[("openrc", ""), ("rc-service", rc_service), ("rc-update", "echo '  kubelet | default'")])
}

#[test]
fn the_init_system_is_the_one_whose_commands_are_there() {
    assert!(matches!(Stubs::new(&[("systemctl", ""), ("openrc", "")]).init_system(), InitSystem::Systemd { .. }));
    assert!(matches!(openrc("").init_system(), InitSystem::OpenRc { .. }));
    assert!(matches!(Stubs::new(&[("openrc", ""), ("rc-service", "")]).init_system(), InitSystem::Unmanaged));
    let not_executable = Stubs::new(&[]);
    fs::write(not_executable.at("systemctl"), "").unwrap();
    assert!(matches!(not_executable.init_system(), InitSystem::Unmanaged));
}

#[test]
fn start_and_stop_call_what_kubeadm_calls() {
    let systemd = Stubs::new(&[("systemctl", "")]);
    systemd.init_system().stop("kubelet").unwrap();
    assert_eq!(systemd.init_system().start("kubelet").unwrap(), Started::Now);
    assert_eq!(systemd.calls(), ["systemctl stop kubelet", "systemctl daemon-reload", "systemctl restart kubelet"]);

    let openrc = openrc("");
    openrc.init_system().stop("kubelet").unwrap();
    assert_eq!(openrc.init_system().start("kubelet").unwrap(), Started::Now);
    assert_eq!(openrc.calls(), ["rc-service kubelet stop", "rc-service kubelet restart"]);

    for (init_system, started) in [(InitSystem::Offline, Started::AtBoot), (InitSystem::Unmanaged, Started::ByUser)] {
        init_system.stop("kubelet").unwrap();
        assert_eq!(init_system.start("kubelet").unwrap(), started);
        assert!(matches!(init_system.is_active("kubelet"), Err(ServiceError::NoInitSystem)));
    }
}

/// A machine whose systemd knows these units: name, `Before=`, and whether a job is in its queue.
fn systemd(units: &[(&str, &str, bool)]) -> Stubs {
    let mut script = "test $1 = show || exit 0\nshift 3\nfor unit; do case $unit in\n".to_owned();
    for (name, before, has_job) in units {
        let job = if *has_job { "Job=7" } else { "" };
        script += &format!("{name}) printf 'Id={name}\\nBefore={before}\\n{job}\\n';;\n");
    }
    script += "*) printf 'Id=%s\\nBefore=\\n' $unit;; esac; echo; done";
    Stubs::new(&[("systemctl", &script)])
}

#[test]
fn a_kubelet_that_waits_for_our_own_unit_is_not_waited_for() {
    let stop = "systemctl stop kubelet";
    let (reload, restart) = ("systemctl daemon-reload", "systemctl restart kubelet");
    let no_block = "systemctl --no-block restart kubelet";
    type Row<'a> = (&'a str, Option<&'a str>, &'a [(&'a str, &'a str, bool)], Started, &'a [&'a str]);
    let table: [Row<'_>; 9] = [
        ("no unit of ours", None, &[(OWN, "kubelet.service", true)], Started::Now, &[stop, reload, restart]),
        ("not ordered", Some(OWN), &[(OWN, "shutdown.target", true)], Started::Now, &[stop, reload, restart]),
        (
            "ordered, and asked for by the boot",
            Some(OWN),
            &[(OWN, "shutdown.target kubelet.service", true), ("kubelet.service", "multi-user.target", true)],
            Started::Queued,
            &[],
        ),
        (
            "ordered, and not asked for",
            Some(OWN),
            &[(OWN, "kubelet.service", true)],
            Started::Queued,
            &[stop, reload, no_block],
        ),
        // Its start was over when it was executed (Type=simple).
        (
            "ordered, without a job",
            Some(OWN),
            &[(OWN, "kubelet.service", false)],
            Started::Now,
            &[stop, reload, restart],
        ),
        (
            "ordered by a target in between",
            Some(OWN),
            &[
                (OWN, "a.target", true),
                ("a.target", "kubejoin.service b.target", true),
                ("b.target", "kubelet.service", true),
            ],
            Started::Queued,
            &[stop, reload, no_block],
        ),
        (
            "a target that nothing has asked for holds nothing back",
            Some(OWN),
            &[(OWN, "a.target", true), ("a.target", "kubelet.service", false)],
            Started::Now,
            &[stop, reload, restart],
        ),
        ("in the kubelet's own ExecStartPre=", Some("kubelet.service"), &[], Started::Queued, &[]),
        ("nothing is known", Some(OWN), &[], Started::Now, &[stop, reload, restart]),
    ];
    for (name, unit, units, started, calls) in table {
        let stubs = systemd(units);
        let init_system = stubs.init_system().in_unit(unit);
        init_system.stop("kubelet").unwrap();
        assert_eq!(init_system.start("kubelet").unwrap(), started, "{name}");
        let made: Vec<_> = stubs.calls().into_iter().filter(|call| !call.contains(" show ")).collect();
        assert_eq!(made, calls, "{name}");
    }
    let broken = Stubs::new(&[("systemctl", "test $1 != show")]);
    assert_eq!(broken.init_system().in_unit(Some(OWN)).start("kubelet").unwrap(), Started::Now);
}

#[test]
fn whether_a_kubelet_is_held_back_is_asked_for_once() {
    let stubs =
        systemd(&[(OWN, "shutdown.target kubelet.service", true), ("kubelet.service", "multi-user.target", true)]);
    let init_system = stubs.init_system().in_unit(Some(OWN));
    init_system.stop("kubelet").unwrap();
    assert_eq!(init_system.start("kubelet").unwrap(), Started::Queued);
    assert_eq!(stubs.calls(), ["systemctl show --property=Id,Before,Job -- kubejoin.service kubelet.service"]);
}

#[test]
fn a_service_that_is_needed_meanwhile_starts_in_spite_of_the_order() {
    let at_once = "systemctl --no-block --job-mode=ignore-dependencies start kubelet";
    let (reload, restart) = ("systemctl daemon-reload", "systemctl restart kubelet");
    let table: [(Option<&str>, bool, Started, &[&str]); 4] = [
        (Some(OWN), true, Started::Now, &[at_once]),
        (Some(OWN), false, Started::Now, &[at_once]),
        (None, true, Started::Now, &[reload, restart]),
        // It is its own ExecStartPre= that is waited for.
        (Some("kubelet.service"), true, Started::Queued, &[]),
    ];
    for (unit, has_job, started, calls) in table {
        let stubs = systemd(&[(OWN, "kubelet.service", true), ("kubelet.service", "", has_job)]);
        assert_eq!(stubs.init_system().in_unit(unit).start_at_once("kubelet").unwrap(), started, "{unit:?}");
        let made: Vec<_> = stubs.calls().into_iter().filter(|call| !call.contains(" show ")).collect();
        assert_eq!(made, calls, "{unit:?} {has_job}");
    }
}

#[test]
fn answers_are_read_as_kubeadm_reads_them() {
    type Ask = fn(&InitSystem, &str) -> Result<bool, ServiceError>;
    let exists: Ask = InitSystem::exists;
    let active: Ask = InitSystem::is_active;
    let enabled: Ask = InitSystem::is_enabled;
    let systemd: &[(&str, Ask, bool)] = &[
        ("echo 'Loaded: loaded (/lib/systemd/system/kubelet.service)'; exit 3", exists, true),
        ("echo 'Loaded: not-found (Reason: ...)'; exit 4", exists, false),
        ("echo 'Unit kubelet.service could not be found.' >&2; exit 4", exists, false),
        ("test $3 = --lines=0 || echo 'kubelet[7]: /etc/x could not be found'", exists, true),
        ("echo active", active, true),
        ("echo activating; exit 3", active, true),
        ("echo inactive; exit 3", active, false),
        ("echo deactivating; exit 3", active, false),
        ("echo 'a warning' >&2; echo active", active, true),
        ("echo enabled", enabled, true),
        ("echo static", enabled, true),
        ("echo disabled; exit 1", enabled, false),
    ];
    for (body, ask, wanted) in systemd {
        let init_system = Stubs::new(&[("systemctl", body)]);
        assert_eq!(ask(&init_system.init_system(), "kubelet").unwrap(), *wanted, "{body}");
    }
    let rc_service: &[(&str, Ask, bool)] = &[
        ("echo ' * status: started'", exists, true),
        ("echo ' * rc-service: service `kubelet` does not exist' >&2; exit 1", exists, false),
        ("echo ' * status: started'", active, true),
        ("echo ' * status: stopped'; exit 3", active, false),
        ("echo ' * rc-service: service `kubelet` does not exist' >&2; exit 1", active, false),
        ("", enabled, true),
    ];
    for (body, ask, wanted) in rc_service {
        assert_eq!(ask(&openrc(body).init_system(), "kubelet").unwrap(), *wanted, "{body}");
    }
    assert!(!openrc("").init_system().is_enabled("containerd").unwrap());
}

#[test]
fn the_end_of_a_log_is_asked_for_where_one_is_kept() {
    let journal = Stubs::new(&[("systemctl", ""), ("journalctl", "printf 'first\\nlast\\n'; echo noise >&2")]);
    let end = journal.init_system().log_end("kubelet").unwrap();
    assert_eq!((end.source.as_str(), end.lines), ("journalctl --unit kubelet", vec!["first".into(), "last".into()]));
    let asked = "journalctl --unit kubelet --lines 10 --quiet --no-pager --output cat";
    assert_eq!(journal.calls(), [asked]);

    let without = Stubs::new(&[("systemctl", "")]);
    let silent = Stubs::new(&[("systemctl", ""), ("journalctl", "exit 1")]);
    for init_system in [without.init_system(), silent.init_system(), InitSystem::Offline, InitSystem::Unmanaged] {
        assert_eq!(init_system.log_end("kubelet"), None, "{init_system:?}");
    }
}

#[test]
fn a_service_that_does_not_start_is_explained() {
    let body = "test $1 = daemon-reload || { printf 'Unit \\033[31mkubelet.service not found.\\n' >&2; exit 5; }";
    let error = Stubs::new(&[("systemctl", body)]).init_system().start("kubelet").unwrap_err();
    let wanted = "`systemctl restart kubelet` failed (exit status 5): Unit \\u{1b}[31mkubelet.service not found.";
    assert_eq!(error.to_string(), wanted);
    assert_eq!(error.code(), &codes::KUBELET_START_FAILED);
    assert_eq!(error.hint(), "run `systemctl status kubelet` and `journalctl -xeu kubelet` on this machine");

    let error = openrc("kill -9 $$").init_system().stop("kubelet").unwrap_err();
    assert_eq!(error.to_string(), "`rc-service kubelet stop` failed (signal 9): it says nothing");
    assert_eq!(error.code(), &codes::KUBELET_STOP_FAILED);
    assert!(error.hint().contains("rc-service kubelet status"), "{}", error.hint());

    let body = "echo 'System has not been booted with systemd as init system (PID 1).' >&2; exit 1";
    let error = Stubs::new(&[("systemctl", body)]).init_system().start("kubelet").unwrap_err();
    assert!(error.hint().contains("does not run systemd"), "{}", error.hint());
}
