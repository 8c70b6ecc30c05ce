//! Certificate signing requests: posting, reading, approving, signing, deleting.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PublicKeyData};
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::client::{Client, Credential, base64_text};
use super::{CSRS, Target, assert_details, assert_failure, csr_object, unique};
use crate::csr::KUBELET_CLIENT;
use crate::pki::pem_of_certificate;

/// A signer that no controller serves: its requests stay as they are until somebody does something.
pub(super) const NOBODYS_SIGNER: &str = "example.com/kubejoin-contract";

/// A node's PKCS#10 request, and the key for it.
pub(super) struct NodeRequest {
    pub pem: String,
    key: KeyPair,
}

impl NodeRequest {
    pub fn new(node: &str) -> Self {
        Self::with_sans(node, &[])
    }

    fn with_sans(node: &str, sans: &[&str]) -> Self {
        let sans: Vec<String> = sans.iter().map(|s| (*s).to_owned()).collect();
        let mut params = CertificateParams::new(sans).expect("names");
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
        params.distinguished_name.push(DnType::CommonName, format!("system:node:{node}"));
        let key = KeyPair::generate().expect("a key");
        let pem = params.serialize_request(&key).and_then(|r| r.pem()).expect("a request");
        NodeRequest { pem, key }
    }

    /// The same request, its signature changed.
    pub fn spoilt(&self) -> String {
        let (_, block) = x509_parser::pem::parse_x509_pem(self.pem.as_bytes()).expect("our PEM");
        let mut der = block.contents;
        let last = der.len() - 1;
        der[last] ^= 1;
        pem_of_certificate(&der).replace(" CERTIFICATE-", " CERTIFICATE REQUEST-")
    }
}

/// A request that is deleted when the check is over.
pub(super) struct Posted<'a> {
    target: &'a Target,
    pub name: String,
    pub object: Value,
}

impl<'a> Posted<'a> {
    pub fn by(client: &mut Client, target: &'a Target, object: &Value) -> Self {
        let reply = client.post(CSRS, object);
        assert_eq!(reply.status, 201, "{reply}");
        let object = reply.json();
        let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
        Posted { target, name, object }
    }

    /// One that no controller touches.
    pub fn idle(target: &'a Target) -> Self {
        let object = csr_object(&unique("contract"), &NodeRequest::new("contract").pem, NOBODYS_SIGNER);
        Self::by(&mut target.joiner(), target, &object)
    }

    pub fn path(&self) -> String {
        format!("{CSRS}/{}", self.name)
    }

    pub fn now(&self) -> Value {
        self.target.joiner().get(&self.path()).json()
    }
}

impl Drop for Posted<'_> {
    fn drop(&mut self) {
        // A check that deletes has done it already; one that failed must not fail twice.
        if !std::thread::panicking() {
            self.target.admin().delete(&self.path());
        }
    }
}

/// Watches until the certificate is there; returns the object.
pub(super) fn wait_for_certificate(target: &Target, client: &mut Client, name: &str) -> Value {
    let head = client.watch(&format!("{CSRS}?watch=true&fieldSelector=metadata.name%3D{name}&timeoutSeconds=20"));
    assert_eq!(head.status, 200);
    while let Some(event) = client.next_event() {
        let object = &event["object"];
        if object["status"]["certificate"].is_string() {
            return object.clone();
        }
    }
    panic!("no certificate within 20 seconds: {}", target.joiner().get(&format!("{CSRS}/{name}")));
}

/// Becomes a node: the identity, and the request that is to be deleted.
pub(super) fn node_identity<'a>(target: &'a Target, node: &str) -> (Credential, Posted<'a>) {
    let request = NodeRequest::new(node);
    let mut client = target.joiner();
    let posted = Posted::by(&mut client, target, &csr_object(&unique("contract"), &request.pem, KUBELET_CLIENT));
    let object = wait_for_certificate(target, &mut client, &posted.name);
    let certificate = base64_text(object["status"]["certificate"].as_str().unwrap_or_default()).expect("base64 of PEM");
    (Credential::Certificate { certificate, key: request.key.serialize_pem() }, posted)
}

