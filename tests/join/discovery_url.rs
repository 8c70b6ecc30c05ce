//! Discovery by a kubeconfig from a web server: which server is trusted, redirects, and what it may answer.
//!
//! The web server is an embedded API server, of another CA, that has been told to answer with files.

use std::time::{Duration, UNIX_EPOCH};

use kubejoin::for_tests::clock::{Clock, ClockMode};
use kubejoin::for_tests::discovery::discover;
use kubejoin::for_tests::error::Explain;
use kubejoin::for_tests::inputs::Discovery;
use kubejoin::for_tests::net::tls::TrustRoots;
use kubejoin::for_tests::net::verification::Verification;
use kubejoin::for_tests::report::Report;
use kubejoin::for_tests::values::Url;
use kubejoin_apiserver::{ApiServer, Faults, Leaf, Options, Pki, Presents, Reply, Rule};

use crate::builder::{Join, Ran, access, cluster_info_of, kubeconfig_of, soon, text, with_user};

const PATH: &str = "/files/discovery.conf";

fn start() -> ApiServer {
    ApiServer::start(Options::default())
}

fn serving(code: u16, body: &str) -> Reply {
    let headers = vec![("Content-Type".to_owned(), "application/octet-stream".to_owned())];
    Reply::Exactly { code, headers, body: body.as_bytes().to_vec() }
}

/// A web server with this file.
fn web_server(body: &str) -> ApiServer {
    let web = start();
    web.set_faults(Faults::replying(Rule::on(PATH, serving(200, body))));
    web
}

fn url(web: &ApiServer) -> String {
    format!("https://{}{PATH}", web.endpoint())
}

/// A join of `server` by the file of `web`, whose CA is given.
fn by_url(server: &ApiServer, web: &ApiServer) -> Join {
    let join = Join::to(server).by(&url(web), Some(&server.token()));
    let ca = join.beside("web-ca.crt", &web.ca_pem());
    join.arg(&format!("--discovery-url-ca-file={}", ca.display()))
}

#[track_caller]
fn joined(ran: &Ran) {
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
}

/// It ends with this code and status, and neither server has been sent a secret; nothing is written.
#[track_caller]
fn refused(join: &Join, servers: [&ApiServer; 2], code: &str, status: i32) -> Ran {
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), (code, status), "{ran:#?}");
    assert_eq!(join.tree(), [], "something was written");
    for server in servers {
        assert!(!server.has_received(servers[0].token().split_once('.').unwrap().1), "the token was sent");
    }
    ran
}

#[test]
fn a_file_from_a_url_joins_like_a_local_one() {
    let server = start();
    let web = web_server(&cluster_info_of(&server));
    let join = by_url(&server, &web);
    joined(&join.run());
    assert_eq!(text(&join.tree(), "etc/kubernetes/pki/ca.crt"), server.ca_pem());
    assert_eq!((web.connections().len(), server.connections().len()), (1, 1));
    assert!(!web.has_received("uthorization"), "a web server is told nothing");
    // With credentials in the file, nothing else is needed.
    let web = web_server(&with_user(&cluster_info_of(&server), &format!("token: {}", server.token())));
    let join = Join::to(&server).by(&url(&web), None);
    let ca = join.beside("web-ca.crt", &web.ca_pem());
    joined(&join.arg(&format!("--discovery-url-ca-file={}", ca.display())).run());
}

#[test]
fn the_system_trust_store_verifies_the_web_server() {
    let server = start();
    let web = web_server(&cluster_info_of(&server));
    let join = || Join::to(&server).by(&url(&web), Some(&server.token()));
    let first = join();
    let bundle = first.beside("bundle.crt", &format!("{}{}", Pki::named("another").ca_pem(), web.ca_pem()));
    joined(&first.env("SSL_CERT_FILE", bundle.to_str().unwrap()).run());
    // In a directory, where there is no file.
    let second = join();
    let place = second.beside("web.pem", &web.ca_pem());
    let directory = place.parent().unwrap().to_str().unwrap().to_owned();
    joined(&second.env("SSL_CERT_FILE", "/none").env("SSL_CERT_DIR", &directory).run());
}

