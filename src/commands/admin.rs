//! The administrator of a cluster: which kubeconfig is his, and a client with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::{Clock, ClockMode};
use crate::discovery::{Discovered, discover};
use crate::error::Failure;
use crate::host::HostFacts;
use crate::inputs;
use crate::kube::client::Client;
use crate::kubeconfig::ClusterAccess;
use crate::node::paths;
use crate::plan::Access;
use crate::report::Report;
use crate::retry::Retry;

/// How long an API server is asked (kubeadm's `timeouts.kubernetesAPICall`), and the pause between two questions.
const WAIT: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_millis(500);

/// How an administrator's verb asks the API server.
pub(super) fn retry() -> Retry {
    Retry::every(INTERVAL, WAIT)
}

/// An administrator's kubeconfig, read.
pub(super) struct Admin {
    access: Access,
    kubeconfig: ClusterAccess,
}

impl Admin {
    /// Reads the kubeconfig that is given, or the one that kubeadm would take.
    ///
    /// # Errors
    /// It cannot be read or used.
    pub(super) fn read(given: Option<PathBuf>, section: &'static str, report: &Report) -> Result<Self, Failure> {
        let path = given.unwrap_or_else(|| {
            let variable = std::env::var_os("KUBECONFIG");
            let listed = variable.iter().flat_map(std::env::split_paths).filter(|path| !path.as_os_str().is_empty());
            let listed: Vec<_> = listed.collect();
            let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
            first_of(if listed.is_empty() { vec![home.join(".kube/config")] } else { listed })
        });
        report.debug(1, section, format_args!("the kubeconfig is {}", path.display()));
        let host = HostFacts::read(Path::new("/"), std::env::var_os("PATH").as_deref());
        let clock = Clock::read(ClockMode::default(), host.seen_time);
        let (discovery, kubeconfig) = inputs::administrators_kubeconfig(&path, &host, clock, report)?;
        let proxies = inputs::proxies(&host, clock, report)?;
        let access = Access { discovery, server: None, bootstrap_token: None, token_may_come: false, proxies, clock };
        Ok(Admin { access, kubeconfig })
    }

    /// What it says of the cluster.
    pub(super) fn kubeconfig(&self) -> &ClusterAccess {
        &self.kubeconfig
    }

    /// A client of the API server, which has been verified.
    ///
    /// # Errors
    /// It does not answer until the wait is over, or is not the kubeconfig's.
    pub(super) fn client(&self, retry: Retry, report: &Report) -> Result<Client, Failure> {
        let Discovered { server, bootstrap, .. } = discover(&self.access, retry, report)?;
        Ok(Client::new(server, bootstrap.credentials.token))
    }
}

/// The first that is there, of these and the administrator's own of a control plane; else the first (client-go
/// `tools/clientcmd/loader.go`, `GetDefaultFilename`).
fn first_of(mut paths: Vec<PathBuf>) -> PathBuf {
    paths.push(paths::ADMIN_CONF.as_str().into());
    let first = paths.iter().find(|path| path.exists()).or(paths.first());
    first.cloned().unwrap_or_default()
}
