//! What kube-controller-manager does to certificate signing requests: approve, sign. One thread that wakes on changes.
//! Source: `pkg/controller/certificates/approver/sarapprove.go`, `signer/signer.go`, `authority/policies.go`.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::access::{self, Act, User};
use crate::csr::{self, Pkcs10};
use crate::faults::Certificate;
use crate::options::{Approver, Signer};
use crate::pki::{BACKDATE, Leaf, Usage, pem_of_certificate};
use crate::server::Shared;
use crate::status::Kind;
use crate::store::{Key, Selector, timestamp};

/// Certificates shorter than this end when they should, although they begin earlier.
const SHORT: Duration = Duration::from_secs(8 * 3600);

/// When a request was first seen pending, and when approved.
type Seen = HashMap<(String, &'static str), Instant>;

/// Runs until the server stops.
pub(crate) fn run(shared: &Shared) {
    let mut seen = Seen::new();
    loop {
        let mark = shared.store.mark();
        let next = tick(shared, &mut seen);
        if shared.store.wait_for_change(mark, next) {
            return;
        }
    }
}

/// Does what is due; returns when the next thing is.
fn tick(shared: &Shared, seen: &mut Seen) -> Option<Instant> {
    let (approver, signer) = shared.policies();
    let all = Selector { kind: Kind::CSR, namespace: String::new(), name: None };
    let mut next: Option<Instant> = None;
    for object in shared.store.list(&all).1 {
        let decided = ["Approved", "Denied"].iter().any(|c| csr::has_condition(&object, c));
        let finished = object["status"].get("certificate").is_some() || csr::has_condition(&object, "Failed");
        let stage = match (decided, finished) {
            (false, _) => "pending",
            (true, false) if csr::has_condition(&object, "Approved") => "approved",
            _ => continue,
        };
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let since = *seen.entry((uid, stage)).or_insert_with(Instant::now);
        let delay = match (stage, &approver, &signer) {
            ("pending", Approver::Auto(delay), _) | ("approved", _, Signer::After(delay)) => *delay,
            ("pending", Approver::Manual, _) | ("approved", _, Signer::Off) => continue,
            _ => Duration::ZERO,
        };
        let due = since + delay;
        if due > Instant::now() {
            next = Some(next.map_or(due, |n| n.min(due)));
        } else if stage == "pending" {
            decide(shared, &approver, &object);
        } else {
            sign(shared, &signer, &object);
        }
    }
    next
}

fn decide(shared: &Shared, approver: &Approver, object: &Value) {
    if let Approver::Deny { reason, message } = approver {
        return add_condition(shared, object, "Denied", reason, message);
    }
    let Ok(request) = Pkcs10::of(object) else { return };
    if object["spec"]["signerName"] != csr::KUBELET_CLIENT || !request.is_kubelet_client(&csr::usages(object)) {
        return;
    }
    let groups = object["spec"]["groups"].as_array().into_iter().flatten();
    let requester = User {
        name: object["spec"]["username"].as_str().unwrap_or_default().to_owned(),
        groups: groups.filter_map(Value::as_str).map(str::to_owned).collect(),
        credential_id: None,
    };
    let may = |subresource| {
        let act = Act {
            verb: "create",
            group: Kind::CSR.group,
            resource: Kind::CSR.resource,
            subresource,
            namespace: "",
            name: "",
        };
        access::authorize(&requester, &act).is_ok()
    };
    let whose = if requester.name == request.common_name && may("selfnodeclient") {
        "self kubelet client"
    } else if may("nodeclient") {
        "kubelet client"
    } else {
        return;
    };
    let message = format!("Auto approving {whose} certificate after SubjectAccessReview.");
    add_condition(shared, object, "Approved", "AutoApproved", &message);
}

fn sign(shared: &Shared, signer: &Signer, object: &Value) {
    if let Signer::Fail { reason, message } = signer {
        return add_condition(shared, object, "Failed", reason, message);
    }
    // Other signers are somebody else's work, here as in the real controller.
    if object["spec"]["signerName"] != csr::KUBELET_CLIENT {
        return;
    }
    let Ok(request) = Pkcs10::of(object) else { return };
    if !request.is_kubelet_client(&csr::usages(object)) {
        let message = "invalid usage for client certificate: usages did not match [client auth digital signature]";
        return add_condition(shared, object, "Failed", "SignerValidationFailure", message);
    }
    let Some(pem) = certificate_for(shared, &request, object["spec"]["expirationSeconds"].as_u64()) else {
        let message = "the public key is not understood";
        return add_condition(shared, object, "Failed", "SignerValidationFailure", message);
    };
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    // An object that is gone by now needs no certificate.
    let _ = shared.store.update(&Key::new(Kind::CSR, "", name), None, |object| {
        object["status"]["certificate"] = STANDARD.encode(&pem).into();
    });
}

/// The certificate, right or as wrong as the faults want it.
fn certificate_for(shared: &Shared, request: &Pkcs10, expiration_seconds: Option<u64>) -> Option<String> {
    let longest = shared.signing_duration();
    let ttl = expiration_seconds.map_or(longest, |asked| Duration::from_secs(asked).min(longest));
    let now = SystemTime::now();
    let end = if ttl < SHORT { now + ttl } else { now + ttl - BACKDATE };
    let organizations: Vec<&str> = request.organizations.iter().map(String::as_str).collect();
    let mut leaf = Leaf::client(&request.common_name, &organizations).valid(now - BACKDATE, end);
    let mut authority = &shared.ours;
    let mut spki = request.spki.clone();
    let fault = shared.faults(|state| state.faults.certificate);
    match fault {
        Certificate::OtherKey => spki = public_key_of_nobody(shared),
        Certificate::OtherName => leaf.common_name = "system:node:somebody-else".into(),
        Certificate::OtherGroup => leaf.organizations = vec!["system:masters".into()],
        Certificate::OtherCa => authority = &shared.foreign,
        Certificate::Expired => leaf = leaf.expired(),
        Certificate::NotYetValid => leaf = leaf.not_yet_valid(),
        Certificate::ServerUsage => leaf.usage = Usage::Server,
        Certificate::Garbage => return Some(pem_of_certificate(b"this is no certificate")),
        Certificate::Good | Certificate::WithPrivateKey | Certificate::WithAuthorities(_) => {}
    }
    let mut pem = pem_of_certificate(&authority.issue_for(&leaf, &spki)?);
    if fault == Certificate::WithPrivateKey {
        pem.push_str(&shared.foreign.issue(&leaf).key_pem);
    }
    if let Certificate::WithAuthorities(count) = fault {
        pem.push_str(&shared.ours.ca_pem().repeat(count));
    }
    Some(pem)
}

fn public_key_of_nobody(shared: &Shared) -> Vec<u8> {
    let other = shared.ours.issue(&Leaf::client("nobody", &[]));
    // Our own certificates can be read.
    x509_parser::parse_x509_certificate(&other.chain[0]).map(|(_, c)| c.public_key().raw.to_vec()).unwrap_or_default()
}

/// Adds a condition to a stored request.
pub(crate) fn add_condition(shared: &Shared, object: &Value, kind: &str, reason: &str, message: &str) {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let now = timestamp(SystemTime::now());
    // An object that is gone by now needs no condition.
    let _ = shared.store.update(&Key::new(Kind::CSR, "", name), None, |object| {
        let mut conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.push(json!({
            "type": kind, "status": "True", "reason": reason, "message": message,
            "lastUpdateTime": now, "lastTransitionTime": now,
        }));
        let certificate = object["status"].get("certificate").cloned();
        object["status"] = json!({ "conditions": conditions });
        if let Some(certificate) = certificate {
            object["status"]["certificate"] = certificate;
        }
    });
}
