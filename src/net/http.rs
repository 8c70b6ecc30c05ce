//! HTTP/1.1 on one connection, spoken through ureq's state machine (`ureq-proto`).
//!
//! A [`Connection`] is a value that its owner holds: there is no pool, no redirect is followed, nothing is retried and nothing is
//! read from the environment here. Several requests may be sent before the first answer is read (RFC 9112, 9.3.2), which
//! is how two requests share a round trip.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::engine::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq_proto::client::state::{RecvBody, RecvResponse};
use ureq_proto::client::{Call, RecvResponseResult, SendRequestResult};
use ureq_proto::http;
use zeroize::Zeroizing;

use super::error::{Cause, NetError, Stage};
use super::route::Route;
use super::stream::Stream;
use crate::secret::Secret;
use crate::text::UntrustedText;
use crate::values::Endpoint;
use crate::values::proxy::Credentials;

/// Largest head of an answer, in bytes; the API server's are below 1 KiB.
const MAX_HEAD: usize = 16 * 1024;
/// Who asks.
const USER_AGENT: &str = concat!("kubejoin/", env!("CARGO_PKG_VERSION"));
/// Read granularity, in bytes. Small, because it is most of the heap of a join.
const CHUNK: usize = 4 * 1024;

/// The beginning of the year 9999: a clock set to a later date could run out of the calendar, which httpdate panics at.
const LAST_DATE: Duration = Duration::from_secs(253_370_764_800);

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Verb.
    pub method: Method,
    /// Path and query, starting with `/`.
    pub path: String,
    /// `Authorization: Bearer`, where the server may know.
    pub bearer: Option<Secret>,
    /// A JSON body; that of a PATCH is a strategic merge patch.
    pub body: Option<Vec<u8>>,
}

/// The verbs of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// Create.
    Post,
    /// Put another in its place.
    Put,
    /// Change.
    Patch,
    /// Remove.
    Delete,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    /// Status code.
    pub status: u16,
    /// `Date`, where it could be read.
    pub date: Option<SystemTime>,
    /// `Retry-After` in its delay-seconds form (RFC 9110, 10.2.3), the only one that API servers send.
    pub retry_after: Option<Duration>,
    /// `Location` of a redirect (3xx), as it came; without one, empty.
    pub location: Option<String>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its head.
    pub head: Head,
    /// Its body, complete.
    pub body: Vec<u8>,
}

/// What a proxy answers to CONNECT.
#[derive(Debug)]
pub enum Tunnel {
    /// Bytes go to the endpoint from here on, and come from there.
    Open(Stream),
    /// Any status but 200.
    Refused(u16),
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    route: Route,
    stream: Stream,
    input: Vec<u8>,
    /// Requests that were sent and not answered yet, oldest first.
    waiting: VecDeque<Call<RecvResponse>>,
    usable: bool,
}

impl Connection {
    /// HTTP over a stream that is ready for it.
    pub fn new(route: Route, stream: Stream) -> Self {
        Connection { route, stream, input: Vec::new(), waiting: VecDeque::new(), usable: true }
    }

    /// Whether another request may be sent. Not where something has come that was not asked for (RFC 9112, 9.2): it would
    /// be taken for the answer to the next request.
    pub fn is_usable(&self) -> bool {
        self.usable && (self.input.is_empty() || !self.waiting.is_empty())
    }

    /// How many requests were sent that no answer was read to.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Sends requests in one write, without waiting for answers.
    pub fn send(&mut self, requests: &[Request], deadline: Instant) -> Result<(), NetError> {
        // Holds the bearer token: wiped when dropped.
        let mut output = Zeroizing::new(Vec::new());
        for request in requests {
            let call = serialise(self.route.endpoint(), request, &mut output).map_err(|e| self.malformed(&e))?;
            self.waiting.push_back(call);
        }
        self.stream.set_deadline(deadline);
        let sent = self.stream.write_all(&output);
        sent.map_err(|cause| self.broken(cause))
    }

