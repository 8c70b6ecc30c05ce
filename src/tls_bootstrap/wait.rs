//! From the posted request to its certificate: by WATCH where the cluster lets us, else by asking again and again; all of it
//! within one deadline.

use std::time::{Duration, Instant};

use super::error::BootstrapError;
use super::request::CsrRequest;
use crate::kube::client::{Client, REQUEST_TIMEOUT};
use crate::kube::error::{KubeCause, KubeError};
use crate::kube::types::{CertificateSigningRequest, Condition};
use crate::kube::watch::CsrEvent;
use crate::phase::Phase;
use crate::report::Report;
use crate::retry::{Again, Grace, Retry};
use crate::text::UntrustedText;

/// How long an approver in the cluster usually needs at most; after that, an administrator is asked to.
pub const APPROVER_GRACE: Duration = Duration::from_secs(5);
/// The longest single WATCH: as long as kubeadm waits in all, so that one is enough.
const WATCH_TIMEOUT: Duration = Duration::from_secs(300);
/// The same once one was cut: kubeadm's example of a load balancer ends a connection without traffic after 35 s.
const CAREFUL_WATCH_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the first event may take, which is the request as it is: where it does not come, something in between keeps events back.
const FIRST_EVENT_TIMEOUT: Duration = REQUEST_TIMEOUT;
/// A WATCH that the server ends earlier is none: watching again would be asking without pause.
const LEAST_WATCH: Duration = Duration::from_secs(4);
/// How often it is said what is waited for.
const REMINDER_INTERVAL: Duration = Duration::from_secs(60);
/// Pause between two questions where the cluster does not let us watch.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Failures in a row after which there is no more watching: what breaks every watch (a proxy with a short idle time-out) may
/// let a question through.
const MAX_WATCH_FAILURES: u32 = 2;

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Post,
    Watch,
    Poll,
}

/// What is known of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Requested,
    Approved,
}

/// A request that is waited for.
pub(super) struct CsrWait<'a> {
    request: &'a CsrRequest,
    retry: Retry,
    report: &'a Report,
    step: Step,
    longest_watch: Duration,
    watch_failures: u32,
    uid: String,
    progress: Progress,
    approver: Option<Grace>,
    reminded: Option<(Progress, Grace)>,
}

impl<'a> CsrWait<'a> {
    /// Nothing has been sent yet.
    pub(super) fn new(request: &'a CsrRequest, retry: Retry, report: &'a Report) -> Self {
        CsrWait {
            request,
            retry,
            report,
            step: Step::Post,
            longest_watch: WATCH_TIMEOUT,
            watch_failures: 0,
            uid: String::new(),
            progress: Progress::Requested,
            approver: None,
            reminded: None,
        }
    }

    /// The certificate of a request that was found.
    pub(super) fn issued(&mut self, found: CertificateSigningRequest) -> Result<String, BootstrapError> {
        self.certificate_of(found)?.ok_or_else(|| self.not_issued())
    }

    /// One step: the certificate as it is in the object, where there is one.
    pub(super) fn attempt(&mut self, client: &mut Client) -> Result<String, Again<BootstrapError>> {
        let step = self.step;
        let outcome = match step {
            Step::Post => self.post(client),
            Step::Watch => self.watch(client),
            Step::Poll => {
                let found = self.request.read(client, self.retry.exchange_deadline(REQUEST_TIMEOUT));
                found.and_then(|csr| self.certificate_of(csr))
            }
        };
        match outcome {
            Ok(Some(certificate)) => return Ok(certificate),
            Ok(None) => self.watch_failures = 0,
            Err(error) if step == Step::Post => return Err(Again::Failed(error)),
            // The deadline alone has ended it, and what is waited for has not come.
            Err(error) if self.retry.has_cut_short(&error) => {}
            Err(BootstrapError::Kube(error)) if step == Step::Watch && is_no_watch(&error) => {
                self.report.debug(1, Phase::TlsBootstrap, format_args!("{error}; polling instead of watching"));
                self.step = Step::Poll;
                return Err(Again::not_yet(self.not_issued(), Duration::ZERO));
            }
            Err(error) => {
                self.watch_failures += 1;
                self.longest_watch = CAREFUL_WATCH_TIMEOUT;
                if self.watch_failures >= MAX_WATCH_FAILURES {
                    self.step = Step::Poll;
                }
                return Err(Again::Failed(error));
            }
        }
        self.remind();
        let pause = if self.step == Step::Watch { Duration::ZERO } else { POLL_INTERVAL };
        Err(Again::not_yet(self.not_issued(), pause))
    }

    fn post(&mut self, client: &mut Client) -> Result<Option<String>, BootstrapError> {
        let deadline = self.retry.exchange_deadline(REQUEST_TIMEOUT);
        self.approver = Some(Grace::new(APPROVER_GRACE));
        let posted = self.request.post(client, self.watch_timeout(), deadline)?;
        self.step = Step::Watch;
        self.certificate_of(posted)
    }

