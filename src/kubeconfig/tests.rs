use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use super::access::server_endpoint;
use super::*;
use crate::pki::certificate::CertificateError;
use crate::pki::identity::IdentityError;
use crate::text::UntrustedText;

/// A CA (P-256) and a client certificate of it with an RSA key, as kubeadm's `admin.conf` has one; made by openssl.
const CA: &str = include_str!("testdata/ca.crt");
const CERTIFICATE: &str = include_str!("testdata/client.crt");
const KEY: &str = include_str!("testdata/client.key");

fn b64(text: &str) -> String {
    STANDARD.encode(text)
}

/// A kubeconfig with the given bodies of cluster and user, as flow mappings.
fn file(cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{{cluster}}}}}]\n\
         users: [{{name: u, user: {{{user}}}}}]\n\
         contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\ncurrent-context: x\n"
    )
}

fn server() -> String {
    format!("server: 'https://10.0.0.1:6443', certificate-authority-data: '{}'", b64(CA))
}

fn read(text: &str) -> Result<ClusterAccess, KubeconfigError> {
    ClusterAccess::read(text, None)
}

#[test]
fn a_server_is_an_endpoint_and_nothing_more() {
    for (url, endpoint) in [
        ("https://10.0.0.1:6443", Some("10.0.0.1:6443")),
        ("https://k8s.example.com", Some("k8s.example.com:443")),
        ("https://[fd00::1]:6443/", Some("[fd00::1]:6443")),
        ("https://user@host:1", None),
        ("https://host:1/path", None),
        ("http://host:1", None),
        ("host:6443", None),
    ] {
        assert_eq!(server_endpoint(url).map(|e| e.to_string()).as_deref(), endpoint, "{url}");
    }
}

#[test]
fn what_kubectl_prints_of_cluster_info_is_enough() {
    let text = format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {}\n    server: https://10.0.0.1:6443\n  \
         name: \"\"\ncontexts: []\ncurrent-context: \"\"\nkind: Config\npreferences: {{}}\nusers: []\n",
        b64(CA)
    );
    let access = read(&text).unwrap();
    assert_eq!(access.server.to_string(), "10.0.0.1:6443");
    assert_eq!(access.ca_certificates.len(), 1);
    assert!(access.credentials.is_none());
    assert_eq!(access.names, Names::default());
}

#[test]
fn the_unnamed_cluster_counts_before_that_of_the_context() {
    let with_unnamed = file(&server(), "token: t")
        .replace("clusters: [", "clusters: [{name: '', cluster: {server: 'https://unnamed:1'}}, ");
    let access = read(&with_unnamed).unwrap();
    assert_eq!(access.server.to_string(), "unnamed:1");
    assert!(access.ca_certificates.is_empty());
    assert!(access.credentials.is_none(), "the user is one of the context's cluster");
}

#[test]
fn a_user_is_a_token_a_certificate_or_both() {
    let pair = format!("client-certificate-data: '{}', client-key-data: '{}'", b64(CERTIFICATE), b64(KEY));
    for (user, has_token, has_identity) in [
        ("token: abc".to_owned(), true, false),
        (pair.clone(), false, true),
        (format!("token: abc, {pair}"), true, true),
        ("exec: null, username: '', as-groups: []".to_owned(), false, false),
        (String::new(), false, false),
    ] {
        let credentials = read(&file(&server(), &user)).unwrap().credentials;
        let found = credentials.as_ref().map(|found| (found.token.is_some(), found.identity.is_some()));
        assert_eq!(found, (has_token || has_identity).then_some((has_token, has_identity)), "{user}");
    }
}

#[test]
fn relative_names_are_beside_the_kubeconfig() {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in [("ca.crt", CA), ("client.crt", CERTIFICATE), ("client.key", KEY), ("token", " t0ken\n")] {
        std::fs::write(directory.path().join(name), content).unwrap();
    }
    let cluster = "server: 'https://h', certificate-authority: ca.crt";
    let user = "client-certificate: client.crt, client-key: client.key, tokenFile: token";
    let access = ClusterAccess::read(&file(cluster, user), Some(directory.path())).unwrap();
    let credentials = access.credentials.unwrap();
    assert_eq!(credentials.token.unwrap().expose(), "t0ken");
    let identity = credentials.identity.unwrap();
    assert_eq!(identity.chain()[0].common_name(), "kubernetes-admin");
    assert_eq!(identity.key_pem(), KEY.as_bytes());
    assert_eq!(identity.key(), PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap());

    let text = file("server: 'https://h', certificate-authority: none/ca.crt", "");
    let missing = ClusterAccess::read(&text, Some(directory.path())).unwrap_err();
    let (field, kind) = ("certificate-authority", std::io::ErrorKind::NotFound);
    assert_eq!(missing, KubeconfigError::Unreadable { field, path: directory.path().join("none/ca.crt"), kind });
    // What a text from elsewhere names is not sent there.
    let path = directory.path().join("token");
    let text = file(&server(), &format!("tokenFile: {}", path.display()));
    assert_eq!(read(&text).unwrap_err(), KubeconfigError::TokenFileFromElsewhere);
}