    /// Reads the answer to the oldest request that has none yet, with a body of at most `cap` bytes.
    pub fn receive(&mut self, cap: usize, deadline: Instant) -> Result<Response, NetError> {
        let mut streaming = self.receive_head(deadline)?;
        let mut body = Vec::new();
        while streaming.read_more(&mut body)? {
            if body.len() > cap {
                let cause = Cause::BodyTooLarge { cap };
                return Err(streaming.connection.broken(cause));
            }
        }
        Ok(Response { head: streaming.head.clone(), body })
    }

    /// Reads only the head of the answer; the body is read from what is returned, as it comes.
    pub fn receive_head(&mut self, deadline: Instant) -> Result<Streaming<'_>, NetError> {
        self.stream.set_deadline(deadline);
        let Some(mut call) = self.waiting.pop_front() else { return Err(self.broken(Cause::Closed(Stage::Head))) };
        let response = self.read_head(&mut call)?;
        let head = Head {
            status: response.status().as_u16(),
            date: header(&response, "date")
                .and_then(|text| httpdate::parse_http_date(text).ok())
                .filter(|date| date.duration_since(UNIX_EPOCH).is_ok_and(|since| since < LAST_DATE)),
            retry_after: header(&response, "retry-after").and_then(|t| t.parse().ok()).map(Duration::from_secs),
            location: response
                .status()
                .is_redirection()
                .then(|| header(&response, "location").unwrap_or_default().to_owned()),
        };
        // What comes next is asked somewhere else, if at all.
        self.usable &= head.location.is_none();
        let state = match call.proceed() {
            Some(RecvResponseResult::RecvBody(call)) => Body::More(Box::new(call)),
            Some(RecvResponseResult::Cleanup(call)) => {
                self.usable &= !call.must_close_connection();
                Body::Ended
            }
            Some(RecvResponseResult::Redirect(_)) => Body::Ended,
            // Cannot be, because a response was parsed.
            None => return Err(self.broken(Cause::Closed(Stage::Head))),
        };
        Ok(Streaming { connection: self, head, state: Some(state), deadline })
    }

    /// The final head of the answer to `call`; interim ones are ignored.
    fn read_head(&mut self, call: &mut Call<RecvResponse>) -> Result<http::Response<()>, NetError> {
        loop {
            match call.try_response(&self.input, false) {
                Ok((used, found)) => {
                    self.input.drain(..used);
                    match found {
                        Some(response) => return Ok(response),
                        // An interim answer was taken out; the final one may be there already.
                        None if used > 0 => continue,
                        None => {}
                    }
                }
                Err(ureq_proto::Error::HttpParseTooManyHeaders) => return Err(self.broken(Cause::HeadersTooLarge)),
                Err(error) => return Err(self.malformed(&error)),
            }
            if self.input.len() > MAX_HEAD {
                return Err(self.broken(Cause::HeadersTooLarge));
            }
            if self.fill(Stage::Head)? == 0 {
                return Err(self.broken(Cause::Closed(Stage::Head)));
            }
        }
    }

    /// Asks the proxy at the other end, by CONNECT (RFC 9110, 9.3.6), for a tunnel to `target`, which is what the connection
    /// is afterwards. Nothing may follow a 200: the server at the end of the tunnel waits for us to speak first.
    pub fn tunnel(
        mut self,
        target: &Endpoint,
        credentials: Option<&Credentials>,
        deadline: Instant,
    ) -> Result<Tunnel, NetError> {
        let mut output = Zeroizing::new(Vec::new());
        let mut call = ask_for_tunnel(target, credentials, &mut output).map_err(|e| self.malformed(&e))?;
        self.stream.set_deadline(deadline);
        let sent = self.stream.write_all(&output);
        sent.map_err(|cause| self.broken(cause))?;
        match self.read_head(&mut call)?.status().as_u16() {
            200 if self.input.is_empty() => Ok(Tunnel::Open(self.stream)),
            200 => {
                let text = UntrustedText::new("something follows the head of its answer", None);
                Err(self.broken(Cause::NotHttp(text)))
            }
            status => Ok(Tunnel::Refused(status)),
        }
    }

    fn fill(&mut self, stage: Stage) -> Result<usize, NetError> {
        self.fill_or(stage).map_err(|cause| self.broken(cause))
    }

    /// The same, for a cause that may not be the end of the connection.
    fn fill_or(&mut self, stage: Stage) -> Result<usize, Cause> {
        let filled = self.input.len();
        self.input.resize(filled + CHUNK, 0);
        let result = self.stream.read(&mut self.input[filled..], stage);
        self.input.truncate(filled + *result.as_ref().unwrap_or(&0));
        result
    }

    fn malformed(&mut self, error: &ureq_proto::Error) -> NetError {
        self.broken(Cause::NotHttp(UntrustedText::new(&error.to_string(), None)))
    }

    /// After any error the connection's state is unknown: it is never used again.
    fn broken(&mut self, cause: Cause) -> NetError {
        self.usable = false;
        NetError::new(&self.route, cause)
    }
}

