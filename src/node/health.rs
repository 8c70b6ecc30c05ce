//! After the kubelet has been started here: until it is healthy, and, beyond kubeadm, until its Node exists.

use std::fmt;
use std::time::{Duration, Instant};

use crate::discovery::ClusterInfo;
use crate::error::{Code, Explain, codes};
use crate::kube::client::{Client, REQUEST_TIMEOUT, Wanted};
use crate::net::dial::Dialer;
use crate::net::error::NetError;
use crate::net::http::{Connection, Method, Request};
use crate::net::route::Route;
use crate::net::server::Server;
use crate::net::stream::Stream;
use crate::phase::Phase;
use crate::pki::identity::ClientIdentity;
use crate::plan::JoinPlan;
use crate::report::Report;
use crate::tls_bootstrap::Credentials;
use crate::values::Endpoint;

/// kubeadm's interval for both waits (`cmd/kubeadm/app/constants/constants.go`, `KubernetesAPICallRetryInterval`).
const INTERVAL: Duration = Duration::from_millis(500);
/// How often the service manager is asked about a kubelet that does not answer.
const ASK: Duration = Duration::from_secs(2);
/// For how long it may call the kubelet stopped before that is believed to be the end: one that is started again is called so
/// for a moment at most.
const ENDED: Duration = Duration::from_secs(5);
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
/// the service manager: a kubelet that has ended for good is not waited for.
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
        if asked.elapsed() >= ASK {
            asked = Instant::now();
            if runs() {
                seen_running = asked;
            } else if seen_running.elapsed() >= ENDED {
                let last = "it has ended, and the service manager does not start it again".to_owned();
                return Err(Unhealthy { url, waited: started.elapsed(), last });
            }
        }
        if started.elapsed() + INTERVAL > wait {
            return Err(Unhealthy { url, waited: wait, last });
        }
        std::thread::sleep(INTERVAL);
    }
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

/// Waits until the kubelet has registered its Node; asked with the node's own new certificate, which proves that too. Then
/// gives it `annotation`, a name and a value, where there is one. `false` where it did not appear in time.
pub fn registered(
    plan: &JoinPlan,
    info: &ClusterInfo,
    credentials: &Credentials,
    annotation: Option<(&str, &str)>,
    report: &Report,
) -> bool {
    let identity = ClientIdentity::of_key(credentials.chain(), credentials.key());
    let dialer = Dialer::new(info.endpoint().clone(), &plan.proxies);
    let Ok(server) = dialer.and_then(|dialer| Server::new(dialer, info.roots(), info.clock(), Some(&identity))) else {
        return false;
    };
    let mut client = Client::new(server, None);
    let wanted = Wanted::node(plan.node_name.as_str());
    let deadline = Instant::now() + plan.timeouts.kubernetes_api_call;
    loop {
        match client.node(&wanted) {
            Ok(_) => {
                report.info(Phase::KubeletWaitBootstrap, format_args!("{wanted} is registered"));
                if let Some((name, value)) = annotation {
                    annotate(&mut client, &wanted, name, value, deadline, report);
                }
                return true;
            }
            Err(error) if Instant::now() + INTERVAL > deadline => {
                report.warn(Phase::KubeletWaitBootstrap, Some(&codes::KUBELET_NOT_REGISTERED), error);
                return false;
            }
            Err(_) => std::thread::sleep(INTERVAL),
        }
    }
}

/// A Node without the annotation is a node all the same: what fails is a warning.
fn annotate(client: &mut Client, node: &Wanted, name: &str, value: &str, deadline: Instant, report: &Report) {
    loop {
        match client.annotate(node, name, value) {
            Ok(()) => return report.info(Phase::KubeletWaitBootstrap, format_args!("{node} is annotated with {name}")),
            Err(error) if !error.may_retry() || Instant::now() + INTERVAL > deadline => {
                let code = &codes::NODE_NOT_ANNOTATED;
                return report.warn(Phase::KubeletWaitBootstrap, Some(code), error);
            }
            Err(_) => std::thread::sleep(INTERVAL),
        }
    }
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
