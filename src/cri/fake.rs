//! A runtime for tests, of which nothing is real but the socket.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc;

use crate::grpc::scripted::{SETTINGS, answer, frame};

/// The answer to `Version`: 0.1.0, fake, 7.8.9, v1.
pub(crate) const VERSION: &[u8] = b"\x0a\x050.1.0\x12\x04fake\x1a\x057.8.9\x22\x02v1";

/// Something that listens on a socket and answers every connection with these bytes, one after the other.
pub(crate) struct Fake {
    directory: tempfile::TempDir,
    pub(crate) heard: mpsc::Receiver<Vec<u8>>,
}

impl Fake {
    /// After the last answer it says no more: it closes its side, or stays.
    pub(crate) fn saying(answers: Vec<Vec<u8>>, stay: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("s")).unwrap();
        let (sender, heard) = mpsc::channel();
        std::thread::spawn(move || {
            listener.incoming().for_each(|stream| serve(stream.unwrap(), &answers, stay, &sender))
        });
        Fake { directory, heard }
    }

    /// A runtime that answers the four calls of a preflight: each with a message or a status.
    pub(crate) fn runtime(image_service: &str, status: &[u8], runtime_config: &str) -> Self {
        let first = [SETTINGS, &frame(6, 0, 0, b"pingpong"), &answer(1, VERSION, "0")].concat();
        Fake::saying(
            vec![first, answer(3, b"", image_service), answer(5, status, "0"), answer(7, b"", runtime_config)],
            true,
        )
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("unix://{}/s", self.directory.path().display())
    }
}

fn serve(mut stream: UnixStream, answers: &[Vec<u8>], stay: bool, sender: &mpsc::Sender<Vec<u8>>) {
    for answer in answers {
        let mut buffer = vec![0; 1 << 16];
        let Ok(n) = stream.read(&mut buffer) else { return };
        let _ = sender.send(buffer[..n].to_vec());
        // What acknowledges our settings and ping comes in a message of its own, or with the next call: any is as good.
        if stream.write_all(answer).is_err() {
            return;
        }
    }
    if !stay {
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }
    // Until the client goes.
    while stream.read(&mut [0; 1024]).is_ok_and(|n| n > 0) {}
}

/// An answer to `Status` with one condition.
pub(crate) fn status(kind: &str, is_true: bool, reason: &str) -> Vec<u8> {
    let text =
        |number: u8, text: &str| [&[number << 3 | 2, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let condition = [text(1, kind), vec![0x10, is_true.into()], text(3, reason)].concat();
    let inside = |message: &[u8]| [&[0x0a, u8::try_from(message.len()).unwrap()], message].concat();
    inside(&inside(&condition))
}
