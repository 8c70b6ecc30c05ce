//! Discovery by a kubeconfig on this machine: with and without credentials, with cluster-info open and closed, and against
//! servers that lie.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubejoin::for_tests::clock::{Clock, ClockMode, build_date};
use kubejoin::for_tests::discovery::discover;
use kubejoin::for_tests::inputs::Discovery;
use kubejoin::for_tests::kubeconfig::ClusterAccess;
use kubejoin::for_tests::net::verification::Verification;
use kubejoin::for_tests::report::Report;
use kubejoin_apiserver::{ApiServer, Authority, ClusterInfo, Faults, Options, Pki, Presents, Reply, Rule, Unfit};

use crate::builder::{
    Join, Ran, access, closed_cluster_info, cluster_info_of, file, kubeconfig_of, soon, text, with_user,
};

const CLUSTER_INFO: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";

fn start() -> ApiServer {
    ApiServer::start(Options::default())
}

/// A join by the kubeconfig of cluster-info and the token.
fn by_cluster_info(server: &ApiServer) -> Join {
    Join::to(server).by_file(&cluster_info_of(server), Some(&server.token()))
}

/// The administrator's client certificate, as fields of a user.
fn admin(server: &ApiServer) -> String {
    let admin = server.admin();
    let (certificate, key) = (STANDARD.encode(admin.cert_pem()), STANDARD.encode(&admin.key_pem));
    format!("client-certificate-data: {certificate}, client-key-data: {key}")
}

/// Who the requests came from, in their order, each once.
fn users(server: &ApiServer) -> Vec<String> {
    let mut users: Vec<_> = server.requests().into_iter().map(|request| request.user).collect();
    users.dedup();
    users
}

fn said(ran: &Ran) -> String {
    (ran.stdout.clone() + &ran.stderr).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn joined(ran: &Ran) {
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
}

/// It ends with this code and status, writes nothing, and has sent none of these.
#[track_caller]
fn refused(join: &Join, server: &ApiServer, code: &str, status: i32, secrets: &[&str]) {
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), (code, status), "{ran:#?}");
    assert_eq!(join.tree(), [], "something was written");
    for secret in secrets {
        assert!(!server.has_received(secret), "{secret} was sent");
    }
}

#[test]
fn a_file_and_a_token_make_the_same_node_over_one_connection() {
    let server = start();
    let by_token = Join::to(&server);
    joined(&by_token.run());
    server.forget_requests();
    let before = server.connections().len();
    let by_file = by_cluster_info(&server);
    joined(&by_file.run());
    assert_eq!(server.connections().len() - before, 1);
    for path in ["etc/kubernetes/kubelet.conf", "etc/kubernetes/pki/ca.crt", "var/lib/kubelet/config.yaml"] {
        assert_eq!(text(&by_token.tree(), path), text(&by_file.tree(), path), "{path}");
    }
    assert_eq!(users(&server), ["system:anonymous", "system:bootstrap:abcdef"]);
    assert_eq!(server.requests()[0].path, CLUSTER_INFO);
}

#[test]
fn a_token_in_the_file_authenticates_the_request() {
    let server = start();
    let kubeconfig = with_user(&cluster_info_of(&server), &format!("token: {}", server.token()));
    joined(&Join::to(&server).by_file(&kubeconfig, None).run());
    assert_eq!(users(&server), ["system:anonymous", "system:bootstrap:abcdef"]);
}

#[test]
fn a_client_certificate_in_the_file_authenticates_the_request() {
    let server = start();
    for by_file in [server.admin_kubeconfig(), with_user(&cluster_info_of(&server), &admin(&server))] {
        server.forget_requests();
        joined(&Join::to(&server).by_file(&by_file, None).run());
        assert_eq!(users(&server), ["system:anonymous", "kubernetes-admin"]);
    }
}

