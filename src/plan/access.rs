//! How the cluster is found, verified and reached.

use crate::clock::Clock;
use crate::inputs::Discovery;
use crate::net::dial::Proxies;
use crate::values::{BootstrapToken, Endpoint};

/// Everything that a connection to the cluster needs.
#[derive(Clone, Debug)]
pub struct Access {
    /// How the cluster is found and verified.
    pub discovery: Discovery,
    /// `--server`: what the kubelet is to use, where that is not what discovery finds.
    pub server: Option<Endpoint>,
    /// Authenticates the request for a certificate; where there is none, the discovery file has to hold what does.
    pub bootstrap_token: Option<BootstrapToken>,
    /// Where there is neither, one may still come: nobody has typed this.
    pub token_may_come: bool,
    /// Proxies between this machine and servers.
    pub proxies: Proxies,
    /// Which clock judges certificates.
    pub clock: Clock,
}
