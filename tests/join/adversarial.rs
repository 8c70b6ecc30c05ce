//! Servers that lie, break off or never end: each is refused with its own code and class. Nothing is written, and
//! during discovery the token is never sent.

use std::time::{Duration, Instant};

use kubejoin::for_tests::clock::{Clock, ClockMode};
use kubejoin::for_tests::discovery::discover;
use kubejoin::for_tests::error::Explain;
use kubejoin::for_tests::inputs::Trust;
use kubejoin::for_tests::net::dial::Dialer;
use kubejoin::for_tests::net::server::UnverifiedServer;
use kubejoin::for_tests::report::Report;
use kubejoin_apiserver::{
    ApiServer, Approver, Authority, Certificate, ClusterInfo, Faults, Jws, Options, Pki, Presents, Reply, Rule, Signer,
    Token, Watch,
};

use crate::builder::{Join, access_by_token, cluster_info_of, kubeconfig_of, soon, text};

/// The secret half of the embedded server's token.
fn secret_of(server: &ApiServer) -> String {
    server.token().split_once('.').unwrap().1.to_owned()
}

/// Runs one join against one fault; it must end with this code and status, write nothing, and send no token.
#[track_caller]
fn refused_before_the_token(faults: Faults, code: &str, status: i32) {
    let server = ApiServer::start(Options { faults, ..Options::default() });
    let join = Join::to(&server);
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), (code, status), "{ran:#?}");
    assert_eq!(join.tree(), [], "something was written");
    assert!(!server.has_received(&secret_of(&server)), "the token was sent");
    assert!(ran.stderr.contains(code), "the console does not show the code: {}", ran.stderr);
    assert!(!ran.result["hint"].as_str().unwrap_or_default().is_empty());
}

fn on_cluster_info(reply: Reply) -> Faults {
    Faults::replying(Rule::on("cluster-info", reply))
}

fn authority(presents: Presents, authority: Authority) -> Faults {
    Faults { presents, cluster_info: ClusterInfo::authority(authority), ..Faults::default() }
}

#[test]
fn a_certificate_whose_key_the_server_does_not_have() {
    refused_before_the_token(Faults::presenting(Presents::WrongKey), "tls.handshake-signature", 4);
}

#[test]
fn a_leaf_of_another_ca_under_the_pinned_one() {
    refused_before_the_token(Faults::presenting(Presents::ForeignCa), "tls.certificate-untrusted", 4);
    refused_before_the_token(Faults::presenting(Presents::ForeignCaWithOwnAppended), "tls.certificate-untrusted", 4);
}

#[test]
fn another_ca_altogether() {
    refused_before_the_token(authority(Presents::ForeignCa, Authority::Foreign), "discovery.ca-hash-mismatch", 4);
}

#[test]
fn a_pinned_ca_beside_a_foreign_one_that_issued_the_leaf() {
    for order in [Authority::OwnAndForeign, Authority::ForeignAndOwn] {
        refused_before_the_token(authority(Presents::ForeignCa, order), "tls.certificate-untrusted", 4);
    }
}

#[test]
fn a_leaf_for_another_name() {
    refused_before_the_token(Faults::presenting(Presents::WrongName), "tls.name-mismatch", 4);
}

#[test]
fn a_client_certificate_of_the_right_ca_is_refused() {
    refused_before_the_token(Faults::presenting(Presents::ClientCertificate), "tls.certificate-untrusted", 4);
}

#[test]
fn a_leaf_that_is_not_valid_now() {
    refused_before_the_token(Faults::presenting(Presents::Expired), "tls.certificate-validity", 4);
    refused_before_the_token(Faults::presenting(Presents::NotYetValid), "tls.certificate-validity", 4);
}

#[test]
fn a_cluster_whose_ca_has_expired() {
    let server = ApiServer::start(Options { pki: Pki::expired(), ..Options::default() });
    let join = Join::to(&server);
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("discovery.ca-validity", 4), "{ran:#?}");
    assert_eq!(join.tree(), []);
    assert!(!server.has_received(&secret_of(&server)), "the token was sent");
}

#[test]
fn an_expired_leaf_whose_server_says_that_it_is_still_then() {
    let two_years = -2 * 365 * 24 * 3600;
    let faults = Faults { date_offset: two_years, ..Faults::presenting(Presents::Expired) };
    // The machine's clock is plausible, so the server's word alone is not taken for it.
    refused_before_the_token(faults, "clock.disagrees", 4);
}

