//! Enable or start the kubelet: systemd, OpenRC, offline by symlink, none.
//!
//! What is here means what kubeadm means by it (`cmd/kubeadm/app/util/initsystem`): the same commands, the same reading
//! of their answers. Two things are ours: a command that hangs is ended, and a root that is not running gets the links
//! that make its init system start the kubelet at boot. What is not here: waiting for the kubelet to be healthy, and
//! the decision whether a service that does not start ends the join.

mod command;
mod error;
mod log;
mod offline;
mod output;
mod unit_file;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::{NotEnabled, ServiceError};
pub use log::LogEnd;
pub use offline::{Enablement, enablement};
pub use output::Output;

pub(crate) use command::{Commands, find};
use error::Action;

/// Longest time for one command. systemd itself gives a service 90 s to stop (`DefaultTimeoutStopSec`) before it kills
/// it, and the command waits for that.
const COMMAND_LIMIT: Duration = Duration::from_secs(120);

/// What controls services here.
#[derive(Debug)]
pub enum InitSystem {
    /// The init system of this machine is systemd.
    Systemd {
        /// Where `systemctl` is.
        systemctl: PathBuf,
        /// How it is run.
        commands: Commands,
    },
    /// The init system of this machine is OpenRC.
    OpenRc {
        /// Where `rc-service` is.
        rc_service: PathBuf,
        /// Where `rc-update` is.
        rc_update: PathBuf,
        /// How they are run.
        commands: Commands,
    },
    /// The root is not running; its init system will start what [`enabling`] linked.
    Offline,
    /// Nothing we know: somebody else starts the kubelet.
    Unmanaged,
}

/// What became of a wish to start a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// The init system says that it runs.
    Now,
    /// It will, when the root is booted.
    AtBoot,
    /// That is left to somebody else.
    ByOthers,
}

impl InitSystem {
    /// The init system whose commands are in these directories. systemd wins; OpenRC needs all of its three.
    pub fn detect(path: &[PathBuf]) -> InitSystem {
        InitSystem::detect_with(path, COMMAND_LIMIT)
    }

    /// The same with another limit for each command.
    pub fn detect_with(path: &[PathBuf], limit: Duration) -> InitSystem {
        let commands = Commands::new(path, limit);
        if let Some(systemctl) = find(path, "systemctl") {
            return InitSystem::Systemd { systemctl, commands };
        }
        match (find(path, "openrc"), find(path, "rc-service"), find(path, "rc-update")) {
            (Some(_), Some(rc_service), Some(rc_update)) => InitSystem::OpenRc { rc_service, rc_update, commands },
            _ => InitSystem::Unmanaged,
        }
    }

    /// Whether the init system knows the service.
    pub fn exists(&self, service: &str) -> Result<bool, ServiceError> {
        let (output, unknown) = match self {
            InitSystem::Systemd { systemctl, commands } => {
                (commands.run(systemctl, &["status", service])?, ["Loaded: not-found", "could not be found"].as_slice())
            }
            InitSystem::OpenRc { rc_service, commands, .. } => {
                (commands.run(rc_service, &[service, "status"])?, ["does not exist"].as_slice())
            }
            InitSystem::Offline | InitSystem::Unmanaged => return Err(ServiceError::NoServiceManager),
        };
        Ok(!unknown.iter().any(|text| output.says(text)))
    }

    /// Whether the service will be started at boot.
    pub fn is_enabled(&self, service: &str) -> Result<bool, ServiceError> {
        match self {
            InitSystem::Systemd { systemctl, commands } => {
                Ok(commands.run(systemctl, &["is-enabled", service])?.status.success())
            }
            InitSystem::OpenRc { rc_update, commands, .. } => {
                Ok(commands.run(rc_update, &["show", "default"])?.stdout.contains(service))
            }
            InitSystem::Offline | InitSystem::Unmanaged => Err(ServiceError::NoServiceManager),
        }
    }

    /// Whether the service runs or is being started, again and again if need be.
    pub fn is_active(&self, service: &str) -> Result<bool, ServiceError> {
        match self {
            InitSystem::Systemd { systemctl, commands } => {
                let output = commands.run(systemctl, &["is-active", service])?;
                Ok(matches!(output.stdout.trim(), "active" | "activating"))
            }
            InitSystem::OpenRc { rc_service, commands, .. } => {
                let output = commands.run(rc_service, &[service, "status"])?;
                Ok(!output.says("stopped") && !output.says("does not exist"))
            }
            InitSystem::Offline | InitSystem::Unmanaged => Err(ServiceError::NoServiceManager),
        }
    }

    /// The command that enables a service, for messages.
    pub fn enable_command(&self, service: &str) -> Option<String> {
        match self {
            InitSystem::Systemd { .. } => Some(format!("systemctl enable {service}.service")),
            InitSystem::OpenRc { .. } => Some(format!("rc-update add {service} default")),
            InitSystem::Offline | InitSystem::Unmanaged => None,
        }
    }

    /// Stops the service while its files are written. Nothing to do where nothing runs under our control.
    pub fn stop(&self, service: &str) -> Result<(), ServiceError> {
        match self {
            InitSystem::Systemd { systemctl, commands } => {
                self.must(Action::Stop, service, commands, systemctl, &["stop", service])
            }
            InitSystem::OpenRc { rc_service, commands, .. } => {
                self.must(Action::Stop, service, commands, rc_service, &[service, "stop"])
            }
            InitSystem::Offline | InitSystem::Unmanaged => Ok(()),
        }
    }

