//! `metav1.Status` bodies in the words of the real server. Source: `apimachinery/pkg/api/errors/errors.go`, and answers
//! recorded from a 1.37.2 server.

use serde_json::{Map, Value, json};

use crate::http::Response;

/// What an object is called in messages: resource, group, and its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub resource: &'static str,
    pub group: &'static str,
    pub kind: &'static str,
    pub namespaced: bool,
}

impl Kind {
    pub const CONFIG_MAP: Kind = Kind { resource: "configmaps", group: "", kind: "ConfigMap", namespaced: true };
    pub const NODE: Kind = Kind { resource: "nodes", group: "", kind: "Node", namespaced: false };
    pub const CSR: Kind = Kind {
        resource: "certificatesigningrequests",
        group: "certificates.k8s.io",
        kind: "CertificateSigningRequest",
        namespaced: false,
    };
    pub const ALL: [Kind; 3] = [Self::CONFIG_MAP, Self::NODE, Self::CSR];

    /// `v1` or `certificates.k8s.io/v1`
    pub fn api_version(self) -> String {
        if self.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", self.group) }
    }
}

/// `nodes` or `certificatesigningrequests.certificates.k8s.io`
pub(crate) fn qualified(resource: &str, group: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}

/// One broken rule of a 422.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub reason: &'static str,
    pub message: String,
    pub field: String,
}

fn failure(code: u16, reason: &str, message: String, details: Option<Value>) -> Response {
    let mut status = Map::new();
    status.insert("kind".into(), "Status".into());
    status.insert("apiVersion".into(), "v1".into());
    status.insert("metadata".into(), json!({}));
    status.insert("status".into(), "Failure".into());
    status.insert("message".into(), message.into());
    if !reason.is_empty() {
        status.insert("reason".into(), reason.into());
    }
    if let Some(details) = details {
        status.insert("details".into(), details);
    }
    status.insert("code".into(), code.into());
    Response::json(code, Value::Object(status))
}

fn details(name: &str, group: &str, kind: &str) -> Value {
    let mut details = Map::new();
    for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
        if !value.is_empty() {
            details.insert(key.into(), value.into());
        }
    }
    Value::Object(details)
}

/// Any failure, for faults and for the rarer answers.
pub(crate) fn other(code: u16, reason: &str, message: &str) -> Response {
    failure(code, reason, message.to_owned(), None)
}

pub(crate) fn unauthorized() -> Response {
    other(401, "Unauthorized", "Unauthorized")
}

/// A resource that may not be touched; `why` is the rest of the sentence.
pub(crate) fn forbidden(resource: &str, group: &str, name: &str, why: &str) -> Response {
    let named = if name.is_empty() { String::new() } else { format!(" {name:?}") };
    let message = format!("{}{named} is forbidden: {why}", qualified(resource, group));
    let mut response = failure(403, "Forbidden", message, Some(details(name, group, resource)));
    response.headers.push(("X-Content-Type-Options".into(), "nosniff".into()));
    response
}

/// A path that is no resource.
pub(crate) fn forbidden_path(why: &str) -> Response {
    let mut response = failure(403, "Forbidden", format!("forbidden: {why}"), Some(json!({})));
    response.headers.push(("X-Content-Type-Options".into(), "nosniff".into()));
    response
}

pub(crate) fn not_found(kind: Kind, name: &str) -> Response {
    let message = format!("{} {name:?} not found", qualified(kind.resource, kind.group));
    failure(404, "NotFound", message, Some(details(name, kind.group, kind.resource)))
}

/// The path names no resource that this server has.
pub(crate) fn no_such_resource() -> Response {
    failure(404, "NotFound", "the server could not find the requested resource".into(), Some(json!({})))
}

pub(crate) fn method_not_allowed() -> Response {
    let message = "the server does not allow this method on the requested resource".into();
    failure(405, "MethodNotAllowed", message, Some(json!({})))
}

pub(crate) fn already_exists(kind: Kind, name: &str) -> Response {
    let message = format!("{} {name:?} already exists", qualified(kind.resource, kind.group));
    failure(409, "AlreadyExists", message, Some(details(name, kind.group, kind.resource)))
}

pub(crate) fn conflict(kind: Kind, name: &str) -> Response {
    let message = format!(
        "Operation cannot be fulfilled on {} {name:?}: the object has been modified; please apply your changes to the \
         latest version and try again",
        qualified(kind.resource, kind.group)
    );
    failure(409, "Conflict", message, Some(details(name, kind.group, kind.resource)))
}

pub(crate) fn bad_request(message: String) -> Response {
    failure(400, "BadRequest", message, None)
}

pub(crate) fn not_acceptable() -> Response {
    let message = "406: Not Acceptable\n\nAvailable representations: application/json".into();
    failure(406, "NotAcceptable", message, Some(json!({})))
}

pub(crate) fn unsupported_media_type() -> Response {
    let message = "the body of the request was in an unknown format - accepted media types include: application/json";
    other(415, "UnsupportedMediaType", message)
}

pub(crate) fn invalid(kind: Kind, name: &str, causes: &[Cause]) -> Response {
    let each: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
    let list = if each.len() == 1 { each.concat() } else { format!("[{}]", each.join(", ")) };
    let message = format!("{} {name:?} is invalid: {list}", qualified(kind.kind, kind.group));
    let mut details = details(name, kind.group, kind.kind);
    details["causes"] = causes
        .iter()
        .map(|c| json!({ "reason": c.reason, "message": c.message, "field": c.field }))
        .collect::<Vec<_>>()
        .into();
    failure(422, "Invalid", message, Some(details))
}

pub(crate) fn deleted(kind: Kind, name: &str, uid: &Value) -> Response {
    let mut details = details(name, kind.group, kind.resource);
    details["uid"] = uid.clone();
    Response::json(
        200,
        json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details }),
    )
}
