//! Discovery by a kubeconfig that the user has put on this machine, or that was fetched from a URL.
//! Source of the scheme: `cmd/kubeadm/app/discovery/file/file.go`.
//!
//! The file says which server and which CA; cluster-info, which anonymous users may or may not read, only adds a CA where the
//! file has none, and a warning where it names another server. As in token discovery, it is read without a credential from
//! a server that has still to be verified, and then the connection that it came over is judged: by the CA of the file, or,
//! where there is none, by those that web servers are known by. Only then does a credential go out.

use std::time::{Duration, Instant, SystemTime};

use super::cluster::{Announced, ClusterInfo, Verified, anchors, valid_anchors};
use super::cluster_info::{self, UnverifiedClusterInfo};
use super::dialer::dialer_for;
use super::error::DiscoveryError;
use crate::clock::Clock;
use crate::error::Explain;
use crate::kube::answer::{MAX_OBJECT, decode};
use crate::kube::client::{Client, REQUEST_TIMEOUT};
use crate::kube::error::{KubeCause, KubeError};
use crate::kube::types::ConfigMap;
use crate::kube::wanted::Wanted;
use crate::kubeconfig::{ClientCredentials, ClusterAccess, KubeconfigError};
use crate::net::dial::{Dialer, Proxies};
use crate::net::error::{Cause, NetError};
use crate::net::server::{Server, UnverifiedServer};
use crate::net::tls::TrustRoots;
use crate::net::verification::Verification;
use crate::phase::Phase;
use crate::pki::certificate::Certificate;
use crate::report::Report;
use crate::retry::{Grace, Retry};
use crate::values::{BootstrapToken, Endpoint};

/// For how long a cluster without cluster-info may be one that is still being set up. After that, none is expected: the
/// cluster may be of somebody else than kubeadm.
const SETUP_GRACE: Duration = Duration::from_secs(30);

/// What file discovery goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileDiscovery<'a> {
    /// What the file says.
    pub(super) kubeconfig: &'a ClusterAccess,
    /// Proxies between this machine and the API server.
    pub(super) proxies: &'a Proxies,
    /// The token that the certificate will be requested with, where there is one.
    pub(super) token: Option<&'a BootstrapToken>,
}

/// Verifies the API server with the CA of the file. What the file holds as credentials is sent only where cluster-info is
/// closed to anonymous users, and only after that.
///
/// # Errors
/// The server is not of that CA, or the file's user is refused.
pub(super) fn with_ca_of_file(
    request: FileDiscovery<'_>,
    clock: Clock,
    retry: Retry,
    report: &Report,
) -> Result<Verified, DiscoveryError> {
    let FileDiscovery { kubeconfig, token, .. } = request;
    let credentials = request.credentials(report);
    let ca_certificates = match kubeconfig.ca_certificates.as_slice() {
        [] => return Err(DiscoveryError::File(KubeconfigError::NoCaCertificate)),
        own => own.to_vec(),
    };
    let dialer = dialer_for(&kubeconfig.server, request.proxies, report)?;
    let verification = Verification::pinned(anchors(&ca_certificates)?, clock);
    let (server, answer) = ask_anonymously(&dialer, &verification, retry, report)?;
    let clock = server.clock();
    let roots = valid_anchors(&ca_certificates, clock.now())?;
    let server = server.reverify_with(&roots)?;
    // With a token to go on with, cluster-info has nothing to tell that would be worth a credential.
    let user = credentials.filter(|_| token.is_none());
    let identity = user.and_then(|user| user.identity.as_ref());
    let as_user = match identity {
        Some(_) => Server::new(dialer, &roots, clock, identity)?,
        None => server,
    };
    let (server, answer) = match user.filter(|_| answer.as_ref().is_err_and(is_refusal)) {
        Some(user) => ask_as_user(as_user, user, retry, report)?,
        None => (as_user, answer),
    };
    let announced = match request.content(answer)? {
        Ok(info) => Announced::Server(info.server),
        Err(why) => Announced::Nothing(why),
    };
    Ok(request.verified(ca_certificates, roots, server, announced))
}

/// Verifies the API server with the system trust store, and takes the cluster's CA from cluster-info: the file has none.
///
/// # Errors
/// The server cannot be verified, or its cluster-info has no CA either.
pub(super) fn with_ca_of_cluster_info(
    request: FileDiscovery<'_>,
    system_ca: &Verification,
    retry: Retry,
    report: &Report,
) -> Result<Verified, DiscoveryError> {
    let credentials = request.credentials(report);
    let dialer = dialer_for(&request.kubeconfig.server, request.proxies, report)?;
    let (server, answer) = ask_anonymously(&dialer, system_ca, retry, report).map_err(|error| match error {
        DiscoveryError::Net(error @ NetError { cause: Cause::UntrustedChain(_), .. }) => {
            DiscoveryError::FileWithoutCa(error)
        }
        error => error,
    })?;
    let clock = server.clock();
    let identity = credentials.and_then(|credentials| credentials.identity.as_ref());
    let answer = match credentials.filter(|_| answer.as_ref().is_err_and(is_refusal)) {
        Some(user) => {
            let server = match identity {
                Some(_) => Server::new(dialer.clone(), system_ca.roots(), clock, identity)?,
                None => server,
            };
            ask_as_user(server, user, retry, report)?.1
        }
        None => answer,
    };
    let UnverifiedClusterInfo { server: announced, ca_certificates, .. } = request.content(answer)?.map_err(|why| {
        report.warn(Phase::Discovery, None, why);
        DiscoveryError::File(KubeconfigError::NoCaCertificate)
    })?;
    let roots = valid_anchors(&ca_certificates, clock.now())?;
    // A token wins over the file's own certificate, which is then not shown any more.
    let server = Server::new(dialer, &roots, clock, identity.filter(|_| request.token.is_none()))?;
    Ok(request.verified(ca_certificates, roots, server, Announced::Server(announced)))
}

