//! How the server refuses: what is no request, and certificate signing requests that are none.

use serde_json::{Value, json};

use super::{CSRS, Target, assert_details, assert_failure, csr_object, unique};
use crate::contract::csr::NodeRequest;

const KUBELET_CLIENT: &str = crate::csr::KUBELET_CLIENT;

pub(super) fn something_that_is_no_http_is_a_bad_request(target: &Target) {
    let mut client = target.anonymous();
    client.send(b"\x16\x03\x01 hello\r\n\r\n");
    let reply = client.receive();
    assert_eq!((reply.status, reply.header("connection")), (400, Some("close")), "{reply}");
}

pub(super) fn an_unknown_resource_is_not_found(target: &Target) {
    let reply = target.admin().get("/api/v1/nonsenses");
    assert_failure(&reply, 404, "NotFound", "the server could not find the requested resource");
}

pub(super) fn an_unknown_version_of_a_resource_is_not_found(target: &Target) {
    let reply = target.joiner().get(&format!("{}/x", CSRS.replace("/v1/", "/v1beta1/")));
    assert_failure(&reply, 404, "NotFound", "the server could not find the requested resource");
}

pub(super) fn a_method_that_makes_no_sense_is_refused(target: &Target) {
    let reply = target.admin().put("/version", &json!({}));
    assert_failure(&reply, 405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
}

pub(super) fn only_json_that_is_accepted_is_sent(target: &Target) {
    let mut client = target.joiner();
    let mut ask = |accept| client.request("GET", "/api/v1/nodes/nobody", &[("Accept", accept)], None);
    for accept in ["text/html", "application/*"] {
        let reply = ask(accept);
        assert_eq!((reply.status, reply.json()["reason"].as_str()), (406, Some("NotAcceptable")), "{reply}");
    }
    for accept in ["application/json", "*/*", "text/html, application/json;q=0.5"] {
        let reply = ask(accept);
        assert_eq!((reply.status, reply.header("content-type")), (404, Some("application/json")), "{accept}");
    }
}

pub(super) fn a_body_must_say_that_it_is_json(target: &Target) {
    let reply = target.joiner().request("POST", CSRS, &[("Content-Type", "text/plain")], Some(b"{}"));
    assert_eq!((reply.status, reply.json()["reason"].as_str()), (415, Some("UnsupportedMediaType")), "{reply}");
}

pub(super) fn a_body_that_is_no_json_is_a_bad_request(target: &Target) {
    let mut client = target.joiner();
    for body in ["", "{", "[]"] {
        let reply = client.request("POST", CSRS, &[("Content-Type", "application/json")], Some(body.as_bytes()));
        assert_eq!((reply.status, reply.json()["reason"].as_str()), (400, Some("BadRequest")), "{body:?}: {reply}");
        let message = reply.json()["message"].as_str().unwrap_or_default().to_owned();
        let start = "the object provided is unrecognized (must be of type CertificateSigningRequest): couldn't get \
                     version/kind; json parse error: ";
        assert!(message.starts_with(start), "{body:?}: {reply}");
    }
}

pub(super) fn a_body_of_another_kind_is_a_bad_request(target: &Target) {
    let reply = target.joiner().post(CSRS, &json!({ "apiVersion": "certificates.k8s.io/v1", "kind": "Other" }));
    let message = "Other in version \"v1\" cannot be handled as a CertificateSigningRequest: no kind \"Other\" is \
                   registered for version \"certificates.k8s.io/v1\" in scheme \"pkg/runtime/scheme.go:111\"";
    assert_failure(&reply, 400, "BadRequest", message);
}

/// Posts an object that is good but for one thing, and returns the server's list of causes.
fn causes(target: &Target, spoil: impl FnOnce(&mut Value)) -> Vec<(String, String)> {
    let mut object = csr_object(&unique("contract"), &NodeRequest::new("contract").pem, KUBELET_CLIENT);
    spoil(&mut object);
    let reply = target.joiner().post(CSRS, &object);
    assert_eq!((reply.status, reply.json()["reason"].as_str()), (422, Some("Invalid")), "{reply}");
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    assert_details(&reply, name, "certificates.k8s.io", "CertificateSigningRequest");
    let causes = reply.json()["details"]["causes"].as_array().cloned().unwrap_or_default();
    let text = |cause: &Value, field: &str| cause[field].as_str().unwrap_or_default().to_owned();
    let message = text(&reply.json(), "message");
    let start = format!("CertificateSigningRequest.certificates.k8s.io {name:?} is invalid: ");
    assert!(message.starts_with(&start), "{message}");
    causes.iter().map(|c| (text(c, "field"), text(c, "message"))).collect()
}

fn cause(field: &str, message: &str) -> Vec<(String, String)> {
    vec![(field.to_owned(), message.to_owned())]
}

pub(super) fn a_request_without_a_name_is_invalid(target: &Target) {
    let found = causes(target, |object| object["metadata"] = json!({}));
    assert_eq!(found, cause("metadata.name", "Required value: name or generateName is required"));
}

pub(super) fn a_request_that_is_no_pem_is_invalid(target: &Target) {
    let found = causes(target, |object| object["spec"]["request"] = "Zm9v".into());
    let message = "Invalid value: \"Zm9v\": PEM block type must be CERTIFICATE REQUEST";
    assert_eq!(found, cause("spec.request", message));
}

pub(super) fn a_request_whose_signature_is_wrong_is_invalid(target: &Target) {
    let found = causes(target, |object| {
        object["spec"]["request"] = super::client::base64(NodeRequest::new("contract").spoilt().as_bytes()).into();
    });
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "spec.request");
    assert!(found[0].1.ends_with(": x509: ECDSA verification failure"), "{found:?}");
}