#[test]
fn ssl_cert_file_and_dir_replace_the_system_trust_store() {
    let server = start();
    let web = web_server(&cluster_info_of(&server));
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    std::fs::write(directories[0].path().join("other.pem"), Pki::named("another").ca_pem()).unwrap();
    std::fs::write(directories[1].path().join("web.pem"), web.ca_pem()).unwrap();
    // In whichever order they are read, no file spoils another.
    for name in ["a.pem", "z.pem"] {
        std::fs::write(directories[1].path().join(name), "-----BEGIN CERTIFICATE-----\nMIIB").unwrap();
    }
    let [other, own] = directories.each_ref().map(|directory| directory.path().to_str().unwrap());
    let other_file = format!("{other}/other.pem");
    let join = |variables: &[(&str, &str)]| {
        let join = Join::to(&server).by(&url(&web), Some(&server.token()));
        variables.iter().fold(join, |join, (name, value)| join.env(name, value))
    };
    // What is not there is not replaced by what the host has.
    for variables in [("SSL_CERT_FILE", "/none"), ("SSL_CERT_DIR", "/none")] {
        refused(&join(&[variables]), [&server, &web], "config.ca-file", 2);
    }
    refused(&join(&[("SSL_CERT_FILE", &other_file)]), [&server, &web], "tls.certificate-untrusted", 4);
    // A directory counts, whatever files the host has besides, and so does one beside a file.
    joined(&join(&[("SSL_CERT_DIR", own)]).run());
    joined(&join(&[("SSL_CERT_DIR", &format!("/none:{other}:{own}"))]).run());
    joined(&join(&[("SSL_CERT_FILE", &other_file), ("SSL_CERT_DIR", own)]).run());
}

#[test]
fn a_web_server_of_an_unknown_ca_is_refused() {
    let server = start();
    let web = web_server(&cluster_info_of(&server));
    let join = || Join::to(&server).by(&url(&web), Some(&server.token()));
    // By the system trust store, or the built-in one.
    let unknown = join();
    let ran = refused(&unknown, [&server, &web], "tls.certificate-untrusted", 4);
    assert!(ran.result["hint"].as_str().unwrap().contains("--discovery-url-ca-file"), "{ran:#?}");
    let given = join();
    let other = given.beside("other.crt", Pki::named("another").ca_pem());
    // The named CA replaces the system trust store; it is not added.
    let bundle = given.beside("bundle.crt", &web.ca_pem());
    let given = given.env("SSL_CERT_FILE", bundle.to_str().unwrap());
    let given = given.arg(&format!("--discovery-url-ca-file={}", other.display()));
    refused(&given, [&server, &web], "tls.certificate-untrusted", 4);
}

#[test]
fn a_web_server_with_a_wrong_certificate_is_refused() {
    for (presents, code) in [
        (Presents::ForeignCa, "tls.certificate-untrusted"),
        (Presents::WrongKey, "tls.handshake-signature"),
        (Presents::WrongName, "tls.name-mismatch"),
        (Presents::Expired, "tls.certificate-validity"),
        (Presents::PlainHttp, "tls.handshake-failed"),
    ] {
        let server = start();
        let web = web_server(&cluster_info_of(&server));
        let status = if matches!(presents, Presents::PlainHttp) { 3 } else { 4 };
        web.set_faults(Faults {
            presents,
            ..Faults::replying(Rule::on(PATH, serving(200, &cluster_info_of(&server))))
        });
        refused(&by_url(&server, &web), [&server, &web], code, status);
        assert_eq!(server.connections().len(), 0);
    }
}

#[test]
fn what_a_web_server_answers_instead_has_a_code() {
    let server = start();
    let internal = || serving(503, "busy");
    for (reply, code, status) in [
        (serving(404, "not here"), "discovery.url-refused", 5),
        (serving(401, "who are you"), "discovery.url-refused", 5),
        (serving(204, ""), "discovery.url-refused", 5),
        (internal(), "discovery.url-busy", 3),
        (serving(200, "<html>a captive portal: yes</html>"), "discovery.file-unusable", 2),
        (serving(200, ""), "discovery.file-unusable", 2),
        (Reply::BigBody(2 << 20), "http.body-too-large", 4),
        (Reply::EndlessHeaders, "http.headers-too-large", 4),
        (Reply::Raw(b"SSH-2.0-OpenSSH\r\n".to_vec()), "http.not-http", 4),
        (Reply::Close, "net.closed", 3),
    ] {
        let web = start();
        web.set_faults(Faults::replying(Rule::on(PATH, reply)));
        refused(&by_url(&server, &web), [&server, &web], code, status);
    }
    // And once more where that may help.
    let web = start();
    let rules = vec![Rule::on(PATH, internal()).times(1), Rule::on(PATH, serving(200, &cluster_info_of(&server)))];
    web.set_faults(Faults { replies: rules, ..Faults::default() });
    joined(&by_url(&server, &web).run());
    assert_eq!(server.connections().len(), 1);
}

