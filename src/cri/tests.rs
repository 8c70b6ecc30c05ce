use std::time::Duration;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};

use super::fake::{Fake, VERSION};
use super::runtime::RuntimeVersion;
use super::*;
use crate::grpc::scripted::{SETTINGS, answer};

/// Long enough for a busy machine, for what has to happen.
const LONG: Duration = Duration::from_secs(30);
/// For what is not going to happen.
const SHORT: Duration = Duration::from_millis(50);

#[test]
fn a_runtime_is_asked_what_kubeadm_asks_it() {
    // RuntimeReady false, NetworkReady true; between them an unknown field.
    let status =
        b"\x0a\x38\x0a\x24\x0a\x0cRuntimeReady\x1a\x06Broken\x22\x0aby \x1b[31mus\x78\x01\x0a\x10\x0a\x0cNetworkReady\x10\x01";
    let fake = Fake::runtime("12", status, "0");
    let (mut runtime, version) = Runtime::connect(&fake.endpoint(), LONG).unwrap();
    assert_eq!(version, RuntimeVersion { name: "fake".to_owned(), version: "7.8.9".to_owned() });
    let heard = fake.heard.recv().unwrap();
    assert!(heard.starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    let no_images = runtime.image_service().unwrap_err();
    assert!(no_images.is_unimplemented());
    assert!(no_images.to_string().ends_with("/s: ImageFsInfo: Unimplemented (12)"), "{no_images}");
    let conditions = runtime.status().unwrap();
    assert_eq!(
        conditions,
        [
            Condition {
                kind: "RuntimeReady".to_owned(),
                status: false,
                reason: "Broken".to_owned(),
                message: "by \\u{1b}[31mus".to_owned()
            },
            Condition { kind: "NetworkReady".to_owned(), status: true, ..Condition::default() },
        ]
    );
    assert!(runtime.has_runtime_config().unwrap());
}

#[test]
fn what_answers_something_else_is_named_with_the_call() {
    let table = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "what answers does not speak gRPC", true, false),
        ([SETTINGS, &answer(1, VERSION, "14")].concat(), "Unavailable (14)", false, false),
        ([SETTINGS, &answer(1, VERSION, "12")].concat(), "Unimplemented (12)", false, true),
    ];
    for (bytes, expected, is_not_grpc, is_unimplemented) in table {
        let fake = Fake::saying(vec![bytes], false);
        let error = Runtime::connect(&fake.endpoint(), LONG).map(|_| ()).unwrap_err();
        assert!(error.to_string().ends_with(&format!("/s: Version: {expected}")), "{error}");
        assert_eq!((error.is_not_grpc(), error.is_unimplemented()), (is_not_grpc, is_unimplemented));
    }
}

#[test]
fn a_runtime_that_hangs_is_left_after_its_time() {
    let silent = Fake::saying(vec![Vec::new()], true);
    let error = Runtime::connect(&silent.endpoint(), SHORT).unwrap_err().to_string();
    assert!(error.ends_with("/s: Version: no answer came in time"), "{error}");

    // One that hangs: it listens, and its queue of those who want to connect is full.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let fd = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    rustix::net::bind(&fd, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    rustix::net::listen(&fd, 0).unwrap();
    let _queued = dial(&path, LONG).unwrap();
    let error = Runtime::connect(&format!("unix://{}", path.display()), SHORT).unwrap_err().to_string();
    assert!(error.ends_with("/s: no connection was accepted in time"), "{error}");
}

#[test]
fn an_endpoint_that_is_no_socket_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let error = |endpoint: &str| Runtime::connect(endpoint, LONG).unwrap_err().to_string();
    let endpoint = format!("unix://{}", path.display());
    assert!(error(&endpoint).ends_with("/s: No such file or directory (os error 2)"));
    std::fs::write(&path, "").unwrap();
    assert!(error(&endpoint).ends_with("/s: Connection refused (os error 111)"));
    let long = format!("unix:///{}", "x".repeat(200));
    for endpoint in ["tcp://127.0.0.1:1", "/run/containerd.sock", "unix://relative", &long] {
        assert!(error(endpoint).ends_with("is not the unix:// URL of a socket"), "{endpoint}");
    }
}
