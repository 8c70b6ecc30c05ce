//! gRPC over HTTP/2 over a Unix socket: unary calls, one at a time. The only file that knows HTTP/2.
//!
//! Why not a crate: the HTTP/2 that is kept well (h2, with tonic or alone) is asynchronous and brings tokio, several hundred
//! kilobytes for four requests; what there is of synchronous clients and of HPACK alone is not kept. Four things make a small
//! client a complete one here. One stream is open at a time. Requests are far smaller than any window. By
//! `SETTINGS_HEADER_TABLE_SIZE` 0 the peer is told that there is no dynamic table, which leaves of HPACK (RFC 7541) literals
//! and the static table. And windows as large as all answers together are opened at once, so that none has to be updated.
//!
//! Every read is bounded, in bytes and by a deadline: what answers may be anything.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::values::percent_decoded;

/// Largest answer that is read, in bytes. A runtime's status has some kilobytes.
const MAX_MESSAGE: usize = 256 * 1024;
/// Calls that can be made on one connection: as many answers fit into the window that is opened at once.
const MAX_CALLS: u32 = 16;
/// Largest frame of a peer that was told nothing else (RFC 9113 4.2).
const MAX_FRAME: usize = 16384;
/// Largest set of header fields, encoded.
const MAX_HEADERS: usize = 64 * 1024;
/// Frames of one call, so that a peer cannot keep us busy until the deadline with empty ones.
const MAX_FRAMES: usize = 1000;

/// What a client says first (RFC 9113 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Types of frames (RFC 9113 6) and their flags.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const ACK: u8 = 0x1;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// `UNIMPLEMENTED`: the peer does not have this service or method.
pub(super) const UNIMPLEMENTED: u32 = 12;

/// Why a call gave no answer.
#[derive(Debug)]
pub(super) enum GrpcError {
    /// The socket failed.
    Io(io::Error),
    /// The deadline has passed.
    TimedOut,
    /// The peer closed the connection.
    Closed,
    /// The peer does not speak HTTP/2.
    NotHttp2,
    /// The peer breaks the protocol, in this.
    Protocol(&'static str),
    /// The answer is larger than any that is expected.
    TooLarge,
    /// An HTTP status other than 200.
    Http(u16),
    /// The peer ended the stream or the connection, for this reason (RFC 9113 7).
    Reset(u32),
    /// The call failed there.
    Status {
        /// Number (grpc `statuscodes.md`).
        code: u32,
        /// The peer's words, as sent.
        message: String,
    },
}

/// A connection on which one call is made after the other.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    calls: u32,
    greeted: bool,
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

/// The header fields that matter, of headers and trailers.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fields {
    http_status: Option<u16>,
    grpc_status: Option<u32>,
    grpc_message: Option<String>,
}

impl Connection {
    pub(super) fn new(stream: UnixStream) -> Self {
        Connection { stream, calls: 0, greeted: false }
    }

    /// Calls `/package.Service/Method` with a message, and returns the message that answers.
    pub(super) fn call(&mut self, method: &str, message: &[u8], limit: Duration) -> Result<Vec<u8>, GrpcError> {
        let deadline = Instant::now() + limit;
        if self.calls == MAX_CALLS {
            return Err(GrpcError::TooLarge);
        }
        let stream = self.calls * 2 + 1;
        let mut out = if self.calls == 0 { greeting() } else { Vec::new() };
        self.calls += 1;
        frame(&mut out, HEADERS, END_HEADERS, stream, &request_fields(method, limit));
        frame(&mut out, DATA, END_STREAM, stream, &length_prefixed(message));
        self.send(&out, deadline)?;

        let mut fields = Fields::default();
        let mut answer = Vec::new();
        for _ in 0..MAX_FRAMES {
            let Some(Frame { kind, flags, payload, .. }) = self.next_of(stream, deadline)? else { continue };
            match kind {
                HEADERS => fields.read(&self.header_block(stream, flags, payload, deadline)?)?,
                DATA => {
                    answer.extend_from_slice(unpadded(flags, &payload)?);
                    if answer.len() > MAX_MESSAGE {
                        return Err(GrpcError::TooLarge);
                    }
                }
                RST_STREAM => return Err(GrpcError::Reset(number(&payload)?)),
                _ => continue,
            }
            if flags & END_STREAM != 0 {
                return fields.judge(answer);
            }
        }
        Err(GrpcError::Protocol("endless frames"))
    }

