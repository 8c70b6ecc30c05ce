//! What the sources amount to. The helpers of all tests are here, the tests in files by what they are about.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::migrate;
pub(super) use super::resolve::Resolved;
use super::settings_table::typed;
pub(super) use super::warning::Warning;
use super::*;
use crate::clock::ClockMode;
use crate::error::Explain;
use crate::secret::Secret;
use crate::values::BootstrapToken;

mod discovery;
mod fields;
mod mistakes;
mod places;
mod releases;
mod sources;

const PIN: &str = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const TOKEN: &str = "abcdef.0123456789abcdef";
const OTHER: &str = "zzzzzz.0123456789abcdef";

/// The sources of one join, as a person would give them.
#[derive(Debug, Default)]
struct Given<'a> {
    /// By name; the one without a name is the argument.
    flags: &'a [(&'a str, &'a str)],
    kernel: Option<&'a str>,
    config: Option<&'a str>,
    token_file: Option<&'a str>,
}

impl Given<'_> {
    fn try_resolve(&self) -> Result<Resolved, Refused> {
        let token = |_: &WithOrigin<PathBuf>| match self.token_file {
            Some(text) => Ok(Secret::new(text)),
            None => Err(ConfigError::TooLarge { path: "nobody should have read this".into() }),
        };
        let path = Path::new("join.yaml");
        let mut flags = typed(self.flags);
        flags.config = self.config.map(|_| WithOrigin::new(path.into(), Origin::Flag("config")));
        resolve(Sources {
            flags: &flags,
            places: self.kernel.map(kernel::parse).into_iter().collect(),
            config: self.config.map(|text| (path, text)),
            read_token: &token,
            token: TokenNeed::Now,
        })
    }

    fn resolve(&self) -> Resolved {
        self.try_resolve().unwrap()
    }

    fn error(&self) -> ConfigError {
        self.try_resolve().expect_err("no error").error
    }
}

fn by_flags<'a>(flags: &'a [(&'a str, &'a str)]) -> Given<'a> {
    Given { flags, ..Given::default() }
}

fn token_of(configuration: &JoinConfiguration) -> &BootstrapToken {
    let DiscoveryMethod::Token { token, .. } = &configuration.discovery else { panic!("no token discovery") };
    token.as_ref().unwrap()
}

fn endpoint_of(configuration: &JoinConfiguration) -> String {
    let DiscoveryMethod::Token { endpoints, .. } = &configuration.discovery else { panic!("no token discovery") };
    let endpoints: Vec<_> = endpoints.iter().map(ToString::to_string).collect();
    endpoints.join(" ")
}

fn texts(warnings: &[Warning]) -> Vec<String> {
    warnings.iter().map(ToString::to_string).collect()
}

const FILE: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken:
    token: abcdef.0123456789abcdef
    apiServerEndpoint: 10.0.0.1:6443
    caCertHashes: [sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff]
";

fn file_with(more: &str) -> String {
    format!("{FILE}{more}")
}

fn from_file(text: &str) -> Result<Resolved, ConfigError> {
    Given { config: Some(text), ..Given::default() }.try_resolve().map_err(|refused| refused.error)
}
