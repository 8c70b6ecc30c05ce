//! Each fault does what its name says, and nothing else: a fault that did not would make every test that uses it worthless.

use std::sync::Arc;
use std::time::Duration;

use kubejoin_apiserver::contract::client::{Client, Credential, config};
use kubejoin_apiserver::{
    ApiServer, Approver, Authority, Certificate, ClusterInfo, ConfigMap, ExistingNode, Faults, Jws, Options, Presents,
    Reply, Rule, Signer, Token, Watch, detached_jws,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use serde_json::{Value, json};

const CLUSTER_INFO: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
const SECRET: &str = "0123456789abcdef";
const CSRS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

fn start(faults: Faults) -> ApiServer {
    ApiServer::start(Options { faults, ..Options::default() })
}

fn anonymous(server: &ApiServer) -> Client {
    Client::connect(&server.endpoint(), &server.ca_pem(), Credential::None)
}

fn joiner(server: &ApiServer) -> Client {
    Client::connect(&server.endpoint(), &server.ca_pem(), Credential::Bearer(server.token()))
}

/// Takes any chain for any name, but insists on the handshake's signature: what discovery has to do.
#[derive(Debug)]
struct AnyChain;

impl ServerCertVerifier for AnyChain {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &default_provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &default_provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn any_chain() -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyChain))
        .with_no_client_auth();
    Arc::new(config)
}

/// The error of a handshake that trusts the cluster's CA only, and of one that takes any chain.
fn handshakes(server: &ApiServer) -> (String, String) {
    let strict = config(&server.ca_pem(), &Credential::None, rustls::ALL_VERSIONS);
    let error = |config| Client::open(&server.endpoint(), config).err().map(|e| e.to_string()).unwrap_or_default();
    (error(strict), error(any_chain()))
}

#[test]
fn each_wrong_identity_is_wrong_in_one_way() {
    for (name, presents, strict, lax) in [
        ("own", Presents::Own, "", ""),
        ("wrong key", Presents::WrongKey, "BadSignature", "BadSignature"),
        ("foreign", Presents::ForeignCa, "BadSignature", ""),
        ("foreign with own appended", Presents::ForeignCaWithOwnAppended, "BadSignature", ""),
        ("wrong name", Presents::WrongName, "not valid for name", ""),
        ("expired", Presents::Expired, "expired", ""),
        ("not yet valid", Presents::NotYetValid, "not valid yet", ""),
        ("client certificate", Presents::ClientCertificate, "does not allow extended key usage", ""),
        ("plain HTTP", Presents::PlainHttp, "InvalidContentType", "InvalidContentType"),
    ] {
        let found = handshakes(&start(Faults::presenting(presents)));
        for (found, expected) in [(&found.0, strict), (&found.1, lax)] {
            assert!(found.contains(expected) && found.is_empty() == expected.is_empty(), "{name}: {found:?}");
        }
    }
}

#[test]
fn another_identity_appears_after_so_many_connections() {
    let server = start(Faults { presents_later: Some((2, Presents::ForeignCa)), ..Faults::default() });
    let good: Vec<bool> = (0..4).map(|_| handshakes(&server).0.is_empty()).collect();
    // Each call connects twice, and a lax connection takes both.
    assert_eq!(good, [true, false, false, false]);
}

