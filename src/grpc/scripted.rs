//! Bytes that a peer may say, for tests.

/// Settings, as a server begins.
pub(crate) const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// Bytes in hexadecimal, with white space.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// A frame of a stream with a small number.
pub(crate) fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut out = length[1..].to_vec();
    out.extend([kind, flags, 0, 0, 0, stream]);
    out.extend(payload);
    out
}

/// Trailers with a status of gRPC.
pub(crate) fn trailers(status: &str) -> Vec<u8> {
    let mut trailers = b"\x00\x0bgrpc-status".to_vec();
    trailers.push(u8::try_from(status.len()).unwrap());
    trailers.extend(status.as_bytes());
    trailers
}

/// A whole answer on a stream: headers, the message, trailers.
pub(crate) fn answer(stream: u8, message: &[u8], status: &str) -> Vec<u8> {
    let mut data = vec![0, 0, 0, 0, u8::try_from(message.len()).unwrap()];
    data.extend(message);
    [frame(1, 4, stream, b"\x88"), frame(0, 0, stream, &data), frame(1, 5, stream, &trailers(status))].concat()
}