/// An answer whose body is still coming. Dropped before its end, it takes the connection with it.
#[derive(Debug)]
pub struct Streaming<'c> {
    connection: &'c mut Connection,
    /// The head.
    pub head: Head,
    state: Option<Body>,
    deadline: Instant,
}

/// How far a body has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Something was read.
    More,
    /// Nothing has come so far.
    Nothing,
    /// It is complete.
    Ended,
}

#[derive(Debug)]
enum Body {
    More(Box<Call<RecvBody>>),
    Ended,
}

impl Streaming<'_> {
    /// Appends what came of the body; `false` when it is complete.
    pub fn read_more(&mut self, body: &mut Vec<u8>) -> Result<bool, NetError> {
        Ok(self.read_until(body, self.deadline)? != Read::Ended)
    }

    /// Moves the deadline of the answer: a head is due soon, and what is watched may come late.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    /// Appends what came of the body by then. That nothing has come is no error before the deadline of the answer.
    pub fn read_until(&mut self, body: &mut Vec<u8>, until: Instant) -> Result<Read, NetError> {
        let connection = &mut *self.connection;
        let Some(Body::More(mut call)) = self.state.take() else {
            self.state = Some(Body::Ended);
            return Ok(Read::Ended);
        };
        connection.stream.set_deadline(until.min(self.deadline));
        let start = body.len();
        let mut at = start;
        loop {
            body.resize(at + CHUNK, 0);
            let (used, written) = match call.read(&connection.input, &mut body[at..]) {
                Ok(amounts) => amounts,
                Err(error) => return Err(connection.malformed(&error)),
            };
            connection.input.drain(..used);
            at += written;
            body.truncate(at);
            if call.can_proceed() && !matches!(call.body_mode(), ureq_proto::BodyMode::CloseDelimited) {
                if let Some(ureq_proto::client::RecvBodyResult::Cleanup(call)) = call.proceed() {
                    connection.usable &= !call.must_close_connection();
                }
                self.state = Some(Body::Ended);
                return Ok(if at > start { Read::More } else { Read::Ended });
            }
            if at > start {
                self.state = Some(Body::More(call));
                return Ok(Read::More);
            }
            // Bodies are taken as they come; what stays is the line of a chunk that is not complete.
            if used == 0 && connection.input.len() > MAX_HEAD {
                let cause = Cause::NotHttp(UntrustedText::new("a chunk begins with a line without an end", None));
                return Err(connection.broken(cause));
            }
            if used > 0 {
                continue;
            }
            match connection.fill_or(Stage::Body) {
                Ok(0) => {
                    connection.usable = false;
                    // Only a body that ends with the connection may end here, and TLS vouches that it was not cut.
                    if matches!(call.body_mode(), ureq_proto::BodyMode::CloseDelimited) {
                        self.state = Some(Body::Ended);
                        return Ok(Read::Ended);
                    }
                    return Err(connection.broken(Cause::Closed(Stage::Body)));
                }
                Ok(_) => {}
                // A peer that the kernel has given up on is no silence.
                Err(Cause::TimedOut(_)) if (until..self.deadline).contains(&Instant::now()) => {
                    self.state = Some(Body::More(call));
                    return Ok(Read::Nothing);
                }
                Err(cause) => return Err(connection.broken(cause)),
            }
        }
    }
}