#[test]
fn redirects_are_followed_while_each_server_is_verified() {
    let server = start();
    let web = start();
    let redirect =
        |path: &str, location: &str| Rule::on(path, Reply::Redirect { code: 302, location: location.to_owned() });
    let file = Rule::on("/deep/file", serving(200, &cluster_info_of(&server)));
    let absolute = format!("https://{}/deep/there", web.endpoint());
    let rules = vec![redirect(PATH, &absolute), redirect("/deep/there", "file"), file.clone()];
    web.set_faults(Faults { replies: rules, ..Faults::default() });
    joined(&by_url(&server, &web).run());

    // The second server has another CA.
    let server = start();
    let elsewhere = start();
    elsewhere.set_faults(Faults { replies: vec![file], ..Faults::default() });
    let there = format!("https://{}/deep/file", elsewhere.endpoint());
    web.set_faults(Faults { replies: vec![redirect(PATH, &there)], ..Faults::default() });
    refused(&by_url(&server, &web), [&server, &web], "tls.certificate-untrusted", 4);
}

#[test]
fn redirects_to_http_or_without_end_are_refused() {
    let server = start();
    for location in ["http://127.0.0.1/", "file:///etc/shadow", "https://user:hunter2@127.0.0.1/", ""] {
        let web = start();
        let reply = Reply::Redirect { code: 301, location: location.to_owned() };
        // To itself, where there is no location: in a circle.
        web.set_faults(Faults::replying(Rule::on("/files", reply)));
        let ran = refused(&by_url(&server, &web), [&server, &web], "http.redirect", 4);
        assert!(!format!("{ran:?}").contains("hunter2"), "{ran:#?}");
    }
    // A redirect from an unverified server is not followed.
    let web = start();
    let goal = web_server(&cluster_info_of(&server));
    let reply = Reply::Redirect { code: 302, location: url(&goal) };
    web.set_faults(Faults { presents: Presents::ForeignCa, ..Faults::replying(Rule::on(PATH, reply)) });
    refused(&by_url(&server, &web), [&server, &web], "tls.certificate-untrusted", 4);
    assert_eq!(goal.connections().len(), 0);
}

#[test]
fn a_query_is_sent_and_never_shown() {
    let server = start();
    let web = start();
    web.set_faults(Faults::replying(Rule::on(PATH, serving(404, ""))));
    let query = "?X-Signature=verysecretindeed";
    let join = Join::to(&server).by(&format!("{}{query}", url(&web)), Some(&server.token()));
    let ca = join.beside("web-ca.crt", &web.ca_pem());
    let join = join.arg(&format!("--discovery-url-ca-file={}", ca.display())).arg("-v=10");
    let ran = refused(&join, [&server, &web], "discovery.url-refused", 5);
    assert_eq!(web.requests()[0].query, query[1..]);
    assert!(!format!("{ran:?}").contains("verysecret"), "{ran:#?}");
}

#[test]
fn the_host_header_is_what_web_servers_expect() {
    let server = start();
    let web = web_server(&cluster_info_of(&server));
    joined(&by_url(&server, &web).run());
    let request = &web.requests()[0];
    assert_eq!(request.header("host"), Some(web.endpoint().as_str()));
    assert!(request.header("accept").unwrap().contains("*/*"), "{request:#?}");
}

