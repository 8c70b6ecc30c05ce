//! What can be had without much: version, health, cluster-info, the ConfigMaps of a joiner; and who is who.

use super::client::{Client, Credential, config};
use super::{Target, assert_details, assert_failure, unique};
use crate::objects::detached_jws;
use crate::pki::{Leaf, Pki};

const CLUSTER_INFO: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
const KUBE_SYSTEM: &str = "/api/v1/namespaces/kube-system/configmaps";

pub(super) fn anybody_may_ask_for_the_version(target: &Target) {
    let reply = target.anonymous().get("/version");
    assert_eq!(reply.status, 200, "{reply}");
    let version = reply.json()["gitVersion"].as_str().unwrap_or_default().to_owned();
    assert!(version.starts_with("v1."), "{version}");
}

pub(super) fn anybody_may_ask_for_health(target: &Target) {
    let mut client = target.anonymous();
    for path in ["/healthz", "/readyz", "/livez"] {
        let reply = client.get(path);
        assert_eq!((reply.status, reply.body.as_slice()), (200, b"ok".as_slice()), "{path}: {reply}");
    }
}

pub(super) fn every_reply_has_a_date(target: &Target) {
    let mut client = target.anonymous();
    for path in ["/version", "/healthz", CLUSTER_INFO, "/api/v1/nodes", "/"] {
        let reply = client.get(path);
        let date = reply.header("date").unwrap_or_default();
        let [weekday, day, month, year, time, zone] = date.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{path}: Date: {date:?}")
        };
        assert!(weekday.len() == 4 && day.len() == 2 && month.len() == 3 && year.len() == 4, "{date}");
        assert!(time.len() == 8 && zone == "GMT", "{date}");
    }
}

pub(super) fn whoever_is_known_may_ask_what_they_may_do(target: &Target) {
    const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let review = |verb: &str, subresource: &str| {
        serde_json::json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "verb": verb, "group": "certificates.k8s.io", "resource": "certificatesigningrequests",
                "subresource": subresource,
            } },
        })
    };
    for (verb, subresource, allowed) in [("create", "", true), ("create", "nodeclient", true), ("delete", "", false)] {
        let reply = target.joiner().post(REVIEWS, &review(verb, subresource));
        assert_eq!(reply.status, 201, "{reply}");
        assert_eq!(reply.json()["kind"], "SelfSubjectAccessReview", "{reply}");
        assert_eq!(reply.json()["status"]["allowed"], allowed, "{verb} {subresource}: {reply}");
    }
    let reply = target.anonymous().post(REVIEWS, &review("create", ""));
    assert_eq!(reply.status, 403, "{reply}");
}

pub(super) fn tls_1_2_and_1_3_are_spoken(target: &Target) {
    use rustls::version::{TLS12, TLS13};
    for version in [&TLS12, &TLS13] {
        let mut client =
            Client::open(&target.endpoint, config(&target.ca_pem, &Credential::None, &[version])).expect("TLS");
        assert_eq!(client.get("/version").status, 200);
        assert_eq!(client.tls_version(), Some(version.version));
    }
}

pub(super) fn a_connection_serves_many_requests(target: &Target) {
    let mut client = target.joiner();
    for (path, status) in [("/version", 200), ("/api/v1/nodes/nobody", 404), ("/api/v1/nodes", 403), ("/version", 200)]
    {
        assert_eq!(client.get(path).status, status, "{path}");
    }
}

pub(super) fn pipelined_requests_are_answered_in_order(target: &Target) {
    let mut client = target.joiner();
    let paths = [
        (format!("{KUBE_SYSTEM}/kubelet-config"), 200),
        ("/api/v1/nodes/nobody".into(), 404),
        ("/version".into(), 200),
    ];
    let bytes: Vec<u8> = paths.iter().flat_map(|(path, _)| client.bytes_of("GET", path, &[], None)).collect();
    client.send(&bytes);
    for (path, status) in &paths {
        assert_eq!(client.receive().status, *status, "{path}");
    }
}

pub(super) fn cluster_info_is_readable_by_anybody(target: &Target) {
    let reply = target.anonymous().get(CLUSTER_INFO);
    assert_eq!(reply.status, 200, "{reply}");
    let map = reply.json();
    assert_eq!(map["kind"], "ConfigMap");
    assert_eq!(map["apiVersion"], "v1");
    assert_eq!(map["metadata"]["name"], "cluster-info");
    assert_eq!(map["metadata"]["namespace"], "kube-public");
}