#[test]
fn credentials_may_stand_in_files_beside_the_kubeconfig() {
    let server = start();
    let admin = server.admin();
    let kubeconfig = with_user(&kubeconfig_of(&server, None), "client-certificate: own.crt, client-key: own.key")
        .replace("- cluster:\n", "- cluster:\n    certificate-authority: own-ca.crt\n");
    let join = Join::to(&server).by_file(&kubeconfig, None);
    join.beside("own-ca.crt", &server.ca_pem());
    join.beside("own.crt", &admin.cert_pem());
    join.beside("own.key", &admin.key_pem);
    joined(&join.run());
    assert_eq!(users(&server), ["system:anonymous", "kubernetes-admin"]);

    server.forget_requests();
    let join = Join::to(&server);
    let token = join.beside("token", &format!("{}\n", server.token()));
    let kubeconfig = with_user(&cluster_info_of(&server), &format!("tokenFile: {}", token.display()));
    joined(&join.by_file(&kubeconfig, None).run());
    assert_eq!(users(&server), ["system:anonymous", "system:bootstrap:abcdef"]);
}

#[test]
fn a_token_wins_over_the_files_own_credentials() {
    let server = start();
    let kubeconfig = with_user(&cluster_info_of(&server), &admin(&server));
    joined(&Join::to(&server).by_file(&kubeconfig, Some(&server.token())).run());
    assert_eq!(users(&server), ["system:anonymous", "system:bootstrap:abcdef"]);
    assert_eq!(server.connections().len(), 1);
}

#[test]
fn without_token_and_credentials_nothing_is_connected() {
    let server = start();
    refused(&Join::to(&server).by_file(&cluster_info_of(&server), None), &server, "config.incomplete", 2, &[]);
    assert_eq!(server.connections().len(), 0);
}

#[test]
fn an_unsupported_file_is_refused_before_connecting() {
    let server = start();
    let cluster = cluster_info_of(&server);
    let insecure =
        kubeconfig_of(&server, None).replace("- cluster:\n", "- cluster:\n    insecure-skip-tls-verify: true\n");
    for (kubeconfig, word) in [
        (with_user(&cluster, "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1}"), "exec"),
        (with_user(&cluster, "auth-provider: {name: oidc}"), "auth-provider"),
        (with_user(&cluster, "username: a, password: b"), "username"),
        (with_user(&cluster, "tokenFile: /none/token"), "/none/token"),
        (insecure, "insecure-skip-tls-verify"),
        ("clusters: []\n".to_owned(), "cluster"),
        ("a: b: c\n".to_owned(), "YAML"),
        (String::new(), "cluster"),
    ] {
        let join = Join::to(&server).by_file(&kubeconfig, Some(&server.token()));
        refused(&join, &server, "discovery.file-unusable", 2, &[]);
        assert!(said(&join.run()).contains(word), "{word}");
    }
    let none = Join::to(&server).by("/none/discovery.conf", Some(&server.token()));
    refused(&none, &server, "discovery.file-unusable", 2, &[]);
    assert_eq!(server.connections().len(), 0);
}

#[test]
fn cluster_info_may_be_closed_or_missing() {
    for code in [401, 403, 404] {
        let server = start();
        server.set_faults(closed_cluster_info(code));
        let ran = by_cluster_info(&server).run();
        joined(&ran);
        assert!(said(&ran).contains("the discovery file is taken as it is"), "{}", said(&ran));
    }
}

#[test]
fn closed_cluster_info_is_read_with_the_files_credentials() {
    let server = start();
    for user in [admin(&server), format!("token: {}", server.token())] {
        server.forget_requests();
        // Only for a request without the header: a client certificate has none either.
        let rule = Rule {
            authorized: Some(false),
            ..Rule::on("cluster-info", closed_cluster_info(403).replies[0].reply.clone())
        }
        .times(1);
        server.set_faults(Faults::replying(rule));
        let kubeconfig = with_user(&cluster_info_of(&server), &user);
        joined(&Join::to(&server).by_file(&kubeconfig, None).run());
        let asked: Vec<_> = server.requests().into_iter().filter(|request| request.path == CLUSTER_INFO).collect();
        assert_eq!(asked.len(), 2, "{asked:#?}");
        assert_eq!(asked[0].authorization(), None);
        assert_ne!(asked[1].user, "system:anonymous");
    }
}

#[test]
fn refused_credentials_have_a_code_of_their_own() {
    let server = start();
    let rule =
        Rule { authorized: Some(false), ..Rule::on("cluster-info", closed_cluster_info(403).replies[0].reply.clone()) };
    server.set_faults(Faults::replying(rule));
    let kubeconfig = with_user(&cluster_info_of(&server), "token: abcdef.aaaaaaaaaaaaaaaa");
    refused(&Join::to(&server).by_file(&kubeconfig, None), &server, "discovery.credentials-refused", 5, &[]);
}

