//! Requests that change something: creating, approving, patching. Authorisation has happened.

use serde_json::{Map, Value};

use crate::access::User;
use crate::csr;
use crate::http::{Request, Response};
use crate::objects;
use crate::server::Shared;
use crate::status::{self, Cause, Kind};
use crate::store::{Key, Refused, name_suffix, timestamp};

/// Decodes a posted object of the right kind.
pub(crate) fn with_body(request: &Request, kind: Kind, then: impl FnOnce(&Value) -> Response) -> Response {
    let media = request.header("content-type").unwrap_or("application/json").split(';').next().unwrap_or_default();
    if media.trim() != "application/json" {
        return status::unsupported_media_type();
    }
    let unrecognised = |why: &str| {
        let shown = match request.body.as_slice() {
            [] => "<empty>".to_owned(),
            body => String::from_utf8_lossy(body).into_owned(),
        };
        status::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: \
             {why} ({shown})",
            kind.kind
        ))
    };
    let body: Value = match serde_json::from_slice(&request.body) {
        Ok(body) => body,
        Err(error) if error.is_eof() => return unrecognised("unexpected end of JSON input"),
        Err(error) => return unrecognised(&error.to_string()),
    };
    if !body.is_object() {
        return unrecognised("json: cannot unmarshal into Go value");
    }
    let said_kind = body["kind"].as_str().unwrap_or(kind.kind);
    let version = kind.api_version();
    let said_version = body["apiVersion"].as_str().unwrap_or(&version);
    if said_kind != kind.kind || said_version != version {
        return status::bad_request(format!(
            "{said_kind} in version \"v1\" cannot be handled as a {}: no kind {said_kind:?} is registered for version \
             {said_version:?} in scheme \"pkg/runtime/scheme.go:111\"",
            kind.kind
        ));
    }
    then(&body)
}

pub(crate) fn create(shared: &Shared, user: &User, kind: Kind, namespace: &str, body: &Value) -> Response {
    let mut name = body["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if let (true, Some(prefix)) = (name.is_empty(), body["metadata"]["generateName"].as_str()) {
        name = format!("{prefix}{}", name_suffix());
    }
    let object = match kind {
        Kind::CSR => {
            if let Some(at) = body["spec"]["request"].as_str().and_then(csr::base64_error) {
                return status::bad_request(format!(
                    "CertificateSigningRequest in version \"v1\" cannot be handled as a CertificateSigningRequest: \
                     illegal base64 data at input byte {at}"
                ));
            }
            let causes = csr::validate(&name, &body["spec"]);
            if !causes.is_empty() {
                return status::invalid(kind, &name, &causes);
            }
            csr::object(body, user)
        }
        Kind::NODE => {
            if let Some(refusal) = node_restriction(user, &name) {
                return refusal;
            }
            if !is_dns_subdomain(&name) {
                let message = format!("Invalid value: {name:?}: {NOT_A_SUBDOMAIN}");
                let cause = Cause { reason: "FieldValueInvalid", message, field: "metadata.name".into() };
                return status::invalid(kind, &name, &[cause]);
            }
            objects::node(body)
        }
        _ => body.clone(),
    };
    match shared.store.create(Key::new(kind, namespace, &name), object) {
        Ok(object) => Response::json(201, object),
        Err(_) => status::already_exists(kind, &name),
    }
}

/// What the server says about a name that is none. Source: `apimachinery/pkg/util/validation/validation.go`.
const NOT_A_SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
    '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

fn is_dns_subdomain(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// A node changes its own Node only. Source: `plugin/pkg/admission/noderestriction/admission.go`.
fn node_restriction(user: &User, name: &str) -> Option<Response> {
    let node = user.name.strip_prefix("system:node:").filter(|node| *node != name)?;
    let why = format!("node {node:?} is not allowed to modify node {name:?}");
    Some(status::forbidden(Kind::NODE.resource, "", name, &why))
}

pub(crate) fn approval(shared: &Shared, key: &Key, body: &Value) -> Response {
    let now = timestamp(std::time::SystemTime::now());
    let mut wanted = body["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let Some(before) = shared.store.get(key) else { return status::not_found(key.kind, &key.name) };
    for kind in ["Approved", "Denied"] {
        let stays = wanted.iter().any(|c| c["type"] == kind);
        if csr::has_condition(&before, kind) && !stays {
            let cause = Cause {
                reason: "FieldValueForbidden",
                message: format!("Forbidden: updates may not remove a condition of type {kind:?}"),
                field: "status.conditions".into(),
            };
            return status::invalid(key.kind, &key.name, &[cause]);
        }
    }
    for condition in wanted.iter_mut().filter_map(Value::as_object_mut) {
        for time in ["lastUpdateTime", "lastTransitionTime"] {
            if condition.get(time).is_none_or(Value::is_null) {
                condition.insert(time.into(), now.clone().into());
            }
        }
    }
    let seen = body["metadata"]["resourceVersion"].as_str().filter(|v| !v.is_empty());
    let updated = shared.store.update(key, seen, |object| {
        let mut status = Map::new();
        status.insert("conditions".into(), wanted.into());
        if let Some(certificate) = object["status"].get("certificate") {
            status.insert("certificate".into(), certificate.clone());
        }
        object["status"] = status.into();
    });
    written(key, updated)
}

pub(crate) fn patch(shared: &Shared, user: &User, key: &Key, request: &Request) -> Response {
    let media = request.header("content-type").unwrap_or_default();
    if !["application/merge-patch+json", "application/strategic-merge-patch+json"].contains(&media) {
        return status::unsupported_media_type();
    }
    if key.kind == Kind::NODE
        && let Some(refusal) = node_restriction(user, &key.name)
    {
        return refusal;
    }
    let Ok(patch) = serde_json::from_slice::<Value>(&request.body) else {
        return status::bad_request("error decoding patch: unexpected end of JSON input".into());
    };
    written(key, shared.store.update(key, None, |object| objects::merge(object, &patch)))
}

fn written(key: &Key, result: Result<Value, Refused>) -> Response {
    match result {
        Ok(object) => Response::json(200, object),
        Err(Refused::Missing) => status::not_found(key.kind, &key.name),
        Err(Refused::Outdated) => status::conflict(key.kind, &key.name),
        Err(Refused::Exists) => status::already_exists(key.kind, &key.name),
    }
}