#[test]
fn connections_are_closed_so_many_times() {
    let server = start(Faults { close_connections: 2, ..Faults::default() });
    let strict = || config(&server.ca_pem(), &Credential::None, rustls::ALL_VERSIONS);
    let mut clients: Vec<_> = (0..3).map(|_| Client::open(&server.endpoint(), strict())).collect();
    assert_eq!(clients.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(clients[2].as_mut().unwrap().get("/version").status, 200);
    assert_eq!((server.connections().len(), server.handshakes()), (3, 1));
}

#[test]
fn signatures_of_cluster_info_are_wrong_as_told() {
    let signed = |server: &ApiServer| {
        let data = anonymous(server).get(CLUSTER_INFO).json()["data"].clone();
        let text = |key: &str| data[key].as_str().unwrap_or_default().to_owned();
        (text("jws-kubeconfig-abcdef"), text("kubeconfig"))
    };
    for (jws, expected) in [
        (Jws::Right, (|config| detached_jws("abcdef", SECRET, config)) as fn(&str) -> String),
        (Jws::OtherTokenId, |config| detached_jws("zzzzzz", SECRET, config)),
        (Jws::OtherSecret, |config| detached_jws("abcdef", "zzzzzzzzzzzzzzzz", config)),
        (Jws::OtherBytes, |config| detached_jws("abcdef", SECRET, &format!("{config}\n"))),
        (Jws::AlgNone, |_| "eyJhbGciOiJub25lIiwia2lkIjoiYWJjZGVmIn0..".to_owned()),
        (Jws::Missing, |_| String::new()),
        (Jws::Text("x".into()), |_| "x".to_owned()),
    ] {
        let server = start(Faults::cluster_info(ClusterInfo::jws(jws.clone())));
        let (signature, kubeconfig) = signed(&server);
        assert_eq!(signature, expected(&kubeconfig), "{jws:?}");
    }
    let server = start(Faults::cluster_info(ClusterInfo::jws(Jws::MissingFor(1))));
    assert_eq!(signed(&server).0, "");
    assert_ne!(signed(&server).0, "");
}

#[test]
fn cas_of_cluster_info_are_wrong_as_told() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    for (authority, expected) in [
        (Authority::Own, "own"),
        (Authority::Foreign, "foreign"),
        (Authority::OwnAndForeign, "own foreign"),
        (Authority::ForeignAndOwn, "foreign own"),
        (Authority::None, ""),
        (Authority::Garbage, "other"),
    ] {
        let server = start(Faults::cluster_info(ClusterInfo::authority(authority.clone())));
        let map = anonymous(&server).get(CLUSTER_INFO).json();
        let config = map["data"]["kubeconfig"].as_str().unwrap().to_owned();
        let data = config.lines().find_map(|l| l.trim().strip_prefix("certificate-authority-data: "));
        let text = String::from_utf8(STANDARD.decode(data.unwrap_or_default()).unwrap()).unwrap();
        let text = text.replace(&server.ca_pem(), "own ").replace(server.foreign_pki().ca_pem(), "foreign ");
        let text = if text.starts_with("this") { "other" } else { text.trim() };
        assert_eq!(text, expected, "{authority:?}");
    }
    let two = ClusterInfo { two_clusters: true, ..ClusterInfo::server("https://elsewhere.invalid:6443") };
    let map = anonymous(&start(Faults::cluster_info(two))).get(CLUSTER_INFO).json();
    let config = map["data"]["kubeconfig"].as_str().unwrap().to_owned();
    assert_eq!(config.matches("- cluster:").count(), 2, "{config}");
    assert_eq!(config.matches("server: https://elsewhere.invalid:6443").count(), 2, "{config}");
}