#[test]
fn a_signature_that_the_token_did_not_make() {
    for jws in [Jws::OtherTokenId, Jws::OtherSecret, Jws::AlgNone, Jws::OtherBytes, Jws::Text("x".to_owned())] {
        refused_before_the_token(Faults::cluster_info(ClusterInfo::jws(jws)), "discovery.jws-invalid", 4);
    }
}

#[test]
fn a_token_that_the_cluster_does_not_know() {
    refused_before_the_token(Faults::cluster_info(ClusterInfo::jws(Jws::Missing)), "discovery.token-unknown", 5);
}

#[test]
fn two_clusters_in_one_kubeconfig() {
    let faults = Faults::cluster_info(ClusterInfo { two_clusters: true, ..ClusterInfo::default() });
    refused_before_the_token(faults, "discovery.several-clusters", 4);
}

#[test]
fn a_kubeconfig_without_a_usable_ca() {
    for authority in [Authority::None, Authority::Garbage] {
        let faults = Faults::cluster_info(ClusterInfo::authority(authority));
        refused_before_the_token(faults, "discovery.kubeconfig-invalid", 4);
    }
}

#[test]
fn a_redirect() {
    for code in [301, 302, 307, 308] {
        let location = "https://127.0.0.1:1/".to_owned();
        refused_before_the_token(on_cluster_info(Reply::Redirect { code, location }), "http.redirect", 4);
    }
}

#[test]
fn a_success_without_the_object() {
    refused_before_the_token(on_cluster_info(Reply::StatusWith200), "api.not-the-object", 4);
}

#[test]
fn headers_and_bodies_without_end() {
    refused_before_the_token(on_cluster_info(Reply::EndlessHeaders), "http.headers-too-large", 4);
    refused_before_the_token(on_cluster_info(Reply::BigHeader(64 << 10)), "http.headers-too-large", 4);
    refused_before_the_token(on_cluster_info(Reply::EndlessBody), "http.body-too-large", 4);
    refused_before_the_token(on_cluster_info(Reply::BigBody(8 << 20)), "http.body-too-large", 4);
}

#[test]
fn a_body_that_drips_holds_nobody_for_ever() {
    let reply = Reply::SlowBody { bytes: 1, pause: Duration::from_millis(50) };
    refused_before_the_token(on_cluster_info(reply), "net.timed-out", 3);
    refused_before_the_token(on_cluster_info(Reply::Silence), "net.timed-out", 3);
    refused_before_the_token(Faults::presenting(Presents::Silence), "net.timed-out", 3);
}

#[test]
fn an_answer_that_is_cut() {
    for reply in [Reply::TruncatedChunk, Reply::TruncatedLength, Reply::Close] {
        refused_before_the_token(on_cluster_info(reply), "net.closed", 3);
    }
}

#[test]
fn an_absurd_retry_after() {
    for code in [429, 503] {
        let value = "99999999999".to_owned();
        refused_before_the_token(on_cluster_info(Reply::RetryAfter { code, value }), "api.busy", 3);
    }
}

#[test]
fn something_that_is_not_http_or_not_tls() {
    refused_before_the_token(on_cluster_info(Reply::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())), "http.not-http", 4);
    refused_before_the_token(Faults::presenting(Presents::PlainHttp), "tls.handshake-failed", 3);
}

#[test]
fn an_unverified_server_ends_nothing_for_good_by_saying_no() {
    let status = |code: u16, reason: &str| Reply::Status {
        code,
        reason: reason.to_owned(),
        message: "says the stranger".to_owned(),
    };
    let text = |code: u16| Reply::Exactly { code, headers: Vec::new(), body: b"says the stranger".to_vec() };
    for (reply, code) in [
        (status(400, "BadRequest"), "discovery.unexpected-status"),
        (status(401, "Unauthorized"), "discovery.anonymous-refused"),
        (status(403, "Forbidden"), "discovery.anonymous-refused"),
        (status(404, "NotFound"), "discovery.cluster-info-missing"),
        (status(409, "AlreadyExists"), "discovery.unexpected-status"),
        (status(410, "Gone"), "discovery.unexpected-status"),
        (status(422, "Invalid"), "discovery.unexpected-status"),
        (status(500, "InternalError"), "api.busy"),
        (text(206), "discovery.unexpected-status"),
        (text(400), "discovery.unexpected-status"),
        // Not the words of an API server: advice about RoleBindings and cluster-info would be wrong.
        (text(401), "discovery.unexpected-status"),
        (text(403), "discovery.unexpected-status"),
        (text(404), "discovery.unexpected-status"),
        (text(503), "api.busy"),
    ] {
        let server = ApiServer::start(Options { faults: on_cluster_info(reply.clone()), ..Options::default() });
        let ran = Join::to(&server).waits(1, 1).run();
        assert_eq!((ran.code(), ran.status), (code, 3), "{reply:?}: {ran:#?}");
        let is_missing = code == "discovery.cluster-info-missing";
        assert!(is_missing || ran.stderr.contains("says the stranger"), "{}", ran.stderr);
        assert!(is_missing || !ran.stderr.contains("phase bootstrap-token") || code.ends_with("refused"));
    }
}