pub(super) fn a_request_is_completed_with_who_asked(target: &Target) {
    let posted = Posted::idle(target);
    let object = &posted.object;
    assert_eq!(object["kind"], "CertificateSigningRequest");
    assert_eq!(object["apiVersion"], "certificates.k8s.io/v1");
    assert_eq!(object["metadata"]["uid"].as_str().map(str::len), Some(36), "{object}");
    assert!(object["metadata"]["resourceVersion"].as_str().is_some_and(|v| v.parse::<u64>().is_ok()), "{object}");
    assert!(object["metadata"]["creationTimestamp"].as_str().is_some_and(|t| t.ends_with('Z')), "{object}");
    assert_eq!(object["spec"]["username"], format!("system:bootstrap:{}", target.token_id()));
    let groups = json!(["system:bootstrappers", crate::access::BOOTSTRAP_GROUP, "system:authenticated"]);
    assert_eq!(object["spec"]["groups"], groups);
    assert_eq!(object["status"], json!({}));
}

pub(super) fn a_second_request_of_the_same_name_already_exists(target: &Target) {
    let posted = Posted::idle(target);
    let object = csr_object(&posted.name, &NodeRequest::new("contract").pem, NOBODYS_SIGNER);
    let reply = target.joiner().post(CSRS, &object);
    let message = format!("certificatesigningrequests.certificates.k8s.io {:?} already exists", posted.name);
    assert_failure(&reply, 409, "AlreadyExists", &message);
    assert_details(&reply, &posted.name, "certificates.k8s.io", "certificatesigningrequests");
}

pub(super) fn a_name_may_be_generated(target: &Target) {
    let mut object = csr_object("", &NodeRequest::new("contract").pem, NOBODYS_SIGNER);
    object["metadata"] = json!({ "generateName": "csr-" });
    let posted = Posted::by(&mut target.joiner(), target, &object);
    assert!(posted.name.starts_with("csr-") && posted.name.len() == "csr-".len() + 5, "{}", posted.name);
    assert_eq!(posted.now()["metadata"]["uid"], posted.object["metadata"]["uid"]);
}

pub(super) fn a_missing_request_is_not_found(target: &Target) {
    let name = unique("contract");
    let reply = target.joiner().get(&format!("{CSRS}/{name}"));
    let message = format!("certificatesigningrequests.certificates.k8s.io {name:?} not found");
    assert_failure(&reply, 404, "NotFound", &message);
    assert_details(&reply, &name, "certificates.k8s.io", "certificatesigningrequests");
}

pub(super) fn a_list_can_be_narrowed_to_one_name(target: &Target) {
    let posted = Posted::idle(target);
    let mut client = target.joiner();
    let list = client.get(&format!("{CSRS}?fieldSelector=metadata.name%3D{}", posted.name)).json();
    assert_eq!(list["kind"], "CertificateSigningRequestList");
    assert!(list["metadata"]["resourceVersion"].is_string());
    let items = list["items"].as_array().expect("items");
    assert_eq!(items.len(), 1, "{list}");
    assert_eq!(items[0]["metadata"]["uid"], posted.object["metadata"]["uid"]);
    assert_eq!(items[0].get("kind"), None, "items don't repeat their kind");
    let none = client.get(&format!("{CSRS}?fieldSelector=metadata.name%3D{}", unique("nobody"))).json();
    assert_eq!(none["items"], json!([]));
}

pub(super) fn a_nodes_request_is_approved_and_signed(target: &Target) {
    let (_, posted) = node_identity(target, &unique("contract"));
    let object = posted.now();
    let conditions = object["status"]["conditions"].as_array().expect("conditions");
    assert_eq!(conditions.len(), 1, "{object}");
    for (field, expected) in [
        ("type", "Approved"),
        ("status", "True"),
        ("reason", "AutoApproved"),
        ("message", "Auto approving kubelet client certificate after SubjectAccessReview."),
    ] {
        assert_eq!(conditions[0][field], expected, "{object}");
    }
    assert_eq!(object["metadata"]["uid"], posted.object["metadata"]["uid"]);
}