    /// Starts the service with what has been written, also where an older one runs.
    pub fn start(&self, service: &str) -> Result<Started, ServiceError> {
        match self {
            InitSystem::Systemd { systemctl, commands } => {
                self.must(Action::Start, service, commands, systemctl, &["daemon-reload"])?;
                self.must(Action::Start, service, commands, systemctl, &["restart", service])?;
                Ok(Started::Now)
            }
            InitSystem::OpenRc { rc_service, commands, .. } => {
                self.must(Action::Start, service, commands, rc_service, &[service, "restart"])?;
                Ok(Started::Now)
            }
            InitSystem::Offline => Ok(Started::AtBoot),
            InitSystem::Unmanaged => Ok(Started::ByOthers),
        }
    }

    fn must(
        &self,
        action: Action,
        service: &str,
        commands: &Commands,
        program: &Path,
        arguments: &[&str],
    ) -> Result<(), ServiceError> {
        let output = commands.run(program, arguments)?;
        if output.status.success() {
            return Ok(());
        }
        Err(ServiceError::Failed {
            action,
            service: service.to_owned(),
            command: command::line(program, arguments),
            openrc: matches!(self, InitSystem::OpenRc { .. }),
            output,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Explain, codes};
    use std::fs;
    use std::process::Command;

    /// A directory for PATH with scripts in it that note how they are called, and behave as told.
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

        fn control(&self) -> InitSystem {
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
    fn the_service_manager_is_the_one_whose_commands_are_there() {
        assert!(matches!(Stubs::new(&[("systemctl", ""), ("openrc", "")]).control(), InitSystem::Systemd { .. }));
        assert!(matches!(openrc("").control(), InitSystem::OpenRc { .. }));
        assert!(matches!(Stubs::new(&[("openrc", ""), ("rc-service", "")]).control(), InitSystem::Unmanaged));
        let not_executable = Stubs::new(&[]);
        fs::write(not_executable.at("systemctl"), "").unwrap();
        assert!(matches!(not_executable.control(), InitSystem::Unmanaged));
    }

    #[test]
    fn start_and_stop_call_what_kubeadm_calls() {
        let systemd = Stubs::new(&[("systemctl", "")]);
        systemd.control().stop("kubelet").unwrap();
        assert_eq!(systemd.control().start("kubelet").unwrap(), Started::Now);
        assert_eq!(systemd.calls(), ["systemctl stop kubelet", "systemctl daemon-reload", "systemctl restart kubelet"]);

        let openrc = openrc("");
        openrc.control().stop("kubelet").unwrap();
        assert_eq!(openrc.control().start("kubelet").unwrap(), Started::Now);
        assert_eq!(openrc.calls(), ["rc-service kubelet stop", "rc-service kubelet restart"]);

        for (control, started) in [(InitSystem::Offline, Started::AtBoot), (InitSystem::Unmanaged, Started::ByOthers)] {
            control.stop("kubelet").unwrap();
            assert_eq!(control.start("kubelet").unwrap(), started);
            assert!(matches!(control.is_active("kubelet"), Err(ServiceError::NoServiceManager)));
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
            let control = Stubs::new(&[("systemctl", body)]);
            assert_eq!(ask(&control.control(), "kubelet").unwrap(), *wanted, "{body}");
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
            assert_eq!(ask(&openrc(body).control(), "kubelet").unwrap(), *wanted, "{body}");
        }
        assert!(!openrc("").control().is_enabled("containerd").unwrap());
    }

    #[test]
    fn the_end_of_a_log_is_asked_for_where_the_service_manager_keeps_one() {
        let journal = Stubs::new(&[("systemctl", ""), ("journalctl", "printf 'first\\nlast\\n'; echo noise >&2")]);
        let end = journal.control().log_end("kubelet").unwrap();
        assert_eq!(
            (end.source.as_str(), end.lines),
            ("journalctl --unit kubelet", vec!["first".into(), "last".into()])
        );
        let asked = "journalctl --unit kubelet --lines 10 --quiet --no-pager --output cat";
        assert_eq!(journal.calls(), [asked]);

        let without = Stubs::new(&[("systemctl", "")]);
        let silent = Stubs::new(&[("systemctl", ""), ("journalctl", "exit 1")]);
        for control in [without.control(), silent.control(), InitSystem::Offline, InitSystem::Unmanaged] {
            assert_eq!(control.log_end("kubelet"), None, "{control:?}");
        }
    }

    #[test]
    fn a_service_that_does_not_start_is_told_with_the_command_its_words_and_where_to_look() {
        let body = "test $1 = daemon-reload || { printf 'Unit \\033[31mkubelet.service not found.\\n' >&2; exit 5; }";
        let error = Stubs::new(&[("systemctl", body)]).control().start("kubelet").unwrap_err();
        let wanted = "`systemctl restart kubelet` failed (exit status 5): Unit \\u{1b}[31mkubelet.service not found.";
        assert_eq!(error.to_string(), wanted);
        assert_eq!(error.code(), &codes::KUBELET_START_FAILED);
        assert_eq!(error.hint(), "run `systemctl status kubelet` and `journalctl -xeu kubelet` on this machine");

        let error = openrc("kill -9 $$").control().stop("kubelet").unwrap_err();
        assert_eq!(error.to_string(), "`rc-service kubelet stop` failed (signal 9): it says nothing");
        assert_eq!(error.code(), &codes::KUBELET_STOP_FAILED);
        assert!(error.hint().contains("rc-service kubelet status"), "{}", error.hint());

        let body = "echo 'System has not been booted with systemd as init system (PID 1).' >&2; exit 1";
        let error = Stubs::new(&[("systemctl", body)]).control().start("kubelet").unwrap_err();
        assert!(error.hint().ends_with("which is not systemd"), "{}", error.hint());
    }
}
