//! CA certificates that no node could work with, and those that cannot be verified with here: refused by name, before the
//! token is sent.

use kubejoin::for_tests::pki::certificate::Certificate;
use kubejoin::for_tests::values::CaCertHash;
use kubejoin_apiserver::{ApiServer, Authority, ClusterInfo, Faults, Leaf, Options, Pki, Presents, Unfit};

use crate::builder::{Join, kubeconfig_of};

#[track_caller]
fn refused(join: &Join, server: &ApiServer, code: &str, words: &str) {
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), (code, 4), "{ran:#?}");
    assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    assert!(!server.has_received(server.token().split_once('.').unwrap().1), "the token was sent");
    assert_eq!(join.tree(), [], "something was written");
}

#[test]
fn a_ca_that_no_kubelet_accepts_is_refused_by_name() {
    for (why, words) in [
        (Unfit::NotACa, "CA:FALSE"),
        (Unfit::NoBasicConstraints, "no basicConstraints"),
        (Unfit::NoKeyCertSign, "keyUsage without keyCertSign"),
        (Unfit::CriticalExtension, "critical extension 1.2.3.4"),
    ] {
        let server = ApiServer::start(Options { pki: Pki::unfit(why), ..Options::default() });
        refused(&Join::to(&server), &server, "discovery.ca-unusable", words);
        let by_file = Join::to(&server).by_file(&kubeconfig_of(&server, Some(&server.ca_pem())), Some(&server.token()));
        refused(&by_file, &server, "discovery.ca-unusable", words);
    }
}

#[test]
fn a_path_length_in_the_way_is_refused_and_one_with_room_is_not() {
    for (pki, is_refused) in [(Pki::without_room(), true), (Pki::new(), false)] {
        let between = pki.subordinate("between");
        let leaf = between.issue(&Leaf::server(["127.0.0.1"])).with_extra(between.ca_der().clone());
        let faults = Faults { presents: Presents::Other(leaf), ..Faults::default() };
        let server = ApiServer::start(Options { pki, faults, ..Options::default() });
        match is_refused {
            true => refused(&Join::to(&server), &server, "tls.certificate-untrusted", "pathLenConstraint"),
            false => assert_eq!(Join::to(&server).run().outcome(), "joined"),
        }
    }
}

/// The chain is the one that was verified, not one that the names of what the server sends would make.
#[test]
fn a_decoy_does_not_hide_a_path_length_in_the_way() {
    let pki = Pki::without_room();
    let between = pki.subordinate("between");
    let decoy = Pki::new().subordinate("nowhere").subordinate("between");
    let leaf = between.issue(&Leaf::server(["127.0.0.1"]));
    let leaf = leaf.with_extra(decoy.ca_der().clone()).with_extra(between.ca_der().clone());
    let faults = Faults { presents: Presents::Other(leaf), ..Faults::default() };
    let server = ApiServer::start(Options { pki, faults, ..Options::default() });
    refused(&Join::to(&server), &server, "tls.certificate-untrusted", "pathLenConstraint");
}

/// Made by `openssl req -x509 -nodes -days 36500 -subj /CN=kubernetes -addext basicConstraints=critical,CA:TRUE
/// -addext keyUsage=critical,keyCertSign`, with `-newkey ec -pkeyopt ec_paramgen_curve:secp521r1`, and `-newkey rsa:1024`.
const UNSUPPORTED: [(&str, &str); 2] =
    [(include_str!("ca/p521.pem"), "ECDSA P-521"), (include_str!("ca/rsa1024.pem"), "RSA with 1024 bits")];

#[test]
fn a_ca_key_that_cannot_be_verified_with_is_not_called_false() {
    for (pem, words) in UNSUPPORTED {
        let authority = Authority::Pem(pem.to_owned());
        let faults = Faults::cluster_info(ClusterInfo::authority(authority));
        let server = ApiServer::start(Options { faults, ..Options::default() });
        let ca = &Certificate::all_from_pem(pem.as_bytes()).unwrap()[0];
        let pin = CaCertHash(ca.public_key_digest()).to_string();
        refused(&Join::to(&server).hashes(&[&pin]), &server, "tls.unsupported-algorithm", words);
    }
}

#[test]
fn algorithms_are_named_as_people_name_them() {
    let of = |pem: &str| Certificate::all_from_pem(pem.as_bytes()).unwrap().remove(0);
    let [(p521, _), (rsa1024, _)] = UNSUPPORTED;
    assert_eq!(of(p521).key_problem(), Some("ECDSA P-521"));
    assert_eq!(of(rsa1024).key_problem(), Some("RSA with 1024 bits"));
    let sha512 = of(include_str!("ca/p256-sha512.pem"));
    assert_eq!((sha512.key_problem(), sha512.signature_problem()), (None, Some("ECDSA with SHA-512")));
    let usual = of(Pki::new().ca_pem());
    assert_eq!((usual.key_problem(), usual.signature_problem()), (None, None));
}

/// Whatever connects is told this TLS alert (RFC 8446, 6.2): a fatal one, in the record of a handshake that goes no further.
fn server_that_alerts(description: u8) -> std::net::SocketAddr {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, description]);
        }
    });
    address
}

#[test]
fn a_server_with_nothing_in_common_is_not_asked_for_ever() {
    const HANDSHAKE_FAILURE: u8 = 40;
    const PROTOCOL_VERSION: u8 = 70;
    let server = ApiServer::start(Options::default());
    for description in [HANDSHAKE_FAILURE, PROTOCOL_VERSION] {
        let join = Join::to(&server).endpoint(&server_that_alerts(description).to_string());
        refused(&join, &server, "tls.unsupported-algorithm", "TLS 1.2 or 1.3");
    }
}
