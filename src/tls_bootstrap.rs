//! TLS bootstrap by ourselves: request, wait, match the certificate to the key.
//!
//! Request object and name are the kubelet's (`pkg/kubelet/certificate/bootstrap/bootstrap.go`), so that a second run with the same
//! pending key finds its own request again, and an administrator sees what they know.

pub mod error;

use std::time::{Duration, Instant, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateSigningRequestDer, pem::PemObject};

use crate::discovery::ClusterInfo;
use crate::kube::client::{Client, CsrEvent};
use crate::kube::error::{KubeCause, KubeError};
use crate::kube::types::{CertificateSigningRequest, Condition, NewCertificateSigningRequest, NewCsrSpec, NewMeta};
use crate::net::retry::Retry;
use crate::net::tls;
use crate::phase::Phase;
use crate::pki::certificate::Certificate;
use crate::pki::key::PrivateKey;
use crate::pki::request::{self, NODES_GROUP, USAGES};
use crate::report::Report;
use crate::text::UntrustedText;
use crate::values::NodeName;
pub use error::{BootstrapError, Mismatch};

/// The signer whose certificates an API server accepts from kubelets.
const SIGNER: &str = "kubernetes.io/kube-apiserver-client-kubelet";
/// How long an approver in the cluster usually needs at most; after that it is said that somebody has to approve.
const APPROVER_GRACE: Duration = Duration::from_secs(5);
/// The longest single WATCH while an administrator is waited for; each end of it says again what is waited for.
const WATCH: Duration = Duration::from_secs(60);
/// How often it is said what is waited for.
const REMINDER: Duration = Duration::from_secs(60);
/// How far this machine's clock may be behind the signer's; what kubeadm's and the controller's own dating back allows for.
const BEHIND: Duration = Duration::from_secs(300);
/// Pause between polls where the cluster does not let us watch.
const POLL: Duration = Duration::from_secs(2);

/// A signed certificate and its key. Only [`obtain`] makes one, after all checks.
#[derive(Debug)]
pub struct Credentials {
    key: PrivateKey,
    chain: Vec<Certificate>,
    request: String,
}

impl Credentials {
    /// The private key.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The node's certificate first, then what the signer sent with it.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The name of the request object.
    pub fn request(&self) -> &str {
        &self.request
    }

    /// When the certificate's validity begins, in seconds since 1970.
    pub fn issued_at(&self) -> u64 {
        let begin = self.chain.first().map(Certificate::not_before);
        begin.and_then(|t| t.duration_since(UNIX_EPOCH).ok()).map_or(0, |d| d.as_secs())
    }
}

/// Requests a certificate for `node` with `key`, waits for it until `retry.deadline`, and checks it.
pub fn obtain(
    client: &mut Client,
    node: &NodeName,
    key: PrivateKey,
    info: &ClusterInfo,
    retry: Retry,
    report: &Report,
) -> Result<Credentials, BootstrapError> {
    let name = request::object_name(node.as_str(), &key.public_key_info());
    let mut waiting = Waiting {
        name: &name,
        uid: String::new(),
        retry,
        report,
        progress: Progress::Requested,
        started: Instant::now(),
        said: None,
    };
    let first = retry
        .run(|| create(client, &name, node, &key), |error, pause| report.retrying(Phase::TlsBootstrap, error, pause))?;
    let certificate = match waiting.judge(first)? {
        Some(certificate) => certificate,
        None => waiting.wait(client)?,
    };
    let chain = check(&certificate, node, &key, info)?;
    Ok(Credentials { key, chain, request: name })
}