#[test]
fn replies_are_wrong_as_told() {
    let wire = |reply: Reply, limit| {
        let server = start(Faults::replying(Rule::always(reply)));
        let mut client = joiner(&server);
        let bytes = client.bytes_of("GET", "/version", &[("Connection", "close")], None);
        client.send(&bytes);
        String::from_utf8_lossy(&client.receive_raw(limit)).into_owned()
    };
    let status = Reply::Status { code: 500, reason: "InternalError".into(), message: "a\x1b[2J\u{7}b".into() };
    let redirect = Reply::Redirect { code: 307, location: "https://elsewhere.invalid/".into() };
    for (reply, start, part) in [
        (status, "HTTP/1.1 500 ", "a\\u001b[2J\\u0007b"),
        (Reply::StatusWith200, "HTTP/1.1 200 ", "\"status\":\"Failure\""),
        (redirect, "HTTP/1.1 307 ", "Location: https://elsewhere.invalid/\r\n"),
        (Reply::RetryAfter { code: 429, value: "99999999999".into() }, "HTTP/1.1 429 ", "Retry-After: 99999999999\r\n"),
        (Reply::EchoAuthorization { code: 401 }, "HTTP/1.1 401 ", "Bearer abcdef.0123456789abcdef"),
        (Reply::SlowBody { bytes: 100, pause: Duration::from_millis(1) }, "HTTP/1.1 200 ", "linux/amd64\"\n}"),
        (Reply::BigHeader(100_000), "HTTP/1.1 200 ", &format!("X-More: {}\r\n", "a".repeat(100_000))),
        (Reply::BigBody(5000), "HTTP/1.1 200 ", "Content-Length: 5000\r\n"),
        (Reply::ThenClose, "HTTP/1.1 200 ", "linux/amd64\"\n}"),
        (Reply::Late(Duration::from_millis(1)), "HTTP/1.1 200 ", "linux/amd64\"\n}"),
        (Reply::Raw(b"SSH-2.0-x\r\n".to_vec()), "SSH-2.0-x\r\n", ""),
        (
            Reply::Exactly { code: 200, headers: vec![("A".into(), "b".into())], body: b"xyz".to_vec() },
            "HTTP/1.1 200 ",
            "\r\n\r\nxyz",
        ),
    ] {
        let got = wire(reply.clone(), 1 << 20);
        assert!(got.starts_with(start) && got.contains(part), "{reply:?}: {got}");
    }
    assert_eq!(wire(Reply::Close, 1), "");
    let endless = wire(Reply::EndlessHeaders, 3 << 20);
    assert!(endless.len() >= 3 << 20 && !endless.contains("\r\n\r\n"));
    let endless = wire(Reply::EndlessBody, 3 << 20);
    assert!(endless.len() >= 3 << 20 && !endless.contains("\r\n0\r\n\r\n"));
    let length = wire(Reply::TruncatedLength, 1 << 20);
    let (head, body) = length.split_once("\r\n\r\n").unwrap();
    let unverified: usize =
        head.split("Content-Length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
    assert!(body.len() < unverified && !body.is_empty(), "{length}");
    let chunk = wire(Reply::TruncatedChunk, 1 << 20);
    assert!(chunk.contains("Transfer-Encoding: chunked") && !chunk.contains("\r\n0\r\n\r\n"), "{chunk}");
}

#[test]
fn a_rule_strikes_when_and_as_often_as_told() {
    let failing = |rule: Rule| {
        let server = start(Faults::replying(rule));
        let mut client = joiner(&server);
        (0..4).map(|_| client.get("/version").status).collect::<Vec<_>>()
    };
    let rule = |path| Rule::on(path, Reply::internal_error());
    assert_eq!(failing(rule("version")), [500, 500, 500, 500]);
    assert_eq!(failing(rule("version").times(2)), [500, 500, 200, 200]);
    assert_eq!(failing(rule("version").after(1).times(2)), [200, 500, 500, 200]);
    assert_eq!(failing(rule("nodes")), [200, 200, 200, 200]);
    assert_eq!(failing(rule("version").method("POST")), [200, 200, 200, 200]);
    assert_eq!(failing(Rule { authorized: Some(false), ..rule("version") }), [200, 200, 200, 200]);
}

#[test]
fn the_date_is_wrong_as_told() {
    let date = |faults| anonymous(&start(faults)).get("/version").header("date").map(str::to_owned);
    let day = 24 * 3600;
    let year_of = |faults| date(faults).unwrap().split(' ').nth(3).unwrap().parse::<i32>().unwrap();
    let now = year_of(Faults::default());
    assert_eq!(year_of(Faults { date_offset: 3 * 366 * day, ..Faults::default() }), now + 3);
    assert!(year_of(Faults { date_offset: -20_000 * day, ..Faults::default() }) < 1975);
    assert_eq!(date(Faults { date_text: Some("yesterday".into()), ..Faults::default() }).as_deref(), Some("yesterday"));
    assert_eq!(date(Faults { date_text: Some(String::new()), ..Faults::default() }), None);
}

/// A node's request, as an object to post.
fn node_request(name: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use rcgen::DnType::{CommonName, OrganizationName};
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(OrganizationName, "system:nodes");
    params.distinguished_name.push(CommonName, "system:node:n1");
    let request = params.serialize_request(&rcgen::KeyPair::generate().unwrap()).unwrap();
    json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": { "name": name },
        "spec": {
            "request": STANDARD.encode(request.pem().unwrap()),
            "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "usages": ["digital signature", "client auth"],
        },
    })
}