#[test]
fn an_invalid_url_is_refused_before_connecting() {
    let server = start();
    for (place, code) in [
        ("http://127.0.0.1/x", "config.invalid"),
        ("https://u:p@127.0.0.1/x", "config.invalid"),
        ("https://127.0.0.1:0/x", "config.invalid"),
    ] {
        let ran = Join::to(&server).by(place, Some(&server.token())).run();
        assert_eq!((ran.code(), ran.status), (code, 2), "{ran:#?}");
    }
    let join = Join::to(&server).by("https://127.0.0.1/x", Some(&server.token()));
    let ran = join.arg("--discovery-url-ca-file=/none").run();
    assert_eq!((ran.code(), ran.status), ("config.ca-file", 2), "{ran:#?}");
}

#[test]
fn a_web_servers_clock_counts_only_with_a_named_ca() {
    let server = start();
    let web = start();
    // The server's certificate begins now: at the build's date it would not be valid yet.
    let identity = web.pki().issue(&Leaf::server(["127.0.0.1"]));
    web.set_faults(Faults {
        presents: Presents::Other(identity),
        ..Faults::replying(Rule::on(PATH, serving(200, &cluster_info_of(&server))))
    });
    let roots = TrustRoots::of_bundle(web.ca_pem().as_bytes(), std::time::SystemTime::now()).unwrap();
    let begins_1970 = Clock::at(UNIX_EPOCH + Duration::from_secs(3600), ClockMode::Auto);
    let url: Url = url(&web).parse().unwrap();
    let system_ca = Verification::unpinned(roots.clone(), begins_1970);
    for (web_server, is_found) in [(Verification::pinned(roots, begins_1970), true), (system_ca.clone(), false)] {
        let discovery = Discovery::Url { url: url.clone(), web_server, system_ca: system_ca.clone() };
        let found = discover(&access(discovery, Some(&server.token()), begins_1970), soon(), &Report::new(Vec::new()));
        match found {
            Ok(_) => assert!(is_found),
            Err(error) => assert!(!is_found && error.code().name == "tls.certificate-validity", "{error}"),
        }
    }
}

#[test]
fn a_file_from_a_url_without_a_ca_is_completed() {
    let server = start();
    let web = web_server(&kubeconfig_of(&server, None));
    let join = by_url(&server, &web);
    let bundle = join.beside("bundle.crt", &server.ca_pem());
    let join = join.env("SSL_CERT_FILE", bundle.to_str().unwrap());
    joined(&join.run());
    assert_eq!(text(&join.tree(), "etc/kubernetes/pki/ca.crt"), server.ca_pem());
    let server = start();
    let web = web_server(&kubeconfig_of(&server, None));
    refused(&by_url(&server, &web), [&server, &web], "tls.certificate-untrusted", 4);
}

#[test]
fn a_file_from_a_url_may_name_a_certificate_but_no_token() {
    let server = start();
    let admin = server.admin();
    let join = || Join::to(&server);
    let first = join();
    let own = |name: &str, content: &str| first.beside(name, content).to_str().unwrap().to_owned();
    let token = own("token", "s0mething-that-only-root-may-read");
    let (ca, certificate) = (own("own-ca.crt", &server.ca_pem()), own("own.crt", &admin.cert_pem()));
    let key = own("own.key", &admin.key_pem);

    let web = web_server(&with_user(&cluster_info_of(&server), &format!("tokenFile: {token}")));
    let ran = refused(&by_url(&server, &web), [&server, &web], "discovery.file-unusable", 2);
    assert!(ran.result["message"].as_str().unwrap().contains("tokenFile"), "{ran:#?}");
    assert!(!server.has_received("s0mething"), "a file of this machine was sent");

    let body = with_user(
        &kubeconfig_of(&server, None)
            .replace("- cluster:\n", &format!("- cluster:\n    certificate-authority: {ca}\n")),
        &format!("client-certificate: {certificate}, client-key: {key}"),
    );
    let web = web_server(&body);
    let by_certificate = join().by(&url(&web), None);
    let web_ca = by_certificate.beside("web-ca.crt", &web.ca_pem());
    joined(&by_certificate.arg(&format!("--discovery-url-ca-file={}", web_ca.display())).run());
    assert!(server.requests().iter().any(|request| request.user == "kubernetes-admin"));
}

