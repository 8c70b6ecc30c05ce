//! Calls against peers with scripted answers, and against one that keeps to flow control itself.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;

use super::frame::{self, ACK, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PING, RST_STREAM, WINDOW_UPDATE};
use super::scripted::{SETTINGS, answer, frame, trailers};
use super::window::INITIAL_WINDOW;
use super::*;

const TIMEOUT: Duration = Duration::from_secs(2);

/// A connection whose peer says these bytes, each after it has heard something, and then closes its side.
fn peer_saying(answers: Vec<Vec<u8>>) -> Connection<UnixStream> {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    std::thread::spawn(move || {
        for answer in answers {
            let _ = theirs.read(&mut [0; 1 << 16]);
            let _ = theirs.write_all(&answer);
        }
        let _ = theirs.shutdown(std::net::Shutdown::Write);
        while theirs.read(&mut [0; 1024]).is_ok_and(|n| n > 0) {}
    });
    Connection::new(ours, Scheme::Http, "localhost")
}

/// The bytes as the answer to a first call.
fn call(bytes: Vec<u8>) -> Result<Vec<u8>, GrpcError> {
    peer_saying(vec![bytes]).call("/s/m", b"", TIMEOUT)
}

/// A peer that reads whole calls and answers each with what `reply` makes of its message, a piece whenever the windows
/// allow one. Gives back how often its windows were widened.
fn server(reply: fn(&[u8]) -> Vec<u8>) -> (Connection<UnixStream>, JoinHandle<usize>) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let peer = std::thread::spawn(move || {
        let mut preface = [0; 24];
        theirs.read_exact(&mut preface).unwrap();
        theirs.write_all(SETTINGS).unwrap();
        let (mut widened, mut window, mut message) = (0, INITIAL_WINDOW as usize, Vec::new());
        while let Ok(frame) = Frame::read(&mut theirs, false) {
            match frame.kind {
                WINDOW_UPDATE if frame.stream == 0 => {
                    widened += 1;
                    window += frame.number().unwrap() as usize;
                }
                DATA => {
                    message.extend(frame.content().unwrap());
                    let room = (frame.payload.len() as u32).to_be_bytes();
                    let mut out = Vec::new();
                    frame::append(&mut out, WINDOW_UPDATE, 0, 0, &room);
                    frame::append(&mut out, WINDOW_UPDATE, 0, frame.stream, &room);
                    theirs.write_all(&out).unwrap();
                    if frame.flags & END_STREAM != 0 {
                        let reply = fields::length_prefixed(&reply(&std::mem::take(&mut message)[5..]));
                        widened += answer_within_windows(&mut theirs, frame.stream, &reply, &mut window);
                    }
                }
                _ => {}
            }
        }
        widened
    });
    (Connection::new(ours, Scheme::Http, "localhost"), peer)
}

/// Sends an answer, waiting for room in the windows of connection and stream; how often there was more.
fn answer_within_windows(peer: &mut UnixStream, stream: u32, mut reply: &[u8], window: &mut usize) -> usize {
    let mut out = Vec::new();
    frame::append(&mut out, HEADERS, END_HEADERS, stream, b"\x88");
    peer.write_all(&out).unwrap();
    let (mut own, mut widened) = (INITIAL_WINDOW as usize, 0);
    while !reply.is_empty() {
        let length = reply.len().min(16384).min(own).min(*window);
        if length == 0 {
            let frame = Frame::read(peer, false).unwrap();
            if frame.kind == WINDOW_UPDATE {
                widened += 1;
                *(if frame.stream == 0 { &mut *window } else { &mut own }) += frame.number().unwrap() as usize;
            }
            continue;
        }
        let mut out = Vec::new();
        frame::append(&mut out, DATA, 0, stream, reply.split_off(..length).unwrap());
        peer.write_all(&out).unwrap();
        own -= length;
        *window -= length;
    }
    let mut out = Vec::new();
    frame::append(&mut out, HEADERS, END_HEADERS | END_STREAM, stream, &trailers("0"));
    peer.write_all(&out).unwrap();
    widened
}

#[test]
fn a_hundred_calls_on_one_connection_are_each_answered() {
    // Together far more than a connection's window.
    let (mut connection, peer) = server(|message| message.repeat(1000));
    for number in 0..100_u8 {
        assert_eq!(connection.call("/s/m", &[number; 3], TIMEOUT).unwrap(), [number; 3000]);
    }
    drop(connection);
    assert!(peer.join().unwrap() > 0, "no window was widened");
}

#[test]
fn an_answer_larger_than_the_first_window_is_whole() {
    let (mut connection, peer) = server(|_| (0..200_000_u32).map(|n| n as u8).collect());
    for _ in 0..3 {
        let answer = connection.call("/s/m", b"x", TIMEOUT).unwrap();
        assert!(answer.len() == 200_000 && answer.iter().enumerate().all(|(at, byte)| *byte == at as u8));
    }
    drop(connection);
    assert!(peer.join().unwrap() >= 3 * 2);
}