fn condition(object: &Value) -> &str {
    object["status"]["conditions"][0]["type"].as_str().unwrap_or_default()
}

#[test]
fn requests_are_approved_and_signed_as_told() {
    let deny = Approver::Deny { reason: "Policy".into(), message: "no\x1b[2J".into() };
    let fail = Signer::Fail { reason: "Broken".into(), message: "no key".into() };
    let slow = Duration::from_millis(30);
    let signed = |o: &Value| o["status"]["certificate"].is_string();
    for (approver, signer, is) in [
        (Approver::Auto(slow), Signer::After(slow), signed as fn(&Value) -> bool),
        (Approver::Auto(Duration::ZERO), Signer::Off, |o| condition(o) == "Approved"),
        (deny, Signer::default(), |o| {
            condition(o) == "Denied" && o["status"]["conditions"][0]["message"] == "no\x1b[2J"
        }),
        (Approver::default(), fail, |o| o["status"]["conditions"][1]["type"] == "Failed"),
    ] {
        let server = ApiServer::start(Options { approver, signer, ..Options::default() });
        assert_eq!(joiner(&server).post(CSRS, &node_request("r")).status, 201);
        server.wait_for_csr(is);
    }

    let server = ApiServer::start(Options { approver: Approver::Manual, signer: Signer::Off, ..Options::default() });
    for name in ["a", "b"] {
        assert_eq!(joiner(&server).post(CSRS, &node_request(name)).json()["status"], json!({}));
    }
    server.approve("a");
    server.deny("b");
    let conditions: Vec<String> = server.csrs().iter().map(|o| condition(o).to_owned()).collect();
    assert_eq!(conditions, ["Approved", "Denied"]);
    server.set_signer(Signer::default());
    let object = server.wait_for_csr(signed);
    assert_eq!(object["metadata"]["name"], "a");
}

#[test]
fn certificates_are_wrong_as_told() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    for fault in [
        Certificate::Good,
        Certificate::OtherKey,
        Certificate::OtherName,
        Certificate::OtherGroup,
        Certificate::OtherCa,
        Certificate::Expired,
        Certificate::NotYetValid,
        Certificate::ServerUsage,
        Certificate::Garbage,
        Certificate::WithPrivateKey,
    ] {
        let server = start(Faults::certificate(fault));
        let posted = joiner(&server).post(CSRS, &node_request("r")).json();
        let signed = server.wait_for_csr(|o| o["status"]["certificate"].is_string());
        let pem = STANDARD.decode(signed["status"]["certificate"].as_str().unwrap()).unwrap();
        let (rest, block) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
        assert_eq!(!rest.is_empty(), fault == Certificate::WithPrivateKey, "{fault:?}");
        let Ok(certificate) = block.parse_x509() else {
            assert_eq!(fault, Certificate::Garbage);
            continue;
        };
        let request = STANDARD.decode(posted["spec"]["request"].as_str().unwrap()).unwrap();
        let (_, request) = x509_parser::pem::parse_x509_pem(&request).unwrap();
        let own_key = request.contents.windows(65).any(|w| w == certificate.public_key().subject_public_key.as_ref());
        assert_eq!(!own_key, fault == Certificate::OtherKey, "{fault:?}");
        let subject = match fault {
            Certificate::OtherName => "O=system:nodes, CN=system:node:somebody-else",
            Certificate::OtherGroup => "O=system:masters, CN=system:node:n1",
            _ => "O=system:nodes, CN=system:node:n1",
        };
        assert_eq!(certificate.subject().to_string(), subject, "{fault:?}");
        let (_, ca) = x509_parser::parse_x509_certificate(server.pki().ca_der()).unwrap();
        let foreign = certificate.verify_signature(Some(ca.public_key())).is_err();
        assert_eq!(foreign, fault == Certificate::OtherCa, "{fault:?}");
        let wrong_time = matches!(fault, Certificate::Expired | Certificate::NotYetValid);
        assert_eq!(!certificate.validity().is_valid(), wrong_time, "{fault:?}");
        let usage = certificate.extended_key_usage().unwrap().unwrap().value;
        assert_eq!(!usage.client_auth, fault == Certificate::ServerUsage, "{fault:?}");
    }
}