#[test]
fn what_is_passed_over_is_named() {
    let access = read(&file(&format!("{}, tls-server-name: x, proxy-url: 'http://p'", server()), "")).unwrap();
    assert_eq!(access.ignored, ["tls-server-name", "proxy-url"]);
}

#[test]
fn everything_else_is_refused_with_its_reason() {
    let name = |text: &str| UntrustedText::new(text, None);
    let other_key = crate::pki::key::PrivateKey::generate().unwrap().to_pem();
    let table = [
        (String::new(), KubeconfigError::NoCluster),
        ("clusters: []".to_owned(), KubeconfigError::NoCluster),
        (
            file(&server(), "").replace("current-context: x", "current-context: other"),
            KubeconfigError::NotThere { list: "contexts", name: name("other") },
        ),
        (
            file(&server(), "").replace("cluster: c,", "cluster: d,"),
            KubeconfigError::NotThere { list: "clusters", name: name("d") },
        ),
        (
            file(&server(), "").replace("user: u}", "user: v}"),
            KubeconfigError::NotThere { list: "users", name: name("v") },
        ),
        (
            file(&server(), "").replace("users: [", "users: [{name: u, user: {token: other}}, "),
            KubeconfigError::Twice { list: "users", name: name("u") },
        ),
        (
            "clusters: [{cluster: {server: 'https://a'}}, {name: '', cluster: {server: 'https://b'}}]".to_owned(),
            KubeconfigError::Twice { list: "clusters", name: name("") },
        ),
        (file("server: 'http://h'", ""), KubeconfigError::Server(name("http://h"))),
        (file("server: 'https://u:p@h/?q#f'", ""), KubeconfigError::Server(name("https://h/"))),
        (
            file("server: 'https://h', certificate-authority-data: 1", ""),
            KubeconfigError::Type("certificate-authority-data"),
        ),
        (file(&server(), "token: [t]"), KubeconfigError::Type("token")),
        ("clusters: [{name: 1, cluster: {}}]".to_owned(), KubeconfigError::Type("name")),
        ("clusters: [{name: a, cluster: b}]".to_owned(), KubeconfigError::Type("cluster")),
        ("clusters: {}".to_owned(), KubeconfigError::Type("clusters")),
        (file("server: 'https://h', insecure-skip-tls-verify: true", ""), KubeconfigError::DangerSkipTlsVerify),
        (file(&format!("{}, certificate-authority: f", server()), ""), KubeconfigError::TwoAuthorities),
        (
            file("server: 'https://h', certificate-authority-data: '!'", ""),
            KubeconfigError::CaCertificate(CertificateError::Pem),
        ),
        (file(&server(), "exec: {command: aws}"), KubeconfigError::Unsupported("exec")),
        (file(&server(), "auth-provider: {name: gcp}"), KubeconfigError::Unsupported("auth-provider")),
        (file(&server(), "username: a, password: b"), KubeconfigError::Unsupported("username")),
        (file(&server(), "token: t, as: somebody"), KubeconfigError::Unsupported("as")),
        (file(&server(), "token: 'a b'"), KubeconfigError::Token("token")),
        (file(&server(), "token: \"a\\r\\nX: b\""), KubeconfigError::Token("token")),
        (file(&server(), &format!("client-certificate-data: '{}'", b64(CERTIFICATE))), KubeconfigError::HalfPair),
        (
            file(&server(), "client-certificate-data: '!', client-key-data: AAAA"),
            KubeconfigError::Base64("client-certificate-data"),
        ),
        (
            file(&server(), &format!("client-certificate-data: '{}', client-key-data: AAAA", b64(CERTIFICATE))),
            KubeconfigError::Pair(IdentityError::NoKey),
        ),
        (
            file(
                &server(),
                &format!("client-certificate-data: '{}', client-key-data: '{}'", b64(CERTIFICATE), b64(&other_key)),
            ),
            KubeconfigError::Pair(IdentityError::Mismatch),
        ),
    ];
    for (text, expected) in table {
        assert_eq!(read(&text).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn a_credential_is_not_printed() {
    let pair = format!("client-certificate-data: '{}', client-key-data: '{}'", b64(CERTIFICATE), b64(KEY));
    let shown = format!("{:?}", read(&file(&server(), &format!("token: t0psecret, {pair}"))).unwrap());
    assert!(!shown.contains("t0psecret") && !shown.contains("PRIVATE"), "{shown}");
}

#[test]
fn a_user_of_another_cluster_is_not_taken() {
    let text = |cluster: &str| {
        format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: '', cluster: {{{}}}}}, {{name: other, cluster: {{{}}}}}]\n\
             contexts: [{{name: x, context: {{cluster: '{cluster}', user: u}}}}]\ncurrent-context: x\n\
             users: [{{name: u, user: {{token: t0ken}}}}]\n",
            server(),
            server()
        )
    };
    assert!(read(&text("")).unwrap().credentials.is_some());
    assert!(
        read(&text("other")).unwrap().credentials.is_none(),
        "the token of another cluster would be sent to this one"
    );
}
