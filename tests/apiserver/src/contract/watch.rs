//! Watches of one certificate signing request: what comes, in which order, and how it ends.

use serde_json::Value;

use super::client::Client;
use super::csr::{NodeRequest, Posted};
use super::{CSRS, Target, assert_failure, csr_object, unique};
use crate::csr::KUBELET_CLIENT;

fn path(name: &str, more: &str) -> String {
    format!("{CSRS}?watch=true&fieldSelector=metadata.name%3D{name}&timeoutSeconds=20{more}")
}

fn next(client: &mut Client) -> (String, Value) {
    let event = client.next_event().expect("another event");
    (event["type"].as_str().unwrap_or_default().to_owned(), event["object"].clone())
}

pub(super) fn a_watch_begins_with_what_is_there(target: &Target) {
    let posted = Posted::idle(target);
    let mut client = target.joiner();
    let head = client.watch(&path(&posted.name, ""));
    assert_eq!((head.status, head.header("content-type")), (200, Some("application/json")));
    assert!(head.is_chunked());
    let (kind, object) = next(&mut client);
    assert_eq!(kind, "ADDED");
    assert_eq!(object["kind"], "CertificateSigningRequest");
    assert_eq!(object["apiVersion"], "certificates.k8s.io/v1");
    assert_eq!(object["metadata"]["uid"], posted.object["metadata"]["uid"]);
}

pub(super) fn a_watch_that_was_first_sees_everything(target: &Target) {
    let (name, node) = (unique("contract"), unique("contract"));
    let mut watcher = target.joiner();
    assert_eq!(watcher.watch(&path(&name, "")).status, 200);
    let object = csr_object(&name, &NodeRequest::new(&node).pem, KUBELET_CLIENT);
    let posted = Posted::by(&mut target.joiner(), target, &object);
    let mut last_version = 0;
    for (number, expected) in ["ADDED", "MODIFIED", "MODIFIED"].iter().enumerate() {
        let (kind, object) = next(&mut watcher);
        assert_eq!((kind.as_str(), &object["metadata"]["uid"]), (*expected, &posted.object["metadata"]["uid"]));
        let approved = object["status"]["conditions"][0]["type"] == "Approved";
        let signed = object["status"]["certificate"].is_string();
        assert_eq!((approved, signed), (number >= 1, number >= 2), "event {number}: {object}");
        let version = object["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse::<u64>().ok());
        assert!(version > Some(last_version), "versions grow: {object}");
        last_version = version.unwrap_or_default();
    }
}

pub(super) fn a_watch_from_a_version_sees_what_is_later(target: &Target) {
    let posted = Posted::idle(target);
    let version = posted.object["metadata"]["resourceVersion"].as_str().expect("a version");
    let mut client = target.joiner();
    assert_eq!(client.watch(&path(&posted.name, &format!("&resourceVersion={version}"))).status, 200);
    assert_eq!(target.admin().delete(&posted.path()).status, 200);
    assert_eq!(next(&mut client).0, "DELETED", "what was there before is not repeated");
}

pub(super) fn a_watch_ends_in_time_and_leaves_the_connection_usable(target: &Target) {
    let posted = Posted::idle(target);
    let mut client = target.joiner();
    let path = format!("{CSRS}?watch=1&fieldSelector=metadata.name%3D{}&timeoutSeconds=1", posted.name);
    assert_eq!(client.watch(&path).status, 200);
    assert_eq!(next(&mut client).0, "ADDED");
    assert_eq!(client.next_event(), None);
    assert_eq!(client.get(&posted.path()).status, 200);
}

pub(super) fn a_watch_hears_of_a_deletion(target: &Target) {
    let posted = Posted::idle(target);
    let mut client = target.joiner();
    assert_eq!(client.watch(&path(&posted.name, "")).status, 200);
    assert_eq!(next(&mut client).0, "ADDED");
    assert_eq!(target.admin().delete(&posted.path()).status, 200);
    let (kind, object) = next(&mut client);
    assert_eq!((kind.as_str(), &object["metadata"]["uid"]), ("DELETED", &posted.object["metadata"]["uid"]));
    assert_ne!(object["metadata"]["resourceVersion"], posted.object["metadata"]["resourceVersion"]);
}

pub(super) fn a_watch_sends_bookmarks_when_asked(target: &Target) {
    let posted = Posted::idle(target);
    let mut client = target.joiner();
    assert_eq!(client.watch(&path(&posted.name, "&resourceVersion=0&allowWatchBookmarks=true")).status, 200);
    assert_eq!(next(&mut client).0, "ADDED");
    let (kind, object) = next(&mut client);
    assert_eq!((kind.as_str(), &object["kind"]), ("BOOKMARK", &Value::from("CertificateSigningRequest")));
    assert_eq!(object["metadata"].get("name"), None, "a bookmark is no object: {object}");
}

pub(super) fn a_watch_without_permission_is_forbidden_at_once(target: &Target) {
    let reply = target.anonymous().get(&format!("{CSRS}?watch=true"));
    let message = "certificatesigningrequests.certificates.k8s.io is forbidden: User \"system:anonymous\" cannot watch \
                   resource \"certificatesigningrequests\" in API group \"certificates.k8s.io\" at the cluster scope";
    assert_failure(&reply, 403, "Forbidden", message);
    let reply = target.anonymous().get(&path("somebody", ""));
    assert_failure(&reply, 403, "Forbidden", &message.replacen(" is", " \"somebody\" is", 1));
}