    /// Watches until the server ends it. Its word for how long that is has a margin, and the deadline of all.
    fn watch(&mut self, client: &mut Client) -> Result<Option<String>, BootstrapError> {
        let timeout = self.watch_timeout();
        let least = Grace::new(LEAST_WATCH.min(timeout / 2));
        let deadline = self.retry.exchange_deadline(timeout + REQUEST_TIMEOUT);
        let mut events = client.watch_csr(self.request.name(), timeout, deadline)?;
        let mut silence = Some(Grace::new(FIRST_EVENT_TIMEOUT));
        loop {
            let reminder = self.next_reminder().unwrap_or(deadline);
            let until = silence.map_or(reminder, |silence| silence.end().min(reminder));
            let Some(event) = events.next_event(until)? else { break };
            match event {
                CsrEvent::Now(csr) => {
                    silence = None;
                    if let Some(certificate) = self.certificate_of(csr)? {
                        return Ok(Some(certificate));
                    }
                }
                CsrEvent::Deleted => return Err(self.deleted()),
                CsrEvent::Nothing if silence.is_some_and(|silence| silence.is_over()) => {
                    self.step = Step::Poll;
                    return Ok(None);
                }
                CsrEvent::Nothing => {}
            }
            self.remind();
        }
        if !least.is_over() {
            self.step = Step::Poll;
        }
        Ok(None)
    }

    fn watch_timeout(&self) -> Duration {
        self.longest_watch.min(self.retry.remaining())
    }

    /// The certificate, where there is one; `None` while there may yet be one.
    fn certificate_of(&mut self, csr: CertificateSigningRequest) -> Result<Option<String>, BootstrapError> {
        let name = || self.request.name().to_owned();
        if self.uid.is_empty() {
            self.uid = csr.metadata.uid;
        } else if self.uid != csr.metadata.uid {
            return Err(self.deleted());
        }
        let condition = |kind| csr.status.conditions.iter().find(|c| c.kind == kind && c.status != "False");
        let words = |c: &Condition| UntrustedText::new(&format!("{}: {}", c.reason, c.message), None);
        if let Some(denied) = condition("Denied") {
            return Err(BootstrapError::Denied { name: name(), words: words(denied) });
        }
        if let Some(failed) = condition("Failed") {
            return Err(BootstrapError::Failed { name: name(), words: words(failed) });
        }
        match condition("Approved") {
            Some(_) if !csr.status.certificate.is_empty() => Ok(Some(csr.status.certificate)),
            Some(_) => {
                self.progress = Progress::Approved;
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// When there is something to say even if nothing happens.
    fn next_reminder(&self) -> Option<Instant> {
        let approver = self.approver?.end();
        Some(self.reminded.map_or(approver, |(_, since)| since.end().max(approver)))
    }

    /// Says what is waited for: when an approver has had its time, when that changes, and once a minute.
    fn remind(&mut self) {
        let is_news = self.reminded.is_none_or(|(what, since)| what != self.progress || since.is_over());
        if !is_news || !self.approver.is_some_and(|approver| approver.is_over()) {
            return;
        }
        self.reminded = Some((self.progress, Grace::new(REMINDER_INTERVAL)));
        let name = self.request.name();
        match self.progress {
            // On 80 columns, this breaks before the name and not within the command.
            Progress::Requested => {
                self.report.info(
                    Phase::TlsBootstrap,
                    format_args!("waiting; run on the control plane: kubectl certificate approve {name}"),
                );
                // The controller manager's client makes 20 requests a second, two for each of ours (tests/fleet/README.md).
                self.report.info(
                    Phase::TlsBootstrap,
                    "or wait, where many machines join at once: a kubeadm cluster approves about 10 a second",
                );
            }
            Progress::Approved => self.report.info(
                Phase::TlsBootstrap,
                format_args!("{name} is approved; waiting for the cluster's signer to issue the certificate"),
            ),
        }
    }

    fn not_issued(&self) -> BootstrapError {
        let name = self.request.name().to_owned();
        match self.progress {
            Progress::Requested => BootstrapError::Pending { name },
            Progress::Approved => BootstrapError::Unsigned { name },
        }
    }

    fn deleted(&self) -> BootstrapError {
        BootstrapError::Deleted { name: self.request.name().to_owned() }
    }
}

/// Whether a failed WATCH is one that will not get better by watching again.
fn is_no_watch(error: &KubeError) -> bool {
    matches!(
        error.cause,
        KubeCause::Forbidden(_)
            | KubeCause::NotFound { .. }
            | KubeCause::Rejected { .. }
            | KubeCause::UnexpectedObject(_)
    )
}
