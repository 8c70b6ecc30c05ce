//! Files of a node that are there already.

use super::bench::Bench;
use crate::error::Explain;
use crate::inputs::{Discovery, Trust};
use crate::node::state::{Conflict, NodeIdentity, NodeState, Unusable};
use crate::preflight::subject::Subject;
use crate::preflight::{ClusterRequirements, cluster_checks, files, worker};
use crate::report::Report;
use crate::rootfs::Root;
use crate::services::InitSystem;

#[test]
fn only_files_of_other_nodes_are_an_error() {
    const CA: &str = "FileAvailable--etc-kubernetes-pki-ca.crt";
    const CONF: &str = "FileAvailable--etc-kubernetes-kubelet.conf";
    let joined = || {
        NodeState::Joined(NodeIdentity {
            node: "node".to_owned(),
            not_before: std::time::SystemTime::UNIX_EPOCH,
            not_after: std::time::SystemTime::UNIX_EPOCH,
            server: "https://h:1".to_owned(),
            pair: crate::node::paths::CLIENT_CURRENT,
            is_compared: true,
        })
    };
    let table: [(NodeState, bool, &[&str]); 9] = [
        (NodeState::Nothing, false, &[CA]),
        // A run of ours was interrupted.
        (NodeState::Nothing, true, &[]),
        (joined(), false, &[]),
        (NodeState::Unusable(Unusable::Expired), false, &[]),
        // What the settings say now is to replace it.
        (NodeState::Superseded(Conflict::Cluster), false, &[]),
        (NodeState::Superseded(Conflict::Node), false, &[]),
        (NodeState::Conflict(Conflict::Cluster), false, &[CONF, CA]),
        (NodeState::Conflict(Conflict::Node), true, &[CONF]),
        (NodeState::Conflict(Conflict::Preexisting), true, &[CONF]),
    ];
    for (state, pending_key, expected) in table {
        let bench = Bench { state: state.clone(), ..Bench::other_root() };
        bench.write("/etc/kubernetes/pki/ca.crt", b"whatever");
        if pending_key {
            bench.write(crate::node::paths::PENDING_KEY.as_str(), b"");
        }
        assert_eq!(bench.run().error_names(), expected, "{state:?}, pending key: {pending_key}");
    }
}

#[test]
fn a_ca_that_matches_a_pin_is_no_error() {
    let ca = kubejoin_apiserver::Pki::new();
    let pin = ca.ca_hash().parse().unwrap();
    let bench = Bench::other_root();
    bench.write("/etc/kubernetes/pki/ca.crt", ca.ca_pem().as_bytes());
    let root = Root::open(bench.root.path()).unwrap();
    for (pins, expected) in [(vec![pin], 0), (vec![crate::values::CaCertHash([0; 32])], 1)] {
        let mut plan = bench.plan();
        let Discovery::Token { trust, .. } = &mut plan.access.discovery else { panic!("no token discovery") };
        *trust = Trust::Pins(pins);
        let report = Report::new(Vec::new());
        let subject = Subject::new(&plan, &root, &bench.state, InitSystem::Unmanaged, &report);
        assert_eq!(files::ca_cert(&subject).len(), expected);
    }
}

#[test]
fn without_pins_a_ca_is_compared_with_the_clusters() {
    let (ca, other) = (kubejoin_apiserver::Pki::new(), kubejoin_apiserver::Pki::new());
    let bench = Bench::other_root();
    bench.write("/etc/kubernetes/pki/ca.crt", ca.ca_pem().as_bytes());
    let root = Root::open(bench.root.path()).unwrap();
    let mut plan = bench.plan();
    let Discovery::Token { trust, .. } = &mut plan.access.discovery else { panic!("no token discovery") };
    *trust = Trust::UnsafeSkipCaVerification;
    let report = Report::new(Vec::new());
    let subject = Subject::new(&plan, &root, &bench.state, InitSystem::Unmanaged, &report);
    assert_eq!(files::ca_cert(&subject), []);
    let text = b"apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
    let kubelet = crate::kubelet::configuration::KubeletConfiguration::read(text).unwrap();
    let refused: &[&str] = &["FileAvailable--etc-kubernetes-pki-ca.crt"];
    for (pem, expected) in [(ca.ca_pem(), &[][..]), (other.ca_pem(), refused)] {
        let ca_certificates = &crate::pki::certificate::Certificate::all_from_pem(pem.as_bytes()).unwrap();
        let requirements = ClusterRequirements { kubelet: &kubelet, api_server: None, ca_certificates };
        let found = cluster_checks::run(&worker::engine(&subject), &subject, &requirements);
        let names: Vec<_> = found.as_ref().err().iter().flat_map(|error| error.findings()).map(|f| &f.check).collect();
        assert_eq!(names, expected, "{found:?}");
    }
}

#[test]
fn a_bootstrap_kubeconfig_of_kubeadm_is_a_warning() {
    let bench = Bench::other_root();
    bench.write("/etc/kubernetes/bootstrap-kubelet.conf", b"token");
    let said = bench.run();
    assert_eq!(said.result, Ok(()));
    assert!(said.warnings[0].starts_with("[WARNING FileAvailable--etc-kubernetes-bootstrap-kubelet.conf]: "));
}
