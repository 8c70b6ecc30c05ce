//! A server before and after it has been verified.

use std::time::{Instant, SystemTime};

use super::dial::Dialer;
use super::error::{Cause, NetError, Stage};
use super::http::{Connection, Head, Request, Response, Streaming};
use super::route::Route;
use super::tls::{self, ChainRecorder, RecordedChain, TlsConfig, TrustRoots};
use super::verification::Verification;
use crate::clock::Clock;
use crate::pki::certificate::Certificate;
use crate::pki::identity::ClientIdentity;
use crate::text::UntrustedText;
use crate::values::Endpoint;

/// A server of which nothing is known but where it is. It can be asked anonymously for a document, and told nothing.
#[derive(Debug)]
pub struct UnverifiedServer {
    dialer: Dialer,
    open: Option<(Connection, RecordedChain)>,
}

impl UnverifiedServer {
    /// Nothing is connected yet.
    pub fn new(dialer: Dialer) -> Self {
        UnverifiedServer { dialer, open: None }
    }

    /// An anonymous GET with no header or body of ours, of an API server, which never redirects.
    pub fn fetch(&mut self, path: &str, cap: usize, deadline: Instant) -> Result<Response, NetError> {
        let open = self.opened(deadline)?;
        let response = self.ask(open, path, cap, deadline)?;
        not_redirected(self.dialer.route(), &response.head)?;
        Ok(response)
    }

    /// The same of any web server. A signed URL is as good as a password: what the server has shown must be the endpoint's by
    /// `roots` before it is asked. By a clock that cannot be right, that is judged at a time that suits the certificate;
    /// whether it is valid now is left to [`verify`](Self::verify).
    pub fn fetch_or_redirect(
        &mut self,
        path: &str,
        verification: &Verification,
        cap: usize,
        deadline: Instant,
    ) -> Result<Response, NetError> {
        let open = self.opened(deadline)?;
        let at = match Certificate::from_der(open.1.end_entity.clone()) {
            Ok(leaf) if !verification.clock().is_plausible() => leaf.not_before().max(verification.clock().floor()),
            _ => verification.clock().now(),
        };
        tls::verify_chain(&open.1, verification.roots(), self.dialer.route().endpoint(), at)
            .map_err(|cause| NetError::new(self.dialer.route(), cause))?;
        self.ask(open, path, cap, deadline)
    }

    /// The open connection, or a new one where the last answer has ended it.
    fn opened(&mut self, deadline: Instant) -> Result<(Connection, RecordedChain), NetError> {
        match self.open.take() {
            Some(open) if open.0.is_usable() => Ok(open),
            _ => self.connect(deadline),
        }
    }

    fn ask(
        &mut self,
        (mut connection, chain): (Connection, RecordedChain),
        path: &str,
        cap: usize,
        deadline: Instant,
    ) -> Result<Response, NetError> {
        let request = Request { method: super::http::Method::Get, path: path.to_owned(), bearer: None, body: None };
        connection.send(&[request], deadline)?;
        let response = connection.receive(cap, deadline)?;
        // Kept even where the server has ended it: its chain is what the document came with.
        self.open = Some((connection, chain));
        Ok(response)
    }

    fn connect(&self, deadline: Instant) -> Result<(Connection, RecordedChain), NetError> {
        let at = |cause| NetError::new(self.dialer.route(), cause);
        let recorder = ChainRecorder::default();
        let config = tls::danger_record_chain(&recorder).map_err(at)?;
        let connection = self.dialer.connect(&config, deadline)?;
        let chain = recorder.recorded().ok_or_else(|| at(Cause::Closed(Stage::Handshake)))?;
        Ok((connection, chain))
    }

    /// Verifies the connection that the last document came over: its chain must end in the roots, be for the endpoint's
    /// host and be valid. `server_date` is what that server says the time is; `verification` says whether that counts. The
    /// result's [`clock`](Server::clock) is the one to go on with.
    pub fn verify(mut self, verification: &Verification, server_date: Option<SystemTime>) -> Result<Server, NetError> {
        let (roots, clock) = (verification.roots(), verification.clock());
        let server_date = server_date.filter(|_| verification.believes_server_time());
        let at = |cause| NetError::new(self.dialer.route(), cause);
        let Some((connection, chain)) = self.open.take() else { return Err(at(Cause::Closed(Stage::Head))) };
        let is_replaced = !clock.is_plausible();
        let clock = match server_date {
            _ if !is_replaced => clock,
            // A clock before its floor is wrong for certain; the server's date may be a lie only of a holder of the pinned
            // CA's trust, and never reaches below the floor.
            date => clock.corrected_to(date.unwrap_or(clock.floor()).max(clock.floor())),
        };
        if let Err(cause) = tls::verify_chain(&chain, roots, self.dialer.route().endpoint(), clock.now()) {
            return Err(at(match (&cause, server_date) {
                (Cause::Validity { .. }, Some(date))
                    if !is_replaced
                        && tls::verify_chain(&chain, roots, self.dialer.route().endpoint(), date).is_ok() =>
                {
                    Cause::ClocksDisagree { system: clock.now(), server: date }
                }
                _ => cause,
            }));
        }
        let mut server = Server::new(self.dialer.clone(), roots, clock, None)?;
        server.connection = Some(connection);
        server.shown = Some((chain, roots.clone()));
        Ok(server)
    }
}

