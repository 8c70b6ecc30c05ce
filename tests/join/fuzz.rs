//! Random changes to valid input, with a fixed seed: nothing panics, and nothing invalid is accepted.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kubejoin::for_tests::discovery::{cluster_info, jws};
use kubejoin::for_tests::inputs::{Discovery, Trust};
use kubejoin::for_tests::kubeconfig::ClusterAccess;
use kubejoin::for_tests::node::state::{self, NodeState};
use kubejoin::for_tests::rootfs::Root;
use kubejoin::for_tests::values::{BootstrapToken, NodeName, Url};
use kubejoin_apiserver::{ApiServer, Options};

use crate::builder::{Join, with_user};
use crate::untrusted_input::answers;

/// The same everywhere for the same seed.
struct Random(fastrand::Rng);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end.max(1))
    }

    /// One to four changes: a byte set, flipped, left out or doubled; a piece moved, cut off or put in from `words`.
    fn change(&mut self, right: &[u8], words: &[&str]) -> Vec<u8> {
        let mut bytes = right.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let end = (at + self.below(40)).min(bytes.len());
            match self.below(8) {
                0 if !bytes.is_empty() => bytes[at] = self.0.u8(..),
                1 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                2 => drop(bytes.drain(at..end)),
                3 => {
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                4 if self.below(4) == 0 => bytes.truncate(at),
                5 => {
                    let piece: Vec<u8> = bytes.drain(at..end).collect();
                    let to = self.below(bytes.len());
                    bytes.splice(to..to, piece);
                }
                _ => drop(bytes.splice(at..at, words[self.below(words.len())].bytes())),
            }
        }
        bytes
    }
}

#[test]
fn answers_that_are_nearly_http() {
    const RIGHT: [&str; 4] = [
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\n\
         Content-Length: 11\r\n\r\n{\"kind\":\"\"}HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n1;x=y\r\ne\r\n0\r\n\
         Trailer: x\r\n\r\nHTTP/1.1 429 Too Many\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 201 Created\r\nConnection: close\r\n\r\nuntil the end",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 204 No Content\r\n\r\n",
    ];
    let words = [
        "\r\n",
        "\r",
        "\n",
        ":",
        ";",
        "0",
        "f",
        "99999999999999999999",
        "-1",
        "HTTP/1.1 ",
        "Content-Length: 1\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Connection: close\r\n",
        "HTTP/1.1 101 x\r\n\r\n",
        "HTTP/1.1 304 x\r\n\r\n",
        "\0",
        "Retry-After: 18446744073709551615\r\n",
        "Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n",
        "Location: /\r\n",
        "ffffffffffffffff\r\n",
    ];
    let mut random = Random(fastrand::Rng::with_seed(0x5eed_0001));
    let mut whole = 0;
    for round in 0..ROUNDS / 5 {
        let bytes = random.change(RIGHT[round % RIGHT.len()].as_bytes(), &words);
        let (received, connection) = answers(&bytes, 2);
        let shown = || String::from_utf8_lossy(&bytes).into_owned();
        for answer in &received {
            match answer {
                Ok(answer) => {
                    whole += 1;
                    assert!(answer.body.len() <= bytes.len(), "round {round}: a body out of nothing: {}", shown());
                    let status = answer.head.status;
                    assert!(status >= 101 && !(300..400).contains(&status), "round {round}: {status}: {}", shown());
                }
                Err(error) => {
                    assert!(!connection.is_usable(), "round {round}: used on after {error}: {}", shown());
                    assert!(error.to_string().chars().all(|c| !c.is_control()), "round {round}: {error:?}");
                }
            }
        }
    }
    assert!(whole > ROUNDS / 50, "only {whole} whole answers: the test tests nothing");
}

#[test]
fn signatures_that_are_nearly_right() {
    // As in the test of `jws`: what cluster-bootstrap makes of this token and this text.
    const RIGHT: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..ohyY_H87vpIEmYCKPqgSqk1VLtljl9wmLcgywhf2hZ0";
    const PAYLOAD: &[u8] = b"apiVersion: v1\nclusters: []\nkind: Config\n";
    let token: BootstrapToken = "abcdef.0123456789abcdef".parse().unwrap();
    assert_eq!(jws::verify(RIGHT, PAYLOAD, &token), Ok(()));
    let nested = URL_SAFE_NO_PAD.encode(format!("{}{}", "[".repeat(5000), "]".repeat(5000)));
    let words = [".", "..", "=", "-", "_", "e30", "eyJhbGciOiJub25lIn0", &nested, "\0", "\u{e9}"];
    let mut random = Random(fastrand::Rng::with_seed(0x5eed_0002));
    for round in 0..ROUNDS * 4 {
        let (text, payload) = match round % 2 {
            0 => (random.change(RIGHT.as_bytes(), &words), PAYLOAD.to_vec()),
            _ => (RIGHT.as_bytes().to_vec(), random.change(PAYLOAD, &words)),
        };
        let text = String::from_utf8_lossy(&text);
        let is_right = text == RIGHT && payload == PAYLOAD;
        assert_eq!(jws::verify(&text, &payload, &token).is_ok(), is_right, "round {round}: {text}");
    }
}

#[test]
fn kubeconfigs_that_are_nearly_cluster_info() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    assert_eq!(join.run().status, 0);
    let conf = std::fs::read_to_string(join.root().join("etc/kubernetes/kubelet.conf")).unwrap();
    assert!(cluster_info::read(&conf).is_ok());
    let words = [
        "- ",
        "\n",
        "  ",
        "&a ",
        "*a",
        "<<: *a\n",
        "!!binary ",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "|\n",
        "---\n",
        "...\n",
        ": ",
        "clusters:\n",
        "cluster:\n",
        "server: https://[::1]:1/\n",
        "insecure-skip-tls-verify: true\n",
        "\t",
        "\0",
        "\u{2028}",
        "? ",
    ];
    let mut random = Random(fastrand::Rng::with_seed(0x5eed_0003));
    for round in 0..ROUNDS {
        let bytes = random.change(conf.as_bytes(), &words);
        match cluster_info::read(&String::from_utf8_lossy(&bytes)) {
            Ok(unverified) => {
                assert!(!unverified.ca_certificates.is_empty());
                assert!(unverified.server.port > 0 && !unverified.server.host.is_empty());
            }
            Err(error) => assert!(error.to_string().chars().all(|c| !c.is_control()), "round {round}: {error:?}"),
        }
    }
}