    /// The next frame, when it is one of `stream`; what concerns the connection is dealt with here. That an acknowledgement
    /// cannot be sent is no reason not to hear what the peer has said before it left.
    fn next_of(&mut self, stream: u32, deadline: Instant) -> Result<Option<Frame>, GrpcError> {
        let frame = self.receive(deadline)?;
        match frame.kind {
            SETTINGS if frame.flags & ACK == 0 => {
                let mut out = Vec::new();
                self::frame(&mut out, SETTINGS, ACK, 0, &[]);
                let _ = self.send(&out, deadline);
            }
            PING if frame.flags & ACK == 0 => {
                let mut out = Vec::new();
                self::frame(&mut out, PING, ACK, 0, &frame.payload);
                let _ = self.send(&out, deadline);
            }
            GOAWAY => {
                let last = number(&frame.payload)?;
                let reason = number(frame.payload.get(4..).unwrap_or_default())?;
                if stream > last & 0x7fff_ffff || reason != 0 {
                    return Err(GrpcError::Reset(reason));
                }
            }
            PUSH_PROMISE => return Err(GrpcError::Protocol("a push")),
            CONTINUATION => return Err(GrpcError::Protocol("a continuation of nothing")),
            _ if frame.stream == stream => return Ok(Some(frame)),
            _ => {}
        }
        Ok(None)
    }

    /// A whole header block: nothing may come between its frames.
    fn header_block(&mut self, stream: u32, flags: u8, payload: Vec<u8>, until: Instant) -> Result<Vec<u8>, GrpcError> {
        let payload = unpadded(flags, &payload)?;
        let skip = if flags & PRIORITY != 0 { 5 } else { 0 };
        let mut block = payload.get(skip..).ok_or(GrpcError::Protocol("headers too short"))?.to_vec();
        let mut complete = flags & END_HEADERS != 0;
        while !complete {
            let next = self.receive(until)?;
            if next.kind != CONTINUATION || next.stream != stream {
                return Err(GrpcError::Protocol("headers cut off"));
            }
            // An empty one gets the block nowhere, so their number is bounded by its size.
            if next.payload.is_empty() || block.len() + next.payload.len() > MAX_HEADERS {
                return Err(GrpcError::TooLarge);
            }
            block.extend_from_slice(&next.payload);
            complete = next.flags & END_HEADERS != 0;
        }
        Ok(block)
    }

    fn receive(&mut self, deadline: Instant) -> Result<Frame, GrpcError> {
        let mut head = [0; 9];
        self.fill(&mut head, deadline)?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        // A server's first frame is its settings; an answer in any other protocol looks like anything else.
        if !self.greeted && (kind != SETTINGS || length > MAX_FRAME) {
            return Err(GrpcError::NotHttp2);
        }
        self.greeted = true;
        if length > MAX_FRAME {
            return Err(GrpcError::TooLarge);
        }
        let mut payload = vec![0; length];
        self.fill(&mut payload, deadline)?;
        Ok(Frame { kind, flags, stream: u32::from_be_bytes(stream) & 0x7fff_ffff, payload })
    }