#[test]
fn a_message_larger_than_the_peers_window_waits_for_room() {
    let (mut connection, peer) = server(|message| vec![u8::from(message.iter().all(|byte| *byte == 7))]);
    for _ in 0..2 {
        assert_eq!(connection.call("/s/m", &[7; 300_000], TIMEOUT).unwrap(), [1]);
    }
    drop(connection);
    peer.join().unwrap();
}

#[test]
fn the_windows_of_the_peers_settings_are_kept() {
    // SETTINGS_INITIAL_WINDOW_SIZE 4 (RFC 9113 6.5.2): of the next call only so much may be sent before there is more room.
    let small = frame(4, 0, 0, &[0, 4, 0, 0, 0, 4]);
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let peer = std::thread::spawn(move || {
        let mut heard = vec![0; 1 << 16];
        let _ = theirs.read(&mut heard).unwrap();
        theirs.write_all(&[small, answer(1, b"", "0")].concat()).unwrap();
        let mut data = Vec::new();
        while data.len() < 5 + 3 {
            match Frame::read(&mut theirs, false).unwrap() {
                Frame { kind: DATA, payload, flags, .. } => {
                    assert!(payload.len() <= 4, "{payload:?}");
                    assert_eq!(flags & END_STREAM != 0, data.len() + payload.len() == 8);
                    data.extend(payload);
                    theirs.write_all(&frame(8, 0, 3, &[0, 0, 0, 4])).unwrap();
                }
                Frame { kind, .. } => assert_ne!(kind, RST_STREAM),
            }
        }
        theirs.write_all(&answer(3, b"ok", "0")).unwrap();
    });
    let mut connection = Connection::new(ours, Scheme::Http, "localhost");
    assert_eq!(connection.call("/s/m", b"", TIMEOUT).unwrap(), b"");
    assert_eq!(connection.call("/s/m", b"abc", TIMEOUT).unwrap(), b"ok");
    peer.join().unwrap();
}

#[test]
fn a_ping_is_answered_and_settings_are_acknowledged() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let peer = std::thread::spawn(move || {
        let mut preface = [0; 24];
        theirs.read_exact(&mut preface).unwrap();
        theirs.write_all(&[SETTINGS, &frame(PING, 0, 0, b"pingpong")].concat()).unwrap();
        let mut heard = Vec::new();
        while heard.len() < 5 {
            let Frame { kind, flags, payload, .. } = Frame::read(&mut theirs, false).unwrap();
            heard.push((kind, flags, payload));
        }
        theirs.write_all(&answer(1, b"", "0")).unwrap();
        heard
    });
    Connection::new(ours, Scheme::Http, "localhost").call("/s/m", b"", TIMEOUT).unwrap();
    let heard = peer.join().unwrap();
    assert_eq!(heard.iter().map(|(kind, ..)| *kind).collect::<Vec<_>>(), [4, 1, 0, 4, 6]);
    assert_eq!(heard[3..], [(4, ACK, Vec::new()), (PING, ACK, b"pingpong".to_vec())]);
}

#[test]
fn trailers_alone_are_a_whole_answer() {
    let alone = [b"\x88".as_slice(), &trailers("5"), b"\x00\x0cgrpc-message\x04gone"].concat();
    let error = call([SETTINGS, &frame(HEADERS, 5, 1, &alone)].concat()).unwrap_err();
    assert!(matches!(&error, GrpcError::Status { code: StatusCode(5), message } if message == "gone"), "{error}");
}

#[test]
fn a_call_that_fails_there_leaves_the_connection_usable() {
    let ended = frame(RST_STREAM, 0, 5, &[0, 0, 0, 7]);
    let mut connection = peer_saying(vec![
        [SETTINGS, &answer(1, b"", "12")].concat(),
        frame(HEADERS, 5, 3, b"\x8c"),
        ended,
        answer(7, b"yes", "0"),
    ]);
    let mut call = || connection.call("/s/m", b"", TIMEOUT);
    assert!(matches!(call().unwrap_err(), GrpcError::Status { code: StatusCode::UNIMPLEMENTED, .. }));
    assert!(matches!(call().unwrap_err(), GrpcError::Http(400)));
    assert!(matches!(call().unwrap_err(), GrpcError::Reset(7)));
    assert_eq!(call().unwrap(), b"yes");
}

