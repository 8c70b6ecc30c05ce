//! The name, and forwarding.

use super::bench::Bench;
use crate::preflight::machine;
use crate::preflight::subject::Subject;
use crate::report::Report;
use crate::rootfs::Root;
use crate::services::InitSystem;

#[test]
fn forwarding_is_checked_for_the_endpoints_family() {
    let table = [
        ("10.0.0.1:6443", Some("FileContent--proc-sys-net-ipv4-ip_forward")),
        ("[::ffff:10.0.0.1]:6443", Some("FileContent--proc-sys-net-ipv4-ip_forward")),
        ("[fd00::1]:6443", Some("FileContent--proc-sys-net-ipv6-conf-default-forwarding")),
        ("cp.example.com:6443", None),
    ];
    for (endpoint, expected) in table {
        let bench = Bench { endpoint, ..Bench::other_root() };
        let plan = bench.plan();
        let root = Root::open(bench.root.path()).unwrap();
        let report = Report::new(Vec::new());
        let subject = Subject::new(&plan, &root, &bench.state, InitSystem::Unmanaged, &report);
        assert_eq!(machine::forwarding_name(&subject).as_deref(), expected, "{endpoint}");
    }
}

#[test]
fn a_token_is_not_taken_for_a_node_name() {
    let said = Bench { node_name: Some("abcdef.0123456789abcdef"), ..Bench::other_root() }.run();
    assert_eq!(said.error_names(), ["Hostname"]);
    assert!(!said.result.unwrap_err().to_string().contains("0123456789abcdef"));
}
