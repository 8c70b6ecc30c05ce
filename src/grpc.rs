//! gRPC over HTTP/2 over any stream: unary calls, one at a time (grpc `PROTOCOL-HTTP2.md`, RFC 9113, RFC 7541).
//!
//! Enters: a connected stream whose reads and writes end at a deadline of its own, and messages as bytes. Leaves: messages as
//! bytes, or a [`GrpcError`]. Not in here: connecting, TLS, what a message means,
//! trying again.
//!
//! Why not a crate: the HTTP/2 that is kept well (h2, with tonic or alone) is asynchronous and brings tokio, several hundred
//! kilobytes for a handful of requests; what there is of synchronous clients and of HPACK alone is not kept. Two things make a
//! small client a complete one here. One stream is open at a time. And by `SETTINGS_HEADER_TABLE_SIZE` 0 the peer is told that
//! there is no dynamic table, which leaves of HPACK literals and the static table.
//!
//! Whatever answers may be anything: each read is bounded in bytes, and each call in frames.
//!
//! `frame` has frames as bytes, `window` flow control, `hpack` and `huffman` header blocks, `fields` those of gRPC,
//! `connection` the calls, `protobuf` the fields of messages.

mod connection;
mod error;
mod fields;
mod frame;
mod hpack;
mod huffman;
pub mod protobuf;
mod window;

pub use connection::Connection;
pub use error::{GrpcError, StatusCode};
pub use fields::Scheme;

#[cfg(test)]
pub(crate) mod scripted;
#[cfg(test)]
mod tests;