impl<'a> FileDiscovery<'a> {
    /// What the file's user authenticates with, where there is one.
    fn credentials(self, report: &Report) -> Option<&'a ClientCredentials> {
        let credentials = self.kubeconfig.credentials.as_ref();
        for field in &self.kubeconfig.ignored {
            let text = format_args!("the discovery file's {field} is ignored: kubelet.conf would not have it");
            report.warn(Phase::Discovery, None, text);
        }
        credentials
    }

    /// What cluster-info says, or why it says nothing. That it may not be read, is not there or cannot be used is no error
    /// here, as in kubeadm: the server has been verified as the file's.
    fn content(self, answer: Answer) -> Result<Result<UnverifiedClusterInfo, String>, DiscoveryError> {
        Ok(match answer {
            Ok(config_map) => match config_map.data.get("kubeconfig").map(|text| cluster_info::read(text)) {
                Some(read) => read.map_err(|error| format!("cluster-info cannot be used: {error}")),
                None => Err("cluster-info has no kubeconfig".to_owned()),
            },
            Err(error) if is_refusal(&error) || matches!(error.cause, KubeCause::NotFound { .. }) => {
                Err(error.to_string())
            }
            Err(error) => return Err(DiscoveryError::kube(&self.kubeconfig.server, error)),
        })
    }

    fn verified(
        self,
        ca_certificates: Vec<Certificate>,
        roots: TrustRoots,
        server: Server,
        announced: Announced,
    ) -> Verified {
        let (named, endpoint, clock) = (self.kubeconfig.server.clone(), server.endpoint().clone(), server.clock());
        Verified { info: ClusterInfo { server: named, endpoint, announced, ca_certificates, roots, clock }, server }
    }
}

/// What was answered when cluster-info was asked for.
type Answer = Result<ConfigMap, KubeError>;

/// Asks without a credential, and verifies the server that has answered, whatever it has answered.
fn ask_anonymously(
    dialer: &Dialer,
    verification: &Verification,
    retry: Retry,
    report: &Report,
) -> Result<(Server, Answer), DiscoveryError> {
    let mut asked = UnverifiedServer::new(dialer.clone());
    let setup = Grace::new(SETUP_GRACE.min(retry.remaining() / 2));
    let (answer, date) = retry.run(
        || {
            let deadline = retry.exchange_deadline(REQUEST_TIMEOUT);
            fetch(&mut asked, dialer.route().endpoint(), deadline, setup.is_over() || !retry.is_repeated())
        },
        |error, pause| report.retrying(Phase::Discovery, error, pause),
    )?;
    Ok((asked.verify(verification, date)?, answer))
}

fn fetch(
    asked: &mut UnverifiedServer,
    endpoint: &Endpoint,
    deadline: Instant,
    settled: bool,
) -> Result<(Answer, Option<SystemTime>), DiscoveryError> {
    let wanted = cluster_info();
    let answer = asked.fetch(&wanted.cached_path(), MAX_OBJECT, deadline)?;
    match decode::<ConfigMap>(&wanted, &answer, None) {
        Err(error @ KubeError { cause: KubeCause::NotFound { .. }, .. }) if !settled => {
            Err(DiscoveryError::unverified(endpoint, error, &answer))
        }
        Err(error) if error.may_retry() => Err(DiscoveryError::kube(endpoint, error)),
        answered => Ok((answered, answer.head.date)),
    }
}

/// Asks a verified server with what the file holds.
fn ask_as_user(
    server: Server,
    credentials: &ClientCredentials,
    retry: Retry,
    report: &Report,
) -> Result<(Server, Answer), DiscoveryError> {
    let mut client = Client::new(server, credentials.token.clone());
    let endpoint = client.endpoint().clone();
    let failed = |error| Err(DiscoveryError::kube(&endpoint, error));
    let answer = retry.run(
        || match client.config_map(&cluster_info(), retry.exchange_deadline(REQUEST_TIMEOUT)) {
            Err(error) if error.may_retry() => failed(error),
            Err(KubeError { cause: KubeCause::Unauthorized(message), .. }) => {
                Err(DiscoveryError::CredentialsRefused(message))
            }
            Err(error @ KubeError { cause: KubeCause::Net(_), .. }) => failed(error),
            answered => Ok(answered),
        },
        |error, pause| report.retrying(Phase::Discovery, error, pause),
    )?;
    Ok((client.into_server(), answer))
}

fn cluster_info() -> Wanted {
    Wanted::config_map("kube-public", "cluster-info")
}

/// Whether a server says that it does not tell us.
fn is_refusal(error: &KubeError) -> bool {
    matches!(error.cause, KubeCause::Unauthorized(_) | KubeCause::Forbidden(_))
}
