//! The files that the user named, read once and before anything is sent: a broken file must not cost a token.
//!
//! What shapes the kubelet's configuration is in [`kubelet`], what verifies the cluster in [`discovery`]. Paths are those of
//! this machine, not of the target root.

mod brought_certs;
mod discovery;
mod error;
mod kubelet;
#[allow(dead_code)] // until the settings know it
mod kustomize;
mod tar;

use std::path::Path;

use crate::clock::Clock;
use crate::config::DiscoveryMethod;
use crate::host::HostFacts;
use crate::kubelet::overrides::KubeletOverrides;
use crate::net::dial::Proxies;
use crate::report::Report;

#[doc(hidden)]
pub use brought_certs::BroughtCerts;
pub use discovery::{Discovery, Trust, administrators_kubeconfig, proxies};
pub use error::InputError;
pub use kubelet::read as kubelet_overrides;
pub use kustomize::read as kustomize_fragments;

/// Everything that the named files say.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// How the cluster is found and verified.
    pub discovery: Discovery,
    /// Proxies, and what verifies those that are spoken to over TLS.
    pub proxies: Proxies,
    /// What stands in the place of the cluster's KubeletConfiguration, or is applied to it.
    pub kubelet: KubeletOverrides,
    /// What all control planes share, where it was brought.
    pub brought_certs: Option<BroughtCerts>,
}

/// The settings that name files.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// How the cluster is to be found.
    pub discovery: &'a DiscoveryMethod,
    /// That of a file is named by who must not have a secret of this machine sent anywhere.
    pub discovery_file_is_foreign: bool,
    /// `--kubelet-config`.
    pub kubelet_config: Option<&'a Path>,
    /// `--patches`.
    pub patches: Option<&'a Path>,
    /// `--experimental-kustomize`, where it means something.
    pub kustomize: Option<&'a Path>,
    /// `--certs-dir-from`, where it means something.
    pub certs_dir_from: Option<&'a Path>,
    /// The target root, for advice only: named files are not looked for there.
    pub rootfs: &'a Path,
}

impl Inputs {
    /// Reads what is named. What is ignored is reported.
    ///
    /// # Errors
    /// The first file that cannot be read or used.
    pub fn read(named: Named<'_>, host: &HostFacts, clock: Clock, report: &Report) -> Result<Self, InputError> {
        let located = |error: InputError| error.located(named.rootfs);
        let mut kubelet = kubelet::read(named.kubelet_config, named.patches, report).map_err(located)?;
        if let Some(directory) = named.kustomize {
            kustomize::read(directory, &mut kubelet.patches, report).map_err(InputError::Patches).map_err(located)?;
        }
        let brought_certs = named.certs_dir_from.map(|path| brought_certs::read(path, report)).transpose()?;
        Ok(Inputs {
            kubelet,
            brought_certs: brought_certs.flatten(),
            discovery: discovery::read(
                named.discovery,
                named.discovery_file_is_foreign,
                &host.system_ca_bundle,
                clock,
                report,
            )
            .map_err(located)?,
            proxies: discovery::proxies(host, clock, report)?,
        })
    }
}