#[test]
fn credentials_that_a_config_map_refuses_are_the_files() {
    let server = start();
    let reply = Reply::Status { code: 401, reason: "Unauthorized".into(), message: "Unauthorized".into() };
    server.set_faults(Faults::replying(Rule::on("kubeadm-config", reply)));
    let kubeconfig = with_user(&cluster_info_of(&server), &format!("token: {}", server.token()));
    let ran = Join::to(&server).by_file(&kubeconfig, None).run();
    assert_eq!((ran.code(), ran.status), ("discovery.credentials-refused", 5), "{ran:#?}");
}

#[test]
fn a_file_without_a_ca_is_named_where_nothing_knows_the_server() {
    let server = start();
    let join = Join::to(&server).by_file(&kubeconfig_of(&server, None), Some(&server.token()));
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("tls.certificate-untrusted", 4), "{ran:#?}");
    assert!(said(&ran).contains("the discovery file has no CA"), "{}", said(&ran));
    assert!(said(&ran).contains("certificate-authority-data"), "{}", said(&ran));
}

#[test]
fn an_expired_root_of_the_host_verifies_nothing() {
    let server = ApiServer::start(Options { pki: Pki::expired(), ..Options::default() });
    let join = Join::to(&server).by_file(&kubeconfig_of(&server, None), Some(&server.token()));
    let bundle = join.beside("bundle.crt", &format!("{}{}", server.ca_pem(), Pki::new().ca_pem()));
    let join = join.env("SSL_CERT_FILE", bundle.to_str().unwrap());
    refused(&join, &server, "tls.certificate-untrusted", 4, &[]);
}

#[test]
fn a_server_with_a_wrong_certificate_gets_no_credential() {
    for (presents, code) in [
        (Presents::ForeignCa, "tls.certificate-untrusted"),
        (Presents::ForeignCaWithOwnAppended, "tls.certificate-untrusted"),
        (Presents::WrongKey, "tls.handshake-signature"),
        (Presents::WrongName, "tls.name-mismatch"),
        (Presents::Expired, "tls.certificate-validity"),
        (Presents::ClientCertificate, "tls.certificate-untrusted"),
    ] {
        // Whether cluster-info is open or closed: then the credentials would be tried.
        for replies in [Vec::new(), closed_cluster_info(403).replies] {
            let server = start();
            let own_token = format!("token: own-{}", server.token());
            let kubeconfig = with_user(&cluster_info_of(&server), &own_token);
            server.set_faults(Faults { presents: presents.clone(), replies, ..Faults::default() });
            let join = Join::to(&server).by_file(&kubeconfig, Some(&server.token()));
            let secret = server.token().split_once('.').unwrap().1.to_owned();
            refused(&join, &server, code, 4, &[&secret, "own-"]);
        }
    }
}

#[test]
fn a_client_certificate_is_shown_only_to_the_files_server() {
    let server = start();
    let kubeconfig = with_user(&cluster_info_of(&server), &admin(&server));
    server.set_faults(Faults {
        presents: Presents::ForeignCa,
        replies: closed_cluster_info(403).replies,
        ..Faults::default()
    });
    refused(&Join::to(&server).by_file(&kubeconfig, None), &server, "tls.certificate-untrusted", 4, &[]);
    assert!(!users(&server).contains(&"kubernetes-admin".to_owned()));
}

#[test]
fn a_later_connection_is_verified_as_well() {
    let server = start();
    let kubeconfig = with_user(&cluster_info_of(&server), &admin(&server));
    // The second connection is the one that shows the certificate.
    server.set_faults(Faults { presents_later: Some((1, Presents::ForeignCa)), ..Faults::default() });
    refused(&Join::to(&server).by_file(&kubeconfig, None), &server, "tls.certificate-untrusted", 4, &[]);
    assert!(!users(&server).contains(&"kubernetes-admin".to_owned()));
}

