//! Sending a reply: the headers that every reply has, then the body in one piece or in several.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use crate::faults::Faults;
use crate::http::{self, Request, Response};
use crate::store::uid;

/// Sends the reply to one request.
pub(crate) struct Exchange<'a> {
    out: &'a mut dyn Write,
    /// Is told the status before the client can know it.
    sending: &'a dyn Fn(u16),
    pretty: bool,
    standard: Vec<(String, String)>,
}

impl<'a> Exchange<'a> {
    pub fn new(
        out: &'a mut dyn Write,
        sending: &'a dyn Fn(u16),
        request: &Request,
        authenticated: bool,
        date: String,
    ) -> Self {
        let mut standard =
            vec![("Audit-Id".to_owned(), uid()), ("Cache-InitSystem".to_owned(), "no-cache, private".to_owned())];
        if !date.is_empty() {
            standard.push(("Date".to_owned(), date));
        }
        if authenticated {
            for name in ["X-Kubernetes-Pf-Flowschema-Uid", "X-Kubernetes-Pf-Prioritylevel-Uid"] {
                standard.push((name.to_owned(), uid()));
            }
        }
        if !request.keep_alive {
            standard.push(("Connection".to_owned(), "close".to_owned()));
        }
        // The real server indents for people, whom it knows by their User-Agent.
        let agent = request.header("user-agent").unwrap_or_default();
        let pretty = match request.query("pretty") {
            Some(value) => value != "false" && value != "0",
            None => ["curl", "Wget", "Mozilla/5.0"].iter().any(|a| agent.starts_with(a)),
        };
        Exchange { out, sending, pretty, standard }
    }

    fn headers(&self, response: &Response) -> Vec<(String, String)> {
        self.standard.iter().chain(&response.headers).cloned().collect()
    }

    /// The whole reply.
    pub fn send(&mut self, response: &Response) -> io::Result<()> {
        (self.sending)(response.status);
        let body = response.body_bytes(self.pretty);
        let headers = self.headers(response);
        http::write_response(&mut self.out, response.status, headers, &body)
    }

    /// Only the head, with a length.
    pub fn head_with_length(&mut self, response: &Response, length: usize) -> io::Result<()> {
        (self.sending)(response.status);
        let mut headers = self.headers(response);
        headers.push(("Content-Length".into(), length.to_string()));
        self.raw(&http::head(response.status, &headers))
    }

    /// Only the head, announcing chunks of this media type.
    pub fn head_chunked(&mut self, response: &Response, media: &str) -> io::Result<()> {
        (self.sending)(response.status);
        let mut headers = self.standard.clone();
        headers.push(("Content-Type".into(), media.into()));
        headers.push(("Transfer-Encoding".into(), "chunked".into()));
        self.raw(&http::head(response.status, &headers))
    }

    /// Bytes, now.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        write_now(self.out, bytes)
    }
}

/// The `Date` header; empty: there is none.
pub(crate) fn date(faults: &Faults) -> String {
    if let Some(text) = &faults.date_text {
        return text.clone();
    }
    let now = SystemTime::now();
    let offset = Duration::from_secs(faults.date_offset.unsigned_abs());
    let shown = if faults.date_offset < 0 { now.checked_sub(offset) } else { now.checked_add(offset) };
    http_date(shown.unwrap_or(now))
}

/// Writes and flushes.
pub(crate) fn write_now(out: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(bytes)?;
    out.flush()
}

/// RFC 9110, IMF-fixdate.
fn http_date(time: SystemTime) -> String {
    let format = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    time::OffsetDateTime::from(time).format(&format).unwrap_or_default()
}
