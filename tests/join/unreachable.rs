//! An endpoint that cannot be connected to: what is said fits the network that this machine is really in.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use kubejoin_apiserver::{ApiServer, Options};
use serde_json::Value;

use crate::builder::{Join, Ran};

/// A documentation network (RFC 5737) on one end of a cable; what is asked on it is unanswered after a tenth of a second.
const CABLE: &str = "ip link add a0 type veth peer name b0 && ip addr add 198.51.100.2/24 dev a0 && ip link set a0 up && \
                     ip link set b0 up && echo 1 >/proc/sys/net/ipv4/neigh/a0/mcast_solicit && \
                     echo 100 >/proc/sys/net/ipv4/neigh/a0/retrans_time_ms";

/// Joins `endpoint` in a network namespace of its own that `setup` has made; `None` where this machine cannot have one.
fn join_in_namespace(setup: &str, endpoint: &str) -> Option<Value> {
    let probe = Command::new("unshare").args(["-n", "sh", "-c", "ip link set lo up"]).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: this test needs root, unshare(1) and ip(8), to make a network namespace");
        return None;
    }
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server).endpoint(endpoint).waits(2, 2);
    let command = join.command();
    let script = format!("ip link set lo up && {setup} && exec \"$0\" \"$@\"");
    let mut shell = Command::new("unshare");
    shell.args(["-n", "sh", "-c", &script]).arg(command.get_program()).args(command.get_args());
    let output = shell.stdin(Stdio::null()).output().unwrap();
    let result = std::fs::read(join.result_file());
    Some(serde_json::from_slice(&result.unwrap_or_else(|error| panic!("{error}: {output:?}"))).unwrap())
}

#[track_caller]
fn says(result: &Value, code: &str, message: &str, hint: &str) {
    let text = |key: &str| result[key].as_str().unwrap_or_default();
    assert_eq!((text("code"), &result["exit"]), (code, &Value::from(3)), "{result:#}");
    assert!(text("message").contains(message), "{message}: {result:#}");
    assert!(text("hint").contains(hint), "{hint}: {result:#}");
}

#[test]
fn without_a_route_the_route_is_named() {
    let Some(result) = join_in_namespace("true", "203.0.113.10:6443") else { return };
    says(&result, "net.unreachable", "203.0.113.10:6443: ", "default route");
}

#[test]
fn a_host_that_is_unreachable_by_a_good_route_is_behind_a_firewall() {
    let Some(result) = join_in_namespace(CABLE, "198.51.100.1:6443") else { return };
    says(&result, "net.unreachable", "although this machine has a route to it", "firewall");
}

#[test]
fn an_endpoint_that_is_this_machine_is_said_to_be() {
    let own = "ip addr add 203.0.113.10/32 dev lo";
    let Some(result) = join_in_namespace(own, "203.0.113.10:6443") else { return };
    says(&result, "net.connection-refused", "refused by this machine itself", "this machine's own");
}

#[test]
fn a_name_is_shown_with_the_address_that_was_tried() {
    let server = ApiServer::start(Options::default());
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = |endpoint: &str| -> Ran { Join::to(&server).endpoint(endpoint).waits(1, 1).run() };
    let by_name = refused(&format!("localhost:{free}"));
    let message = by_name.result["message"].as_str().unwrap();
    let is_shown = ["127.0.0.1", "::1"].map(|ip| format!("localhost:{free} ({ip}): connection refused"));
    assert!(is_shown.iter().any(|shown| message == shown), "{message}");
    let by_address = refused(&format!("127.0.0.1:{free}"));
    assert_eq!(by_address.result["message"], format!("127.0.0.1:{free}: connection refused"));
}
