//! What one place says: the kernel command line, a directory, the firmware.

use std::ffi::OsStr;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::origin::Origin;
use super::problem::Problem;
use super::setting::{Setting, ValueError};
use super::settings::Settings;
use super::settings_table;
use super::warning::Warning;
use crate::secret::Secret;
use crate::text::mask;

/// What one place says.
#[derive(Debug, Default)]
pub struct Place {
    /// The settings.
    pub settings: Settings,
    /// A configuration file that stands there: its name for messages, its text.
    pub config: Option<(PathBuf, Zeroizing<String>)>,
    /// What does not exist, says nothing, or is not used.
    pub warnings: Vec<Warning>,
    /// Values that cannot be used.
    pub problems: Vec<Problem>,
    /// How strong it is: the flags are 0, and a larger number is weaker. What stands in one directory is one place in two parts.
    pub level: usize,
    /// It is the firmware's, or on a partition that every system can write: whoever has written there need not be root of this
    /// machine, and must not have a secret of it sent anywhere by naming its file.
    pub is_foreign: bool,
}

impl Place {
    /// Every token in it.
    pub fn secrets(&self) -> impl Iterator<Item = Secret> {
        let Settings { token, discovery_token, tls_bootstrap_token, certificate_key, .. } = &self.settings;
        let given = [token, discovery_token, tls_bootstrap_token, certificate_key];
        let of_settings = given.into_iter().flatten().map(|given| given.value.clone());
        of_settings.chain(self.config.iter().flat_map(|(_, text)| mask::secrets_in(text)))
    }

    /// Takes the value of the parameter `name`, which is named without `kubejoin.`, and stands in `entry`, or on the kernel
    /// command line.
    pub(super) fn take(&mut self, name: &str, value: &str, entry: Option<&str>) {
        let is_known =
            |setting: &&'static Setting| entry.is_none() || !settings_table::is_of_kernel_alone(setting.parameter);
        let Some(setting) = settings_table::parameter(name).filter(is_known) else {
            return self.warnings.push(match entry {
                Some(entry) => Warning::UnknownEntry(entry.to_owned()),
                None => Warning::UnknownParameter(name.to_owned()),
            });
        };
        let origin = match entry {
            Some(entry) => Origin::Entry(entry.to_owned()),
            None => Origin::Parameter(setting.parameter),
        };
        // A file ends in a newline, also one with a path in it.
        let value = if entry.is_some() { value.trim() } else { value };
        if value.trim().is_empty() {
            return self.warnings.push(Warning::ParameterWithoutValue(origin));
        }
        if let Err(ValueError::Expected(expected)) = setting.set(&mut self.settings, origin.clone(), OsStr::new(value))
        {
            self.problems.push(Problem::Expected { origin, expected, found: value.to_owned() });
        }
    }
}
