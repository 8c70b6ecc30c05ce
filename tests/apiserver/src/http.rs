//! HTTP/1.1 as Go's server speaks it: requests read with httparse, replies written with a length or in chunks. Nothing
//! here knows Kubernetes.

use std::fmt::Write as _;
use std::io::{self, Read, Write};

use serde_json::Value;

/// Go refuses request heads above this size. Source: `net/http`, `DefaultMaxHeaderBytes`.
const MAX_HEAD: usize = 1 << 20;
/// The API server's limit for request bodies. Source: `apiserver/pkg/server/config.go`, `MaxRequestBodyBytes`.
const MAX_BODY: usize = 3 << 20;
/// Replies above this size that declare no length go out in chunks. Source: `net/http`, `bufferBeforeChunkingSize`.
const CHUNKED_ABOVE: usize = 2048;

/// One request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub method: String,
    /// Percent-decoded, without the query.
    pub path: String,
    /// As sent, without the question mark.
    pub raw_query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub keep_alive: bool,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn query(&self, name: &str) -> Option<String> {
        self.raw_query
            .split('&')
            .filter_map(|pair| pair.split_once('=').or(Some((pair, ""))))
            .find(|(key, _)| percent_decoded(key) == name)
            .map(|(_, value)| percent_decoded(&value.replace('+', " ")))
    }
}

/// Why there is no request.
pub(crate) enum Ended {
    /// The peer closed between two requests.
    Closed,
    /// The peer sent something that is no HTTP.
    Malformed,
    /// The connection broke.
    Io,
}

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Ended::Io
    }
}

/// Reads one request. `pending` keeps bytes of the next one, so that pipelined requests are not lost.
pub(crate) fn read_request(stream: &mut (impl Read + Write), pending: &mut Vec<u8>) -> Result<Request, Ended> {
    let (mut request, head_len) = loop {
        if let Some(parsed) = parse_head(pending)? {
            break parsed;
        }
        if pending.len() > MAX_HEAD {
            return Err(Ended::Malformed);
        }
        if !fill(stream, pending)? {
            return Err(if pending.is_empty() { Ended::Closed } else { Ended::Io });
        }
    };
    pending.drain(..head_len);
    if request.header("expect").is_some_and(|v| v.eq_ignore_ascii_case("100-continue")) {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        stream.flush()?;
    }
    if request.header("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        request.body = read_chunked(stream, pending)?;
    } else if let Some(length) = request.header("content-length") {
        let length: usize = length.parse().map_err(|_| Ended::Malformed)?;
        request.body = take(stream, pending, length)?;
    }
    Ok(request)
}

fn parse_head(bytes: &[u8]) -> Result<Option<(Request, usize)>, Ended> {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut parsed = httparse::Request::new(&mut headers);
    let head_len = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Ended::Malformed),
    };
    let target = parsed.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: percent_decoded(path),
        raw_query: query.to_owned(),
        headers: parsed
            .headers
            .iter()
            .map(|h| (h.name.to_owned(), String::from_utf8_lossy(h.value).into_owned()))
            .collect(),
        body: Vec::new(),
        keep_alive: parsed.version == Some(1),
    };
    if request.header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close")) {
        request.keep_alive = false;
    }
    Ok(Some((request, head_len)))
}

/// Reads once; false at the end of the stream.
fn fill(stream: &mut impl Read, pending: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 16 * 1024];
    let read = match stream.read(&mut buffer) {
        // That is how rustls reports a peer that closes without close_notify; here that is a close like any other.
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => 0,
        other => other?,
    };
    pending.extend_from_slice(&buffer[..read]);
    Ok(read > 0)
}

fn take(stream: &mut impl Read, pending: &mut Vec<u8>, length: usize) -> Result<Vec<u8>, Ended> {
    if length > MAX_BODY {
        return Err(Ended::Malformed);
    }
    while pending.len() < length {
        if !fill(stream, pending)? {
            return Err(Ended::Io);
        }
    }
    Ok(pending.drain(..length).collect())
}

fn read_chunked(stream: &mut impl Read, pending: &mut Vec<u8>) -> Result<Vec<u8>, Ended> {
    let mut body = Vec::new();
    loop {
        let (used, size) = loop {
            match httparse::parse_chunk_size(pending) {
                Ok(httparse::Status::Complete(found)) => break found,
                Ok(httparse::Status::Partial) if fill(stream, pending)? => {}
                Ok(httparse::Status::Partial) => return Err(Ended::Io),
                Err(_) => return Err(Ended::Malformed),
            }
        };
        pending.drain(..used);
        let size = usize::try_from(size).map_err(|_| Ended::Malformed)?;
        body.extend(take(stream, pending, size)?);
        // The line break after the chunk. Trailers are not supported: none of our peers sends any.
        take(stream, pending, 2)?;
        if size == 0 {
            return Ok(body);
        }
        if body.len() > MAX_BODY {
            return Err(Ended::Malformed);
        }
    }
}

