//! A kubelet that has been started here: until it is healthy.

use std::fmt;
use std::time::{Duration, Instant};

use crate::error::{Code, Explain, codes, debug_as_display};
use crate::kube::client::{REQUEST_TIMEOUT, RETRY_INTERVAL};
use crate::net::error::NetError;
use crate::net::http::{Connection, Method, Request};
use crate::net::route::Route;
use crate::net::stream::Stream;
use crate::phase::Phase;
use crate::report::Report;
use crate::retry::{Grace, Retry};
use crate::values::Endpoint;

/// How often the init system is asked about a kubelet that does not answer.
const SERVICE_POLL_INTERVAL: Duration = Duration::from_secs(2);
/// For how long it may call the kubelet stopped before that is believed to be the end: one that is started again is called so
/// for a moment at most.
const STOPPED_GRACE: Duration = Duration::from_secs(5);
/// Largest answer that is read, in bytes: the kubelet answers `ok`.
const MAX_HEALTHZ: usize = 4 * 1024;

/// The kubelet did not come up.
#[derive(Clone, PartialEq, Eq)]
pub struct Unhealthy {
    url: String,
    waited: Duration,
    reason: Reason,
}

/// What was wrong with it last.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    NoAnswer(Box<NetError>),
    Status(u16),
    Stopped,
}

/// Waits for the kubelet's healthz. `address` is where its configuration puts it; `None` where it is turned off. `runs` asks
/// the init system: a kubelet that has ended for good is not waited for.
///
/// # Errors
/// It is not healthy within `wait`, or has ended.
pub fn healthy(
    address: Option<Endpoint>,
    wait: Duration,
    runs: impl Fn() -> bool,
    report: &Report,
) -> Result<(), Unhealthy> {
    let Some(address) = address else { return Ok(()) };
    let url = format!("http://{address}/healthz");
    let text = format_args!("Waiting for a healthy kubelet at {url}; {} s at most", wait.as_secs());
    report.info(Phase::KubeletWaitBootstrap, text);
    let retry = Retry::every(RETRY_INTERVAL, wait);
    let mut service = Service::new(runs);
    retry.run(
        || {
            let reason = match healthz(&address, retry.exchange_deadline(REQUEST_TIMEOUT)) {
                Ok(200) => return Ok(()),
                _ if service.has_ended() => Reason::Stopped,
                Ok(status) => Reason::Status(status),
                Err(error) => Reason::NoAnswer(Box::new(error)),
            };
            Err(Unhealthy { url: url.clone(), waited: retry.waited(), reason })
        },
        |_, _| {},
    )?;
    let seconds = retry.waited().as_secs_f32();
    report.info(Phase::KubeletWaitBootstrap, format_args!("The kubelet is healthy after {seconds:.1} s"));
    Ok(())
}

/// Whether the kubelet answers at its healthz that it is well: asked once.
pub fn answers(address: &Endpoint) -> bool {
    matches!(healthz(address, Instant::now() + REQUEST_TIMEOUT), Ok(200))
}

fn healthz(address: &Endpoint, deadline: Instant) -> Result<u16, NetError> {
    let route = Route::direct(address.clone());
    let stream = Stream::plain(address, deadline).map_err(|error| NetError::connecting(&route, error))?;
    let mut connection = Connection::new(route, stream);
    let request = Request { method: Method::Get, path: "/healthz".to_owned(), bearer: None, body: None };
    connection.send(&[request], deadline)?;
    Ok(connection.receive(MAX_HEALTHZ, deadline)?.head.status)
}

/// The kubelet as its init system sees it.
struct Service<R> {
    runs: R,
    asked: Grace,
    seen_running: Grace,
}

impl<R: Fn() -> bool> Service<R> {
    /// It has just been started.
    fn new(runs: R) -> Self {
        Service { runs, asked: Grace::new(SERVICE_POLL_INTERVAL), seen_running: Grace::new(STOPPED_GRACE) }
    }

    /// Whether it has ended, and is not started again.
    fn has_ended(&mut self) -> bool {
        if !self.asked.is_over() {
            return false;
        }
        self.asked = Grace::new(SERVICE_POLL_INTERVAL);
        if (self.runs)() {
            self.seen_running = Grace::new(STOPPED_GRACE);
            return false;
        }
        self.seen_running.is_over()
    }
}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the kubelet is not healthy at {} after {} s: ", self.url, self.waited.as_secs())?;
        match &self.reason {
            Reason::NoAnswer(error) => write!(f, "{error}"),
            Reason::Status(status) => write!(f, "it answers with status {status}"),
            Reason::Stopped => f.write_str("it has ended, and the init system does not start it again"),
        }
    }
}

debug_as_display!(Unhealthy);

impl std::error::Error for Unhealthy {}

impl Explain for Unhealthy {
    fn code(&self) -> &'static Code {
        &codes::KUBELET_UNHEALTHY
    }

    /// A kubelet that has not come up yet may do so, as long as it runs.
    fn may_retry(&self) -> bool {
        self.reason != Reason::Stopped
    }
}
