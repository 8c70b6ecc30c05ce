//! Several endpoints, a server for the kubelet alone, and a CA file instead of a pin.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use kubejoin::for_tests::discovery::error::DiscoveryError;
use kubejoin::for_tests::error::Explain;
use kubejoin::for_tests::values::Endpoint;
use kubejoin_apiserver::{ApiServer, Authority, ClusterInfo, Faults, Options, Presents, Reply, Rule};

use crate::builder::{Join, Ran, cluster_info_of, text};

fn start() -> ApiServer {
    ApiServer::start(Options::default())
}

/// An endpoint that refuses: its port was free a moment ago.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// An endpoint that takes connections and never says a word.
fn silence() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (listener.local_addr().unwrap().to_string(), listener)
}

#[track_caller]
fn joined(ran: &Ran) {
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
}

fn said(ran: &Ran) -> String {
    (ran.stdout.clone() + &ran.stderr).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_first_verified_endpoint_is_joined() {
    let (server, impostor) = (start(), start());
    let (refusing, (silent, _listener)) = (nobody(), silence());
    let list = format!("{refusing},{},{silent},{}", impostor.endpoint(), server.endpoint());
    let ran = Join::to(&server).endpoint(&list).waits(20, 5).run();
    joined(&ran);
    let said = said(&ran);
    for failure in [
        format!("{refusing}: connection refused; asking the others"),
        format!("{silent}: timed out while negotiating TLS; asking the others"),
        "no CA of cluster-info has a pinned key".to_owned(),
    ] {
        assert!(said.contains(&failure), "{failure}: {said}");
    }
    assert!(!impostor.has_received(server.token().split_once('.').unwrap().1), "the token was sent");
}

#[test]
fn the_first_that_answers_is_the_only_one_asked() {
    let (server, other) = (start(), start());
    joined(&Join::to(&server).endpoint(&format!("{},{}", server.endpoint(), other.endpoint())).run());
    assert_eq!((server.connections().len(), other.connections().len()), (1, 0));
}

#[test]
fn a_silent_endpoint_leaves_time_for_the_others() {
    let server = start();
    let (silent, _listener) = silence();
    let began = Instant::now();
    joined(&Join::to(&server).endpoint(&format!("{silent},{}", server.endpoint())).waits(60, 5).run());
    // A request alone would be waited for ten seconds; the bound is there for a test that hangs.
    assert!(began.elapsed() < Duration::from_secs(50));
}

#[test]
fn with_no_usable_endpoint_each_reason_is_printed() {
    let server = start();
    let (foreign, refusing) = (start(), nobody());
    for (list, code, status) in [
        (format!("{refusing},{}", nobody()), "net.connection-refused", 3),
        // One may yet answer.
        (format!("{},{refusing}", foreign.endpoint()), "net.connection-refused", 3),
        (format!("{},{}", foreign.endpoint(), start_foreign_name()), "discovery.ca-hash-mismatch", 4),
    ] {
        let join = Join::to(&server).endpoint(&list).waits(1, 1);
        let ran = join.run();
        assert_eq!((ran.code(), ran.status), (code, status), "{ran:#?}");
        for endpoint in list.split(',') {
            assert!(said(&ran).contains(&format!("{endpoint}: ")), "{endpoint}: {ran:#?}");
        }
        assert_eq!(join.tree(), []);
    }
}

/// The endpoint of a server of yet another cluster, which lives as long as the test program.
fn start_foreign_name() -> String {
    Box::leak(Box::new(start())).endpoint()
}

#[test]
fn one_that_is_not_the_cluster_is_not_asked_again() {
    let server = start();
    let foreign = start();
    let busy = Rule::on("cluster-info", Reply::internal_error()).times(2);
    server.set_faults(Faults::replying(busy));
    joined(&Join::to(&server).endpoint(&format!("{},{}", foreign.endpoint(), server.endpoint())).waits(20, 5).run());
    assert_eq!(foreign.connections().len(), 1);
}

#[test]
fn the_last_endpoint_gets_the_full_time() {
    let (server, foreign) = (start(), start());
    server.set_faults(Faults::replying(Rule::on("cluster-info", Reply::Late(Duration::from_secs(6)))));
    joined(&Join::to(&server).endpoint(&format!("{},{}", foreign.endpoint(), server.endpoint())).waits(40, 20).run());
}

#[test]
fn retry_after_counts_only_for_endpoints_asked_again() {
    let endpoint = |host: &str| -> Endpoint { format!("{host}:6443").parse().unwrap() };
    let busy = |seconds: Option<u64>| DiscoveryError::UrlBusy {
        url: "https://h/".parse().unwrap(),
        status: 429,
        retry_after: seconds.map(Duration::from_secs),
    };
    let foreign = || DiscoveryError::HashMismatch { found: Vec::new(), ca_file: None };
    for (failures, expected) in [
        (vec![busy(Some(30)), busy(Some(20))], Some(20)),
        (vec![busy(Some(30)), busy(None)], None),
        (vec![foreign(), busy(Some(30))], Some(30)),
        (vec![foreign(), foreign()], None),
    ] {
        let failures = failures.into_iter().map(|error| (endpoint("a"), error)).collect();
        let error = DiscoveryError::NoEndpoint(failures);
        assert_eq!(error.retry_after(), expected.map(Duration::from_secs), "{error}");
    }
}

#[test]
fn the_server_flag_is_for_the_kubelet_alone() {
    let server = start();
    // What cluster-info names cannot be reached from here.
    let elsewhere = ClusterInfo::server(&format!("https://{}", nobody()));
    server.set_faults(Faults::cluster_info(elsewhere));
    let join = Join::to(&server).arg("--server=localhost:7443");
    let ran = join.run();
    joined(&ran);
    assert_eq!(server.connections().len(), 1);
    assert!(text(&join.tree(), "etc/kubernetes/kubelet.conf").contains("server: https://localhost:7443\n"));
    assert_eq!(ran.result["server"], "https://localhost:7443");
    assert!(!said(&ran).contains("is not for"), "the certificate is for localhost, too: {}", said(&ran));
    let by_file = Join::to(&server).by_file(&cluster_info_of(&server), Some(&server.token()));
    let by_file = by_file.arg("--server=kube.example.org:6443");
    let ran = by_file.run();
    joined(&ran);
    assert!(text(&by_file.tree(), "etc/kubernetes/kubelet.conf").contains("server: https://kube.example.org:6443\n"));
    assert!(said(&ran).contains("is not for \"kube.example.org\""), "{}", said(&ran));
}

#[test]
fn the_server_flag_changes_nothing_on_a_joined_node() {
    let server = start();
    let join = Join::to(&server);
    joined(&join.run());
    let ran = join.arg("--server=localhost:7443").run();
    assert_eq!(ran.outcome(), "already-joined", "{ran:#?}");
    assert!(said(&ran).contains("--server localhost:7443 changes nothing"), "{}", said(&ran));
}

#[test]
fn an_unreachable_server_of_cluster_info_is_explained() {
    let server = start();
    let named = nobody();
    server.set_faults(Faults::cluster_info(ClusterInfo::server(&format!("https://{named}"))));
    let join = Join::to(&server);
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("net.connection-refused", 3), "{ran:#?}");
    assert!(said(&ran).contains("the API server that cluster-info names cannot be used"), "{}", said(&ran));
    assert!(ran.result["hint"].as_str().unwrap().contains("--server"), "{ran:#?}");
    assert_eq!(join.tree(), []);
}