#[test]
fn a_refusal_during_setup_is_waited_out() {
    let anonymous = Reply::Status { code: 403, reason: "Forbidden".to_owned(), message: "not yet".to_owned() };
    let faults = Faults::replying(Rule::on("cluster-info", anonymous).times(2));
    let server = ApiServer::start(Options { faults, ..Options::default() });
    let ran = Join::to(&server).waits(20, 5).run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
}

#[test]
fn a_verified_server_that_rejects_is_believed() {
    let reply = Reply::Status { code: 400, reason: "BadRequest".to_owned(), message: "no".to_owned() };
    let server = ApiServer::start(Options { faults: on_cluster_info(reply), ..Options::default() });
    let ran = Join::to(&server).by_file(&cluster_info_of(&server), Some(&server.token())).run();
    assert_eq!((ran.code(), ran.status), ("api.rejected", 5), "{ran:#?}");
}

#[test]
fn a_server_that_refuses_anonymous_users() {
    let reply = Reply::Status { code: 403, reason: "Forbidden".to_owned(), message: "no\u{1b}[2J".to_owned() };
    let server = ApiServer::start(Options { faults: on_cluster_info(reply), ..Options::default() });
    let ran = Join::to(&server).run();
    assert_eq!((ran.code(), ran.status), ("discovery.anonymous-refused", 3), "{ran:#?}");
    assert!(!ran.stderr.contains('\u{1b}'), "a control character of the server reached the console");
}

#[test]
fn cluster_info_that_leads_to_another_server() {
    let server = ApiServer::start(Options::default());
    let port = server.address().port();
    server.set_faults(Faults {
        // The first connection is the genuine server's; the one that cluster-info leads to is somebody else's.
        presents_later: Some((1, Presents::ForeignCa)),
        ..Faults::cluster_info(ClusterInfo::server(&format!("https://localhost:{port}")))
    });
    let join = Join::to(&server);
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("tls.certificate-untrusted", 4), "{ran:#?}");
    assert_eq!(join.tree(), []);
    assert!(!server.has_received(&secret_of(&server)), "the token was sent to the wrong server");
    assert!(server.connections().len() >= 2, "the second connection was never tried: the test tests nothing");
}

#[test]
fn a_reconnect_that_lands_on_another_server() {
    let server = ApiServer::start(Options::default());
    // The genuine answer, but with `Connection: close`: the token would go over a second connection.
    let genuine = {
        let dialer = Dialer::direct(server.endpoint().parse().unwrap());
        let mut peer = UnverifiedServer::new(dialer);
        let deadline = Instant::now() + Duration::from_secs(10);
        peer.fetch("/api/v1/namespaces/kube-public/configmaps/cluster-info", 1 << 20, deadline).unwrap().body
    };
    let headers =
        vec![("Content-Type".to_owned(), "application/json".to_owned()), ("Connection".to_owned(), "close".to_owned())];
    server.set_faults(Faults {
        presents_later: Some((1, Presents::ForeignCa)),
        ..on_cluster_info(Reply::Exactly { code: 200, headers, body: genuine })
    });
    let join = Join::to(&server);
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("tls.certificate-untrusted", 4), "{ran:#?}");
    assert_eq!(join.tree(), []);
    assert!(!server.has_received(&secret_of(&server)), "the token was sent to the wrong server");
}

