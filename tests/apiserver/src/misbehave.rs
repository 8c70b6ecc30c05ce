//! Doing to a connection what a [`Reply`] asks for.

use std::io;
use std::time::Duration;

use crate::exchange::Exchange;
use crate::faults::Reply;
use crate::http::{self, Request, Response};
use crate::server::Shared;
use crate::status;

/// Answers a request wrongly. `right` computes the right answer, with its side effects, for the faults that need it.
/// `Err` closes the connection.
pub(crate) fn reply(
    shared: &Shared,
    exchange: &mut Exchange<'_>,
    request: &Request,
    reply: &Reply,
    right: impl FnOnce() -> Response,
) -> io::Result<()> {
    match reply {
        Reply::Status { code, reason, message } => exchange.send(&status::other(*code, reason, message)),
        Reply::StatusWith200 => {
            let mut response =
                status::other(500, "InternalError", "Internal error occurred: but the status line says 200");
            response.status = 200;
            exchange.send(&response)
        }
        Reply::Redirect { code, location } => {
            exchange.send(&with_header(Response::text(*code, ""), "Location", location))
        }
        Reply::RetryAfter { code, value } => {
            let reason = if *code == 429 { "TooManyRequests" } else { "ServiceUnavailable" };
            let response = status::other(*code, reason, "too many requests, please try again later");
            exchange.send(&with_header(response, "Retry-After", value))
        }
        Reply::EchoAuthorization { code } => {
            let said = request.header("authorization").unwrap_or("nothing").to_owned();
            let response = status::other(*code, "Unauthorized", &format!("you said: {said}"));
            exchange.send(&with_header(response, "X-You-Said", &said))
        }
        Reply::SlowBody { bytes, pause } => {
            let response = right();
            let body = response.body_bytes(false);
            exchange.head_with_length(&response, body.len())?;
            for part in body.chunks((*bytes).max(1)) {
                exchange.raw(part)?;
                pause_or_stop(shared, *pause)?;
            }
            Ok(())
        }
        Reply::EndlessBody => {
            exchange.head_chunked(&Response::text(200, ""), "application/json")?;
            exchange.raw(&http::chunk(b"{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"data\":{\"a\":\""))?;
            forever(shared, exchange, &http::chunk(&[b'a'; 16 * 1024]))
        }
        Reply::BigBody(length) => {
            let mut body = b"{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"data\":{\"a\":\"".to_vec();
            let end = b"\"}}\n";
            body.resize(length.saturating_sub(end.len()).max(body.len()), b'a');
            body.extend_from_slice(end);
            let mut response = Response::text(200, "");
            response.headers = vec![("Content-Type".into(), "application/json".into())];
            exchange.head_with_length(&response, body.len())?;
            exchange.raw(&body)
        }
        Reply::EndlessHeaders => {
            exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")?;
            forever(shared, exchange, &format!("X-More: {}\r\n", "a".repeat(1000)).into_bytes())
        }
        Reply::BigHeader(length) => exchange.send(&with_header(right(), "X-More", &"a".repeat(*length))),
        Reply::TruncatedChunk => {
            let response = right();
            let body = response.body_bytes(false);
            exchange.head_chunked(&response, "application/json")?;
            let chunk = http::chunk(&body);
            exchange.raw(&chunk[..chunk.len() / 2])?;
            Err(closed())
        }
        Reply::TruncatedLength => {
            let response = right();
            let body = response.body_bytes(false);
            exchange.head_with_length(&response, body.len())?;
            exchange.raw(&body[..body.len() / 2])?;
            Err(closed())
        }
        Reply::Close => Err(closed()),
        Reply::ThenClose => {
            exchange.send(&right())?;
            Err(closed())
        }
        Reply::Silence => {
            while !shared.store.sleep(Duration::from_secs(3600)) {}
            Err(closed())
        }
        Reply::Raw(bytes) => {
            exchange.raw(bytes)?;
            Err(closed())
        }
        Reply::Exactly { code, headers, body } => {
            let response = Response { status: *code, headers: headers.clone(), body: http::Body::Bytes(body.clone()) };
            exchange.send(&response)
        }
        Reply::Late(time) => {
            pause_or_stop(shared, *time)?;
            exchange.send(&right())
        }
    }
}

fn with_header(mut response: Response, name: &str, value: &str) -> Response {
    response.headers.push((name.into(), value.into()));
    response
}

fn pause_or_stop(shared: &Shared, time: Duration) -> io::Result<()> {
    if shared.store.sleep(time) { Err(closed()) } else { Ok(()) }
}

fn forever(shared: &Shared, exchange: &mut Exchange<'_>, bytes: &[u8]) -> io::Result<()> {
    while !shared.store.is_stopped() {
        exchange.raw(bytes)?;
    }
    Err(closed())
}

/// The connection is to be closed; nobody reads the words.
pub(crate) fn closed() -> io::Error {
    io::Error::other("closed on purpose")
}