#[test]
fn without_a_pin_the_risk_and_the_ca_are_printed() {
    let server = start();
    let join = Join::to(&server).hashes(&[]).unsafe_skip_ca_verification();
    let ran = join.run();
    joined(&ran);
    let said = said(&ran);
    assert!(said.contains(&server.ca_hash()) && said.contains("can pose as the control plane"), "{said}");
    let pinned = Join::to(&server).run();
    assert!(!pinned.stderr.contains("can pose"), "{}", pinned.stderr);
}

#[test]
fn a_ca_file_works_like_its_pin() {
    let server = start();
    let join = Join::to(&server).hashes(&[]);
    let ca = join.beside("ca.crt", &server.ca_pem());
    let join = join.arg(&format!("--discovery-ca-file={}", ca.display()));
    joined(&join.run());
    let again = join.run();
    assert_eq!(again.outcome(), "already-joined", "{again:#?}");
}

#[test]
fn a_ca_file_of_another_cluster_is_refused_like_its_pin() {
    let (server, other) = (start(), start());
    let by_ca = |content: &str| {
        let join = Join::to(&server).hashes(&[]);
        let ca = join.beside("ca.crt", content);
        join.arg(&format!("--discovery-ca-file={}", ca.display()))
    };
    let ran = by_ca(&other.ca_pem()).run();
    assert_eq!((ran.code(), ran.status), ("discovery.ca-hash-mismatch", 4), "{ran:#?}");
    let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("key of a certificate in") && !said.contains("pin"), "it was no pin: {said}");
    server.set_faults(Faults {
        presents: Presents::ForeignCa,
        ..Faults::cluster_info(ClusterInfo::authority(Authority::OwnAndForeign))
    });
    let ran = by_ca(&server.ca_pem()).run();
    assert_eq!((ran.code(), ran.status), ("tls.certificate-untrusted", 4), "{ran:#?}");
    for content in ["", "nothing\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let ran = by_ca(content).run();
        assert_eq!((ran.code(), ran.status), ("config.ca-file", 2), "{ran:#?}");
    }
    assert!(!server.has_received(server.token().split_once('.').unwrap().1), "the token was sent");
}
