//! The kubelet's own TLS bootstrap (`--skip-phases tls-bootstrap`): until it has its `kubelet.conf`, and the end of the token
//! that it was given for that.

use std::fmt;
use std::time::{Duration, Instant};

use super::paths;
use super::state;
use crate::error::{Code, Explain, codes};
use crate::phase::Phase;
use crate::report::Report;
use crate::rootfs::{CommitError, FileSet, Root, RootError};

/// kubeadm's interval (`cmd/kubeadm/app/constants/constants.go`, `TLSBootstrapRetryInterval`).
const INTERVAL: Duration = Duration::from_secs(1);
/// How long an approver in the cluster usually needs at most; after that it is said that somebody has to approve.
const APPROVER_GRACE: Duration = Duration::from_secs(5);

/// Why there is no `kubelet.conf` that a client can be made of.
#[derive(Debug)]
pub enum NotBootstrapped {
    /// It has not appeared for this long.
    Late(Duration),
    /// The tree cannot be read.
    Root(RootError),
}

/// Waits until the kubelet can speak to the cluster as itself.
pub fn wait(root: &Root, wait: Duration, report: &Report) -> Result<(), NotBootstrapped> {
    let started = Instant::now();
    let mut said = 0;
    loop {
        if state::is_client(root).map_err(NotBootstrapped::Root)? {
            if said > 0 {
                report.info(Phase::KubeletWaitBootstrap, "The kubelet has its certificate");
            }
            return Ok(());
        }
        if said == 0 {
            let text = format!("The kubelet asks for its certificate; {} s at most", wait.as_secs());
            report.info(Phase::KubeletWaitBootstrap, text);
            said = 1;
        } else if said == 1 && started.elapsed() > APPROVER_GRACE {
            let text = "Nobody has approved its request yet: look at `kubectl get csr` on the control plane, and run \
                        `kubectl certificate approve NAME` there";
            report.info(Phase::KubeletWaitBootstrap, text);
            said = 2;
        }
        if started.elapsed() + INTERVAL > wait {
            return Err(NotBootstrapped::Late(wait));
        }
        std::thread::sleep(INTERVAL);
    }
}

/// Removes the kubelet's token, where one is.
pub fn remove_bootstrap_kubeconfig(root: &Root) -> Result<(), CommitError> {
    let mut token = FileSet::new();
    token.absent(paths::BOOTSTRAP_KUBELET_CONF);
    root.commit(&token).map(|_| ())
}

impl fmt::Display for NotBootstrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotBootstrapped::Late(waited) => {
                let (path, seconds) = (paths::KUBELET_CONF, waited.as_secs());
                write!(f, "the kubelet has not got a certificate and a {path} within {seconds} s")
            }
            NotBootstrapped::Root(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NotBootstrapped {}

impl Explain for NotBootstrapped {
    fn code(&self) -> &'static Code {
        match self {
            NotBootstrapped::Late(_) => &codes::KUBELET_NOT_BOOTSTRAPPED,
            NotBootstrapped::Root(error) => error.code(),
        }
    }

    fn hint(&self) -> String {
        match self {
            NotBootstrapped::Late(_) => self.code().hint.to_owned(),
            NotBootstrapped::Root(error) => error.hint(),
        }
    }
}
