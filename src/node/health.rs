//! A kubelet that has been started here: until it is healthy.

use std::fmt;
use std::time::{Duration, Instant};

use crate::error::{Code, Explain, codes};
use crate::kube::client::REQUEST_TIMEOUT;
use crate::net::error::NetError;
use crate::net::http::{Connection, Method, Request};
use crate::net::route::Route;
use crate::net::stream::Stream;
use crate::phase::Phase;
use crate::report::Report;
use crate::values::Endpoint;

/// kubeadm's interval for both waits (`cmd/kubeadm/app/constants/constants.go`, `KubernetesAPICallRetryInterval`).
const INTERVAL: Duration = Duration::from_millis(500);
/// How often the init system is asked about a kubelet that does not answer.
const SERVICE_POLL_INTERVAL: Duration = Duration::from_secs(2);
/// For how long it may call the kubelet stopped before that is believed to be the end: one that is started again is called so
/// for a moment at most.
const STOPPED_GRACE: Duration = Duration::from_secs(5);
/// The kubelet answers `ok`.
const MAX_HEALTHZ: usize = 4 * 1024;

/// The kubelet did not come up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unhealthy {
    url: String,
    waited: Duration,
    last: String,
}

/// Waits for the kubelet's healthz. `address` is where its configuration puts it; `None` where it is turned off. `runs` asks
/// the init system: a kubelet that has ended for good is not waited for.
pub fn healthy(
    address: Option<Endpoint>,
    wait: Duration,
    runs: impl Fn() -> bool,
    report: &Report,
) -> Result<(), Unhealthy> {
    let Some(address) = address else { return Ok(()) };
    let started = Instant::now();
    let (mut asked, mut seen_running) = (started, started);
    let url = format!("http://{address}/healthz");
    let text = format_args!("Asking the kubelet at {url} until it is well; {} s at most", wait.as_secs());
    report.info(Phase::KubeletWaitBootstrap, text);
    loop {
        let last = match healthz(&address) {
            Ok(200) => {
                let seconds = started.elapsed().as_secs_f32();
                let text = format_args!("The kubelet answered after {seconds:.1} s: healthy");
                report.info(Phase::KubeletWaitBootstrap, text);
                return Ok(());
            }
            Ok(status) => format!("it answers with status {status}"),
            Err(error) => error.to_string(),
        };
        if asked.elapsed() >= SERVICE_POLL_INTERVAL {
            asked = Instant::now();
            if runs() {
                seen_running = asked;
            } else if seen_running.elapsed() >= STOPPED_GRACE {
                let last = "it has ended, and the init system does not start it again".to_owned();
                return Err(Unhealthy { url, waited: started.elapsed(), last });
            }
        }
        if started.elapsed() + INTERVAL > wait {
            return Err(Unhealthy { url, waited: wait, last });
        }
        std::thread::sleep(INTERVAL);
    }
}

/// Whether the kubelet answers at its healthz that it is well: asked once.
pub fn answers(address: &Endpoint) -> bool {
    matches!(healthz(address), Ok(200))
}

fn healthz(address: &Endpoint) -> Result<u16, NetError> {
    let deadline = Instant::now() + REQUEST_TIMEOUT;
    let route = Route::direct(address.clone());
    let stream = Stream::plain(address, deadline).map_err(|cause| NetError::new(&route, cause))?;
    let mut connection = Connection::new(route, stream);
    let request = Request { method: Method::Get, path: "/healthz".to_owned(), bearer: None, body: None };
    connection.send(&[request], deadline)?;
    Ok(connection.receive(MAX_HEALTHZ, deadline)?.head.status)
}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the kubelet is not healthy at {} after {} s: {}", self.url, self.waited.as_secs(), self.last)
    }
}

impl std::error::Error for Unhealthy {}

impl Explain for Unhealthy {
    fn code(&self) -> &'static Code {
        &codes::KUBELET_UNHEALTHY
    }
}
