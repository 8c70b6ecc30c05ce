//! The objects of a cluster fresh from `kubeadm init` 1.37.2: cluster-info with its signatures, kubeadm-config,
//! kubelet-config, Nodes.

use std::collections::BTreeMap;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use crate::faults::{Authority, ClusterInfo, Jws};
use crate::options::{ExistingNode, Token};
use crate::pki::Pki;
use crate::store::timestamp;

/// `kubelet` of kubelet-config: what kubeadm 1.37.2 serialises from its defaults.
const KUBELET_CONFIG: &str = include_str!("kubelet-config.yaml");

/// `ClusterConfiguration` of kubeadm-config; `{endpoint}` is filled in.
const CLUSTER_CONFIGURATION: &str = include_str!("cluster-configuration.yaml");

/// A ConfigMap with the bookkeeping of its writer.
pub(crate) fn config_map(data: &BTreeMap<String, String>, manager: &str) -> Value {
    let mut fields = Map::from_iter([(".".to_owned(), json!({}))]);
    fields.extend(data.keys().map(|key| (format!("f:{key}"), json!({}))));
    json!({
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": { "managedFields": [managed_fields(manager, json!({ "f:data": fields }))] },
        "data": data,
    })
}

fn managed_fields(manager: &str, fields: Value) -> Value {
    json!({
        "manager": manager,
        "operation": "Update",
        "apiVersion": "v1",
        "time": timestamp(SystemTime::now()),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    })
}

pub(crate) fn kubeadm_config(endpoint: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("ClusterConfiguration".into(), CLUSTER_CONFIGURATION.replace("{endpoint}", endpoint))])
}

pub(crate) fn kubelet_config() -> BTreeMap<String, String> {
    BTreeMap::from([("kubelet".into(), KUBELET_CONFIG.into())])
}

/// The data of `kube-public/cluster-info`. `asked` counts the requests for it, this one included.
pub(crate) fn cluster_info(
    ours: &Pki,
    foreign: &Pki,
    endpoint: &str,
    tokens: &[Token],
    faults: &ClusterInfo,
    asked: u32,
) -> BTreeMap<String, String> {
    let authority = match &faults.authority {
        Authority::Own => ours.ca_pem().to_owned(),
        Authority::Foreign => foreign.ca_pem().to_owned(),
        Authority::OwnAndForeign => format!("{}{}", ours.ca_pem(), foreign.ca_pem()),
        Authority::ForeignAndOwn => format!("{}{}", foreign.ca_pem(), ours.ca_pem()),
        Authority::None => String::new(),
        Authority::Garbage => "this is no PEM\n".into(),
        Authority::Pem(pem) => pem.clone(),
    };
    let server = faults.server.clone().unwrap_or_else(|| format!("https://{endpoint}"));
    let mut clusters = cluster_entry("\"\"", &authority, &server);
    if faults.two_clusters {
        clusters.push_str(&cluster_entry("other", foreign.ca_pem(), &server));
    }
    let kubeconfig = faults.kubeconfig.clone().unwrap_or_else(|| {
        format!(
            "apiVersion: v1\nclusters:\n{clusters}contexts: null\ncurrent-context: \"\"\nkind: Config\nusers: null\n"
        )
    });

    let mut data = BTreeMap::new();
    for token in tokens.iter().filter(|t| t.signing && !t.is_expired()) {
        let signature = match &faults.jws {
            Jws::Right => detached_jws(&token.id, &token.secret, &kubeconfig),
            Jws::OtherTokenId => detached_jws("zzzzzz", &token.secret, &kubeconfig),
            Jws::OtherSecret => detached_jws(&token.id, "zzzzzzzzzzzzzzzz", &kubeconfig),
            Jws::OtherBytes => detached_jws(&token.id, &token.secret, &format!("{kubeconfig}\n")),
            Jws::AlgNone => {
                format!("{}..", URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"none","kid":"{}"}}"#, token.id)))
            }
            Jws::Text(text) => text.clone(),
            Jws::MissingFor(requests) if asked > *requests => detached_jws(&token.id, &token.secret, &kubeconfig),
            Jws::MissingFor(_) | Jws::Missing => continue,
        };
        data.insert(format!("jws-kubeconfig-{}", token.id), signature);
    }
    data.insert("kubeconfig".into(), kubeconfig);
    data
}