impl Drop for Streaming<'_> {
    fn drop(&mut self) {
        if !matches!(self.state, Some(Body::Ended)) {
            self.connection.usable = false;
        }
    }
}

fn serialise(
    endpoint: &Endpoint,
    request: &Request,
    output: &mut Vec<u8>,
) -> Result<Call<RecvResponse>, ureq_proto::Error> {
    let mut head = http::Request::builder()
        .method(match request.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Patch => http::Method::PATCH,
            Method::Delete => http::Method::DELETE,
        })
        .uri(format!("https://{endpoint}{}", request.path))
        .header("host", host(endpoint))
        .header("user-agent", USER_AGENT)
        // An API server takes the first, the web server of a discovery file whatever it has.
        .header("accept", "application/json, */*");
    if let Some(bearer) = &request.bearer {
        head = head.header("authorization", format!("Bearer {}", bearer.expose()));
    }
    let body = request.body.as_deref().unwrap_or_default();
    if request.body.is_some() {
        let media = match request.method {
            Method::Patch => "application/strategic-merge-patch+json",
            Method::Get | Method::Post | Method::Put | Method::Delete => "application/json",
        };
        head = head.header("content-type", media).header("content-length", body.len());
    }
    write(head, body, output)
}

fn ask_for_tunnel(
    target: &Endpoint,
    credentials: Option<&Credentials>,
    output: &mut Vec<u8>,
) -> Result<Call<RecvResponse>, ureq_proto::Error> {
    let mut head = http::Request::builder()
        .method(http::Method::CONNECT)
        .uri(target.to_string())
        .header("host", target.to_string())
        .header("user-agent", USER_AGENT);
    if let Some(Credentials { user, password }) = credentials {
        let plain = Zeroizing::new(format!("{}:{}", user.expose(), password.expose()));
        head = head.header("proxy-authorization", format!("Basic {}", STANDARD.encode(plain.as_bytes())));
    }
    write(head, &[], output)
}

fn write(
    head: http::request::Builder,
    body: &[u8],
    output: &mut Vec<u8>,
) -> Result<Call<RecvResponse>, ureq_proto::Error> {
    let head = head.body(()).map_err(|e| ureq_proto::Error::BadHeader(e.to_string()))?;
    // Lines are written whole; the first one has the path, and the query of a signed URL may be long.
    let path = head.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let longest = head.headers().values().map(http::HeaderValue::len).max().unwrap_or(0).max(path);
    let mut call = Call::new(head)?.proceed();
    while !call.can_proceed() {
        append(output, CHUNK + longest, |space| call.write(space))?;
    }
    match call.proceed()? {
        Some(SendRequestResult::RecvResponse(call)) => Ok(call),
        Some(SendRequestResult::SendBody(mut call)) => {
            output.extend_from_slice(body);
            call.consume_direct_write(body.len())?;
            call.proceed().ok_or(ureq_proto::Error::BodyNotAllowed)
        }
        // We never send `Expect`, and the head was written to its end above.
        Some(SendRequestResult::Await100(_)) | None => Err(ureq_proto::Error::BodyNotAllowed),
    }
}

/// Without the port that is the scheme's own, as every other client sends it (RFC 9112, 3.2).
fn host(endpoint: &Endpoint) -> String {
    let text = endpoint.to_string();
    text.strip_suffix(":443").map_or(text.clone(), str::to_owned)
}

fn append(
    output: &mut Vec<u8>,
    room: usize,
    write: impl FnOnce(&mut [u8]) -> Result<usize, ureq_proto::Error>,
) -> Result<(), ureq_proto::Error> {
    let filled = output.len();
    output.resize(filled + room, 0);
    let written = write(&mut output[filled..])?;
    output.truncate(filled + written);
    Ok(())
}

fn header<'r>(response: &'r http::Response<()>, name: &str) -> Option<&'r str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}
