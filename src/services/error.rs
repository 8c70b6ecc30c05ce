//! What can go wrong with a service, and what then to do.

use std::fmt;
use std::io;
use std::time::Duration;

use super::output::Output;
use crate::error::{Code, Explain, codes, debug_as_display};
use crate::rootfs::TargetPath;

/// What was wanted of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To run, with the files as they are now.
    Start,
    /// Not to run.
    Stop,
}

/// What can go wrong with a command of the init system.
pub enum ServiceError {
    /// There is none that could be asked.
    NoInitSystem,
    /// Its command cannot be run.
    CannotRun {
        /// As typed.
        command: String,
        /// The kernel's answer.
        error: io::Error,
    },
    /// Its command did not end, and was killed.
    TimedOut {
        /// As typed.
        command: String,
        /// How long it was waited for.
        timeout: Duration,
    },
    /// Its command failed.
    Failed {
        /// What it was to do.
        action: Action,
        /// To which service.
        service: String,
        /// As typed.
        command: String,
        /// It is OpenRC, which has no journal.
        openrc: bool,
        /// What the command said.
        output: Box<Output>,
    },
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServiceError::NoInitSystem => f.write_str("no init system was found to ask about services"),
            ServiceError::CannotRun { command, error } => write!(f, "cannot run `{command}`: {error}"),
            ServiceError::TimedOut { command, timeout } => {
                write!(f, "`{command}` did not end within {} s", timeout.as_secs())
            }
            ServiceError::Failed { command, output, .. } => {
                write!(f, "`{command}` failed ({}): {}", output.ending(), output.first_line())
            }
        }
    }
}

debug_as_display!(ServiceError);

impl std::error::Error for ServiceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ServiceError::CannotRun { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl Explain for ServiceError {
    fn code(&self) -> &'static Code {
        match self {
            ServiceError::NoInitSystem => &codes::KUBELET_NO_SERVICE_MANAGER,
            ServiceError::CannotRun { .. } | ServiceError::TimedOut { .. } => &codes::KUBELET_SERVICE_MANAGER,
            ServiceError::Failed { action: Action::Start, .. } => &codes::KUBELET_START_FAILED,
            ServiceError::Failed { action: Action::Stop, .. } => &codes::KUBELET_STOP_FAILED,
        }
    }

    fn hint(&self) -> String {
        match self {
            // What systemctl says in containers, chroots, and on machines that only have it installed.
            ServiceError::Failed { service, output, .. } if output.says("not been booted with systemd") => {
                format!("start {service} yourself: this machine does not run systemd, it only has its commands")
            }
            ServiceError::Failed { service, openrc: true, .. } => {
                format!("run `rc-service {service} status` on this machine, and look into its log in /var/log")
            }
            ServiceError::Failed { service, .. } => {
                format!("run `systemctl status {service}` and `journalctl -xeu {service}` on this machine")
            }
            _ => self.code().hint.to_owned(),
        }
    }
}

/// Why nothing, or not everything, was linked to start a service when a root boots. A warning: the files are good, and
/// an image may have its own way.
#[derive(PartialEq, Eq)]
pub enum NotEnabled {
    /// The root has no such service.
    NoUnit {
        /// Its name.
        service: String,
    },
    /// It is masked.
    Masked {
        /// The unit file, or link to `/dev/null`.
        unit: TargetPath,
    },
    /// Its unit file has nothing to enable, and no other unit wants it.
    NoInstall {
        /// The unit file.
        unit: TargetPath,
    },
    /// Its unit file has names to enable that only systemd understands, such as `%i`.
    NotUnderstood {
        /// The unit file.
        unit: TargetPath,
        /// The words in question.
        words: Vec<String>,
    },
}

impl fmt::Display for NotEnabled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotEnabled::NoUnit { service } => {
                write!(f, "{service} is not enabled: the target root has no unit file or init script of that name")
            }
            NotEnabled::Masked { unit } => write!(f, "{unit} is masked and will not be started at boot"),
            NotEnabled::NoInstall { unit } => {
                write!(f, "{unit} is not enabled: it has nothing to enable in [Install], and no other unit wants it")
            }
            NotEnabled::NotUnderstood { unit, words } => {
                write!(
                    f,
                    "{unit}: not enabled for names in [Install] that only systemd understands: {}",
                    words.join(" ")
                )
            }
        }
    }
}

debug_as_display!(NotEnabled);

impl std::error::Error for NotEnabled {}

impl Explain for NotEnabled {
    fn code(&self) -> &'static Code {
        &codes::KUBELET_NOT_ENABLED
    }

    fn hint(&self) -> String {
        match self {
            NotEnabled::NoUnit { service } => {
                format!(
                    "install {service} in the image, or run `systemctl enable --now {service}` on the booted machine"
                )
            }
            NotEnabled::Masked { unit } => {
                format!("run `systemctl unmask {}` on the booted machine", unit.file_name().unwrap_or_default())
            }
            NotEnabled::NoInstall { unit } | NotEnabled::NotUnderstood { unit, .. } => {
                format!("run `systemctl enable {}` on the booted machine", unit.file_name().unwrap_or_default())
            }
        }
    }
}
