//! `config`: prints what the functions of [`crate::config::migrate`] return, with this machine's name and runtime socket.

use std::io::Write;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::cli::ConfigCommand;
use crate::config::{ConfigError, Refused, load, migrate};
use crate::error::Failure;
use crate::host::HostFacts;
use crate::plan;
use crate::report::Report;
use crate::rootfs::{FileSet, Root};
use crate::text::mask;
use crate::values::NodeName;

/// What lines of this verb belong to.
const SECTION: &str = "config";

/// Who may read what `config migrate` writes: it holds tokens. kubeadm leaves it to everybody (0644).
const MODE: u32 = 0o600;

/// Runs a verb of `config`.
pub(super) fn run(command: &ConfigCommand, report: &Report) -> Result<(), Failure> {
    match command {
        ConfigCommand::PrintJoinDefaults => {
            show(&migrate::join_defaults(&host_name(&this_machine())?, plan::DEFAULT_CRI_SOCKET));
        }
        ConfigCommand::PrintResetDefaults => show(&migrate::reset_defaults(plan::DEFAULT_CRI_SOCKET)),
        ConfigCommand::Validate { config, allow } => {
            let validated = migrate::validate(config, &read(config, report)?, *allow);
            report.warn_each(SECTION, &validated.map_err(|refused| with_warnings(refused, report))?);
            show(
                "ok
",
            );
        }
        ConfigCommand::Migrate { old_config, new_config, allow } => {
            let migrated = migrate::migrate(old_config, &read(old_config, report)?, *allow);
            let migration = migrated.map_err(|refused| with_warnings(refused, report))?;
            report.warn_each(SECTION, &migration.warnings);
            let machine = this_machine();
            // A template stays one: the machine that migrates a file need not be the one that joins.
            let name = match &migration.node_name {
                Some(given) => given.as_str().to_owned(),
                None if !migration.has_node_name() => String::new(),
                None => host_name(&machine)?.to_string(),
            };
            let text = migration.to_yaml(&name, &plan::cri_socket(migration.cri_socket.clone(), &machine)?);
            match new_config {
                Some(path) => write(path, &text)?,
                None => show(&text),
            }
        }
    }
    Ok(())
}

/// A configuration file. What it holds of secrets is in the output of `config migrate`, and in no message.
fn read(path: &Path, report: &Report) -> Result<Zeroizing<String>, Failure> {
    let text = load::configuration(path)?;
    for secret in mask::secrets_in(&text) {
        report.conceal(&secret);
    }
    Ok(text)
}

fn this_machine() -> HostFacts {
    HostFacts::read(Path::new("/"), std::env::var_os("PATH").as_deref())
}

/// The name of this machine. `hostname-override` does not count here, as in kubeadm.
fn host_name(machine: &HostFacts) -> Result<NodeName, plan::PlanError> {
    plan::node_name(None, &[], machine)
}

/// A reader that has gone away is no error.
fn show(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// The error, once the warnings have been printed: what was ignored can be the cause.
fn with_warnings(refused: Refused, report: &Report) -> ConfigError {
    report.warn_each(SECTION, &refused.warnings);
    refused.error
}

/// Through the durable writer; the directory has to be there.
fn write(path: &Path, text: &Zeroizing<String>) -> Result<(), Failure> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = PathBuf::from("/").join(path.file_name().unwrap_or_default());
    let mut set = FileSet::new();
    set.secret_file(name.to_string_lossy().parse()?, MODE, Zeroizing::new(text.as_bytes().to_vec()));
    Root::open(directory)?.commit(&set)?;
    Ok(())
}