#[test]
fn watches_go_wrong_as_told() {
    let path = format!("{CSRS}?watch=true&fieldSelector=metadata.name%3Dr&timeoutSeconds=20");
    let server = ApiServer::start(Options { approver: Approver::Manual, ..Options::default() });
    let uid = joiner(&server).post(CSRS, &node_request("r")).json()["metadata"]["uid"].clone();
    // What comes until the connection is closed or as many bytes came; the fault strikes after the first event.
    let wire = |fault, limit| {
        server.set_faults(Faults::watch(fault));
        let mut client = joiner(&server);
        let bytes = client.bytes_of("GET", &path, &[("Connection", "close")], None);
        client.send(&bytes);
        String::from_utf8_lossy(&client.receive_raw(limit)).into_owned()
    };
    for (fault, added, end) in [
        (Watch::EndsAfter(0), 0, "\r\n\r\n0\r\n\r\n"),
        (Watch::EndsAfter(1), 1, "}\n\r\n0\r\n\r\n"),
        (Watch::BreaksAfter(1), 1, "\"object\":{\"kind\":"),
        (Watch::GarbageAfter(1), 1, "this is no JSON\n\r\n0\r\n\r\n"),
        (Watch::ExpiredAfter(1), 1, "\"code\":410}}\n\r\n0\r\n\r\n"),
    ] {
        let got = wire(fault, 1 << 20);
        assert!(got.matches("ADDED").count() == added && got.ends_with(end), "{fault:?}: {got}");
    }
    assert!(wire(Watch::EndlessLineAfter(1), 3 << 20).len() >= 3 << 20);
    assert!(wire(Watch::Forbidden, 1 << 20).starts_with("HTTP/1.1 403 "));
    server.set_faults(Faults::watch(Watch::OtherUid));
    let mut client = joiner(&server);
    assert_eq!(client.watch(&path).status, 200);
    assert_ne!(client.next_event().unwrap()["object"]["metadata"]["uid"], uid);
    server.set_faults(Faults::watch(Watch::Mute));
    let mut client = joiner(&server);
    assert_eq!(client.watch(&path).status, 200);
    drop(server);
    assert_eq!(client.receive_raw(1), b"", "mute until the end");
}

#[test]
fn config_maps_and_nodes_are_what_was_asked_for() {
    let options = Options {
        kubeadm_config: ConfigMap::NotFound,
        kubelet_config: ConfigMap::one("kubelet", "kind: KubeletConfiguration\n"),
        kube_proxy: ConfigMap::NotFound,
        nodes: vec![ExistingNode::ready("a"), ExistingNode::not_ready("b").of_machine("u", "m")],
        ..Options::default()
    };
    let server = ApiServer::start(options);
    let mut client = joiner(&server);
    let mut map = |name: &str| client.get(&format!("/api/v1/namespaces/kube-system/configmaps/{name}"));
    assert_eq!([map("kubeadm-config").status, map("kube-proxy").status], [404, 404]);
    assert_eq!(map("kubelet-config").json()["data"]["kubelet"], "kind: KubeletConfiguration\n");
    server.set_config_map("kubelet-config", ConfigMap::Forbidden);
    assert_eq!(map("kubelet-config").status, 403);
    let node = |name: &str| joiner(&server).get(&format!("/api/v1/nodes/{name}")).json()["status"].clone();
    assert_eq!(node("a")["conditions"][0]["status"], "True");
    assert_eq!(node("b")["conditions"][0]["status"], "False");
    assert_eq!((&node("b")["nodeInfo"]["systemUUID"], &node("b")["nodeInfo"]["machineID"]), (&json!("u"), &json!("m")));
}

