//! Joins through a proxy, past one, and against those that lie. The API server has a name that only the proxy can resolve,
//! because the loopback is always reached directly.

use std::time::{Duration, Instant};

use kubejoin_apiserver::{ApiServer, ClusterInfo, Faults, Leaf, Options, Pki, Presents};

use crate::builder::{Join, Ran, text};
use crate::proxy_server::{Manner, ProxyServer, Then, tls_front};
use crate::secrets::holds_none;

const ENDPOINT: &str = "api.example.test:6443";
const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

/// A server that calls itself by a name that nobody knows.
fn start(faults: Faults) -> ApiServer {
    let name = ENDPOINT.split_once(':').unwrap().0.to_owned();
    let advertise = Some(ENDPOINT.to_owned());
    ApiServer::start(Options { sans: vec![name], advertise, faults, ..Options::default() })
}

/// A server at an address of this machine that is not a loopback address, and yet leads there.
fn start_at_the_unspecified_address() -> ApiServer {
    let (listen, sans) = ("0.0.0.0:0".parse().unwrap(), vec!["0.0.0.0".to_owned()]);
    ApiServer::start(Options { listen, sans, ..Options::default() })
}

fn secret_of(server: &ApiServer) -> String {
    server.token().split_once('.').unwrap().1.to_owned()
}

/// The heads of these CONNECTs, as we send them.
fn connects(targets: &[&str], authorization: &str) -> Vec<String> {
    let agent = concat!("kubejoin/", env!("CARGO_PKG_VERSION"));
    let head = |target: &&str| {
        format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\nuser-agent: {agent}\r\n{authorization}\r\n")
    };
    targets.iter().map(head).collect()
}

#[track_caller]
fn joined(ran: &Ran) {
    assert_eq!((ran.outcome(), ran.status), ("joined", 0), "{ran:#?}");
}

/// Joins a good server through this proxy, which must end with this code and status: nothing written, no token sent, and
/// proxy and endpoint named.
#[track_caller]
fn refused(before_address: &str, manner: Manner, code: &str, status: i32) -> Ran {
    let proxy = ProxyServer::start(manner);
    let server = start(Faults::default());
    let join = Join::to(&server).env("HTTPS_PROXY", &format!("{before_address}{}", proxy.address()));
    let ran = join.run();
    let message = ran.result["message"].as_str().unwrap();
    assert_eq!((ran.code(), ran.status), (code, status), "{ran:#?}");
    assert!(message.contains(ENDPOINT) && message.contains(&proxy.address().to_string()), "{message}");
    assert!(ran.result["hint"].as_str().unwrap().contains("PROXY") || !code.starts_with("proxy."), "{ran:#?}");
    assert_eq!(join.tree(), [], "something was written");
    assert_eq!(server.connections().len(), 0, "the server was reached");
    ran
}

#[test]
fn a_whole_join_goes_through_one_tunnel() {
    let server = start(Faults::default());
    let proxy = ProxyServer::start(Manner::to(server.address()));
    let join = Join::to(&server).env("HTTPS_PROXY", &format!("http://us%40er:pass@{}/", proxy.address()));
    let ran = join.run();
    joined(&ran);
    assert_eq!(proxy.heard(), connects(&[ENDPOINT], "proxy-authorization: Basic dXNAZXI6cGFzcw==\r\n"));
    assert_eq!(server.connections().len(), 1);
    assert!(!server.requests().iter().any(|request| request.header("proxy-authorization").is_some()));
    assert!(text(&join.tree(), "etc/kubernetes/kubelet.conf").contains(&format!("server: https://{ENDPOINT}\n")));
    let said = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = format!("through the proxy http://{}", proxy.address());
    assert!(said(&ran.stdout).contains(&format!("Going to {ENDPOINT} {shown}")), "{}", ran.stdout);
    assert!(said(&ran.stderr).contains("[WARNING HTTPProxy]") && said(&ran.stderr).contains(&shown), "{}", ran.stderr);
}

#[test]
fn an_https_proxy_that_is_not_used_needs_no_trust_store() {
    let server = start_at_the_unspecified_address();
    let join = Join::to(&server).env("HTTPS_PROXY", "https://proxy.example.test").env("NO_PROXY", "0.0.0.0");
    joined(&join.env("SSL_CERT_FILE", "/none").run());
}

#[test]
fn the_variable_may_be_in_lower_case_and_the_answer_in_pieces() {
    let server = start(Faults::default());
    let answer = "HTTP/1.0 200 OK\r\nVia: 1.0 p\r\nContent-Length: 7\r\n\r\n".into();
    let pause = Some(Duration::from_millis(2));
    let proxy = ProxyServer::start(Manner::Http { answer, pause, then: Then::Tunnel(server.address()) });
    joined(&Join::to(&server).env("HTTPS_PROXY", "").env("https_proxy", &proxy.address().to_string()).run());
    assert_eq!(proxy.heard(), connects(&[ENDPOINT], ""));
    assert_eq!(server.connections().len(), 1);
}