fn parsed_certificate(object: &Value) -> Vec<u8> {
    let pem = base64_text(object["status"]["certificate"].as_str().expect("a certificate")).expect("base64 of PEM");
    let (rest, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).expect("PEM");
    assert_eq!((block.label.as_str(), rest.len()), ("CERTIFICATE", 0), "one block, and nothing else");
    block.contents
}

pub(super) fn the_certificate_is_what_was_asked_for(target: &Target) {
    let node = unique("contract");
    let request = NodeRequest::new(&node);
    let mut client = target.joiner();
    let posted = Posted::by(&mut client, target, &csr_object(&unique("contract"), &request.pem, KUBELET_CLIENT));
    let der = parsed_certificate(&wait_for_certificate(target, &mut client, &posted.name));
    let (_, certificate) = X509Certificate::from_der(&der).expect("a certificate");
    assert_eq!(certificate.subject().to_string(), format!("O=system:nodes, CN=system:node:{node}"));
    assert_eq!(certificate.public_key().raw, request.key.subject_public_key_info());
    let usage = certificate.extended_key_usage().expect("readable").expect("an extended key usage").value;
    assert!(usage.client_auth && !usage.server_auth && !usage.any);
    assert!(!certificate.is_ca());
    let (_, ca) = x509_parser::pem::parse_x509_pem(target.ca_pem.as_bytes()).expect("the authority");
    let ca = ca.parse_x509().expect("the authority");
    assert_eq!(certificate.issuer().as_raw(), ca.subject().as_raw());
    // The real controller's are RSA signatures, ours ECDSA: both are verified here.
    certificate.verify_signature(Some(ca.public_key())).expect("signed by the cluster's authority");
    let asked = posted.object["metadata"]["creationTimestamp"].as_str().expect("a time");
    let asked = time::OffsetDateTime::parse(asked, &time::format_description::well_known::Rfc3339).expect("a time");
    let backdated = asked.unix_timestamp() - certificate.validity().not_before.timestamp();
    assert!((270..=300).contains(&backdated), "dated back by {backdated} seconds");
}

pub(super) fn a_shorter_time_is_honoured(target: &Target) {
    let mut object = csr_object(&unique("contract"), &NodeRequest::new(&unique("contract")).pem, KUBELET_CLIENT);
    object["spec"]["expirationSeconds"] = 3600.into();
    let mut client = target.joiner();
    let posted = Posted::by(&mut client, target, &object);
    let der = parsed_certificate(&wait_for_certificate(target, &mut client, &posted.name));
    let (_, certificate) = X509Certificate::from_der(&der).expect("a certificate");
    let validity = certificate.validity();
    assert_eq!(validity.not_after.timestamp() - validity.not_before.timestamp(), 3600 + 300);
}

pub(super) fn a_reply_with_a_certificate_comes_in_chunks(target: &Target) {
    let (_, posted) = node_identity(target, &unique("contract"));
    let reply = target.joiner().get(&posted.path());
    // Go's server frames like this whatever is longer than 2048 bytes; a client must take both.
    assert_eq!(reply.is_chunked(), reply.body.len() > 2048, "{} bytes", reply.body.len());
    assert!(!target.joiner().get("/api/v1/nodes/nobody").is_chunked());
}

pub(super) fn requests_that_are_no_nodes_stay_pending(target: &Target) {
    let mut client = target.joiner();
    let mut post = |request: &NodeRequest, spoil: fn(&mut Value)| {
        let mut object = csr_object(&unique("contract"), &request.pem, KUBELET_CLIENT);
        spoil(&mut object);
        Posted::by(&mut client, target, &object)
    };
    let node = unique("contract");
    let pending = [
        post(&NodeRequest::with_sans(&node, &["contract.invalid"]), |_| ()),
        post(&NodeRequest::new(&node), |object| object["spec"]["usages"] = json!(["client auth"])),
        post(&NodeRequest::new(&node), |object| object["spec"]["usages"] = json!(["client auth", "server auth"])),
    ];
    // By the time a later one has been signed, these have been read.
    let (_, _posted) = node_identity(target, &node);
    for posted in &pending {
        assert_eq!(posted.now()["status"], json!({}), "{}", posted.now());
    }
}