#[test]
fn tokens_count_for_what_they_are_meant_for() {
    let server = start(Faults::default());
    let bearer = Credential::Bearer("abcdef.0123456789abcdef".into());
    let seen = || {
        let signed = anonymous(&server).get(CLUSTER_INFO).json()["data"].get("jws-kubeconfig-abcdef").is_some();
        (signed, Client::connect(&server.endpoint(), &server.ca_pem(), bearer.clone()).get("/api/v1/nodes/n").status)
    };
    let token = Token::default;
    for (tokens, expected) in [
        (vec![token()], (true, 404)),
        (vec![], (false, 401)),
        (vec![Token { signing: false, ..token() }], (false, 404)),
        (vec![Token { authentication: false, ..token() }], (true, 401)),
        (vec![Token { groups: vec![], ..token() }], (true, 403)),
        (vec![Token { expires: Some(std::time::UNIX_EPOCH), ..token() }], (false, 401)),
        (vec![Token::new("bbbbbb", "0123456789abcdef"), token()], (true, 404)),
    ] {
        server.set_tokens(tokens.clone());
        assert_eq!(seen(), expected, "{tokens:?}");
    }
}

#[test]
fn everything_is_recorded() {
    let server = start(Faults::replying(Rule::on("readyz", Reply::Close)));
    let mut client = joiner(&server);
    assert_eq!(client.post("/version?a=b", &json!({ "x": "needle" })).status, 403);
    let bytes = client.bytes_of("GET", "/readyz", &[], None);
    client.send(&bytes);
    assert_eq!(client.receive_raw(1), b"");
    let requests = server.requests();
    let lines: Vec<_> = requests.iter().map(|r| (r.connection, r.line(), r.status)).collect();
    assert_eq!(lines, [(1, "POST /version?a=b".to_owned(), 403), (1, "GET /readyz".to_owned(), 0)]);
    assert_eq!(requests[0].authorization(), Some("Bearer abcdef.0123456789abcdef"));
    assert_eq!(
        (requests[0].user.as_str(), requests[0].body.as_slice()),
        ("system:bootstrap:abcdef", br#"{"x":"needle"}"#.as_slice())
    );
    assert!(server.has_received("needle") && server.has_received("abcdef.0123456789abcdef"));
    assert!(!server.has_received("haystack"));
    let [connection] = &server.connections()[..] else { panic!("one connection") };
    assert_eq!((connection.requests, connection.handshake.as_deref()), (2, Some("TLSv1_3")));
    assert!(connection.bytes_in > 300 && connection.bytes_out > 500, "{connection:?}");
    server.forget_requests();
    assert!(server.requests().is_empty() && !server.has_received("needle"));
}

#[test]
fn tls_1_2_alone_is_spoken_when_told() {
    let server = ApiServer::start(Options { tls12_only: true, ..Options::default() });
    let mut client = anonymous(&server);
    assert_eq!(client.tls_version(), Some(rustls::ProtocolVersion::TLSv1_2));
    assert_eq!(client.get("/version").status, 200);
}

#[test]
fn a_dropped_server_ends_every_connection_and_frees_its_port() {
    let server = start(Faults::default());
    let address = server.address();
    let mut watching = joiner(&server);
    assert_eq!(watching.watch(&format!("{CSRS}?watch=true")).status, 200);
    let idle = anonymous(&server);
    let half_open = std::net::TcpStream::connect(address).unwrap();
    drop(server);
    assert_eq!(watching.receive_raw(1), b"");
    drop((idle, half_open));
    let again = ApiServer::start(Options { listen: address, ..Options::default() });
    assert_eq!(again.address(), address);
}