    fn fill(&mut self, mut buffer: &mut [u8], deadline: Instant) -> Result<(), GrpcError> {
        while !buffer.is_empty() {
            self.stream.set_read_timeout(Some(remaining(deadline)?))?;
            match self.stream.read(buffer) {
                Ok(0) if self.greeted => return Err(GrpcError::Closed),
                // Whoever closes without a word has not understood us.
                Ok(0) => return Err(GrpcError::NotHttp2),
                Ok(n) => buffer = &mut buffer[n..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn send(&mut self, mut bytes: &[u8], deadline: Instant) -> Result<(), GrpcError> {
        while !bytes.is_empty() {
            self.stream.set_write_timeout(Some(remaining(deadline)?))?;
            match self.stream.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn remaining(deadline: Instant) -> Result<Duration, GrpcError> {
    deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()).ok_or(GrpcError::TimedOut)
}

/// Preface, settings, and the window of the connection.
fn greeting() -> Vec<u8> {
    let window = MAX_MESSAGE as u32 + MAX_FRAME as u32;
    let mut settings = Vec::new();
    // SETTINGS_HEADER_TABLE_SIZE, SETTINGS_ENABLE_PUSH, SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113 6.5.2).
    for (setting, value) in [(1_u16, 0), (2, 0), (4, window)] {
        settings.extend(setting.to_be_bytes());
        settings.extend(value.to_be_bytes());
    }
    let mut out = PREFACE.to_vec();
    frame(&mut out, SETTINGS, 0, 0, &settings);
    frame(&mut out, WINDOW_UPDATE, 0, 0, &(window * MAX_CALLS).to_be_bytes());
    out
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    // Our frames, and echoes of frames within MAX_FRAME: the length has three bytes.
    out.extend(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
}

/// A gRPC message: not compressed, its length, itself (grpc `PROTOCOL-HTTP2.md`).
fn length_prefixed(message: &[u8]) -> Vec<u8> {
    let mut out = vec![0];
    out.extend((message.len() as u32).to_be_bytes());
    out.extend(message);
    out
}

/// The header fields of a call, none of which is to be indexed (RFC 7541 6.2.2).
fn request_fields(method: &str, limit: Duration) -> Vec<u8> {
    // `:method POST` and `:scheme http` are in the static table as they are.
    let mut out = vec![0x83, 0x86];
    let text = |out: &mut Vec<u8>, text: &str| {
        integer(out, 0, 7, text.len());
        out.extend(text.as_bytes());
    };
    // The names of `:path`, `:authority`, `content-type` and `user-agent` are in the static table.
    for (index, value) in
        [(4, method), (1, "localhost"), (31, "application/grpc"), (58, concat!("kubejoin/", env!("CARGO_PKG_VERSION")))]
    {
        integer(&mut out, 0, 4, index);
        text(&mut out, value);
    }
    for (name, value) in [("te", "trailers"), ("grpc-timeout", &format!("{}m", limit.as_millis()))] {
        out.push(0);
        text(&mut out, name);
        text(&mut out, value);
    }
    out
}

/// An integer with a prefix of `bits` (RFC 7541 5.1).
fn integer(out: &mut Vec<u8>, first: u8, bits: u32, value: usize) {
    let full = (1_usize << bits) - 1;
    if value < full {
        out.push(first | value as u8);
        return;
    }
    out.push(first | full as u8);
    let mut rest = value - full;
    while rest >= 128 {
        out.push(rest as u8 | 128);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// The payload of a frame without its padding.
fn unpadded(flags: u8, payload: &[u8]) -> Result<&[u8], GrpcError> {
    if flags & PADDED == 0 {
        return Ok(payload);
    }
    let inside =
        payload.split_first().and_then(|(padding, rest)| rest.get(..rest.len().checked_sub((*padding).into())?));
    inside.ok_or(GrpcError::Protocol("padding longer than its frame"))
}

/// The number at the beginning of a payload.
fn number(payload: &[u8]) -> Result<u32, GrpcError> {
    let bytes = payload.first_chunk().ok_or(GrpcError::Protocol("a frame too short"))?;
    Ok(u32::from_be_bytes(*bytes))
}

impl Fields {
    /// Reads a header block; later fields replace earlier ones, so that trailers complete the headers.
    fn read(&mut self, block: &[u8]) -> Result<(), GrpcError> {
        let mut block = Block(block);
        while let Some(&first) = block.0.first() {
            // The four forms of a field, and the change of the table's size (RFC 7541 6).
            let (bits, literal) = match first {
                0x80.. => (7, false),
                0x40.. => (6, true),
                0x20.. => {
                    if block.integer(5)? != 0 {
                        return Err(GrpcError::Protocol("a header table that we do not have"));
                    }
                    continue;
                }
                _ => (4, true),
            };
            let index = block.integer(bits)?;
            if index > 61 || (index == 0 && !literal) {
                return Err(GrpcError::Protocol("a header field that was never sent"));
            }
            if !literal {
                if let Some(status) = STATUS_IN_TABLE.get(index.wrapping_sub(8)) {
                    self.http_status = Some(*status);
                }
                continue;
            }
            let name = match index {
                0 => block.text()?.decode().unwrap_or_default(),
                // The names of `:status`; nothing else of the table is of interest.
                8..=14 => ":status".to_owned(),
                _ => String::new(),
            };
            self.note(&name, block.text()?);
        }
        Ok(())
    }

    fn note(&mut self, name: &str, value: Text<'_>) {
        match name {
            ":status" => self.http_status = value.decode().and_then(|text| text.parse().ok()),
            "grpc-status" => self.grpc_status = value.decode().and_then(|text| text.parse().ok()),
            "grpc-message" => {
                self.grpc_message =
                    value.decode().map(|text| String::from_utf8_lossy(&percent_decoded(&text).bytes).into_owned());
            }
            _ => {}
        }
    }

    /// What a finished stream says.
    fn judge(self, answer: Vec<u8>) -> Result<Vec<u8>, GrpcError> {
        match (self.http_status, self.grpc_status) {
            (Some(200), Some(0)) => {}
            (Some(200), Some(code)) => {
                return Err(GrpcError::Status { code, message: self.grpc_message.unwrap_or_default() });
            }
            (Some(200), None) => return Err(GrpcError::Protocol("no status of the call")),
            (Some(status), _) => return Err(GrpcError::Http(status)),
            (None, _) => return Err(GrpcError::Protocol("no status")),
        }
        match answer.split_first_chunk() {
            Some((&[0, a, b, c, d], message)) if u32::from_be_bytes([a, b, c, d]) as usize == message.len() => {
                Ok(message.to_vec())
            }
            _ => Err(GrpcError::Protocol("not one plain message")),
        }
    }
}

/// `:status` at 8 to 14 of the static table (RFC 7541 A).
const STATUS_IN_TABLE: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];

/// What is left of a header block.
struct Block<'a>(&'a [u8]);

/// A string of a header block: its bytes, and whether they are in Huffman's code.
struct Text<'a> {
    bytes: &'a [u8],
    huffman: bool,
}

impl<'a> Block<'a> {
    fn byte(&mut self) -> Result<u8, GrpcError> {
        let (first, rest) = self.0.split_first().ok_or(GrpcError::Protocol("header fields cut off"))?;
        self.0 = rest;
        Ok(*first)
    }

    /// An integer with a prefix of `bits` (RFC 7541 5.1), of at most five bytes.
    fn integer(&mut self, bits: u32) -> Result<usize, GrpcError> {
        let full = (1_usize << bits) - 1;
        let mut value = usize::from(self.byte()?) & full;
        if value < full {
            return Ok(value);
        }
        for shift in [0, 7, 14, 21] {
            let byte = usize::from(self.byte()?);
            value += (byte & 127) << shift;
            if byte < 128 {
                return Ok(value);
            }
        }
        Err(GrpcError::Protocol("a number too large"))
    }

    fn text(&mut self) -> Result<Text<'a>, GrpcError> {
        let huffman = self.0.first().is_some_and(|first| first & 0x80 != 0);
        let length = self.integer(7)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(GrpcError::Protocol("header fields cut off"))?;
        self.0 = rest;
        Ok(Text { bytes, huffman })
    }
}

/// The printable characters by the length of their codes, in bits (RFC 7541 B). The code is canonical: in this order each is
/// the one before it plus one.
const HUFFMAN: [(u32, &[u8]); 10] = [
    (5, b"012aceiost"),
    (6, b" %-./3456789=A_bdfghlmnpru"),
    (7, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, b"&*,;XZ"),
    (10, b"!\"()?"),
    (11, b"'+|"),
    (12, b"#>"),
    (13, b"\0$@[]~"),
    (14, b"^}"),
    (15, b"<`{"),
];
/// The backslash, the only printable character with a longer code: the first of 19 bits.
const HUFFMAN_BACKSLASH: (u32, u32) = (19, 0x7fff0);

impl Text<'_> {
    /// The text; `None` where it is not of printable ASCII, as every field that matters here is.
    fn decode(&self) -> Option<String> {
        let text = if self.huffman { self.unpack()? } else { String::from_utf8(self.bytes.to_vec()).ok()? };
        text.bytes().all(|byte| (0x20..0x7f).contains(&byte)).then_some(text)
    }

    fn unpack(&self) -> Option<String> {
        let mut text = String::new();
        let (mut code, mut length) = (0_u32, 0);
        for bit in self.bytes.iter().flat_map(|byte| (0..8).rev().map(move |n| u32::from(byte >> n & 1))) {
            code = code << 1 | bit;
            length += 1;
            if let Some(character) = huffman_character(code, length) {
                text.push(character.into());
                (code, length) = (0, 0);
            } else if length > HUFFMAN_BACKSLASH.0 {
                return None;
            }
        }
        // What is left are the first bits, all ones, of the longest code: less than a byte of them.
        (length < 8 && code == (1 << length) - 1).then_some(text)
    }
}

fn huffman_character(code: u32, length: u32) -> Option<u8> {
    if (length, code) == HUFFMAN_BACKSLASH {
        return Some(b'\\');
    }
    let mut first = 0;
    let mut before = 0;
    for (bits, characters) in HUFFMAN {
        first <<= bits - before;
        before = bits;
        if bits == length {
            return characters.get(code.checked_sub(first)? as usize).copied();
        }
        first += characters.len() as u32;
    }
    None
}

impl From<io::Error> for GrpcError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => GrpcError::TimedOut,
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => GrpcError::Closed,
            _ => GrpcError::Io(error),
        }
    }
}

impl fmt::Display for GrpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GrpcError::Io(error) => write!(f, "{error}"),
            GrpcError::TimedOut => f.write_str("no answer came in time"),
            GrpcError::Closed => f.write_str("the connection was closed before the answer was complete"),
            GrpcError::NotHttp2 => f.write_str("what answers does not speak gRPC"),
            GrpcError::Protocol(what) => write!(f, "what answers breaks the protocol: {what}"),
            GrpcError::TooLarge => f.write_str("the answer is too large"),
            GrpcError::Http(status) => write!(f, "HTTP status {status}"),
            GrpcError::Reset(reason) => write!(f, "the call was ended, HTTP/2 error {reason}"),
            GrpcError::Status { code, message } => {
                write!(f, "{} ({code})", status_name(*code))?;
                if message.is_empty() {
                    Ok(())
                } else {
                    write!(f, ": {}", crate::text::UntrustedText::new(message, None))
                }
            }
        }
    }
}

/// grpc's names (`statuscodes.md`), as Go prints them.
fn status_name(code: u32) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "Canceled",
        "Unknown",
        "InvalidArgument",
        "DeadlineExceeded",
        "NotFound",
        "AlreadyExists",
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
        "Internal",
        "Unavailable",
        "DataLoss",
        "Unauthenticated",
    ];
    NAMES.get(code as usize).copied().unwrap_or("unknown status")
}

#[cfg(test)]
#[path = "grpc_tests.rs"]
mod tests;