pub(super) fn a_joiner_may_neither_approve_nor_delete(target: &Target) {
    let posted = Posted::idle(target);
    let user = format!("system:bootstrap:{}", target.token_id());
    let refusal = |verb: &str, resource: &str| {
        format!(
            "certificatesigningrequests.certificates.k8s.io {:?} is forbidden: User {user:?} cannot {verb} resource \
             {resource:?} in API group \"certificates.k8s.io\" at the cluster scope",
            posted.name
        )
    };
    let reply = target.joiner().put(&format!("{}/approval", posted.path()), &posted.object);
    assert_failure(&reply, 403, "Forbidden", &refusal("update", "certificatesigningrequests/approval"));
    let reply = target.joiner().delete(&posted.path());
    assert_failure(&reply, 403, "Forbidden", &refusal("delete", "certificatesigningrequests"));
}

/// The object with one condition, as `kubectl certificate approve` sends it.
fn with_condition(object: &Value, kind: &str) -> Value {
    let mut object = object.clone();
    object["status"]["conditions"] =
        json!([{ "type": kind, "status": "True", "reason": "ByHand", "message": "the contract says so" }]);
    object
}

pub(super) fn an_administrator_approves_by_hand(target: &Target) {
    let posted = Posted::idle(target);
    let reply = target.admin().put(&format!("{}/approval", posted.path()), &with_condition(&posted.object, "Approved"));
    assert_eq!(reply.status, 200, "{reply}");
    let object = posted.now();
    let condition = &object["status"]["conditions"][0];
    assert_eq!(condition["type"], "Approved", "{object}");
    assert_eq!(condition["message"], "the contract says so", "{object}");
    assert!(condition["lastUpdateTime"].is_string() && condition["lastTransitionTime"].is_string(), "{object}");
    assert_eq!(object["status"].get("certificate"), None, "approved is not signed");
    assert_ne!(object["metadata"]["resourceVersion"], posted.object["metadata"]["resourceVersion"]);
}

pub(super) fn an_administrator_denies(target: &Target) {
    let posted = Posted::idle(target);
    let reply = target.admin().put(&format!("{}/approval", posted.path()), &with_condition(&posted.object, "Denied"));
    assert_eq!(reply.status, 200, "{reply}");
    let condition = posted.now()["status"]["conditions"][0].clone();
    assert_eq!((&condition["type"], &condition["reason"]), (&json!("Denied"), &json!("ByHand")));
}

pub(super) fn an_approval_cannot_be_taken_back(target: &Target) {
    let posted = Posted::idle(target);
    let path = format!("{}/approval", posted.path());
    let approved = target.admin().put(&path, &with_condition(&posted.object, "Approved")).json();
    let reply = target.admin().put(&path, &with_condition(&approved, "Denied"));
    let message = format!(
        "CertificateSigningRequest.certificates.k8s.io {:?} is invalid: status.conditions: Forbidden: updates may not \
         remove a condition of type \"Approved\"",
        posted.name
    );
    assert_failure(&reply, 422, "Invalid", &message);
}

pub(super) fn an_outdated_approval_is_a_conflict(target: &Target) {
    let posted = Posted::idle(target);
    let path = format!("{}/approval", posted.path());
    assert_eq!(target.admin().put(&path, &with_condition(&posted.object, "Approved")).status, 200);
    let reply = target.admin().put(&path, &with_condition(&posted.object, "Approved"));
    let message = format!(
        "Operation cannot be fulfilled on certificatesigningrequests.certificates.k8s.io {:?}: the object has been \
         modified; please apply your changes to the latest version and try again",
        posted.name
    );
    assert_failure(&reply, 409, "Conflict", &message);
}

pub(super) fn a_deleted_request_is_gone(target: &Target) {
    let posted = Posted::idle(target);
    let reply = target.admin().delete(&posted.path());
    assert_eq!(reply.status, 200, "{reply}");
    let status = reply.json();
    assert_eq!((&status["kind"], &status["status"]), (&json!("Status"), &json!("Success")));
    assert_eq!(status["details"]["uid"], posted.object["metadata"]["uid"]);
    assert_eq!(target.joiner().get(&posted.path()).status, 404);
    assert_eq!(target.admin().delete(&posted.path()).status, 404);
}
