//! The kubeconfig of a discovery URL. Source of the scheme: `cmd/kubeadm/app/discovery/https/https.go`.
//!
//! A web server is proved before it is asked, because a signed URL is a credential; and where only its own word says what
//! time it is, the connection that the answer came over is judged once more, a redirect like a file. What it serves decides
//! whom this node trusts; so it has to be https all the way, as kubeadm has it only for the first step.

use std::time::Instant;

use super::error::DiscoveryError;
use super::way::way_to;
use crate::clock::Clock;
use crate::kube::client::REQUEST_TIMEOUT;
use crate::kubeconfig::{ClusterAccess, KubeconfigError};
use crate::net::dial::{Dialer, Proxies};
use crate::net::error::NetError;
use crate::net::http::Response;
use crate::net::retry::Retry;
use crate::net::server::UnprovedServer;
use crate::phase::Phase;
use crate::plan::UrlRoots;
use crate::report::Report;
use crate::text::ForeignText;
use crate::values::{Endpoint, Url, without_secrets};

/// As many as Go's client follows (`net/http`, `defaultCheckRedirect`).
const MAX_REDIRECTS: usize = 10;

/// Largest file that is read, in bytes: what a ConfigMap may hold.
const MAX_BYTES: usize = 1 << 20;

/// Fetches the file and reads what it names.
pub(super) fn fetch(
    url: &Url,
    roots: &UrlRoots,
    proxies: &Proxies,
    (clock, retry): (Clock, Retry),
    report: &Report,
) -> Result<ClusterAccess, DiscoveryError> {
    report.info(Phase::Discovery, format_args!("Fetching the discovery file from {url}"));
    let mut fetching = Fetching { roots, proxies, clock, end: retry.deadline, ways: Vec::new(), report };
    let response =
        retry.run(|| fetching.followed(url), |error, pause| report.retrying(Phase::Discovery, error, pause))?;
    let text = std::str::from_utf8(&response.body)
        .map_err(|_| DiscoveryError::File(KubeconfigError::Yaml(ForeignText::new("no UTF-8 text", None))))?;
    let access = ClusterAccess::read(text, None).map_err(DiscoveryError::File)?;
    access.conceal(report);
    Ok(access)
}

/// What every step of it needs.
struct Fetching<'a> {
    roots: &'a UrlRoots,
    proxies: &'a Proxies,
    clock: Clock,
    /// No exchange outlives it.
    end: Instant,
    /// Ways that have been decided, and said, before.
    ways: Vec<Dialer>,
    report: &'a Report,
}

impl Fetching<'_> {
    /// The file, or where the redirects lead that come instead.
    fn followed(&mut self, url: &Url) -> Result<Response, DiscoveryError> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response =
                self.proved(&url).map_err(|error| DiscoveryError::Web { url: url.clone(), error: Box::new(error) })?;
            let Some(location) = &response.head.location else {
                let (status, url) = (response.head.status, url.clone());
                return match status {
                    200 => Ok(response),
                    408 | 429 | 500..=599 => {
                        Err(DiscoveryError::UrlBusy { url, status, retry_after: response.head.retry_after })
                    }
                    _ => Err(DiscoveryError::UrlRefused { url, status }),
                };
            };
            let to = url.redirected(location).map_err(|problem| DiscoveryError::UrlRedirect {
                url: url.clone(),
                location: ForeignText::new(&without_secrets(location), None),
                problem,
            })?;
            self.report.debug(1, Phase::Discovery, format_args!("{url} redirects to {to}"));
            url = to;
        }
        Err(DiscoveryError::UrlRedirects(url))
    }

    /// One answer, of a server that has proved to be the URL's.
    fn proved(&mut self, url: &Url) -> Result<Response, NetError> {
        let deadline = (Instant::now() + REQUEST_TIMEOUT).min(self.end);
        let mut server = UnprovedServer::new(self.way_to(url.endpoint())?);
        let (clock, believes_server) = match self.roots {
            UrlRoots::Given(_) => (self.clock, true),
            // Any of a hundred authorities, and whoever has an expired certificate of one, would tell us the time.
            UrlRoots::Web(_) => (self.clock.as_system(), false),
        };
        let roots = self.roots.roots();
        let response = server.fetch_or_redirect(url.target(), (roots, clock), MAX_BYTES, deadline)?;
        server.prove(roots, clock, response.head.date.filter(|_| believes_server))?;
        Ok(response)
    }

    fn way_to(&mut self, endpoint: &Endpoint) -> Result<Dialer, NetError> {
        match self.ways.iter().find(|way| way.route().endpoint() == endpoint) {
            Some(way) => Ok(way.clone()),
            None => {
                self.ways.push(way_to(endpoint, self.proxies, self.report)?);
                self.way_to(endpoint)
            }
        }
    }
}