#[test]
fn a_url_may_be_as_long_as_a_signature_makes_it() {
    let server = start();
    let web = web_server(&cluster_info_of(&server));
    let query = format!("?X-Signature={}", "x".repeat(9000));
    let join = Join::to(&server).by(&format!("{}{query}", url(&web)), Some(&server.token()));
    let ca = join.beside("web-ca.crt", &web.ca_pem());
    joined(&join.arg(&format!("--discovery-url-ca-file={}", ca.display())).run());
    assert_eq!(web.requests()[0].query, query[1..]);
}

#[test]
fn a_signed_url_is_sent_only_to_its_own_server() {
    let server = start();
    let begins_1970 = Clock::at(UNIX_EPOCH + Duration::from_secs(3600), ClockMode::Auto);
    for presents in [Presents::ForeignCa, Presents::ForeignCaWithOwnAppended, Presents::WrongName, Presents::Expired] {
        let web = web_server(&cluster_info_of(&server));
        let replies = vec![Rule::on(PATH, serving(200, &cluster_info_of(&server)))];
        web.set_faults(Faults { presents, replies, ..Faults::default() });
        let signed = format!("{}?X-Signature=verysecretindeed", url(&web));
        let join = Join::to(&server).by(&signed, Some(&server.token()));
        let ca = join.beside("web-ca.crt", &web.ca_pem());
        let ran = join.arg(&format!("--discovery-url-ca-file={}", ca.display())).run();
        assert_eq!(ran.status, 4, "{ran:#?}");
        // Nor where this machine does not know the time.
        let roots = TrustRoots::of_bundle(web.ca_pem().as_bytes(), std::time::SystemTime::now()).unwrap();
        let url = signed.parse().unwrap();
        let system_ca = Verification::unpinned(roots.clone(), begins_1970);
        let discovery = Discovery::Url { url, web_server: Verification::pinned(roots, begins_1970), system_ca };
        let access = access(discovery, Some(&server.token()), begins_1970);
        discover(&access, soon(), &Report::new(Vec::new())).unwrap_err();
        assert_eq!(web.requests().len(), 0, "it was asked: {:#?}", web.requests());
    }
}

#[test]
fn a_url_does_not_replace_the_node_of_another_cluster() {
    let (server, other) = (start(), start());
    let web_of_other = web_server(&cluster_info_of(&other));
    let web = web_server(&cluster_info_of(&server));
    let join = by_url(&server, &web);
    joined(&join.run());
    let again = join.run();
    assert_eq!(again.outcome(), "already-joined", "{again:#?}");
    assert!(again.stderr.contains("was not checked"), "nobody has said which CA the cluster has: {again:#?}");

    // Damaged, it would be replaced by one of the same cluster.
    let link = join.root().join("var/lib/kubelet/pki/kubelet-client-current.pem");
    let pem = join.root().join(std::fs::read_link(link).unwrap().strip_prefix("/").unwrap());
    std::fs::write(&pem, "").unwrap();
    let before = join.tree();
    let other_ca = join.beside("other-web-ca.crt", &web_of_other.ca_pem());
    let by_other = join
        .without_args()
        .by(&url(&web_of_other), Some(&other.token()))
        .arg(&format!("--discovery-url-ca-file={}", other_ca.display()));
    let ran = by_other.run();
    assert_eq!((ran.code(), ran.status), ("preflight.failed", 2), "{ran:#?}");
    assert!(ran.stderr.contains("FileAvailable--etc-kubernetes-kubelet.conf"), "{ran:#?}");
    assert_eq!(by_other.tree(), before);
}

#[test]
fn a_ca_left_by_another_cluster_is_found_before_sending() {
    let (server, other) = (start(), start());
    let web = web_server(&cluster_info_of(&server));
    let join = by_url(&server, &web);
    let pki = join.root().join("etc/kubernetes/pki");
    std::fs::create_dir_all(&pki).unwrap();
    std::fs::write(pki.join("ca.crt"), other.ca_pem()).unwrap();
    let before = join.tree();
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("preflight.failed", 2), "{ran:#?}");
    assert!(ran.stderr.contains("FileAvailable--etc-kubernetes-pki-ca.crt"), "{ran:#?}");
    assert_eq!((join.tree(), server.csrs().len()), (before, 0));
    // That of this cluster is no obstacle.
    std::fs::write(pki.join("ca.crt"), server.ca_pem()).unwrap();
    joined(&join.run());
}