#[test]
fn kubeconfigs_that_are_nearly_discovery_files() {
    let server = ApiServer::start(Options::default());
    let conf = with_user(&server.admin_kubeconfig(), "");
    let words = [
        "certificate-authority: /dev/null\n",
        "client-key-data: ",
        "client-certificate: /proc/self/environ\n",
        "tokenFile: /\n",
        "token: a\n",
        "token: \"\\n\"\n",
        "exec: {}\n",
        "insecure-skip-tls-verify: yes\n",
        "current-context: \n",
        "- name: \"\"\n",
        "- {}\n",
        "&a ",
        "*a\n",
        "  ",
        "\n",
        "{",
        "[",
        "\0",
    ];
    let mut random = Random(fastrand::Rng::with_seed(0x5eed_0005));
    for round in 0..ROUNDS {
        let bytes = random.change(conf.as_bytes(), &words);
        match ClusterAccess::read(&String::from_utf8_lossy(&bytes), None) {
            Ok(access) => {
                assert!(access.server.port > 0 && !access.server.host.is_empty());
                let token = access.credentials.and_then(|credentials| credentials.token);
                assert!(token.is_none_or(|token| token.expose().bytes().all(|byte| byte.is_ascii_graphic())));
            }
            Err(error) => assert!(error.to_string().chars().all(|c| !c.is_control()), "round {round}: {error:?}"),
        }
    }
}

#[test]
fn locations_that_are_nearly_urls() {
    let from: Url = "https://[::1]:8443/a/b?c".parse().unwrap();
    let words =
        ["https://", "http:", "//", "/", "?", "#", "@", "[", "]", ":", "::1", ":443", "%0a", "\r\n", " ", "..", "é"];
    let mut random = Random(fastrand::Rng::with_seed(0x5eed_0006));
    for round in 0..ROUNDS {
        let bytes = random.change(b"https://host.example:8443/path/file?query=1#x", &words);
        if let Ok(url) = from.redirected(&String::from_utf8_lossy(&bytes)) {
            let target = url.target();
            assert!(target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic()), "{round}: {url:?}");
            assert!(!url.endpoint().host.contains('@'), "{round}: {url:?}");
        }
    }
}

#[test]
fn identities_that_are_nearly_ours() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    assert_eq!(join.run().status, 0);
    let node: NodeName = "worker-1".parse().unwrap();
    let pins = Discovery::Token {
        endpoints: vec![server.endpoint().parse().unwrap()],
        token: Some(server.token().parse().unwrap()),
        trust: Trust::Pins(vec![server.ca_hash().parse().unwrap()]),
    };
    let link = std::fs::read_link(join.root().join("var/lib/kubelet/pki/kubelet-client-current.pem")).unwrap();
    let paths = [join.root().join("etc/kubernetes/kubelet.conf"), join.root().join(link.strip_prefix("/").unwrap())];
    let right = paths.each_ref().map(|path| std::fs::read(path).unwrap());
    let root = Root::open(&join.root()).unwrap();
    let now = Some(UNIX_EPOCH + Duration::from_secs(1));
    let read = || state::read(&root, &node, &pins, now);
    assert!(matches!(read(), Ok(NodeState::Joined(_))));
    let words = [
        "-----BEGIN CERTIFICATE-----\n",
        "-----END CERTIFICATE-----\n",
        "-----BEGIN EC PRIVATE KEY-----\n",
        "\n",
        "=",
        "A",
        "client-certificate: ../../x\n",
        "current-context: x\n",
        "name: y\n",
        "certificate-authority-data: eA==\n",
        "\0",
        ": ",
    ];
    let mut random = Random(fastrand::Rng::with_seed(0x5eed_0004));
    for round in 0..ROUNDS {
        let which = round % 2;
        std::fs::write(&paths[which], random.change(&right[which], &words)).unwrap();
        // An error is one of the file system's, for a path that leads nowhere; anything else is an answer.
        if let Ok(NodeState::Joined(identity)) = read() {
            assert!(identity.server.len() < 200, "round {round}: {identity:?}");
        }
        std::fs::write(&paths[which], &right[which]).unwrap();
    }
    assert!(matches!(read(), Ok(NodeState::Joined(_))));
}

/// Few enough for less than two seconds; for a night's run, a number with more zeros.
const ROUNDS: usize = 1000;