fn kubeconfig(target: &Target) -> String {
    let map = target.anonymous().get(CLUSTER_INFO).json();
    map["data"]["kubeconfig"].as_str().expect("a kubeconfig").to_owned()
}

pub(super) fn cluster_info_names_one_unnamed_cluster(target: &Target) {
    let kubeconfig = kubeconfig(target);
    let count = |line: &str| kubeconfig.lines().filter(|l| *l == line).count();
    for line in ["- cluster:", "  name: \"\"", "contexts: null", "current-context: \"\"", "users: null", "kind: Config"]
    {
        assert_eq!(count(line), 1, "{line:?} in {kubeconfig}");
    }
    assert!(kubeconfig.ends_with('\n') && !kubeconfig.ends_with("\n\n"), "the signature covers the last line break");
    assert!(kubeconfig.contains("\n    server: https://"), "{kubeconfig}");
}

pub(super) fn cluster_info_carries_the_authority_of_the_connection(target: &Target) {
    let kubeconfig = kubeconfig(target);
    let data = kubeconfig.lines().find_map(|l| l.trim().strip_prefix("certificate-authority-data: "));
    let pem = super::client::base64_text(data.expect("an authority")).expect("base64 of text");
    // The connection was verified with `ca_pem`; this is the same text or a bundle with it.
    assert!(pem.contains(target.ca_pem.trim()), "{pem}");
}

pub(super) fn cluster_info_is_signed_by_the_token(target: &Target) {
    let map = target.anonymous().get(CLUSTER_INFO).json();
    let (id, secret) = target.token.split_once('.').expect("a token");
    let signature = detached_jws(id, secret, map["data"]["kubeconfig"].as_str().expect("a kubeconfig"));
    assert_eq!(map["data"][format!("jws-kubeconfig-{id}")], signature);
}

pub(super) fn cluster_info_is_for_the_anonymous_only(target: &Target) {
    let reply = target.joiner().get(CLUSTER_INFO);
    let message = format!(
        "configmaps \"cluster-info\" is forbidden: User \"system:bootstrap:{}\" cannot get resource \"configmaps\" in \
         API group \"\" in the namespace \"kube-public\"",
        target.token_id()
    );
    assert_failure(&reply, 403, "Forbidden", &message);
}

pub(super) fn anonymous_may_read_no_other_config_map(target: &Target) {
    let reply = target.anonymous().get(&format!("{KUBE_SYSTEM}/kubeadm-config"));
    let message = "configmaps \"kubeadm-config\" is forbidden: User \"system:anonymous\" cannot get resource \
                   \"configmaps\" in API group \"\" in the namespace \"kube-system\"";
    assert_failure(&reply, 403, "Forbidden", message);
    assert_details(&reply, "kubeadm-config", "", "configmaps");
}

pub(super) fn anonymous_may_not_list(target: &Target) {
    let reply = target.anonymous().get("/api/v1/namespaces/kube-public/configmaps");
    let message = "configmaps is forbidden: User \"system:anonymous\" cannot list resource \"configmaps\" in API group \
                   \"\" in the namespace \"kube-public\"";
    assert_failure(&reply, 403, "Forbidden", message);
    assert_details(&reply, "", "", "configmaps");
}

pub(super) fn anonymous_may_not_open_the_root(target: &Target) {
    let reply = target.anonymous().get("/");
    assert_failure(&reply, 403, "Forbidden", "forbidden: User \"system:anonymous\" cannot get path \"/\"");
}

pub(super) fn a_wrong_secret_is_unauthorized(target: &Target) {
    let wrong = format!("Bearer {}.zzzzzzzzzzzzzzzz", target.token_id());
    let reply = target.anonymous().authorization(&wrong).get("/api/v1/nodes/nobody");
    assert_failure(&reply, 401, "Unauthorized", "Unauthorized");
    assert_eq!(reply.json().get("details"), None);
}