#[test]
fn cluster_info_changes_neither_server_nor_ca_of_the_file() {
    let server = start();
    let lie = ClusterInfo { authority: Authority::Foreign, ..ClusterInfo::server("https://elsewhere.invalid:6443") };
    server.set_faults(Faults::cluster_info(lie));
    let join = by_cluster_info(&server);
    let ran = join.run();
    joined(&ran);
    assert!(said(&ran).contains("cluster-info names the API server elsewhere.invalid:6443"), "{}", said(&ran));
    let tree = join.tree();
    assert!(text(&tree, "etc/kubernetes/kubelet.conf").contains(&server.endpoint()));
    assert_eq!(text(&tree, "etc/kubernetes/pki/ca.crt"), server.ca_pem());
}

#[test]
fn unusable_cluster_info_does_not_stop_a_file_join() {
    for kubeconfig in ["", "a: b: c", "clusters: []", "clusters: [{cluster: {server: 'http://h'}}]"] {
        let server = start();
        let broken = ClusterInfo { kubeconfig: Some(kubeconfig.to_owned()), ..ClusterInfo::default() };
        server.set_faults(Faults::cluster_info(broken));
        joined(&by_cluster_info(&server).run());
    }
}

#[test]
fn a_file_without_a_ca_gets_it_from_a_server_the_host_trusts() {
    let server = start();
    let join = Join::to(&server).by_file(&kubeconfig_of(&server, None), Some(&server.token()));
    let bundle = join.beside("bundle.crt", &format!("{}{}", Pki::named("another").ca_pem(), server.ca_pem()));
    let join = join.env("SSL_CERT_FILE", bundle.to_str().unwrap());
    joined(&join.run());
    assert_eq!(text(&join.tree(), "etc/kubernetes/pki/ca.crt"), server.ca_pem());
}

#[test]
fn a_certificate_of_the_host_that_is_no_ca_vouches_for_no_other() {
    for why in [Unfit::NotACa, Unfit::NoBasicConstraints, Unfit::NoKeyCertSign] {
        let server = ApiServer::start(Options { pki: Pki::unfit(why), ..Options::default() });
        let join = Join::to(&server).by_file(&kubeconfig_of(&server, None), Some(&server.token()));
        let bundle = join.beside("bundle.crt", &server.ca_pem());
        let join = join.env("SSL_CERT_FILE", bundle.to_str().unwrap());
        refused(&join, &server, "tls.certificate-untrusted", 4, &[&server.token()]);
    }
}

#[test]
fn a_file_without_a_ca_trusts_only_what_the_host_trusts() {
    let server = start();
    let join = Join::to(&server).by_file(&kubeconfig_of(&server, None), Some(&server.token()));
    let bundle = join.beside("bundle.crt", Pki::named("another").ca_pem());
    let secret = server.token().split_once('.').unwrap().1.to_owned();
    let by_file = || Join::to(&server).by_file(&kubeconfig_of(&server, None), Some(&server.token()));
    // By SSL_CERT_FILE, and by the system trust store or the built-in one.
    let own = by_file().env("SSL_CERT_FILE", bundle.to_str().unwrap());
    for join in [own, by_file()] {
        refused(&join, &server, "tls.certificate-untrusted", 4, &[&secret]);
    }
    // A trust store that the user has named is not replaced by another.
    let empty = join.beside("empty.crt", "nothing\n");
    for bundle in ["/none/bundle.crt", empty.to_str().unwrap()] {
        let join = by_file().env("SSL_CERT_FILE", bundle).env("SSL_CERT_DIR", "/none");
        refused(&join, &server, "config.ca-file", 2, &[&secret]);
    }
}

#[test]
fn a_file_without_a_ca_needs_cluster_info() {
    let server = start();
    server.set_faults(closed_cluster_info(403));
    let join = Join::to(&server).by_file(&kubeconfig_of(&server, None), Some(&server.token()));
    let bundle = join.beside("bundle.crt", &server.ca_pem());
    let join = join.env("SSL_CERT_FILE", bundle.to_str().unwrap());
    refused(&join, &server, "discovery.file-unusable", 2, &[]);
}

