//! The header fields of a call, and those of its answer that matter (grpc `PROTOCOL-HTTP2.md`).

use std::time::Duration;

use super::error::{GrpcError, StatusCode};
use super::hpack::{Block, append_indexed, append_literal, append_named};
use crate::text::percent;

// Places in the static table (RFC 7541 A).
const METHOD_POST: u8 = 3;
const SCHEME_HTTP: u8 = 6;
const SCHEME_HTTPS: u8 = 7;
const AUTHORITY: usize = 1;
const PATH: usize = 4;
const CONTENT_TYPE: usize = 31;
const USER_AGENT: usize = 58;

/// What the stream is, for `:scheme`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS: a socket of this machine.
    Http,
    /// With TLS.
    Https,
}

/// The header block of a call to `/package.Service/Method`.
pub(super) fn request(scheme: Scheme, authority: &str, method: &str, timeout: Duration) -> Vec<u8> {
    let mut out = Vec::new();
    append_indexed(&mut out, METHOD_POST);
    append_indexed(&mut out, if scheme == Scheme::Http { SCHEME_HTTP } else { SCHEME_HTTPS });
    append_named(&mut out, PATH, method);
    append_named(&mut out, AUTHORITY, authority);
    append_named(&mut out, CONTENT_TYPE, "application/grpc");
    append_named(&mut out, USER_AGENT, concat!("kubejoin/", env!("CARGO_PKG_VERSION")));
    append_literal(&mut out, "te", "trailers");
    append_literal(&mut out, "grpc-timeout", &format!("{}m", timeout.as_millis().min(MAX_TIMEOUT_MILLIS)));
    out
}

/// `grpc-timeout` has at most eight digits.
const MAX_TIMEOUT_MILLIS: u128 = 99_999_999;

/// The fields that matter, of headers and trailers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    http_status: Option<u16>,
    grpc_status: Option<u32>,
    grpc_message: Option<String>,
}

impl Fields {
    /// Reads a header block; later fields replace earlier ones, so that trailers complete the headers.
    pub(super) fn read(&mut self, block: &[u8]) -> Result<(), GrpcError> {
        let mut block = Block::new(block);
        while let Some(field) = block.next()? {
            match field.name.as_deref() {
                Some(":status") => self.http_status = field.value.and_then(|text| text.parse().ok()),
                Some("grpc-status") => self.grpc_status = field.value.and_then(|text| text.parse().ok()),
                Some("grpc-message") => {
                    let message = field.value.map(|text| percent::decoded_leniently(&text));
                    self.grpc_message = message.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The message of an answer that is complete.
    pub(super) fn outcome(self, answer: Vec<u8>) -> Result<Vec<u8>, GrpcError> {
        match (self.http_status, self.grpc_status.map(StatusCode)) {
            (Some(200), Some(StatusCode::OK)) => message(answer),
            (Some(200), Some(code)) => Err(GrpcError::Status { code, message: self.grpc_message.unwrap_or_default() }),
            (Some(200), None) => Err(GrpcError::Protocol("no status of the call")),
            (Some(status), _) => Err(GrpcError::Http(status)),
            (None, _) => Err(GrpcError::Protocol("no status")),
        }
    }
}

/// A gRPC message: not compressed, its length, itself.
pub(super) fn length_prefixed(message: &[u8]) -> Vec<u8> {
    let mut out = vec![0];
    out.extend((message.len() as u32).to_be_bytes());
    out.extend(message);
    out
}

/// What [`length_prefixed`] makes, read: exactly one message.
fn message(answer: Vec<u8>) -> Result<Vec<u8>, GrpcError> {
    match answer.split_first_chunk() {
        Some((&[0, a, b, c, d], message)) if u32::from_be_bytes([a, b, c, d]) as usize == message.len() => {
            Ok(message.to_vec())
        }
        _ => Err(GrpcError::Protocol("not one plain message")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::hex;
    use super::*;

    #[test]
    fn fields_are_read_in_every_form_that_needs_no_table() {
        let read = |text: &str| {
            let mut fields = Fields::default();
            fields.read(&hex(text)).map(|()| fields).map_err(|error| error.to_string())
        };
        let status = |code| Ok(Fields { http_status: Some(code), ..Fields::default() });
        let cut_off = || Err("what answers breaks the protocol: header fields cut off".to_owned());
        let never_sent = || Err("what answers breaks the protocol: a header field that was never sent".to_owned());
        let table = [
            ("", Ok(Fields::default())),
            ("88", status(200)),
            ("8d", status(404)),
            // RFC 7541 C.5.1 and C.6.1: literal with indexing, name of the table, both encodings.
            ("48 03 333032 58 07 70726976617465", status(302)),
            ("48 82 6402 58 85 aec3771a4b", status(302)),
            // As grpc-go answers: :status 200, content-type application/grpc.
            ("88 5f 8b 1d75d0620d263d4c4d6564", status(200)),
            // grpc-status: 12, without indexing and never indexed; the change of the table to the size we gave.
            ("20 00 0b 677270632d737461747573 02 3132", Ok(Fields { grpc_status: Some(12), ..Fields::default() })),
            ("10 0b 677270632d737461747573 01 30", Ok(Fields { grpc_status: Some(0), ..Fields::default() })),
            (
                "00 0c 677270632d6d657373616765 06 612532306225",
                Ok(Fields { grpc_message: Some("a b%".to_owned()), ..Fields::default() }),
            ),
            // A value that is no printable ASCII is as good as none.
            ("00 0c 677270632d6d657373616765 02 1b5b", Ok(Fields::default())),
            ("3f e11f", Err("what answers breaks the protocol: a header table that we do not have".to_owned())),
            ("80", never_sent()),
            ("be", never_sent()),
            ("7f 00", never_sent()),
            ("48", cut_off()),
            ("48 03 3330", cut_off()),
            ("00 7f ffffffff 7f", Err("what answers breaks the protocol: a number too large".to_owned())),
        ];
        for (block, expected) in table {
            assert_eq!(read(block), expected, "{block}");
        }
    }

    #[test]
    fn our_own_fields_can_be_read_back() {
        let method = "/runtime.v1.RuntimeService/Version";
        let block = request(Scheme::Http, "localhost", method, Duration::from_secs(2));
        assert_eq!(Fields::default().read(&block).map_err(|error| error.to_string()), Ok(()));
        let expected: &[u8] =
            b"\x83\x86\x04\x22/runtime.v1.RuntimeService/Version\x01\x09localhost\x0f\x10\x10application/grpc";
        assert_eq!(block[..expected.len()], *expected);
        assert!(block.ends_with(b"\x00\x02te\x08trailers\x00\x0cgrpc-timeout\x052000m"));
        assert_eq!(request(Scheme::Https, "a", "/m", Duration::MAX)[1], 0x87);
    }
}