pub(super) fn an_unknown_token_is_unauthorized_even_for_public_things(target: &Target) {
    let reply = target.anonymous().authorization("Bearer zzzzzz.zzzzzzzzzzzzzzzz").get(CLUSTER_INFO);
    assert_failure(&reply, 401, "Unauthorized", "Unauthorized");
}

pub(super) fn a_bearer_that_is_no_token_is_unauthorized(target: &Target) {
    let reply = target.anonymous().authorization("Bearer x").get("/version");
    assert_failure(&reply, 401, "Unauthorized", "Unauthorized");
}

pub(super) fn basic_credentials_count_as_none(target: &Target) {
    let mut client = target.anonymous().authorization("Basic YTpi");
    assert_eq!(client.get(CLUSTER_INFO).status, 200);
    assert_eq!(client.get("/api/v1/nodes/nobody").status, 403);
}

pub(super) fn the_bearer_scheme_is_compared_without_case(target: &Target) {
    let reply = target.anonymous().authorization(&format!("bearer {}", target.token)).get("/api/v1/nodes/nobody");
    assert_eq!(reply.status, 404, "{reply}");
}

pub(super) fn a_certificate_of_nobody_is_unauthorized_not_a_failed_handshake(target: &Target) {
    let stranger = Pki::new().issue(&Leaf::client(&unique("stranger"), &["system:masters"]));
    let credential = Credential::Certificate { certificate: stranger.cert_pem(), key: stranger.key_pem.clone() };
    let reply = target.connect(credential.clone()).get("/version");
    assert_failure(&reply, 401, "Unauthorized", "Unauthorized");
    let bearer = format!("Bearer {}", target.token);
    let reply = target.connect(credential).authorization(&bearer).get("/api/v1/nodes/nobody");
    assert_eq!(reply.status, 404, "a good token beside it is enough: {reply}");
}

pub(super) fn a_joiner_reads_kubeadm_config(target: &Target) {
    let reply = target.joiner().get(&format!("{KUBE_SYSTEM}/kubeadm-config"));
    assert_eq!(reply.status, 200, "{reply}");
    let map = reply.json();
    let configuration = map["data"]["ClusterConfiguration"].as_str().expect("a ClusterConfiguration");
    for line in [
        "apiVersion: kubeadm.k8s.io/v1beta4",
        "kind: ClusterConfiguration",
        "clusterName: kubernetes",
        "certificatesDir: /etc/kubernetes/pki",
        "  dnsDomain: cluster.local",
        "kubernetesVersion: v1.37.2",
    ] {
        assert!(configuration.lines().any(|l| l == line), "{line:?} in {configuration}");
    }
}

pub(super) fn a_joiner_reads_kubelet_config(target: &Target) {
    let reply = target.joiner().get(&format!("{KUBE_SYSTEM}/kubelet-config"));
    assert_eq!(reply.status, 200, "{reply}");
    let map = reply.json();
    let configuration = map["data"]["kubelet"].as_str().expect("a KubeletConfiguration");
    for line in [
        "apiVersion: kubelet.config.k8s.io/v1beta1",
        "kind: KubeletConfiguration",
        "    clientCAFile: /etc/kubernetes/pki/ca.crt",
        "rotateCertificates: true",
        "staticPodPath: /etc/kubernetes/manifests",
        "containerRuntimeEndpoint: \"\"",
        "healthzPort: 10248",
    ] {
        assert!(configuration.lines().any(|l| l == line), "{line:?} in {configuration}");
    }
}

pub(super) fn kube_proxy_is_there_or_says_why_not(target: &Target) {
    let reply = target.joiner().get(&format!("{KUBE_SYSTEM}/kube-proxy"));
    assert!([200, 403, 404].contains(&reply.status), "{reply}");
    let kind = if reply.status == 200 { "ConfigMap" } else { "Status" };
    assert_eq!(reply.json()["kind"], kind, "{reply}");
}

pub(super) fn a_joiner_reads_no_other_config_map(target: &Target) {
    let reply = target.joiner().get(&format!("{KUBE_SYSTEM}/extension-apiserver-authentication"));
    let message = format!(
        "configmaps \"extension-apiserver-authentication\" is forbidden: User \"system:bootstrap:{}\" cannot get \
         resource \"configmaps\" in API group \"\" in the namespace \"kube-system\"",
        target.token_id()
    );
    assert_failure(&reply, 403, "Forbidden", &message);
}
