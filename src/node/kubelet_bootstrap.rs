//! The kubelet's own TLS bootstrap (`--skip-phases tls-bootstrap`): until it has its `kubelet.conf`, and the end of the token
//! that it was given for that.

use std::fmt;
use std::time::Duration;

use super::paths;
use super::state;
use crate::error::{Code, Explain, codes, debug_as_display};
use crate::phase::Phase;
use crate::report::Report;
use crate::retry::{Grace, Retry};
use crate::rootfs::{CommitError, FileSet, Root, RootError};
use crate::tls_bootstrap::APPROVER_GRACE;

/// kubeadm's interval (`cmd/kubeadm/app/constants/constants.go`, `TLSBootstrapRetryInterval`).
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Why there is no `kubelet.conf` that a client can be made of.
pub enum NotBootstrapped {
    /// It has not appeared for this long.
    Late(Duration),
    /// The tree cannot be read.
    Root(RootError),
}

/// Waits until the kubelet can speak to the cluster as itself.
///
/// # Errors
/// It cannot within `wait`, or the tree cannot be read.
pub fn wait(root: &Root, wait: Duration, report: &Report) -> Result<(), NotBootstrapped> {
    let retry = Retry::every(RETRY_INTERVAL, wait);
    let approver = Grace::new(APPROVER_GRACE);
    let mut said = Said::Nothing;
    retry.run(
        || match state::is_client(root) {
            Ok(true) => Ok(()),
            Ok(false) => {
                said = said.next(&approver, wait, report);
                Err(NotBootstrapped::Late(wait))
            }
            Err(error) => Err(NotBootstrapped::Root(error)),
        },
        |_, _| {},
    )?;
    if said != Said::Nothing {
        report.info(Phase::KubeletWaitBootstrap, "The kubelet has its certificate");
    }
    Ok(())
}

/// What has been said of the wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    Waiting,
    WhoApproves,
}

impl Said {
    /// Says the next thing, when its time has come.
    fn next(self, approver: &Grace, wait: Duration, report: &Report) -> Said {
        match self {
            Said::Nothing => {
                let seconds = wait.as_secs();
                let text = format_args!("The kubelet asks for its certificate; {seconds} s at most");
                report.info(Phase::KubeletWaitBootstrap, text);
                Said::Waiting
            }
            Said::Waiting if approver.is_over() => {
                let text = "Its request is not approved yet: look at `kubectl get csr` on the control plane, and run \
                            `kubectl certificate approve NAME` there";
                report.info(Phase::KubeletWaitBootstrap, text);
                Said::WhoApproves
            }
            said => said,
        }
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

debug_as_display!(NotBootstrapped);

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