pub(super) fn a_request_that_is_no_base64_is_a_bad_request(target: &Target) {
    let mut object = csr_object(&unique("contract"), "", KUBELET_CLIENT);
    object["spec"]["request"] = "Zm9v%%".into();
    let message = "CertificateSigningRequest in version \"v1\" cannot be handled as a CertificateSigningRequest: illegal \
                   base64 data at input byte 4";
    assert_failure(&target.joiner().post(CSRS, &object), 400, "BadRequest", message);
}

pub(super) fn a_request_without_usages_or_signer_is_invalid(target: &Target) {
    let required = |field| cause(field, "Required value");
    assert_eq!(causes(target, |object| object["spec"]["usages"] = json!([])), required("spec.usages"));
    assert_eq!(causes(target, |object| object["spec"]["signerName"] = "".into()), required("spec.signerName"));
    let message =
        "Invalid value: \"x\": must be a fully qualified domain and path of the form 'example.com/signer-name'";
    assert_eq!(causes(target, |object| object["spec"]["signerName"] = "x".into()), cause("spec.signerName", message));
}

pub(super) fn a_request_with_an_unknown_usage_is_invalid(target: &Target) {
    let found = causes(target, |object| object["spec"]["usages"] = json!(["client auth", "world domination"]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "spec.usages[1]");
    let start = "Unsupported value: \"world domination\": supported values: \"any\", \"cert sign\", \"client auth\", ";
    assert!(found[0].1.starts_with(start), "{found:?}");
}

pub(super) fn a_request_for_too_short_a_time_is_invalid(target: &Target) {
    let found = causes(target, |object| object["spec"]["expirationSeconds"] = 599.into());
    let message = "Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)";
    assert_eq!(found, cause("spec.expirationSeconds", message));
}

pub(super) fn an_unknown_field_selector_is_a_bad_request(target: &Target) {
    let reply = target.joiner().get(&format!("{CSRS}?fieldSelector=metadata.color%3Dred"));
    assert_failure(&reply, 400, "BadRequest", "field label not supported: metadata.color");
}
