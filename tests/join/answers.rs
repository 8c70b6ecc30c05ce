//! An answer of the API is the object that was asked for, complete and of that name; whatever else it is ends the join.

use std::time::{Duration, Instant};

use kubejoin::for_tests::net::dial::Dialer;
use kubejoin::for_tests::net::server::UnverifiedServer;
use kubejoin_apiserver::{ApiServer, Certificate, Faults, Options, Reply, Rule, Watch};
use serde_json::{Value, json};

use crate::builder::{Join, Ran};

const CLUSTER_INFO: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
const CSRS: &str = "certificatesigningrequests";

fn exactly(code: u16, body: &Value) -> Reply {
    Reply::Exactly { code, headers: Vec::new(), body: body.to_string().into_bytes() }
}

/// cluster-info as this server gives it.
fn cluster_info(server: &ApiServer) -> Value {
    let mut asked = UnverifiedServer::new(Dialer::direct(server.endpoint().parse().unwrap()));
    let body = asked.fetch(CLUSTER_INFO, 1 << 20, Instant::now() + Duration::from_secs(5)).unwrap().body;
    serde_json::from_slice(&body).unwrap()
}

fn csr(name: &str) -> Value {
    json!({ "kind": "CertificateSigningRequest", "metadata": { "name": name, "uid": "1" }, "spec": {}, "status": {} })
}

fn run(faults: Faults) -> Ran {
    let server = ApiServer::start(Options { faults, ..Options::default() });
    Join::to(&server).run()
}

#[test]
fn an_object_of_another_name_is_not_the_one_asked_for() {
    let node = json!({ "kind": "Node", "metadata": { "name": "worker-2" } });
    let config_map = json!({ "kind": "ConfigMap", "metadata": { "name": "kubelet-config-1" }, "data": {} });
    for faults in [
        Faults::replying(Rule::on(CSRS, exactly(201, &csr("node-csr-other"))).method("POST")),
        Faults::replying(Rule::on(CSRS, exactly(201, &csr(""))).method("POST")),
        Faults {
            replies: vec![Rule::on(&format!("{CSRS}/node-csr"), exactly(200, &csr("node-csr-other")))],
            certificate: Certificate::Good,
            ..Faults::watch(Watch::Forbidden)
        },
        Faults::replying(Rule::on("/nodes/worker-1", exactly(200, &node))),
        Faults::replying(Rule::on("/configmaps/kubelet-config", exactly(200, &config_map))),
    ] {
        let ran = run(faults.clone());
        assert_eq!((ran.code(), ran.status), ("api.not-the-object", 4), "{:?}: {ran:#?}", faults.replies);
    }
}

#[test]
fn only_200_and_201_are_successes() {
    let empty = Reply::Exactly { code: 204, headers: Vec::new(), body: Vec::new() };
    assert_eq!(run(Faults::replying(Rule::on("/configmaps/kubelet-config", empty))).code(), "api.not-the-object");
    for code in [202, 203, 206, 226] {
        let reply =
            exactly(code, &json!({ "kind": "ConfigMap", "metadata": { "name": "kubelet-config" }, "data": {} }));
        let ran = run(Faults::replying(Rule::on("/configmaps/kubelet-config", reply)));
        assert_eq!((ran.code(), ran.status), ("api.not-the-object", 4), "{code}: {ran:#?}");
        assert!(ran.result["message"].as_str().unwrap().contains(&format!("status {code}: ")), "{ran:#?}");
    }
}

#[test]
fn the_same_cluster_info_with_another_name_is_not_cluster_info() {
    let server = ApiServer::start(Options::default());
    let mut other = cluster_info(&server);
    other["metadata"]["name"] = "cluster-info-2".into();
    server.set_faults(Faults::replying(Rule::on("cluster-info", exactly(200, &other))));
    let ran = Join::to(&server).run();
    assert_eq!((ran.code(), ran.status), ("api.not-the-object", 4), "{ran:#?}");
}

#[test]
fn a_chain_of_eight_certificates_is_stored() {
    let faults = Faults::certificate(Certificate::WithAuthorities(7));
    let server = ApiServer::start(Options { faults, ..Options::default() });
    let join = Join::to(&server);
    assert_eq!(join.run().status, 0);
    let tree = join.tree();
    let stored = tree.iter().find(|entry| entry.path.contains("kubelet-client-2")).unwrap();
    let stored = String::from_utf8(stored.content.clone().unwrap()).unwrap();
    assert_eq!(stored.matches("BEGIN CERTIFICATE").count(), 8);
}
