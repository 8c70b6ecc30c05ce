//! The certificate signing request of a node: PKCS#10 (RFC 2986) as the kubelet makes it, and its deterministic name.
//! Sources: client-go `util/cert/csr.go`; kubelet `pkg/kubelet/certificate/bootstrap/bootstrap.go` (name).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha512_256};

use super::der::{INTEGER, SEQUENCE};
use super::encode::{bit_string, element, name_part};
use super::key::{KeyError, PrivateKey};
use super::pem;
use super::x509;

/// `O` of every node.
pub const NODES_GROUP: &str = "system:nodes";
/// Usages for an ECDSA key, in the kubelet's order; the order enters the name.
pub const USAGES: [&str; 2] = ["digital signature", "client auth"];

pub(super) const OID_ORGANIZATION: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x0a];
pub(super) const OID_COMMON_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x03];
/// `AlgorithmIdentifier { ecdsa-with-SHA256 }` (RFC 5758).
const ECDSA_WITH_SHA256: [u8; 12] = [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// `[0]`, the empty set of attributes.
const ATTRIBUTES: u8 = 0xa0;

/// What stands before a node's name in the common name of its certificate.
pub const NODE_USER_PREFIX: &str = "system:node:";

/// `system:node:NAME`, the common name of a node's certificate.
pub fn common_name(node: &str) -> String {
    format!("{NODE_USER_PREFIX}{node}")
}

/// PEM of a request for `O=system:nodes, CN=system:node:NODE`, signed by `key`. `node` is a DNS-1123 name, so that
/// PrintableString holds it, which is also what Go chooses.
pub fn pem_for_node(node: &str, key: &PrivateKey) -> Result<String, KeyError> {
    let parts = [name_part(&OID_ORGANIZATION, &[NODES_GROUP]), name_part(&OID_COMMON_NAME, &[&common_name(node)])];
    let subject = element(SEQUENCE, &parts);
    let attributes = element(ATTRIBUTES, &[[]]);
    let info = element(SEQUENCE, &[element(INTEGER, &[[0]]), subject, key.public_key_info(), attributes]);
    let signature = bit_string(&key.sign(&info)?);
    let request = element(SEQUENCE, &[info.as_slice(), &ECDSA_WITH_SHA256, &signature]);
    Ok(pem::encode("CERTIFICATE REQUEST", &request).to_string())
}

/// The name of the request object: the same key, subject and usages give the same name, so that a second run finds its
/// own request again.
pub fn object_name(node: &str, public_key_info: &[u8]) -> String {
    let mut digest = Sha512_256::new();
    let subject = common_name(node);
    let parts = [public_key_info, subject.as_bytes(), NODES_GROUP.as_bytes()];
    for part in parts.into_iter().chain(USAGES.map(str::as_bytes)) {
        digest.update(URL_SAFE_NO_PAD.encode(part));
        digest.update("|");
    }
    format!("node-csr-{}", URL_SAFE_NO_PAD.encode(digest.finalize()))
}

/// SubjectPublicKeyInfo of a request, DER; `None` where it is no PKCS#10.
pub fn public_key_info_of(request: &[u8]) -> Option<Vec<u8>> {
    x509::request(request).ok().map(|key| key.encoding.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The P-256 public key of RFC 6979, A.2.5.
    const RFC_6979_POINT: &str = "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6\
                                  7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";

    fn rfc_6979_public_key_info() -> Vec<u8> {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
        };
        [hex("3059301306072a8648ce3d020106082a8648ce3d030107034200"), hex(RFC_6979_POINT)].concat()
    }

    #[test]
    fn the_name_is_the_kubelets() {
        // Computed independently of this code from the kubelet's recipe.
        assert_eq!(
            object_name("worker-1", &rfc_6979_public_key_info()),
            "node-csr-F5F-QQPnMrAvcAUWj0YT3oumnVd_q7IAN2Z8LV6Rdkk"
        );
    }

    #[test]
    fn the_request_names_the_node_and_is_signed_by_its_key() {
        use rustls::pki_types::{CertificateSigningRequestDer, pem::PemObject};
        use x509_parser::prelude::*;
        let key = PrivateKey::generate().unwrap();
        for node in ["w", "worker-1.example.com", &"n".repeat(200)] {
            let text = pem_for_node(node, &key).unwrap();
            let der = CertificateSigningRequestDer::from_pem_slice(text.as_bytes()).unwrap();
            let (rest, request) = X509CertificationRequest::from_der(&der).unwrap();
            assert!(rest.is_empty());
            let info = &request.certification_request_info;
            assert_eq!(info.subject.to_string(), format!("O=system:nodes, CN=system:node:{node}"));
            assert_eq!(info.subject_pki.raw, key.public_key_info());
            let point = &info.subject_pki.subject_public_key.data;
            ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_ASN1, point)
                .verify(info.raw, &request.signature_value.data)
                .unwrap();
        }
    }
}
