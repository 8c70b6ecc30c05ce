//! What a control plane asks beyond what a worker does: the shared certificates, the pods of control planes, its own Node as
//! something to be marked, and whether an API server lives. Shapes: `k8s.io/api/core/v1`.
//!
//! These are kept as trees: few fields of each are looked at, once, and a type for each object is several kilobytes of program.

use std::collections::BTreeMap;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::refusal;
use super::client::Client;
use super::error::KubeError;
use super::types::Object;
use super::wanted::Wanted;
use crate::config::Taint;
use crate::net::http::Method;

/// core/v1 Secret.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Secret(Value);

impl Object for Secret {
    const KIND: &'static str = "Secret";
}

impl Secret {
    /// `metadata.name`.
    pub fn name(&self) -> &str {
        text(&self.0, "/metadata/name")
    }

    /// `metadata.uid`.
    pub fn uid(&self) -> &str {
        text(&self.0, "/metadata/uid")
    }

    /// `metadata.creationTimestamp` (RFC 3339).
    pub fn created(&self) -> &str {
        text(&self.0, "/metadata/creationTimestamp")
    }

    /// `data`, decoded; what is no base64 is left out, and missed by whoever needs it.
    pub fn data(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = self.0.get("data").and_then(Value::as_object);
        let decoded = entries
            .into_iter()
            .flatten()
            .map(|(name, value)| Some((name.clone(), STANDARD.decode(value.as_str()?).ok()?)));
        decoded.flatten().collect()
    }
}

/// core/v1 PodList.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct PodList(Value);

impl Object for PodList {
    const KIND: &'static str = "PodList";
}

/// core/v1 Pod.
#[derive(Clone, Copy, Debug)]
pub struct Pod<'a>(&'a Value);

impl PodList {
    /// `items`.
    pub fn items(&self) -> impl Iterator<Item = Pod<'_>> {
        self.0.get("items").and_then(Value::as_array).into_iter().flatten().map(Pod)
    }
}

impl<'a> Pod<'a> {
    /// A pod alone.
    #[cfg(test)]
    pub(crate) fn new(value: &'a Value) -> Self {
        Pod(value)
    }