#[test]
fn a_certificate_that_was_not_asked_for() {
    for (certificate, code) in [
        (Certificate::OtherKey, "tls-bootstrap.certificate-key"),
        (Certificate::OtherName, "tls-bootstrap.certificate-subject"),
        (Certificate::OtherGroup, "tls-bootstrap.certificate-subject"),
        (Certificate::OtherCa, "tls-bootstrap.certificate-issuer"),
        (Certificate::ServerUsage, "tls-bootstrap.certificate-issuer"),
        (Certificate::Expired, "tls-bootstrap.certificate-validity"),
        (Certificate::NotYetValid, "tls-bootstrap.certificate-validity"),
        (Certificate::Garbage, "tls-bootstrap.certificate-unreadable"),
        (Certificate::WithAuthorities(8), "tls-bootstrap.certificate-unreadable"),
        // Less than the largest object.
        (Certificate::WithAuthorities(1000), "tls-bootstrap.certificate-unreadable"),
    ] {
        let server = ApiServer::start(Options { faults: Faults::certificate(certificate), ..Options::default() });
        // Signing a thousand takes a busy machine longer than the usual wait.
        let join = Join::to(&server).waits(10, 60);
        let ran = join.run();
        assert_eq!((ran.code(), ran.status), (code, 4), "{certificate:?}: {ran:#?}");
        // The pending key is all that may be there: with it the next run finds the same request.
        let files: Vec<_> = join.tree().into_iter().filter(|entry| entry.content.is_some()).collect();
        assert!(
            matches!(files.as_slice(), [only] if only.path == "var/lib/kubelet/pki/kubelet-client.key.tmp"),
            "{certificate:?}: {files:?}"
        );
    }
}

#[test]
fn a_broken_watch_does_not_fail_the_join() {
    for watch in [
        Watch::Forbidden,
        Watch::EndsAfter(0),
        Watch::EndsAfter(1),
        Watch::BreaksAfter(0),
        Watch::BreaksAfter(1),
        Watch::GarbageAfter(1),
        Watch::EndlessLineAfter(0),
        Watch::ExpiredAfter(1),
        Watch::Mute,
    ] {
        let slow = kubejoin_apiserver::Approver::Auto(Duration::from_millis(600));
        let server = ApiServer::start(Options { faults: Faults::watch(watch), approver: slow, ..Options::default() });
        let ran = Join::to(&server).waits(2, 20).run();
        assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{watch:?}: {ran:#?}");
    }
}

#[test]
fn a_flood_of_events_ends_at_the_deadline_with_what_was_waited_for() {
    for (approver, code) in [
        (Approver::Manual, "tls-bootstrap.csr-pending"),
        (Approver::Auto(Duration::ZERO), "tls-bootstrap.csr-unsigned"),
    ] {
        let faults = Faults::watch(Watch::Flood);
        let server = ApiServer::start(Options { faults, approver, signer: Signer::Off, ..Options::default() });
        let ran = Join::to(&server).waits(2, 2).run();
        assert_eq!((ran.code(), ran.status), (code, 3), "{ran:#?}");
    }
}

#[test]
fn a_request_that_is_replaced_while_it_is_waited_for() {
    let server = ApiServer::start(Options { faults: Faults::watch(Watch::OtherUid), ..Options::default() });
    let ran = Join::to(&server).run();
    assert_eq!((ran.code(), ran.status), ("tls-bootstrap.csr-deleted", 3), "{ran:#?}");
}

#[test]
fn a_token_without_the_right_to_authenticate() {
    let signing_only = Token { authentication: false, ..Token::new("abcdef", "0123456789abcdef") };
    let server = ApiServer::start(Options { tokens: vec![signing_only], ..Options::default() });
    let join = Join::to(&server);
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("api.unauthorized", 5), "{ran:#?}");
    assert_eq!(join.tree(), []);
}

/// An API server that is starting has not read the tokens yet; behind an endpoint of several, one may be.
#[test]
fn a_token_that_was_accepted_and_is_not_known_for_a_moment() {
    for (path, times) in [("certificatesigningrequests", 1), ("certificatesigningrequests", 3), ("watch=true", 1)] {
        let unknown = Reply::Status { code: 401, reason: "Unauthorized".into(), message: "Unauthorized".into() };
        let faults = Faults::replying(Rule::on(path, unknown).times(times));
        let server = ApiServer::start(Options { faults, ..Options::default() });
        let ran = Join::to(&server).waits(20, 20).run();
        assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{path}: {ran:#?}");
        assert_eq!(server.csrs().len(), 1, "{path}");
    }
}

#[test]
fn an_expired_ca_beside_a_valid_one_verifies_no_server() {
    let ended = ApiServer::start(Options { pki: Pki::expired(), ..Options::default() });
    let secret = ended.token().split_once('.').unwrap().1.to_owned();
    let ca_certificates = format!("{}{}", ended.ca_pem(), Pki::new().ca_pem());
    let join = Join::to(&ended).by_file(&kubeconfig_of(&ended, Some(&ca_certificates)), Some(&ended.token()));
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("tls.certificate-untrusted", 4), "{ran:#?}");
    assert_eq!(join.tree(), [], "something was written");
    ended.set_faults(Faults::cluster_info(ClusterInfo::authority(Authority::OwnAndForeign)));
    let access = access_by_token(&ended, Trust::UnsafeSkipCaVerification, Clock::read(ClockMode::Auto, None));
    let error = discover(&access, soon(), &Report::new(Vec::new())).unwrap_err();
    assert_eq!(error.code().name, "tls.certificate-untrusted", "{error}");
    assert!(!ended.has_received(&secret), "the token was sent");
}