/// Posts the request, or finds the one that an earlier run has posted with the same key.
fn create(
    client: &mut Client,
    name: &str,
    node: &NodeName,
    key: &PrivateKey,
) -> Result<CertificateSigningRequest, BootstrapError> {
    let pem = request::pem_for_node(node.as_str(), key).map_err(BootstrapError::Key)?;
    let body = NewCertificateSigningRequest {
        api_version: "certificates.k8s.io/v1",
        kind: "CertificateSigningRequest",
        metadata: NewMeta { name },
        spec: NewCsrSpec { request: STANDARD.encode(pem), signer_name: SIGNER, usages: &USAGES },
    };
    // Serialising strings into a vector cannot fail.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    match client.create_csr(name, body, APPROVER_GRACE) {
        Err(KubeError { cause: KubeCause::AlreadyExists, .. }) => {
            let found = client.csr(name).map_err(|error| match error.cause {
                // Requests are collected as garbage an hour after their answer.
                KubeCause::NotFound(_) => BootstrapError::Deleted { name: name.to_owned() },
                _ => BootstrapError::Kube(error),
            })?;
            let ours =
                found.spec.signer_name == SIGNER && requested_key(&found).is_some_and(|k| k == key.public_key_info());
            if ours { Ok(found) } else { Err(BootstrapError::NameTaken { name: name.to_owned() }) }
        }
        result => Ok(result?),
    }
}

/// SubjectPublicKeyInfo of the PKCS#10 inside a request object.
fn requested_key(csr: &CertificateSigningRequest) -> Option<Vec<u8>> {
    let pem = STANDARD.decode(&csr.spec.request).ok()?;
    let der = CertificateSigningRequestDer::from_pem_slice(&pem).ok()?;
    request::public_key_info_of(&der)
}

/// What is known of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Requested,
    Approved,
}

struct Waiting<'a> {
    name: &'a str,
    uid: String,
    retry: Retry,
    report: &'a Report,
    progress: Progress,
    started: Instant,
    said: Option<(Progress, Instant)>,
}

