use super::fake::{Fake, SETTINGS, VERSION, answer, frame};
use super::*;

/// Long enough for a busy machine, for what has to happen.
const LONG: Duration = Duration::from_secs(30);
/// For what is not going to happen.
const SHORT: Duration = Duration::from_millis(50);

#[test]
fn a_runtime_is_asked_what_kubeadm_asks_it() {
    // RuntimeReady false, NetworkReady true; between them a field that nobody knows.
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
fn whatever_else_answers_is_an_error_that_says_what_is_wrong() {
    let after = |bytes: &[u8]| [SETTINGS, bytes].concat();
    let protocol = "what answers breaks the protocol: ";
    let table = [
        (Vec::new(), "what answers does not speak gRPC".to_owned()),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "what answers does not speak gRPC".to_owned()),
        (b"\x00\x00".to_vec(), "what answers does not speak gRPC".to_owned()),
        (after(b""), "the connection was closed before the answer was complete".to_owned()),
        (after(b"\x00\x01\x00"), "the connection was closed before the answer was complete".to_owned()),
        (after(&frame(7, 0, 0, &[0; 8])), "the call was ended, HTTP/2 error 0".to_owned()),
        (after(&frame(7, 0, 0, &[0; 3])), format!("{protocol}a frame too short")),
        (after(&frame(3, 0, 1, &[0, 0, 0, 8])), "the call was ended, HTTP/2 error 8".to_owned()),
        (after(&[255, 255, 255, 0, 0, 0, 0, 0, 1]), "the answer is too large".to_owned()),
        (after(&frame(0, 0, 1, &[0; 16384]).repeat(17)), "the answer is too large".to_owned()),
        (after(&frame(0, 0, 1, b"").repeat(1000)), format!("{protocol}endless frames")),
        (after(&frame(1, 0, 1, b"\x88")), "the connection was closed before the answer was complete".to_owned()),
        (after(&[frame(1, 0, 1, b"\x88"), frame(9, 0, 1, b"")].concat()), "the answer is too large".to_owned()),
        (after(&[frame(1, 0, 1, b"\x88"), frame(9, 0, 3, b"x")].concat()), format!("{protocol}headers cut off")),
        (after(&frame(9, 4, 1, b"\x88")), format!("{protocol}a continuation of nothing")),
        (after(&frame(5, 4, 1, &[0; 8])), format!("{protocol}a push")),
        (after(&frame(1, 0x0c, 1, b"\x09\x88")), format!("{protocol}padding longer than its frame")),
        (after(&frame(1, 0x25, 1, b"\x88")), format!("{protocol}headers too short")),
        (after(&frame(1, 5, 1, b"\xff\xff\xff\xff\xff\xff")), format!("{protocol}a number too large")),
        (after(&frame(1, 5, 1, b"\x8c")), "HTTP status 400".to_owned()),
        (after(&frame(1, 5, 1, b"")), format!("{protocol}no status")),
        (after(&frame(1, 5, 1, b"\x88")), format!("{protocol}no status of the call")),
        (after(&answer(1, VERSION, "14")), "Unavailable (14)".to_owned()),
        (after(&answer(1, VERSION, "99")), "unknown status (99)".to_owned()),
        (after(&answer(1, VERSION, "-1")), format!("{protocol}no status of the call")),
        (
            after(
                &[
                    frame(1, 4, 1, b"\x88"),
                    frame(0, 0, 1, b"\x01\x00\x00\x00\x00"),
                    frame(1, 5, 1, b"\x00\x0bgrpc-status\x010"),
                ]
                .concat(),
            ),
            format!("{protocol}not one plain message"),
        ),
        (
            after(&frame(1, 5, 1, b"\x88\x00\x0bgrpc-status\x0212\x00\x0cgrpc-message\x08%1B[31m!")),
            "Unimplemented (12): \\u{1b}[31m!".to_owned(),
        ),
    ];
    for (bytes, expected) in table {
        let fake = Fake::saying(vec![bytes.clone()], false);
        let error = Runtime::connect(&fake.endpoint(), LONG).map(|_| ()).unwrap_err().to_string();
        let shown = &bytes[..bytes.len().min(60)];
        assert!(error.ends_with(&format!("/s: Version: {expected}")), "{error}, expected {expected} of {shown:?}");
    }
}

#[test]
fn nobody_waits_longer_than_the_limit() {
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
fn a_socket_that_is_none_is_named() {
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

#[test]
fn messages_are_read_to_their_end_or_to_what_is_none() {
    let numbers = |message: &[u8]| fields(message).map(|(number, _)| number).collect::<Vec<_>>();
    let table: [(&[u8], &[u32]); 8] = [
        (b"", &[]),
        (b"\x08\x01\x12\x00", &[1, 2]),
        (b"\x09\0\0\0\0\0\0\0\0\x15\0\0\0\0\x18\x00", &[1, 2, 3]),
        (b"\x08\x01\x12\x05ab", &[1]),
        (b"\x08\x01\x0b", &[1]),
        (b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", &[]),
        (b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &[]),
        (b"\x09\0\0", &[]),
    ];
    for (message, expected) in table {
        assert_eq!(numbers(message), expected, "{message:?}");
    }
}