#[test]
fn a_password_may_be_as_long_as_a_token() {
    let server = start(Faults::default());
    let proxy = ProxyServer::start(Manner::to(server.address()));
    joined(&Join::to(&server).env("HTTPS_PROXY", &format!("u:{}@{}", "x".repeat(9000), proxy.address())).run());
    assert!(proxy.heard()[0].contains(&"eHh4".repeat(2999)), "{:?}", proxy.heard());
}

#[test]
fn a_join_through_socks_leaves_the_name_to_the_proxy() {
    for (scheme, user_info, login) in
        [("socks5", "", None), ("socks5h", "user:p%40ss@", Some(("user", "p@ss"))), ("socks5", "user:pass@", None)]
    {
        let server = start(Faults::default());
        let proxy = ProxyServer::start(Manner::Socks { login, reply: 0, to: server.address() });
        let variable = format!("{scheme}://{user_info}{}", proxy.address());
        joined(&Join::to(&server).env("HTTPS_PROXY", &variable).run());
        assert_eq!(proxy.heard(), [format!("SOCKS {ENDPOINT}")]);
        assert_eq!(server.connections().len(), 1);
    }
}

#[test]
fn what_no_proxy_names_is_reached_directly() {
    for (no_proxy, is_direct) in [("10.0.0.0/8, 0.0.0.0/8", true), ("", false), ("10.0.0.0/8", false)] {
        let server = start_at_the_unspecified_address();
        let proxy = ProxyServer::start(Manner::to(server.address()));
        let join = Join::to(&server).env("HTTPS_PROXY", &proxy.address().to_string()).env("NO_PROXY", no_proxy);
        joined(&join.run());
        let through: &[&str] = if is_direct { &[] } else { &[&server.endpoint()] };
        assert_eq!(proxy.heard(), connects(through, ""), "NO_PROXY={no_proxy}");
        assert_eq!(server.connections().len(), 1);
    }
}

#[test]
fn no_proxy_is_matched_against_the_port_connected_to() {
    let server = start_at_the_unspecified_address();
    let proxy = ProxyServer::start(Manner::to(server.address()));
    let join = Join::to(&server).env("HTTPS_PROXY", &proxy.address().to_string());
    joined(&join.env("NO_PROXY", &server.endpoint()).run());
    assert_eq!(proxy.heard(), connects(&[], ""));
}

#[test]
fn the_server_of_cluster_info_has_its_own_proxy_rule() {
    let server = start_at_the_unspecified_address();
    server.set_faults(Faults::cluster_info(ClusterInfo::server("https://kubernetes:6443")));
    let proxy = ProxyServer::start(Manner::to(server.address()));
    let join = Join::to(&server).env("HTTPS_PROXY", &proxy.address().to_string()).env("NO_PROXY", "0.0.0.0");
    joined(&join.run());
    assert_eq!(proxy.heard(), connects(&["kubernetes:6443"], ""));
    assert_eq!(server.connections().len(), 2);
}

#[test]
fn a_proxy_that_says_no() {
    for (status, code, exit) in [
        ("407 Proxy Authentication Required", "proxy.authentication", 2),
        ("403 Forbidden", "proxy.refused", 2),
        ("404 Not Found", "proxy.not-a-proxy", 2),
        ("405 Method Not Allowed", "proxy.not-a-proxy", 2),
        ("429 Too Many Requests", "proxy.no-target", 3),
        ("502 Bad Gateway", "proxy.no-target", 3),
        ("503 Service Unavailable", "proxy.no-target", 3),
        ("504 Gateway Timeout", "proxy.no-target", 3),
        ("302 Found", "proxy.not-a-proxy", 2),
        ("204 No Content", "proxy.not-a-proxy", 2),
    ] {
        let answer = format!("HTTP/1.1 {status}\r\nLocation: http://portal/\r\nContent-Length: 1\r\n\r\nx");
        refused("http://", Manner::answering(&answer, Then::Close), code, exit);
    }
}

#[test]
fn a_socks_proxy_that_says_no() {
    let nowhere = "127.0.0.1:1".parse().unwrap();
    for (login, reply, code, exit) in [
        (Some(("user", "right")), 0, "proxy.authentication", 2),
        (None, 2, "proxy.refused", 2),
        (None, 7, "proxy.refused", 2),
        (None, 1, "proxy.no-target", 3),
        (None, 4, "proxy.no-target", 3),
        (None, 5, "proxy.no-target", 3),
    ] {
        refused("socks5://", Manner::Socks { login, reply, to: nowhere }, code, exit);
    }
    let login = Manner::Socks { login: Some(("user", "right")), reply: 0, to: nowhere };
    refused("socks5://user:wrong@", login.clone(), "proxy.authentication", 2);
    // A length is one byte.
    refused(&format!("socks5://user:{}@", "x".repeat(256)), login, "proxy.variable", 2);
}

