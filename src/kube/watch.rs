//! A WATCH on one certificate signing request, event by event.

use std::time::Instant;

use super::answer::{MAX_OBJECT, refusal};
use super::error::KubeError;
use super::types::{CertificateSigningRequest, WatchEvent};
use super::wanted::Wanted;
use crate::net::http::{Read, Response, Streaming};
use crate::secret::Secret;
use crate::text::UntrustedText;

/// A WATCH whose head has come.
#[derive(Debug)]
pub struct CsrWatch<'c> {
    wanted: Wanted,
    streaming: Streaming<'c>,
    buffer: Vec<u8>,
    bearer: Option<Secret>,
}

/// What a WATCH on a request says.
#[derive(Clone, Debug)]
pub enum CsrEvent {
    /// How the request looks now.
    Now(CertificateSigningRequest),
    /// It was deleted.
    Deleted,
    /// Nothing was said about it so far.
    Nothing,
}

impl<'c> CsrWatch<'c> {
    /// The events behind a head that is a success, until `deadline`.
    ///
    /// # Errors
    /// The head is a refusal.
    pub(super) fn new(
        wanted: Wanted,
        mut streaming: Streaming<'c>,
        bearer: Option<Secret>,
        deadline: Instant,
    ) -> Result<CsrWatch<'c>, KubeError> {
        if streaming.head.status == 200 {
            streaming.set_deadline(deadline);
            return Ok(CsrWatch { wanted, streaming, buffer: Vec::new(), bearer });
        }
        let mut body = Vec::new();
        while body.len() <= MAX_OBJECT && streaming.read_more(&mut body).map_err(|e| KubeError::net(&wanted, e))? {}
        let response = Response { head: streaming.head.clone(), body };
        Err(refusal(&wanted, &response, bearer.as_ref()))
    }

    /// The next event; [`CsrEvent::Nothing`] where none has come by then, `None` when the server has ended the watch.
    ///
    /// # Errors
    /// The connection breaks, or what comes is no event.
    pub fn next_event(&mut self, until: Instant) -> Result<Option<CsrEvent>, KubeError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let event: WatchEvent = serde_json::from_slice(&line).map_err(|_| self.garbled(&line))?;
                match event.kind.as_str() {
                    "BOOKMARK" => continue,
                    "DELETED" => return Ok(Some(CsrEvent::Deleted)),
                    "ADDED" | "MODIFIED" => {
                        let csr: Result<CertificateSigningRequest, _> = serde_json::from_value(event.object);
                        let ours = csr.ok().filter(|csr| csr.metadata.name == self.wanted.name());
                        return Ok(Some(CsrEvent::Now(ours.ok_or_else(|| self.garbled(&line))?)));
                    }
                    // `ERROR` carries a Status, for instance that the watch has to be started anew.
                    _ => return Ok(None),
                }
            }
            if self.buffer.len() > MAX_OBJECT {
                return Err(self.garbled(&self.buffer));
            }
            let read = self.streaming.read_until(&mut self.buffer, until);
            match read.map_err(|e| KubeError::net(&self.wanted, e))? {
                Read::More => {}
                Read::Nothing => return Ok(Some(CsrEvent::Nothing)),
                Read::Ended => return Ok(None),
            }
        }
    }

    fn garbled(&self, line: &[u8]) -> KubeError {
        KubeError::unexpected(&self.wanted, UntrustedText::from_bytes(line, self.bearer.as_ref()))
    }
}
