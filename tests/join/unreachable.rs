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
    // A sysfs shows the interfaces of the namespace that it was mounted in.
    let begin = "mount --make-rprivate / && mount -t sysfs sys /sys && ip link set lo up";
    let probe = Command::new("unshare").args(["-n", "-m", "sh", "-c", begin]).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: this test needs root, unshare(1) and ip(8), to make a network namespace with a /sys");
        return None;
    }
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server).endpoint(endpoint).waits(2, 2);
    let command = join.command();
    let script = format!("{begin} && {setup} && exec \"$0\" \"$@\"");
    let mut shell = Command::new("unshare");
    shell.args(["-n", "-m", "sh", "-c", &script]).arg(command.get_program()).args(command.get_args());
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
    let Some(result) = join_in_namespace(CABLE, "203.0.113.10:6443") else { return };
    says(&result, "net.unreachable", "unreachable; this machine has no default route", "add a route");
}

#[test]
fn what_the_network_lacks_is_named_instead_of_its_symptom() {
    const DEAF: &str = "ip link add a0 type veth peer name b0 && ip link set a0 up";
    let unaddressed = format!("{DEAF} && ip link set b0 up");
    // The name server, if there were one, could be asked.
    let no_resolver =
        format!("{CABLE} && ip route add default via 198.51.100.1 && mount --bind /dev/null /etc/resolv.conf");
    let rows = [
        ("true", "203.0.113.10:6443", "net.unreachable", "; this machine has no network interface yet", "driver"),
        ("ip link add a0 type veth", "203.0.113.10:6443", "net.unreachable", "; not brought up yet: ", "ip=dhcp"),
        (DEAF, "203.0.113.10:6443", "net.unreachable", "; no link on a0", "cable"),
        (&unaddressed, "203.0.113.10:6443", "net.unreachable", "; this machine has no address yet", "DHCP"),
        (
            &no_resolver,
            "kube.example.org:6443",
            "net.name-not-found",
            "; /etc/resolv.conf names no name server",
            "by its address",
        ),
        (DEAF, "kube.example.org:6443", "net.name-not-found", "; no link on a0", "cable"),
    ];
    for (setup, endpoint, code, message, hint) in rows {
        let Some(result) = join_in_namespace(setup, endpoint) else { return };
        says(&result, code, message, hint);
    }
}

#[test]
fn a_network_that_lacks_nothing_is_not_blamed() {
    let routed = format!("{CABLE} && ip route add default via 198.51.100.1");
    let Some(result) = join_in_namespace(&routed, "203.0.113.10:6443") else { return };
    let message = result["message"].as_str().unwrap();
    assert!(!message.contains(';'), "{message}");
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