fn cluster_entry(name: &str, authority_pem: &str, server: &str) -> String {
    let authority = if authority_pem.is_empty() {
        String::new()
    } else {
        format!("    certificate-authority-data: {}\n", STANDARD.encode(authority_pem))
    };
    format!("- cluster:\n{authority}    server: {server}\n  name: {name}\n")
}

/// RFC 7515 appendix F, as `staging/src/k8s.io/cluster-bootstrap/token/jws/jws.go` makes it.
pub fn detached_jws(token_id: &str, token_secret: &str, payload: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"HS256","kid":"{token_id}"}}"#));
    let mut mac = Hmac::<Sha256>::new_from_slice(token_secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload)).as_bytes());
    format!("{header}..{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// What the server makes of a Node that somebody posted.
pub(crate) fn node(posted: &Value) -> Value {
    let mut node = json!({
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": posted["metadata"],
        "spec": { "taints": [{ "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" }] },
        "status": {
            "daemonEndpoints": { "kubeletEndpoint": { "Port": 0 } },
            "nodeInfo": {
                "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "", "osImage": "",
                "containerRuntimeVersion": "", "kubeletVersion": "", "kubeProxyVersion": "",
                "operatingSystem": "", "architecture": "",
            },
        },
    });
    for part in ["spec", "status"] {
        if let Some(given) = posted.get(part) {
            merge(&mut node[part], given);
        }
    }
    node
}

/// A Node that a kubelet keeps up to date.
pub(crate) fn existing_node(existing: &ExistingNode) -> Value {
    let now = timestamp(SystemTime::now());
    let conditions: Vec<Value> = existing
        .ready
        .iter()
        .map(|status| {
            let reason = match *status {
                "True" => "KubeletReady",
                "False" => "KubeletNotReady",
                _ => "NodeStatusUnknown",
            };
            json!({
                "type": "Ready", "status": status, "lastHeartbeatTime": now, "lastTransitionTime": now,
                "reason": reason, "message": "",
            })
        })
        .collect();
    node(&json!({
        "metadata": { "labels": { "kubernetes.io/hostname": existing.name, "kubernetes.io/os": "linux" } },
        "status": {
            "conditions": conditions,
            "nodeInfo": {
                "machineID": existing.machine_id, "systemUUID": existing.system_uuid,
                "kubeletVersion": "v1.37.2", "operatingSystem": "linux", "architecture": "amd64",
            },
        },
    }))
}

/// RFC 7386. Strategic merges differ in lists only, which none of our peers patches.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            // Cannot fail: made an object above.
            target.as_object_mut().map(|fields| fields.remove(key));
        } else {
            merge(&mut target[key], value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_upstream() {
        // Vectors reproduced from upstream's jws_test.go by an independent implementation.
        for (payload, signature) in [
            ("apiVersion: v1\nclusters: []\nkind: Config\n", "ohyY_H87vpIEmYCKPqgSqk1VLtljl9wmLcgywhf2hZ0"),
            ("", "MO2tlCpY1xB334qWeOe_XEv9c6DIMRNmKJZImOzY17k"),
        ] {
            let expected = format!("eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..{signature}");
            assert_eq!(detached_jws("abcdef", "0123456789abcdef", payload), expected);
        }
    }

    #[test]
    fn a_signature_appears_only_after_the_requests_it_is_missing_for() {
        let (ours, foreign) = (Pki::new(), Pki::new());
        let faults = ClusterInfo::jws(Jws::MissingFor(2));
        let has = |asked| {
            cluster_info(&ours, &foreign, "h:1", &[Token::default()], &faults, asked)
                .contains_key("jws-kubeconfig-abcdef")
        };
        assert_eq!([has(1), has(2), has(3)], [false, false, true]);
    }

    #[test]
    fn a_patch_sets_replaces_and_removes() {
        let mut object = json!({ "a": { "b": 1, "c": [1] } });
        merge(&mut object, &json!({ "a": { "b": null, "c": [2], "d": "x" } }));
        assert_eq!(object, json!({ "a": { "c": [2], "d": "x" } }));
    }
}
