//! Nodes: what a joiner may know of them, and what a node may do with its new certificate.

use serde_json::json;

use super::csr::{NodeRequest, Posted, node_identity, wait_for_certificate};
use super::{Target, assert_details, assert_failure, csr_object, unique};
use crate::csr::KUBELET_CLIENT;

const NODES: &str = "/api/v1/nodes";

pub(super) fn an_unknown_node_is_not_found(target: &Target) {
    let name = unique("contract");
    let reply = target.joiner().get(&format!("{NODES}/{name}"));
    assert_failure(&reply, 404, "NotFound", &format!("nodes {name:?} not found"));
    assert_details(&reply, &name, "", "nodes");
}

pub(super) fn a_joiner_may_neither_list_nor_create_nodes(target: &Target) {
    let refusal = |verb: &str| {
        format!(
            "nodes is forbidden: User \"system:bootstrap:{}\" cannot {verb} resource \"nodes\" in API group \"\" at the \
             cluster scope",
            target.token_id()
        )
    };
    assert_failure(&target.joiner().get(NODES), 403, "Forbidden", &refusal("list"));
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "contract" } });
    assert_failure(&target.joiner().post(NODES, &node), 403, "Forbidden", &refusal("create"));
}

pub(super) fn a_node_reads_itself_and_nobody_else(target: &Target) {
    let (me, other) = (unique("contract"), unique("contract"));
    let (identity, _posted) = node_identity(target, &me);
    let mut client = target.connect(identity);
    assert_failure(&client.get(&format!("{NODES}/{me}")), 404, "NotFound", &format!("nodes {me:?} not found"));
    let message = format!(
        "nodes {other:?} is forbidden: User \"system:node:{me}\" cannot get resource \"nodes\" in API group \"\" at the \
         cluster scope: node: node '{me}' cannot read '{other}', only its own Node object"
    );
    assert_failure(&client.get(&format!("{NODES}/{other}")), 403, "Forbidden", &message);
}

pub(super) fn a_node_registers_itself_once(target: &Target) {
    let me = unique("contract");
    let (identity, _posted) = node_identity(target, &me);
    let mut client = target.connect(identity);
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": me, "labels": { "kubernetes.io/hostname": me } },
        "status": { "nodeInfo": {
            "machineID": "0123", "systemUUID": "4567", "bootID": "", "kernelVersion": "", "osImage": "",
            "containerRuntimeVersion": "", "kubeletVersion": "", "kubeProxyVersion": "", "operatingSystem": "",
            "architecture": "",
        } },
    });
    let reply = client.post(NODES, &node);
    assert_eq!(reply.status, 201, "{reply}");
    let again = client.post(NODES, &node);
    // The joiner sees the machine's identity, which is how it tells a returning machine from a stranger.
    let seen = target.joiner().get(&format!("{NODES}/{me}"));
    let deleted = target.admin().delete(&format!("{NODES}/{me}"));
    assert_failure(&again, 409, "AlreadyExists", &format!("nodes {me:?} already exists"));
    assert_eq!(seen.status, 200, "{seen}");
    assert_eq!(seen.json()["status"]["nodeInfo"]["machineID"], "0123", "{seen}");
    assert_eq!(seen.json()["status"]["nodeInfo"]["systemUUID"], "4567", "{seen}");
    assert_eq!(deleted.status, 200, "{deleted}");
}

pub(super) fn a_node_may_not_register_another(target: &Target) {
    let (me, other) = (unique("contract"), unique("contract"));
    let (identity, _posted) = node_identity(target, &me);
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": other } });
    let message = format!("nodes {other:?} is forbidden: node {me:?} is not allowed to modify node {other:?}");
    assert_failure(&target.connect(identity).post(NODES, &node), 403, "Forbidden", &message);
}

pub(super) fn a_node_reads_kubelet_config_but_not_cluster_info(target: &Target) {
    let (identity, _posted) = node_identity(target, &unique("contract"));
    let mut client = target.connect(identity);
    assert_eq!(client.get("/api/v1/namespaces/kube-system/configmaps/kubelet-config").status, 200);
    assert_eq!(client.get("/api/v1/namespaces/kube-public/configmaps/cluster-info").status, 403);
}

pub(super) fn a_node_renews_its_certificate(target: &Target) {
    let me = unique("contract");
    let (identity, _first) = node_identity(target, &me);
    let mut client = target.connect(identity);
    let object = csr_object(&unique("contract"), &NodeRequest::new(&me).pem, KUBELET_CLIENT);
    let posted = Posted::by(&mut client, target, &object);
    assert_eq!(posted.object["spec"]["username"], format!("system:node:{me}"));
    assert_eq!(posted.object["spec"]["groups"], json!(["system:nodes", "system:authenticated"]));
    let object = wait_for_certificate(target, &mut client, &posted.name);
    let message = "Auto approving self kubelet client certificate after SubjectAccessReview.";
    assert_eq!(object["status"]["conditions"][0]["message"], message, "{object}");
}
