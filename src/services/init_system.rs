//! The init system of this machine: kubeadm's commands to it, and kubeadm's reading of their answers.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command::{Commands, find, line};
use super::error::{Action, ServiceError};
use super::ordering::{HeldBack, held_back};

/// Longest time for one command. systemd itself gives a service 90 s to stop (`DefaultTimeoutStopSec`) before it kills
/// it, and the command waits for that.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// What starts and stops services.
#[derive(Debug)]
pub enum InitSystem {
    /// The init system of this machine is systemd.
    Systemd {
        /// Where `systemctl` is.
        systemctl: PathBuf,
        /// How it is run.
        commands: Commands,
        /// The unit that this program runs in, such as `kubejoin.service`.
        unit: Option<String>,
        /// The first service that this was asked about, and whether that unit holds it back: that stays so for as long as the
        /// unit is being started.
        order: OnceCell<(String, Option<HeldBack>)>,
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
    /// The root is not running; its init system will start what [`enablement`](super::enablement) links.
    Offline,
    /// None that is known here: the user starts the kubelet.
    Unmanaged,
}

/// How a service has been started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// The init system says that it runs.
    Now,
    /// It will, once the unit that this program runs in has started: systemd holds it back until then.
    Queued,
    /// It will, when the root is booted.
    AtBoot,
    /// Not by us: there is no init system that could be told.
    ByUser,
}

impl InitSystem {
    /// The init system whose commands are in these directories. systemd wins; OpenRC needs all of its three.
    pub fn detect(path: &[PathBuf]) -> InitSystem {
        InitSystem::detect_with(path, COMMAND_TIMEOUT)
    }

    /// The same with another time-out for each command.
    pub fn detect_with(path: &[PathBuf], timeout: Duration) -> InitSystem {
        let commands = Commands::new(path, timeout);
        if let Some(systemctl) = find(path, "systemctl") {
            return InitSystem::Systemd { systemctl, commands, unit: None, order: OnceCell::new() };
        }
        match (find(path, "openrc"), find(path, "rc-service"), find(path, "rc-update")) {
            (Some(_), Some(rc_service), Some(rc_update)) => InitSystem::OpenRc { rc_service, rc_update, commands },
            _ => InitSystem::Unmanaged,
        }
    }

    /// The same for a program that runs in this unit of the init system.
    pub fn in_unit(mut self, runs_in: Option<&str>) -> InitSystem {
        if let InitSystem::Systemd { unit, .. } = &mut self {
            *unit = runs_in.map(str::to_owned);
        }
        self
    }

    /// Whether the service cannot start before the unit has started that this program runs in.
    fn held_back(&self, service: &str) -> Option<HeldBack> {
        match self {
            InitSystem::Systemd { systemctl, commands, unit: Some(unit), order } => {
                let ask = || held_back(commands, systemctl, unit, service);
                let (asked, answer) = order.get_or_init(|| (service.to_owned(), ask()));
                if asked == service { *answer } else { ask() }
            }
            _ => None,
        }
    }

    /// Whether the init system knows the service.
    pub fn exists(&self, service: &str) -> Result<bool, ServiceError> {
        let (output, unknown) = match self {
            InitSystem::Systemd { systemctl, commands, .. } => {
                // Without lines of its log: in them something else may not be found, and to look for them takes time.
                (
                    commands.run(systemctl, &["status", service, "--lines=0"])?,
                    ["Loaded: not-found", "could not be found"].as_slice(),
                )
            }
            InitSystem::OpenRc { rc_service, commands, .. } => {
                (commands.run(rc_service, &[service, "status"])?, ["does not exist"].as_slice())
            }
            InitSystem::Offline | InitSystem::Unmanaged => return Err(ServiceError::NoInitSystem),
        };
        Ok(!unknown.iter().any(|text| output.says(text)))
    }