/// The body that this server answers with when it is asked for cluster-info, as everybody can read it.
fn cluster_info_body(server: &ApiServer) -> Vec<u8> {
    let mut asked = UnverifiedServer::new(Dialer::direct(server.endpoint().parse().unwrap()));
    let path = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
    asked.fetch(path, 1 << 20, Instant::now() + Duration::from_secs(5)).unwrap().body
}

#[test]
fn a_replayed_cluster_info_verifies_nobody() {
    let (server, parrot) = (ApiServer::start(Options::default()), ApiServer::start(Options::default()));
    let secret = server.token().split_once('.').unwrap().1.to_owned();
    let repeated = Reply::Exactly { code: 200, headers: Vec::new(), body: cluster_info_body(&server) };
    parrot.set_faults(Faults::replying(Rule::on("cluster-info", repeated)));
    // Alone it is refused; among others it is ignored, whether it is asked before or after the server has been silent.
    let alone = Join::to(&server).endpoint(&parrot.endpoint()).run();
    assert_eq!((alone.code(), alone.status), ("tls.certificate-untrusted", 4), "{alone:#?}");
    let kubeconfig = cluster_info_of(&server).replace(&server.endpoint(), &parrot.endpoint());
    let by_file = Join::to(&server).by_file(&kubeconfig, Some(&server.token())).run();
    assert_eq!((by_file.code(), by_file.status), ("tls.certificate-untrusted", 4), "{by_file:#?}");
    server.set_faults(Faults::replying(Rule::on("cluster-info", Reply::internal_error()).times(1)));
    let join = Join::to(&server).endpoint(&format!("{},{}", parrot.endpoint(), server.endpoint())).waits(20, 5);
    let ran = join.run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    assert!(text(&join.tree(), "etc/kubernetes/kubelet.conf").contains(&server.endpoint()));
    assert!(!parrot.has_received(&secret), "the token was sent");
}

#[test]
fn the_connection_that_answered_is_the_one_verified() {
    let once_busy = || {
        let busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
        vec![Rule::on("cluster-info", Reply::Raw(busy)).times(1)]
    };
    for by_file in [false, true] {
        for (presents, later, is_joined) in
            [(Presents::Own, Presents::ForeignCa, false), (Presents::ForeignCa, Presents::Own, true)]
        {
            let server = ApiServer::start(Options::default());
            let secret = server.token().split_once('.').unwrap().1.to_owned();
            let presents_later = Some((1, later));
            server.set_faults(Faults { presents, presents_later, replies: once_busy(), ..Faults::default() });
            let mut join = Join::to(&server).waits(10, 5);
            if by_file {
                join = join.by_file(&cluster_info_of(&server), Some(&server.token()));
            }
            let ran = join.run();
            let code = if is_joined { "" } else { "tls.certificate-untrusted" };
            assert_eq!((ran.code(), server.connections().len()), (code, 2), "{ran:#?}");
            assert_eq!(server.has_received(&secret), is_joined);
        }
    }
}

#[test]
fn only_certificates_of_the_signers_answer_are_written() {
    let faults = Faults::certificate(Certificate::WithPrivateKey);
    let server = ApiServer::start(Options { faults, ..Options::default() });
    let join = Join::to(&server);
    let ran = join.run();
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
    let tree = join.tree();
    let pem = text(&tree, "var/lib/kubelet/pki/kubelet-client-current.pem");
    let pem = text(&tree, pem.trim_start_matches('/'));
    assert_eq!(
        pem.matches("PRIVATE KEY-----\n").count(),
        2,
        "one key has two lines of armour: {}",
        pem.lines().count()
    );
    assert_eq!(pem.matches("BEGIN EC PRIVATE KEY").count(), 1);
}
