//! The kubeconfig of a discovery URL. Source of the scheme: `cmd/kubeadm/app/discovery/https/https.go`.
//!
//! A web server is verified before it is asked, because a signed URL is a credential; and where only its own word says what
//! time it is, the connection that the answer came over is judged once more, a redirect like a file. What it serves decides
//! whom this node trusts; so it has to be https all the way, as kubeadm has it only for the first step.

use super::dialer::dialer_for;
use super::error::DiscoveryError;
use crate::kube::client::REQUEST_TIMEOUT;
use crate::kubeconfig::{ClusterAccess, KubeconfigError};
use crate::net::dial::{Dialer, Proxies};
use crate::net::error::NetError;
use crate::net::http::Response;
use crate::net::server::UnverifiedServer;
use crate::net::status::is_transient;
use crate::net::verification::Verification;
use crate::phase::Phase;
use crate::report::Report;
use crate::retry::Retry;
use crate::text::UntrustedText;
use crate::values::{Endpoint, Url, without_secrets};

/// As many as Go's client follows (`net/http`, `defaultCheckRedirect`).
const MAX_REDIRECTS: usize = 10;

/// Largest file that is read, in bytes: what a ConfigMap may hold.
const MAX_BYTES: usize = 1 << 20;

/// Fetches the file and reads what it names.
pub(super) fn fetch(
    url: &Url,
    web_server: &Verification,
    proxies: &Proxies,
    retry: Retry,
    report: &Report,
) -> Result<ClusterAccess, DiscoveryError> {
    report.info(Phase::Discovery, format_args!("Fetching the discovery file from {url}"));
    let mut fetching = Fetching { web_server, proxies, retry, dialers: Vec::new(), report };
    let response =
        retry.run(|| fetching.followed(url), |error, pause| report.retrying(Phase::Discovery, error, pause))?;
    let text = std::str::from_utf8(&response.body)
        .map_err(|_| DiscoveryError::File(KubeconfigError::Yaml(UntrustedText::new("no UTF-8 text", None))))?;
    let access = ClusterAccess::read(text, None).map_err(DiscoveryError::File)?;
    access.conceal(report);
    Ok(access)
}

/// What every step of it needs.
struct Fetching<'a> {
    web_server: &'a Verification,
    proxies: &'a Proxies,
    /// No exchange outlives it.
    retry: Retry,
    /// Dialers that have been made, and reported, before.
    dialers: Vec<Dialer>,
    report: &'a Report,
}

impl Fetching<'_> {
    /// The file, or where the redirects lead that come instead.
    fn followed(&mut self, url: &Url) -> Result<Response, DiscoveryError> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self
                .fetch_verified(&url)
                .map_err(|error| DiscoveryError::Web { url: url.clone(), error: Box::new(error) })?;
            let Some(location) = &response.head.location else {
                let (status, url) = (response.head.status, url.clone());
                return match status {
                    200 => Ok(response),
                    status if is_transient(status) => {
                        Err(DiscoveryError::UrlBusy { url, status, retry_after: response.head.retry_after })
                    }
                    _ => Err(DiscoveryError::UrlRefused { url, status }),
                };
            };
            let to = url.redirected(location).map_err(|problem| DiscoveryError::UrlRedirect {
                url: url.clone(),
                location: UntrustedText::new(&without_secrets(location), None),
                problem,
            })?;
            self.report.debug(1, Phase::Discovery, format_args!("{url} redirects to {to}"));
            url = to;
        }
        Err(DiscoveryError::UrlRedirects(url))
    }

    /// One answer, of a server that has been verified as the URL's.
    fn fetch_verified(&mut self, url: &Url) -> Result<Response, NetError> {
        let deadline = self.retry.exchange_deadline(REQUEST_TIMEOUT);
        let mut server = UnverifiedServer::new(self.dialer_for(url.endpoint())?);
        let response = server.fetch_or_redirect(url.target(), self.web_server, MAX_BYTES, deadline)?;
        server.verify(self.web_server, response.head.date)?;
        Ok(response)
    }

    fn dialer_for(&mut self, endpoint: &Endpoint) -> Result<Dialer, NetError> {
        match self.dialers.iter().find(|dialer| dialer.route().endpoint() == endpoint) {
            Some(dialer) => Ok(dialer.clone()),
            None => {
                self.dialers.push(dialer_for(endpoint, self.proxies, self.report)?);
                self.dialer_for(endpoint)
            }
        }
    }
}