    /// Whether the service will be started at boot.
    pub fn is_enabled(&self, service: &str) -> Result<bool, ServiceError> {
        match self {
            InitSystem::Systemd { systemctl, commands, .. } => {
                Ok(commands.run(systemctl, &["is-enabled", service])?.status.success())
            }
            InitSystem::OpenRc { rc_update, commands, .. } => {
                Ok(commands.run(rc_update, &["show", "default"])?.stdout.contains(service))
            }
            InitSystem::Offline | InitSystem::Unmanaged => Err(ServiceError::NoInitSystem),
        }
    }

    /// Whether another unit starts the service, enabled or not, as units of an extension do.
    pub fn is_wanted(&self, service: &str) -> bool {
        let InitSystem::Systemd { systemctl, commands, .. } = self else { return false };
        let output = commands.run(systemctl, &["show", "--property=WantedBy,RequiredBy,UpheldBy", service]);
        output.is_ok_and(|output| output.stdout.lines().any(|line| !line.trim_end().ends_with('=')))
    }

    /// Whether the service runs or is being started, again and again if need be.
    pub fn is_active(&self, service: &str) -> Result<bool, ServiceError> {
        match self {
            InitSystem::Systemd { systemctl, commands, .. } => {
                let output = commands.run(systemctl, &["is-active", service])?;
                Ok(matches!(output.stdout.trim(), "active" | "activating"))
            }
            InitSystem::OpenRc { rc_service, commands, .. } => {
                let output = commands.run(rc_service, &[service, "status"])?;
                Ok(!output.says("stopped") && !output.says("does not exist"))
            }
            InitSystem::Offline | InitSystem::Unmanaged => Err(ServiceError::NoInitSystem),
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
    ///
    /// A job that stops goes before every other, so this waits for nobody; but it would take a service that is held back out
    /// of the queue that it starts from.
    pub fn stop(&self, service: &str) -> Result<(), ServiceError> {
        if self.held_back(service) == Some(HeldBack::Queued) {
            return Ok(());
        }
        match self {
            InitSystem::Systemd { systemctl, commands, .. } => {
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
            InitSystem::Systemd { systemctl, commands, .. } => {
                let held_back = self.held_back(service);
                if held_back == Some(HeldBack::Queued) {
                    return Ok(Started::Queued);
                }
                self.must(Action::Start, service, commands, systemctl, &["daemon-reload"])?;
                if held_back.is_some() {
                    self.must(Action::Start, service, commands, systemctl, &["--no-block", "restart", service])?;
                    return Ok(Started::Queued);
                }
                self.must(Action::Start, service, commands, systemctl, &["restart", service])?;
                Ok(Started::Now)
            }
            InitSystem::OpenRc { rc_service, commands, .. } => {
                self.must(Action::Start, service, commands, rc_service, &[service, "restart"])?;
                Ok(Started::Now)
            }
            InitSystem::Offline => Ok(Started::AtBoot),
            InitSystem::Unmanaged => Ok(Started::ByUser),
        }
    }

    /// Starts a service that does not run, without waiting for anything: also one that is held back until the unit has started
    /// that this program runs in. For a service that is needed in the meantime.
    pub fn start_at_once(&self, service: &str) -> Result<Started, ServiceError> {
        match self {
            InitSystem::Systemd { systemctl, commands, unit, .. }
                if unit.as_ref().is_some_and(|unit| *unit != format!("{service}.service"))
                    && self.held_back(service).is_some() =>
            {
                // A job of this mode takes the place of one that waits in the queue, and ignores the order (systemctl(1)).
                let arguments = ["--no-block", "--job-mode=ignore-dependencies", "start", service];
                self.must(Action::Start, service, commands, systemctl, &arguments)?;
                Ok(Started::Now)
            }
            _ => self.start(service),
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
            command: line(program, arguments),
            openrc: matches!(self, InitSystem::OpenRc { .. }),
            output: Box::new(output),
        })
    }
}