fn percent_decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let [first, rest @ ..] = bytes {
        if *first == b'%'
            && let [high, low, tail @ ..] = rest
            && let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16))
        {
            out.push((high * 16 + low) as u8);
            bytes = tail;
        } else {
            out.push(*first);
            bytes = rest;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// One reply whose body is known as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
}

/// A body, rendered late because the asker may want it indented.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Json(Value),
    Bytes(Vec<u8>),
}

impl Response {
    pub fn json(status: u16, value: Value) -> Self {
        Response { status, headers: vec![("Content-Type".into(), "application/json".into())], body: Body::Json(value) }
    }

    /// JSON that is indented for every client, as some pages are.
    pub fn indented_json(status: u16, value: &Value) -> Self {
        let text = serde_json::to_string_pretty(value).expect("a JSON value has a text");
        Response { body: Body::Bytes(text.into_bytes()), ..Self::json(status, Value::Null) }
    }

    pub fn text(status: u16, text: &str) -> Self {
        let headers = vec![
            ("Content-Type".into(), "text/plain; charset=utf-8".into()),
            ("X-Content-Type-Options".into(), "nosniff".into()),
        ];
        Response { status, headers, body: Body::Bytes(text.into()) }
    }

    /// The body's bytes; JSON ends with a line break, and is indented for people.
    pub fn body_bytes(&self, pretty: bool) -> Vec<u8> {
        match &self.body {
            Body::Bytes(bytes) => bytes.clone(),
            Body::Json(value) => {
                let text = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
                // Go's encoder escapes these, lest somebody take JSON for HTML. They occur in strings only.
                let mut text = text.expect("a JSON value has a text");
                for (character, escape) in [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026")] {
                    text = text.replace(character, escape);
                }
                text.push('\n');
                text.into_bytes()
            }
        }
    }
}

/// The status line and the headers, up to and including the empty line.
pub(crate) fn head(status: u16, headers: &[(String, String)]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason_phrase(status));
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// Writes a reply as Go would: with a length when it is short, in chunks when it is not.
pub(crate) fn write_response(
    out: &mut impl Write,
    status: u16,
    mut headers: Vec<(String, String)>,
    body: &[u8],
) -> io::Result<()> {
    if body.len() <= CHUNKED_ABOVE {
        headers.push(("Content-Length".into(), body.len().to_string()));
        let mut reply = head(status, &headers);
        reply.extend_from_slice(body);
        out.write_all(&reply)?;
    } else {
        headers.push(("Transfer-Encoding".into(), "chunked".into()));
        let mut reply = head(status, &headers);
        for part in body.chunks(CHUNKED_ABOVE) {
            reply.extend(chunk(part));
        }
        reply.extend_from_slice(LAST_CHUNK);
        out.write_all(&reply)?;
    }
    out.flush()
}

/// One chunk of a chunked body.
pub(crate) fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        409 => "Conflict",
        410 => "Gone",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let request = Request {
            method: "GET".into(),
            path: "/".into(),
            raw_query: "watch&fieldSelector=metadata.name%3Dn1&a=b+c".into(),
            headers: vec![],
            body: vec![],
            keep_alive: true,
        };
        assert_eq!(request.query("fieldSelector").as_deref(), Some("metadata.name=n1"));
        assert_eq!(request.query("watch").as_deref(), Some(""));
        assert_eq!(request.query("a").as_deref(), Some("b c"));
        assert_eq!(request.query("none"), None);
    }

    #[test]
    fn pipelined_requests_come_out_one_by_one() {
        let mut wire = io::Cursor::new(
            b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /b?x=1 HTTP/1.1\r\n\r\n"
                .to_vec(),
        );
        let mut pending = Vec::new();
        let first = read_request(&mut wire, &mut pending).ok().unwrap();
        let second = read_request(&mut wire, &mut pending).ok().unwrap();
        assert_eq!((first.path.as_str(), first.body.as_slice()), ("/a", b"abc".as_slice()));
        assert_eq!((second.path.as_str(), second.raw_query.as_str()), ("/b", "x=1"));
        assert!(matches!(read_request(&mut wire, &mut pending), Err(Ended::Closed)));
    }
}