#[test]
fn a_server_that_is_not_a_proxy() {
    let http = |answer: &str, then| refused("http://", Manner::answering(answer, then), "proxy.not-a-proxy", 2);
    http("SSH-2.0-OpenSSH_9.2\r\n", Then::Close);
    http("HTTP/1.1 200 OK\r\nX: ", Then::Repeat(b"xxxxxxxx"));
    http("HTTP/1.1 200 OK\r\n", Then::Repeat(b"X: y\r\n"));
    // A web server's page, or whatever wants to be taken for the beginning of a handshake.
    http(&format!("{ESTABLISHED}<html>"), Then::Silence);
    for scheme in ["http://", "socks5://"] {
        refused(scheme, Manner::Speaks(b"\x15\x03\x01\x00\x02\x02\x46"), "proxy.not-a-proxy", 2);
    }
}

#[test]
fn a_proxy_that_breaks_off_or_never_ends() {
    refused("http://", Manner::answering("", Then::Close), "proxy.unreachable", 3);
    refused("http://", Manner::answering("HTTP/1.1 200 OK\r\nX:", Then::Close), "proxy.unreachable", 3);
    let begun = Instant::now();
    refused("http://", Manner::answering("", Then::Silence), "proxy.unreachable", 3);
    let (answer, pause) = (b"HTTP/1.1 200 OK\r\nX: ".to_vec(), Some(Duration::from_millis(50)));
    refused("http://", Manner::Http { answer, pause, then: Then::Repeat(b"x") }, "proxy.unreachable", 3);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_proxy_that_is_not_there() {
    let server = start(Faults::default());
    for (variable, words) in [
        ("http://127.0.0.1:1", "connection refused"),
        ("socks5://127.0.0.1:1", "connection refused"),
        ("http://proxy.example.test:3128", "the name \"proxy.example.test\" has no address"),
    ] {
        let ran = Join::to(&server).env("HTTPS_PROXY", variable).run();
        assert_eq!((ran.code(), ran.status), ("proxy.unreachable", 3), "{ran:#?}");
        assert!(ran.result["message"].as_str().unwrap().contains(words), "{ran:#?}");
    }
}

#[test]
fn a_variable_with_an_invalid_proxy() {
    let server = start(Faults::default());
    for (variable, code) in [
        ("http://s3cret:s3cret@", "proxy.variable"),
        ("http://proxy:3128 ", "proxy.variable"),
        ("http://user:s3^cret@proxy", "proxy.variable"),
        ("ftp://s3cret@proxy", "proxy.scheme"),
    ] {
        let ran = Join::to(&server).env("HTTPS_PROXY", variable).run();
        assert_eq!((ran.code(), ran.status), (code, 2), "{variable}: {ran:#?}");
        assert!(!format!("{ran:?}").contains("s3cret"), "{ran:#?}");
        // Where it would not be used, nobody cares.
        let ran = Join::to(&server).env("HTTPS_PROXY", variable).env("NO_PROXY", ".example.test").run();
        assert_eq!(ran.code(), "net.name-not-found", "{variable}: {ran:#?}");
    }
}

#[test]
fn a_tunnel_that_leads_to_somebody_else() {
    let server = start(Faults::default());
    let stranger = start(Faults::default());
    for (to, faults, code) in [
        // Another cluster's server, under the same name, with the same token.
        (stranger.address(), Faults::default(), "discovery.ca-hash-mismatch"),
        // What a proxy does that reads along: the genuine answers, its own certificate.
        (server.address(), Faults::presenting(Presents::ForeignCa), "tls.certificate-untrusted"),
        (server.address(), Faults::presenting(Presents::WrongKey), "tls.handshake-signature"),
        (server.address(), Faults::presenting(Presents::PlainHttp), "tls.handshake-failed"),
    ] {
        server.set_faults(faults);
        let proxy = ProxyServer::start(Manner::to(to));
        let join = Join::to(&server).env("HTTPS_PROXY", &proxy.address().to_string());
        let ran = join.run();
        assert_eq!(ran.code(), code, "{ran:#?}");
        let message = ran.result["message"].as_str().unwrap();
        let through = format!("{ENDPOINT} (through the proxy http://{})", proxy.address());
        assert!(message.contains(&through) || !code.starts_with("tls."), "{message}");
        assert_eq!(join.tree(), [], "something was written");
        for server in [&server, &stranger] {
            assert!(!server.has_received(&secret_of(server)), "the token was sent");
        }
    }
}

#[test]
fn a_proxys_password_is_shown_nowhere_even_when_echoed() {
    use base64::Engine;
    // Three bytes before it, so that the password's own base64 is part of what is sent.
    let (user_info, password) = ("ab:pr0xypassw0rd", "pr0xypassw0rd");
    let sent = base64::engine::general_purpose::STANDARD.encode(user_info);
    let repeated = format!("{user_info}\r\nX: {sent}\r\nContent-Length: 13\r\n\r\n{password}");
    for answer in [
        ESTABLISHED.to_owned(),
        format!("HTTP/1.1 407 {repeated}"),
        format!("HTTP/1.1 403 {repeated}"),
        format!("HTTP/1.1 302 {repeated}"),
        format!("HTTP/1.1 200 {repeated}"),
        format!("{user_info} {sent}\r\n\r\n"),
    ] {
        let server = start(Faults::default());
        let proxy = ProxyServer::start(Manner::answering(&answer, Then::Tunnel(server.address())));
        let variable = format!("http://{user_info}@{}", proxy.address());
        for format in ["text", "json"] {
            let join = Join::to(&server).env("HTTPS_PROXY", &variable);
            let output = join.command().args(["-v", "10", "--logging-format", format]).output().unwrap();
            let result = std::fs::read(join.result_file()).unwrap();
            for bytes in [output.stdout, output.stderr, result] {
                holds_none("a sink", &bytes, &format!("x.{password}"));
            }
            for entry in join.tree() {
                holds_none(&entry.path, entry.content.as_deref().unwrap_or_default(), &format!("x.{password}"));
            }
        }
        assert!(proxy.heard().iter().all(|head| head.contains(&sent)) && !proxy.heard().is_empty());
    }
}

#[test]
fn a_proxy_may_be_spoken_to_over_tls_of_its_own() {
    let server = start(Faults::default());
    let proxy = ProxyServer::start(Manner::to(server.address()));
    let authority = Pki::named("web");
    let front = tls_front(&authority.issue(&Leaf::server(["127.0.0.1"])), proxy.address());
    let join = Join::to(&server).env("HTTPS_PROXY", &format!("https://user:pass@{front}"));
    let bundle = join.beside("bundle.crt", authority.ca_pem());
    let join = join.env("SSL_CERT_FILE", bundle.to_str().unwrap());
    joined(&join.run());
    assert_eq!(proxy.heard(), connects(&[ENDPOINT], "proxy-authorization: Basic dXNlcjpwYXNz\r\n"));
    assert_eq!(server.connections().len(), 1);
}

#[test]
fn an_unverified_proxy_is_sent_nothing() {
    let authority = Pki::named("web");
    let right = Leaf::server(["127.0.0.1"]);
    for (identity, trusted) in [
        (authority.issue(&right), Pki::named("web").ca_pem().to_owned()),
        (authority.issue(&Leaf::server(["elsewhere.invalid"])), authority.ca_pem().to_owned()),
        (authority.issue(&right.expired()), authority.ca_pem().to_owned()),
    ] {
        let server = start(Faults::default());
        let proxy = ProxyServer::start(Manner::to(server.address()));
        let front = tls_front(&identity, proxy.address());
        let join = Join::to(&server).env("HTTPS_PROXY", &format!("https://user:pass@{front}"));
        let bundle = join.beside("bundle.crt", &trusted);
        let join = join.env("SSL_CERT_FILE", bundle.to_str().unwrap());
        let ran = join.run();
        assert_eq!((ran.code(), ran.status), ("proxy.certificate", 4), "{ran:#?}");
        assert_eq!((proxy.heard(), server.connections().len()), (Vec::new(), 0));
        assert_eq!(join.tree(), []);
    }
}

#[test]
fn the_server_behind_a_tls_proxy_is_verified_as_well() {
    let server = start(Faults::presenting(Presents::ForeignCa));
    let proxy = ProxyServer::start(Manner::to(server.address()));
    let authority = Pki::named("web");
    let front = tls_front(&authority.issue(&Leaf::server(["127.0.0.1"])), proxy.address());
    let join = Join::to(&server).env("HTTPS_PROXY", &format!("https://{front}"));
    let bundle = join.beside("bundle.crt", authority.ca_pem());
    let ran = join.env("SSL_CERT_FILE", bundle.to_str().unwrap()).run();
    assert_eq!((ran.code(), ran.status), ("tls.certificate-untrusted", 4), "{ran:#?}");
    assert!(!server.has_received(&secret_of(&server)), "the token was sent");
}