impl Waiting<'_> {
    fn wait(&mut self, client: &mut Client) -> Result<String, BootstrapError> {
        let mut watching = true;
        let mut span = APPROVER_GRACE;
        let mut failures = 0;
        loop {
            let left = self.retry.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.timed_out());
            }
            let (began, asked) = (Instant::now(), span.min(left));
            let round = if watching { self.watch(client, asked) } else { self.poll(client) };
            let pause = match round {
                Ok(Some(certificate)) => return Ok(certificate),
                Ok(None) => {
                    // A watch that ends long before its time is none: watching again would be asking without pause.
                    watching &= began.elapsed() >= asked / 2;
                    self.say_what_is_waited_for();
                    span = WATCH;
                    failures = 0;
                    if watching { Duration::ZERO } else { POLL }
                }
                // The cluster does not let us watch, or what comes is no watch: ask again and again instead.
                Err(BootstrapError::Kube(error)) if watching && is_no_watch(&error) => {
                    self.report.debug(1, Phase::TlsBootstrap, format_args!("{error}; polling instead of watching"));
                    watching = false;
                    Duration::ZERO
                }
                Err(error) if crate::error::Explain::may_retry(&error) => {
                    let asked = crate::error::Explain::retry_after(&error).unwrap_or_default();
                    let pause = self.retry.pause(failures).max(asked);
                    failures += 1;
                    // What breaks every watch (a proxy with a short idle time-out) may let a question through.
                    watching &= failures < 2;
                    if self.retry.is_over_after(pause) {
                        return Err(error);
                    }
                    self.report.retrying(Phase::TlsBootstrap, &error, pause);
                    pause
                }
                Err(error) => return Err(error),
            };
            std::thread::sleep(pause);
        }
    }

    fn watch(&mut self, client: &mut Client, span: Duration) -> Result<Option<String>, BootstrapError> {
        let mut events = client.watch_csr(self.name, span)?;
        while let Some(event) = events.next_event()? {
            match event {
                CsrEvent::Now(csr) => {
                    if let Some(certificate) = self.judge(csr)? {
                        return Ok(Some(certificate));
                    }
                }
                CsrEvent::Deleted => return Err(BootstrapError::Deleted { name: self.name.to_owned() }),
            }
        }
        Ok(None)
    }

    fn poll(&mut self, client: &mut Client) -> Result<Option<String>, BootstrapError> {
        match client.csr(self.name) {
            Err(KubeError { cause: KubeCause::NotFound(_), .. }) => {
                Err(BootstrapError::Deleted { name: self.name.to_owned() })
            }
            result => self.judge(result?),
        }
    }

    /// The certificate, where there is one; `None` while there may yet be one.
    fn judge(&mut self, csr: CertificateSigningRequest) -> Result<Option<String>, BootstrapError> {
        let name = || self.name.to_owned();
        if self.uid.is_empty() {
            self.uid = csr.metadata.uid;
        } else if self.uid != csr.metadata.uid {
            return Err(BootstrapError::Deleted { name: name() });
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

    fn say_what_is_waited_for(&mut self) {
        let is_news = self.said.is_none_or(|(what, when)| what != self.progress || when.elapsed() >= REMINDER);
        if !is_news || self.started.elapsed() < APPROVER_GRACE {
            return;
        }
        self.said = Some((self.progress, Instant::now()));
        let name = self.name;
        match self.progress {
            Progress::Requested => {
                // On 80 columns, this breaks before the name and not within the command.
                let text = format_args!("waiting; run on the control plane: kubectl certificate approve {name}");
                self.report.info(Phase::TlsBootstrap, text);
            }
            Progress::Approved => {
                let text =
                    format_args!("{name} is approved; waiting for the cluster's signer to issue the certificate");
                self.report.info(Phase::TlsBootstrap, text);
            }
        }
    }

    fn timed_out(&self) -> BootstrapError {
        let name = self.name.to_owned();
        match self.progress {
            Progress::Requested => BootstrapError::Pending { name },
            Progress::Approved => BootstrapError::Unsigned { name },
        }
    }
}

/// Whether a failed WATCH is one that will not get better by watching again.
fn is_no_watch(error: &KubeError) -> bool {
    matches!(
        error.cause,
        KubeCause::Forbidden(_) | KubeCause::NotFound(_) | KubeCause::Rejected { .. } | KubeCause::UnexpectedObject(_)
    )
}

/// Matches what the cluster issued against what was asked for, before any of it is written.
fn check(
    issued: &str,
    node: &NodeName,
    key: &PrivateKey,
    info: &ClusterInfo,
) -> Result<Vec<Certificate>, BootstrapError> {
    let unusable = |mismatch| BootstrapError::Certificate { node: node.clone(), mismatch };
    let pem = STANDARD.decode(issued).map_err(|_| unusable(Mismatch::Unreadable))?;
    let chain = Certificate::all_from_pem(&pem).map_err(|_| unusable(Mismatch::Unreadable))?;
    let Some((leaf, intermediates)) = chain.split_first() else { return Err(unusable(Mismatch::Unreadable)) };
    if leaf.public_key_info() != key.public_key_info() {
        return Err(unusable(Mismatch::Key));
    }
    let expected = request::common_name(node.as_str());
    if leaf.common_name() != expected || leaf.organizations() != [NODES_GROUP] {
        return Err(unusable(Mismatch::Subject(UntrustedText::new(leaf.subject(), None))));
    }
    let now = info.clock().now();
    // Before the chain, whose check would give the same answer with less to say.
    if leaf.not_after() < now {
        return Err(unusable(Mismatch::Expired { now, not_after: leaf.not_after() }));
    }
    // A signer that does not date back is a second ahead of any clock behind it; the kubelet lives through that.
    let at = now.max(leaf.not_before().min(now + BEHIND));
    if leaf.not_before() > at {
        return Err(unusable(Mismatch::NotYetValid { now, not_before: leaf.not_before() }));
    }
    let intermediates: Vec<_> = intermediates.iter().map(|c| c.der().clone()).collect();
    tls::verify_client_certificate(leaf.der(), &intermediates, info.roots(), at)
        .map_err(|problem| unusable(Mismatch::Issuer(problem)))?;
    Ok(chain)
}
