//! Calls on a connection, one after the other (RFC 9113).

use std::io::{Read, Write};
use std::time::Duration;

use super::error::GrpcError;
use super::fields::{self, Fields, Scheme, length_prefixed};
use super::frame::{
    self, ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, MAX_PAYLOAD, PING, PUSH_PROMISE,
    RST_STREAM, SETTINGS, STREAM_MASK, WINDOW_UPDATE,
};
use super::window::{INITIAL_WINDOW, ReceiveWindow, SendWindow};

/// Largest answer that is read, in bytes. A runtime's status has some kilobytes.
const MAX_ANSWER: usize = 256 * 1024;
/// Largest set of header fields, encoded, in bytes.
const MAX_HEADERS: usize = 64 * 1024;
/// Frames of one call, so that a peer cannot keep us busy until the deadline with empty ones.
const MAX_FRAMES: usize = 1000;

/// What a client says first (RFC 9113 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
// Settings (RFC 9113 6.5.2).
const HEADER_TABLE_SIZE: u16 = 1;
const ENABLE_PUSH: u16 = 2;
const INITIAL_WINDOW_SIZE: u16 = 4;
/// The reason CANCEL (RFC 9113 7): what is left of the request is not wanted any more.
const CANCEL: u32 = 8;

/// A connection on which one call is made after the other. How long one may take is for the stream to say.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    scheme: Scheme,
    authority: String,
    state: State,
    /// The number of the next call's stream: odd, and never used again.
    next: u32,
    send_window: SendWindow,
    receive_window: ReceiveWindow,
    /// The window that the peer gives to a new stream.
    peer_initial_window: u32,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was sent.
    New,
    /// Nothing was read.
    Sent,
    /// The peer has said its settings.
    Open,
    /// The peer takes no more calls, for this reason.
    GoingAway(u32),
    /// After an error, whatever may come is not known to belong to anything.
    Broken,
}

/// A call that is being made.
struct Call {
    stream: u32,
    unsent: Vec<u8>,
    send_window: SendWindow,
    receive_window: ReceiveWindow,
    fields: Fields,
    answer: Vec<u8>,
}

impl<S: Read + Write> Connection<S> {
    /// Over a stream on which nothing has been said yet. `authority` is the peer's name, as in a URL.
    pub fn new(stream: S, scheme: Scheme, authority: &str) -> Self {
        Connection {
            stream,
            scheme,
            authority: authority.to_owned(),
            state: State::New,
            next: 1,
            send_window: SendWindow::new(INITIAL_WINDOW),
            receive_window: ReceiveWindow::default(),
            peer_initial_window: INITIAL_WINDOW,
        }
    }

    /// The stream, to set its deadline.
    pub fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Calls `/package.Service/Method` with a message, and returns the message that answers. The peer is told that it is
    /// not waited for longer than `timeout`.
    ///
    /// # Errors
    /// There is no answer, or it says that the call has failed. On a connection that was closed, or is being closed, no call
    /// is made.
    pub fn call(&mut self, method: &str, message: &[u8], timeout: Duration) -> Result<Vec<u8>, GrpcError> {
        match self.state {
            State::New | State::Sent | State::Open if self.next <= STREAM_MASK => {}
            State::GoingAway(reason) => return Err(GrpcError::GoingAway(reason)),
            _ => return Err(GrpcError::Closed),
        }
        let result = self.exchange(method, message, timeout);
        if result.as_ref().is_err_and(|error| !error.leaves_connection_usable()) {
            self.state = State::Broken;
        }
        result
    }

    fn exchange(&mut self, method: &str, message: &[u8], timeout: Duration) -> Result<Vec<u8>, GrpcError> {
        let mut call = Call {
            stream: self.next,
            unsent: length_prefixed(message),
            send_window: SendWindow::new(self.peer_initial_window),
            receive_window: ReceiveWindow::default(),
            fields: Fields::default(),
            answer: Vec::new(),
        };
        self.next += 2;
        let mut out = Vec::new();
        if self.state == State::New {
            out.extend(greeting());
            self.state = State::Sent;
        }
        let headers = fields::request(self.scheme, &self.authority, method, timeout);
        frame::append(&mut out, HEADERS, END_HEADERS, call.stream, &headers);
        self.append_data(&mut out, &mut call);
        self.stream.write_all(&out)?;
        self.stream.flush()?;
        for _ in 0..MAX_FRAMES {
            if self.advance(&mut call)? {
                return call.fields.outcome(call.answer);
            }
        }
        Err(GrpcError::Protocol("endless frames"))
    }

    /// Appends as much of the message as both windows allow.
    fn append_data(&mut self, out: &mut Vec<u8>, call: &mut Call) {
        while !call.unsent.is_empty() {
            let length = self.send_window.allows(call.send_window.allows(call.unsent.len().min(MAX_PAYLOAD)));
            if length == 0 {
                return;
            }
            let piece: Vec<u8> = call.unsent.drain(..length).collect();
            let flags = if call.unsent.is_empty() { END_STREAM } else { 0 };
            frame::append(out, DATA, flags, call.stream, &piece);
            self.send_window.sent(length);
            call.send_window.sent(length);
        }
    }