/// A server whose every connection is verified against verified roots: the only thing that credentials can be sent to.
#[derive(Debug)]
pub struct Server {
    dialer: Dialer,
    config: TlsConfig,
    clock: Clock,
    connection: Option<Connection>,
    /// What it has shown, where that was recorded, and what has verified it.
    shown: Option<(RecordedChain, TrustRoots)>,
}

impl Server {
    /// A server that will be connected to strictly: chain, name and validity at `clock`'s time, presenting `identity`.
    pub fn new(
        dialer: Dialer,
        roots: &TrustRoots,
        clock: Clock,
        identity: Option<&ClientIdentity>,
    ) -> Result<Self, NetError> {
        let config = tls::strict(roots, clock, identity).map_err(|cause| NetError::new(dialer.route(), cause))?;
        Ok(Server { dialer, config, clock, connection: None, shown: None })
    }

    /// The same server, verified with fewer roots: what it has shown is judged once more, and so is every later connection.
    /// It presents no identity.
    pub fn reverify_with(self, roots: &TrustRoots) -> Result<Self, NetError> {
        let Server { dialer, clock, connection, shown, .. } = self;
        let mut server = Server::new(dialer, roots, clock, None)?;
        if let Some((chain, _)) = shown {
            tls::verify_chain(&chain, roots, server.endpoint(), clock.now())
                .map_err(|cause| NetError::new(server.dialer.route(), cause))?;
            server.connection = connection;
            server.shown = Some((chain, roots.clone()));
        }
        Ok(server)
    }

    /// Whether its certificate is for `other`'s host, too; yes where it has not been recorded.
    pub fn certificate_covers(&self, other: &Endpoint, at: SystemTime) -> bool {
        self.shown.as_ref().is_none_or(|(chain, roots)| tls::verify_chain(chain, roots, other, at).is_ok())
    }

    /// The clock that its certificates are judged by.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Where it is.
    pub fn endpoint(&self) -> &Endpoint {
        self.dialer.route().endpoint()
    }

    /// Sends `requests` at once and reads their answers, each of at most `cap` bytes. `ahead` goes out with them but is left
    /// unanswered, for [`stream`](Self::stream). A connection that the server closed while it was idle is replaced, once,
    /// by a new verified one; so requests must be such that sending them twice does no harm.
    pub fn exchange(
        &mut self,
        requests: &[Request],
        ahead: Option<&Request>,
        cap: usize,
        deadline: Instant,
    ) -> Result<Vec<Response>, NetError> {
        let mut answers = Vec::with_capacity(requests.len());
        while answers.len() < requests.len() {
            let before = answers.len();
            let (mut connection, is_new) = self.take_connection(deadline)?;
            let mut batch = requests[before..].to_vec();
            batch.extend(ahead.cloned());
            let result = connection.send(&batch, deadline).and_then(|()| {
                while answers.len() < requests.len() && connection.is_usable() {
                    let answer = connection.receive(cap, deadline)?;
                    not_redirected(self.dialer.route(), &answer.head)?;
                    answers.push(answer);
                }
                Ok(())
            });
            match result {
                Ok(()) => self.connection = Some(connection),
                Err(error) if was_idle(&error) && (answers.len() > before || !is_new) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(answers)
    }

    /// Asks and returns as soon as the head of the answer is there. Where `request` was sent `ahead`, only reads.
    pub fn stream(&mut self, request: &Request, deadline: Instant) -> Result<Streaming<'_>, NetError> {
        let connection = match self.connection.take() {
            Some(connection) if connection.is_usable() && connection.waiting() == 1 => connection,
            kept => {
                self.connection = kept;
                let (mut connection, is_new) = self.take_connection(deadline)?;
                if let Err(error) = connection.send(std::slice::from_ref(request), deadline) {
                    if is_new || !was_idle(&error) {
                        return Err(error);
                    }
                    connection = self.take_connection(deadline)?.0;
                    connection.send(std::slice::from_ref(request), deadline)?;
                }
                connection
            }
        };
        let streaming = self.connection.insert(connection).receive_head(deadline)?;
        not_redirected(self.dialer.route(), &streaming.head)?;
        Ok(streaming)
    }

    /// An open connection with nothing unanswered on it, or a new one; and whether it is new.
    fn take_connection(&mut self, deadline: Instant) -> Result<(Connection, bool), NetError> {
        match self.connection.take() {
            Some(connection) if connection.is_usable() && connection.waiting() == 0 => Ok((connection, false)),
            _ => Ok((self.dialer.connect(&self.config, deadline)?, true)),
        }
    }
}

/// Following a redirect would leave the server that was verified.
fn not_redirected(route: &Route, head: &Head) -> Result<(), NetError> {
    match &head.location {
        Some(location) => {
            let location = if location.is_empty() { "nowhere" } else { location };
            Err(NetError::new(route, Cause::Redirect { location: UntrustedText::new(location, None) }))
        }
        None => Ok(()),
    }
}

/// Whether the error is what a connection gives that the server closed while nothing was asked.
fn was_idle(error: &NetError) -> bool {
    matches!(error.cause, Cause::Closed(Stage::Send | Stage::Head))
}
