//! The request object: posted, or found where an earlier run with the same key has posted it.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateSigningRequestDer, pem::PemObject};

use super::error::BootstrapError;
use crate::kube::client::Client;
use crate::kube::error::{KubeCause, KubeError};
use crate::kube::types::{CertificateSigningRequest, NewCertificateSigningRequest, NewCsrSpec, NewMeta};
use crate::pki::key::PrivateKey;
use crate::pki::request::{USAGES, object_name, pem_for_node, public_key_info_of};
use crate::values::NodeName;

/// The signer whose certificates an API server accepts from kubelets.
const SIGNER: &str = "kubernetes.io/kube-apiserver-client-kubelet";

/// A certificate signing request, ready to be posted as often as it takes.
#[derive(Debug)]
pub(super) struct CsrRequest {
    name: String,
    body: Vec<u8>,
    public_key_info: Vec<u8>,
}

impl CsrRequest {
    /// For `node`, signed with `key`, under the name that belongs to both.
    pub(super) fn new(node: &NodeName, key: &PrivateKey) -> Result<Self, BootstrapError> {
        let public_key_info = key.public_key_info();
        let name = object_name(node.as_str(), &public_key_info);
        let pem = pem_for_node(node.as_str(), key).map_err(BootstrapError::Key)?;
        let body = NewCertificateSigningRequest {
            api_version: "certificates.k8s.io/v1",
            kind: "CertificateSigningRequest",
            metadata: NewMeta { name: &name },
            spec: NewCsrSpec { request: STANDARD.encode(pem), signer_name: SIGNER, usages: &USAGES },
        };
        // Serialising strings into a vector cannot fail.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        Ok(CsrRequest { name, body, public_key_info })
    }

    /// The name of the object.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Posts it and asks to watch it for `watch`; or finds the one that an earlier run has posted.
    pub(super) fn post(
        &self,
        client: &mut Client,
        watch: Duration,
        deadline: Instant,
    ) -> Result<CertificateSigningRequest, BootstrapError> {
        match client.create_csr(&self.name, self.body.clone(), watch, deadline) {
            Err(KubeError { cause: KubeCause::AlreadyExists, .. }) => {
                let found = self.read(client, deadline)?;
                match self.is_in(&found) {
                    true => Ok(found),
                    false => Err(BootstrapError::NameTaken { name: self.name.clone() }),
                }
            }
            result => Ok(result?),
        }
    }

    /// Reads it. Requests are collected as garbage an hour after their answer.
    pub(super) fn read(
        &self,
        client: &mut Client,
        deadline: Instant,
    ) -> Result<CertificateSigningRequest, BootstrapError> {
        client.csr(&self.name, deadline).map_err(|error| match error.cause {
            KubeCause::NotFound { is_status: true, .. } => BootstrapError::Deleted { name: self.name.clone() },
            _ => BootstrapError::Kube(error),
        })
    }

    /// Whether an object of its name requests the same signer for the same key.
    fn is_in(&self, found: &CertificateSigningRequest) -> bool {
        found.spec.signer_name == SIGNER && requested_key(found).is_some_and(|key| key == self.public_key_info)
    }
}

/// SubjectPublicKeyInfo of the PKCS#10 inside a request object.
fn requested_key(csr: &CertificateSigningRequest) -> Option<Vec<u8>> {
    let pem = STANDARD.decode(&csr.spec.request).ok()?;
    let der = CertificateSigningRequestDer::from_pem_slice(&pem).ok()?;
    public_key_info_of(&der)
}