#[test]
fn without_a_ca_in_the_file_only_the_system_clock_counts() {
    let server = start();
    let token = server.token();
    let kubeconfig = |kubeconfig: &str| Box::new(ClusterAccess::read(kubeconfig, None).unwrap());
    let begins_1970 = Clock::at(UNIX_EPOCH + Duration::from_secs(3600), ClockMode::Auto);
    let with_ca = Discovery::File { kubeconfig: kubeconfig(&cluster_info_of(&server)), system_ca: None };
    let found = discover(&access(with_ca, Some(&token), begins_1970), soon(), &Report::new(Vec::new())).unwrap();
    assert!(found.info.clock().now() >= build_date());

    let roots =
        kubejoin::for_tests::net::tls::TrustRoots::of_bundle(server.ca_pem().as_bytes(), std::time::SystemTime::now())
            .unwrap();
    let system_ca = Some(Verification::unpinned(roots, begins_1970));
    let without_ca = Discovery::File { kubeconfig: kubeconfig(&kubeconfig_of(&server, None)), system_ca };
    let error = discover(&access(without_ca, Some(&token), begins_1970), soon(), &Report::new(Vec::new())).unwrap_err();
    assert_eq!(kubejoin::for_tests::error::Explain::code(&error).name, "tls.certificate-validity", "{error}");
}

#[test]
fn a_cluster_whose_ca_has_expired() {
    let server = ApiServer::start(Options { pki: Pki::expired(), ..Options::default() });
    refused(&by_cluster_info(&server), &server, "discovery.ca-validity", 4, &[]);
}

#[test]
fn a_joined_node_is_recognized_by_the_file_alone() {
    let server = start();
    let join = by_cluster_info(&server);
    joined(&join.run());
    let before = server.connections().len();
    let again = join.run();
    assert_eq!((again.outcome(), again.status), ("already-joined", 0), "{again:#?}");
    assert_eq!(server.connections().len(), before);
    // A file of another cluster: what is there is not of that.
    let other = start();
    let ran = join.by_file(&cluster_info_of(&other), Some(&other.token())).run();
    assert_eq!((ran.code(), ran.status), ("preflight.failed", 2), "{ran:#?}");
}

#[test]
fn bootstrap_kubelet_conf_keeps_the_files_context_and_user() {
    let server = start();
    let kubeconfig = with_user(&cluster_info_of(&server), &admin(&server));
    let join = Join::to(&server).by_file(&kubeconfig, None).config("skipPhases: [tls-bootstrap]\n");
    joined(&join.run());
    let tree = join.tree();
    let conf = text(&tree, "etc/kubernetes/bootstrap-kubelet.conf");
    assert_eq!(file(&tree, "etc/kubernetes/bootstrap-kubelet.conf").mode, 0o600);
    let access = ClusterAccess::read(&conf, None).unwrap();
    assert_eq!((access.names.context.as_str(), access.names.user.as_str()), ("own-context", "own-user"));
    let identity = access.credentials.unwrap().identity.unwrap();
    assert_eq!(identity.chain()[0].common_name(), "kubernetes-admin");
    assert_eq!(access.server.to_string(), server.endpoint());
}

#[test]
fn the_files_credentials_are_printed_nowhere() {
    let server = start();
    for replies in [Vec::new(), vec![Rule::on("kubelet-config", Reply::EchoAuthorization { code: 403 })]] {
        server.set_faults(Faults { replies, ..Faults::default() });
        let user = format!("token: {}, {}", server.token(), admin(&server));
        let join = Join::to(&server).by_file(&with_user(&cluster_info_of(&server), &user), None);
        let output = join.command().args(["-v", "10"]).output().unwrap();
        let shown = [output.stdout, output.stderr, std::fs::read(join.result_file()).unwrap()].concat();
        let shown = String::from_utf8_lossy(&shown);
        let secret = server.token().split_once('.').unwrap().1.to_owned();
        assert!(!shown.contains(&secret) && !shown.contains("PRIVATE KEY"), "{shown}");
    }
}

#[test]
fn a_file_with_an_expired_ca_gets_no_credentials_sent() {
    let server = ApiServer::start(Options { pki: Pki::expired(), ..Options::default() });
    let closed = Reply::Status { code: 403, reason: "Forbidden".to_owned(), message: "closed".to_owned() };
    server.set_faults(Faults::replying(Rule::on("cluster-info", closed)));
    let secret = server.token().split_once('.').unwrap().1.to_owned();
    let kubeconfig = with_user(&cluster_info_of(&server), &format!("token: {}", server.token()));
    let ran = Join::to(&server).by_file(&kubeconfig, None).run();
    assert_eq!((ran.code(), ran.status), ("discovery.ca-validity", 4), "{ran:#?}");
    assert!(!server.has_received(&secret), "the token was sent");
}