    /// `metadata.name`.
    pub fn name(self) -> &'a str {
        text(self.0, "/metadata/name")
    }

    /// An annotation; empty where it has none.
    pub fn annotation(self, name: &str) -> &'a str {
        let annotations = self.0.pointer("/metadata/annotations");
        annotations.and_then(|annotations| annotations.get(name)?.as_str()).unwrap_or_default()
    }

    /// The image of its only container.
    pub fn image(self) -> &'a str {
        text(self.0, "/spec/containers/0/image")
    }

    /// `status.phase`.
    pub fn phase(self) -> &'a str {
        text(self.0, "/status/phase")
    }

    /// Whether its condition `Ready` is `True`.
    pub fn is_ready(self) -> bool {
        let conditions = self.0.pointer("/status/conditions").and_then(Value::as_array);
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|condition| text(condition, "/type") == "Ready" && text(condition, "/status") == "True")
    }

    /// Whether the kubelet has said anything of its container.
    pub fn has_container_status(self) -> bool {
        self.0.pointer("/status/containerStatuses/0").is_some()
    }

    /// Why its container does not run, where it does not: a word, and a sentence that may be empty.
    pub fn why(self) -> Option<(&'a str, &'a str)> {
        let state = self.0.pointer("/status/containerStatuses/0/state")?;
        let why = state.get("waiting").or_else(|| state.get("terminated"))?;
        Some((text(why, "/reason"), text(why, "/message")))
    }

    /// How often its container was started again.
    pub fn restarts(self) -> u64 {
        self.0.pointer("/status/containerStatuses/0/restartCount").and_then(Value::as_u64).unwrap_or_default()
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// core/v1 Node, as far as marking it needs.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct MarkedNode(Value);

impl Object for MarkedNode {
    const KIND: &'static str = "Node";
}

impl MarkedNode {
    /// The patch that gives it these labels, without a value, and these taints before those that it has; `None` where it has
    /// them all. It holds only for the version of the Node that was read.
    pub fn patch(&self, labels: &[&str], taints: &[Taint]) -> Option<Vec<u8>> {
        let own_labels = self.0.pointer("/metadata/labels");
        let has = |name: &str| own_labels.is_some_and(|labels| labels.get(name) == Some(&Value::from("")));
        let missing: Vec<_> = labels.iter().filter(|name| !has(name)).collect();
        let own: &[Value] = self.0.pointer("/spec/taints").and_then(Value::as_array).map_or(&[], Vec::as_slice);
        if missing.is_empty() && taints.iter().all(|taint| own.iter().any(|theirs| is_same(theirs, taint))) {
            return None;
        }
        let mut metadata = json!({ "resourceVersion": text(&self.0, "/metadata/resourceVersion") });
        for label in missing {
            metadata["labels"][*label] = "".into();
        }
        let kept = own.iter().filter(|theirs| !taints.iter().any(|ours| is_same(theirs, ours))).cloned();
        let all: Vec<Value> = taints.iter().map(as_json).chain(kept).collect();
        Some(json!({ "metadata": metadata, "spec": { "taints": all } }).to_string().into_bytes())
    }
}

fn is_same(theirs: &Value, ours: &Taint) -> bool {
    text(theirs, "/key") == ours.key && text(theirs, "/value") == ours.value && text(theirs, "/effect") == ours.effect
}

fn as_json(taint: &Taint) -> Value {
    let mut object = json!({ "key": taint.key, "effect": taint.effect });
    if !taint.value.is_empty() {
        object["value"] = taint.value.as_str().into();
    }
    object
}

impl Client {
    /// Reads a Secret.
    pub fn secret(&mut self, wanted: &Wanted, deadline: Instant) -> Result<Secret, KubeError> {
        self.one(wanted, self.get(wanted), None, deadline)
    }

    /// Lists pods.
    pub fn pods(&mut self, wanted: &Wanted, deadline: Instant) -> Result<PodList, KubeError> {
        self.one(wanted, self.get(wanted), None, deadline)
    }

    /// Reads a Node to be marked.
    pub fn node_to_mark(&mut self, wanted: &Wanted, deadline: Instant) -> Result<MarkedNode, KubeError> {
        self.one(wanted, self.get(wanted), None, deadline)
    }

    /// Changes a Node by a strategic merge patch.
    pub fn patch_node(&mut self, wanted: &Wanted, patch: Vec<u8>, deadline: Instant) -> Result<(), KubeError> {
        let request = self.request(Method::Patch, wanted.path(), Some(patch));
        self.one::<MarkedNode>(wanted, request, None, deadline).map(drop)
    }

    /// Asks for the health at this path.
    ///
    /// # Errors
    /// Nobody answers, or not with status 200: the error has the checks that have failed.
    pub fn is_healthy(&mut self, wanted: &Wanted, deadline: Instant) -> Result<(), KubeError> {
        let mut answer = self.answer(wanted, self.get(wanted), deadline)?;
        if answer.head.status == 200 {
            return Ok(());
        }
        // One line for each check, and one with the word that it has failed: those that did.
        let text = String::from_utf8_lossy(&answer.body);
        let failed: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("[-]")).collect();
        if !failed.is_empty() {
            answer.body = failed.join(", ").into_bytes();
        }
        Err(refusal(wanted, &answer, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: &str = "node-role.kubernetes.io/control-plane";

    fn taint(key: &str) -> Taint {
        Taint { key: key.to_owned(), value: String::new(), effect: "NoSchedule".to_owned() }
    }

    fn node(labels: &str, taints: &str) -> MarkedNode {
        let text = format!(
            "{{\"metadata\":{{\"resourceVersion\":\"7\",\"labels\":{{{labels}}}}},\"spec\":{{\"taints\":{taints}}}}}"
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_node_is_marked_once_and_keeps_its_other_taints() {
        let not_ready = "{\"key\":\"node.kubernetes.io/not-ready\",\"effect\":\"NoSchedule\",\"timeAdded\":\"x\"}";
        let patch = node("\"a\":\"b\"", &format!("[{not_ready}]")).patch(&[LABEL], &[taint(LABEL)]).unwrap();
        let patch: Value = serde_json::from_slice(&patch).unwrap();
        assert_eq!(patch["metadata"], json!({"resourceVersion": "7", "labels": {LABEL: ""}}));
        let expected = json!([
            {"key": LABEL, "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule", "timeAdded": "x"}
        ]);
        assert_eq!(patch["spec"]["taints"], expected);
        let marked =
            node(&format!("\"{LABEL}\":\"\""), &format!("[{{\"key\":\"{LABEL}\",\"effect\":\"NoSchedule\"}}]"));
        assert_eq!(marked.patch(&[LABEL], &[taint(LABEL)]), None);
        assert!(marked.patch(&[LABEL], &[taint("other")]).is_some());
        // No taint at all is a decision, too: those that are there stay.
        assert_eq!(marked.patch(&[LABEL], &[]), None);
    }
}
