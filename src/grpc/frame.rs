//! Frames as bytes (RFC 9113 4 and 6).

use std::io::{ErrorKind, Read};

use super::error::GrpcError;

/// Largest payload of a frame, in bytes: the default (RFC 9113 4.2). Ours are no larger.
pub(super) const MAX_PAYLOAD: usize = 16384;

// Types of frames, and their flags.
pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;
pub(super) const ACK: u8 = 0x1;
pub(super) const END_STREAM: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// Bytes of a PRIORITY field in front of a header block.
const PRIORITY_LENGTH: usize = 5;
/// Bytes in front of a payload.
const HEAD_LENGTH: usize = 9;
/// All but the reserved bit of a stream's number.
pub(super) const STREAM_MASK: u32 = 0x7fff_ffff;

/// A frame.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    /// Reads a frame. The `first` of a server is its settings; an answer in any other protocol looks like anything else.
    pub(super) fn read(source: &mut impl Read, first: bool) -> Result<Frame, GrpcError> {
        let mut head = [0; HEAD_LENGTH];
        // A peer that closes without a word has not understood us.
        fill(source, &mut head).map_err(|error| match error {
            GrpcError::Closed if first => GrpcError::NotHttp2,
            error => error,
        })?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        if first && (kind != SETTINGS || length > MAX_PAYLOAD) {
            return Err(GrpcError::NotHttp2);
        }
        if length > MAX_PAYLOAD {
            return Err(GrpcError::TooLarge);
        }
        let mut payload = vec![0; length];
        fill(source, &mut payload)?;
        Ok(Frame { kind, flags, stream: u32::from_be_bytes(stream) & STREAM_MASK, payload })
    }

    /// The payload of DATA or HEADERS without its padding, and without the priority, which is not used.
    pub(super) fn content(&self) -> Result<&[u8], GrpcError> {
        let mut content = self.payload.as_slice();
        if self.flags & PADDED != 0 {
            let inside = content
                .split_first()
                .and_then(|(padding, rest)| rest.get(..rest.len().checked_sub((*padding).into())?));
            content = inside.ok_or(GrpcError::Protocol("padding longer than its frame"))?;
        }
        if self.kind == HEADERS && self.flags & PRIORITY != 0 {
            content = content.get(PRIORITY_LENGTH..).ok_or(GrpcError::Protocol("headers too short"))?;
        }
        Ok(content)
    }

    /// The number at the beginning of the payload.
    pub(super) fn number(&self) -> Result<u32, GrpcError> {
        number(&self.payload)
    }

    /// The number behind the first.
    pub(super) fn second_number(&self) -> Result<u32, GrpcError> {
        number(self.payload.get(4..).unwrap_or_default())
    }
}

fn number(payload: &[u8]) -> Result<u32, GrpcError> {
    let bytes = payload.first_chunk().ok_or(GrpcError::Protocol("a frame too short"))?;
    Ok(u32::from_be_bytes(*bytes))
}

fn fill(source: &mut impl Read, mut buffer: &mut [u8]) -> Result<(), GrpcError> {
    while !buffer.is_empty() {
        match source.read(buffer) {
            Ok(0) => return Err(GrpcError::Closed),
            Ok(n) => buffer = &mut buffer[n..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Appends a frame. Ours, and echoes of those that were read, have a payload of at most [`MAX_PAYLOAD`] bytes.
pub(super) fn append(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    // The length has three bytes.
    out.extend(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
}