    /// Reads a frame and does what it takes; whether it has ended the call.
    fn advance(&mut self, call: &mut Call) -> Result<bool, GrpcError> {
        let frame = self.receive()?;
        let is_of_call = frame.stream == call.stream;
        let mut out = Vec::new();
        let mut has_ended = false;
        match frame.kind {
            SETTINGS if frame.flags & ACK == 0 => {
                self.apply_settings(&frame.payload, call)?;
                frame::append(&mut out, SETTINGS, ACK, 0, &[]);
            }
            PING if frame.flags & ACK == 0 => frame::append(&mut out, PING, ACK, 0, &frame.payload),
            GOAWAY => self.go_away(&frame, call)?,
            WINDOW_UPDATE if frame.stream == 0 => self.send_window.widen(frame.number()? & STREAM_MASK)?,
            WINDOW_UPDATE if is_of_call => call.send_window.widen(frame.number()? & STREAM_MASK)?,
            PUSH_PROMISE => return Err(GrpcError::Protocol("a push")),
            CONTINUATION => return Err(GrpcError::Protocol("a continuation of nothing")),
            RST_STREAM if is_of_call => return Err(GrpcError::Reset(frame.number()?)),
            HEADERS if is_of_call => {
                has_ended = frame.flags & END_STREAM != 0;
                let block = self.header_block(frame)?;
                call.fields.read(&block)?;
            }
            HEADERS => return Err(GrpcError::Protocol("headers of no call")),
            DATA => {
                if let Some(room) = self.receive_window.received(frame.payload.len())? {
                    frame::append(&mut out, WINDOW_UPDATE, 0, 0, &room.to_be_bytes());
                }
                if is_of_call {
                    has_ended = frame.flags & END_STREAM != 0;
                    let room = call.take(&frame)?.filter(|_| !has_ended);
                    if let Some(room) = room {
                        frame::append(&mut out, WINDOW_UPDATE, 0, call.stream, &room.to_be_bytes());
                    }
                }
            }
            _ => {}
        }
        if has_ended && !call.unsent.is_empty() {
            frame::append(&mut out, RST_STREAM, 0, call.stream, &CANCEL.to_be_bytes());
        } else {
            self.append_data(&mut out, call);
        }
        if !out.is_empty() {
            // That it cannot be sent is no reason not to hear what the peer has said before it left.
            let _ = self.stream.write_all(&out).and_then(|()| self.stream.flush());
        }
        Ok(has_ended)
    }

    /// The peer's settings: of all that there are, only the size of windows concerns a client that sends small frames.
    fn apply_settings(&mut self, settings: &[u8], call: &mut Call) -> Result<(), GrpcError> {
        for setting in settings.chunks(6) {
            let [a, b, value @ ..] = setting else { return Err(GrpcError::Protocol("a frame too short")) };
            let value = value.try_into().map(u32::from_be_bytes);
            let value = value.map_err(|_| GrpcError::Protocol("a frame too short"))?;
            if u16::from_be_bytes([*a, *b]) == INITIAL_WINDOW_SIZE {
                call.send_window.resize(self.peer_initial_window, value)?;
                self.peer_initial_window = value;
            }
        }
        Ok(())
    }

    /// The peer takes no more calls. What it says not to have seen, or leaves for a reason, gets no answer.
    fn go_away(&mut self, frame: &Frame, call: &Call) -> Result<(), GrpcError> {
        let (last, reason) = (frame.number()? & STREAM_MASK, frame.second_number()?);
        self.state = State::GoingAway(reason);
        if call.stream > last || reason != 0 { Err(GrpcError::GoingAway(reason)) } else { Ok(()) }
    }

    /// A whole header block: nothing may come between its frames.
    fn header_block(&mut self, first: Frame) -> Result<Vec<u8>, GrpcError> {
        let mut block = first.content()?.to_vec();
        let mut is_complete = first.flags & END_HEADERS != 0;
        while !is_complete {
            let next = self.receive()?;
            if next.kind != CONTINUATION || next.stream != first.stream {
                return Err(GrpcError::Protocol("headers cut off"));
            }
            // An empty one gets the block nowhere, so their number is bounded by its size.
            if next.payload.is_empty() || block.len() + next.payload.len() > MAX_HEADERS {
                return Err(GrpcError::TooLarge);
            }
            block.extend_from_slice(&next.payload);
            is_complete = next.flags & END_HEADERS != 0;
        }
        Ok(block)
    }

    fn receive(&mut self) -> Result<Frame, GrpcError> {
        let is_first = self.state == State::Sent;
        let frame = Frame::read(&mut self.stream, is_first)?;
        if is_first {
            self.state = State::Open;
        }
        Ok(frame)
    }
}

impl Call {
    /// Takes a piece of the answer; the bytes to widen the window by.
    fn take(&mut self, frame: &Frame) -> Result<Option<u32>, GrpcError> {
        let room = self.receive_window.received(frame.payload.len())?;
        self.answer.extend_from_slice(frame.content()?);
        if self.answer.len() > MAX_ANSWER { Err(GrpcError::TooLarge) } else { Ok(room) }
    }
}

/// Preface and settings: no table of header fields, no pushes.
fn greeting() -> Vec<u8> {
    let mut settings = Vec::new();
    for (setting, value) in [(HEADER_TABLE_SIZE, 0_u32), (ENABLE_PUSH, 0)] {
        settings.extend(setting.to_be_bytes());
        settings.extend(value.to_be_bytes());
    }
    let mut out = PREFACE.to_vec();
    frame::append(&mut out, SETTINGS, 0, 0, &settings);
    out
}