#[test]
fn a_peer_that_goes_away_answers_only_what_it_has_seen() {
    let away = |last: u8, reason: u8| frame(GOAWAY, 0, 0, &[0, 0, 0, last, 0, 0, 0, reason]);
    let mut connection = peer_saying(vec![[SETTINGS, &away(1, 0), &answer(1, b"last", "0")].concat()]);
    assert_eq!(connection.call("/s/m", b"", TIMEOUT).unwrap(), b"last");
    assert!(matches!(connection.call("/s/m", b"", TIMEOUT).unwrap_err(), GrpcError::GoingAway(0)));
    // It has not seen this call; or it leaves because of an error.
    for (last, reason) in [(0, 0), (1, 11)] {
        let error = call([SETTINGS, &away(last, reason), &answer(1, b"late", "0")].concat()).unwrap_err();
        assert!(matches!(error, GrpcError::GoingAway(found) if found == u32::from(reason)), "{error}");
    }
}

#[test]
fn after_an_error_of_the_protocol_no_call_is_made() {
    let mut connection = peer_saying(vec![[SETTINGS, &frame(5, 4, 1, &[0; 8])].concat(), answer(3, b"late", "0")]);
    assert!(matches!(connection.call("/s/m", b"", TIMEOUT).unwrap_err(), GrpcError::Protocol("a push")));
    assert!(matches!(connection.call("/s/m", b"", TIMEOUT).unwrap_err(), GrpcError::Closed));
}

#[test]
fn whatever_else_answers_is_an_error_that_says_what_is_wrong() {
    let after = |bytes: &[u8]| [SETTINGS, bytes].concat();
    let protocol = "what answers breaks the protocol: ";
    let closed = || "the connection was closed before the answer was complete".to_owned();
    let not_grpc = || "what answers does not speak gRPC".to_owned();
    let table = [
        (Vec::new(), not_grpc()),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), not_grpc()),
        (b"\x00\x00".to_vec(), not_grpc()),
        (after(b""), closed()),
        (after(b"\x00\x01\x00"), closed()),
        (after(&frame(7, 0, 0, &[0; 8])), "the connection is being closed, HTTP/2 error 0".to_owned()),
        (after(&frame(7, 0, 0, &[0; 3])), format!("{protocol}a frame too short")),
        (after(&frame(4, 0, 0, &[0; 5])), format!("{protocol}a frame too short")),
        (after(&frame(4, 0, 0, &[0, 4, 255, 255, 255, 255])), format!("{protocol}a window too large")),
        (after(&frame(8, 0, 0, &[0; 4])), format!("{protocol}a window widened by nothing")),
        (after(&frame(3, 0, 1, &[0, 0, 0, 8])), "the call was ended, HTTP/2 error 8".to_owned()),
        (after(&[255, 255, 255, 0, 0, 0, 0, 0, 1]), "the answer is too large".to_owned()),
        (after(&frame(0, 0, 1, &[0; 16384]).repeat(17)), "the answer is too large".to_owned()),
        (after(&frame(0, 0, 1, b"").repeat(1000)), format!("{protocol}endless frames")),
        (after(&frame(1, 0, 1, b"\x88")), closed()),
        (after(&[frame(1, 0, 1, b"\x88"), frame(9, 0, 1, b"")].concat()), "the answer is too large".to_owned()),
        (after(&[frame(1, 0, 1, b"\x88"), frame(9, 0, 3, b"x")].concat()), format!("{protocol}headers cut off")),
        (after(&frame(1, 4, 3, b"\x88")), format!("{protocol}headers of no call")),
        (after(&frame(9, 4, 1, b"\x88")), format!("{protocol}a continuation of nothing")),
        (after(&frame(5, 4, 1, &[0; 8])), format!("{protocol}a push")),
        (after(&frame(1, 0x0c, 1, b"\x09\x88")), format!("{protocol}padding longer than its frame")),
        (after(&frame(1, 0x25, 1, b"\x88")), format!("{protocol}headers too short")),
        (after(&frame(1, 5, 1, b"\xff\xff\xff\xff\xff\xff")), format!("{protocol}a number too large")),
        (after(&frame(1, 5, 1, b"\x8c")), "HTTP status 400".to_owned()),
        (after(&frame(1, 5, 1, b"")), format!("{protocol}no status")),
        (after(&frame(1, 5, 1, b"\x88")), format!("{protocol}no status of the call")),
        (after(&answer(1, b"x", "14")), "Unavailable (14)".to_owned()),
        (after(&answer(1, b"x", "99")), "unknown status (99)".to_owned()),
        (after(&answer(1, b"x", "-1")), format!("{protocol}no status of the call")),
        (
            after(
                &[frame(1, 4, 1, b"\x88"), frame(0, 0, 1, b"\x01\x00\x00\x00\x00"), frame(1, 5, 1, &trailers("0"))]
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
        let error = call(bytes.clone()).unwrap_err().to_string();
        assert_eq!(error, expected, "{:?}", &bytes[..bytes.len().min(60)]);
    }
}
