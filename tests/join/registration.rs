//! The wait for the node's own Node, with the certificate that has just been issued.

use std::time::Duration;

use kubejoin::for_tests::clock::{Clock, ClockMode};
use kubejoin::for_tests::discovery::{Discovered, discover};
use kubejoin::for_tests::error::Explain;
use kubejoin::for_tests::inputs::Trust;
use kubejoin::for_tests::kube::client::Client;
use kubejoin::for_tests::node::registration::{NotRegistered, Registered};
use kubejoin::for_tests::pki::key::PrivateKey;
use kubejoin::for_tests::report::Report;
use kubejoin::for_tests::tls_bootstrap::obtain;
use kubejoin_apiserver::{ApiServer, ExistingNode, Faults, Options, Reply, Rule};

use crate::builder::{access_by_token, soon};

/// Longer than any of these waits takes, unless it waits for what is not going to come.
const LONG: Duration = Duration::from_secs(60);

/// Joins as far as the certificate, then waits for the Node; and how often that was asked for.
fn wait(server: &ApiServer, faults: Faults, wait: Duration) -> (Result<Registered, NotRegistered>, usize) {
    let trust = Trust::Pins(vec![server.ca_hash().parse().unwrap()]);
    let access = access_by_token(server, trust, Clock::read(ClockMode::Auto, None));
    let report = Report::new(Vec::new());
    let Discovered { info, server: verified, bootstrap } = discover(&access, soon(), &report).unwrap();
    let mut client = Client::new(verified, bootstrap.credentials.token);
    let node = "worker-1".parse().unwrap();
    let key = PrivateKey::generate().unwrap();
    let credentials = obtain(&mut client, &node, key, &info, soon(), &report).unwrap();
    server.set_faults(faults);
    let registered = Registered::wait(&access, &node, wait, &info, &credentials);
    let asked = server.requests().iter().filter(|request| request.path.ends_with("/nodes/worker-1")).count();
    (registered, asked)
}

fn status(code: u16, reason: &str) -> Reply {
    Reply::Status { code, reason: reason.to_owned(), message: "no".to_owned() }
}

#[test]
fn a_node_that_may_not_be_read_ends_the_wait_at_once() {
    let server = ApiServer::start(Options::default());
    let (registered, asked) = wait(&server, Faults::replying(Rule::on("/nodes/", status(403, "Forbidden"))), LONG);
    let error = registered.unwrap_err();
    assert_eq!(error.code().name, "kubelet.not-registered");
    assert_eq!(error.to_string(), "Node worker-1: forbidden: no");
    assert_eq!(asked, 1);
}

#[test]
fn a_retry_after_beyond_the_deadline_ends_the_wait() {
    let server = ApiServer::start(Options::default());
    let reply = Reply::RetryAfter { code: 429, value: "3600".to_owned() };
    let (registered, asked) = wait(&server, Faults::replying(Rule::on("/nodes/", reply)), LONG);
    assert!(registered.unwrap_err().to_string().contains("asks to wait 3600 s"));
    assert_eq!(asked, 1);
}

#[test]
fn a_node_that_is_not_there_yet_is_waited_for() {
    let server = ApiServer::start(Options::default());
    // The first two find a server that is busy, and no Node.
    let busy = Rule::on("/nodes/", Reply::internal_error()).times(1);
    let missing = Rule::on("/nodes/", status(404, "NotFound")).times(1);
    server.add_node(&ExistingNode::ready("worker-1"));
    let faults = Faults { replies: vec![busy, missing], ..Faults::default() };
    let (registered, asked) = wait(&server, faults, LONG);
    let mut registered = registered.unwrap();
    assert_eq!(asked, 3);
    registered.annotate("example.com/a", "b").unwrap();
    assert_eq!(server.node("worker-1").unwrap()["metadata"]["annotations"]["example.com/a"], "b");
}

#[test]
fn a_node_that_never_appears_is_named_at_the_end() {
    let server = ApiServer::start(Options::default());
    let (registered, asked) = wait(&server, Faults::default(), Duration::from_secs(2));
    assert!(registered.unwrap_err().to_string().starts_with("Node worker-1: not found: "));
    assert!(asked > 1);
}
