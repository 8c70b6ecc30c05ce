//! What a control plane is refused for before anybody is asked. Its join runs against real peers
//! (`tests/peers/control_plane_test.sh`).

use kubejoin_apiserver::{ApiServer, Options};

use crate::builder::Join;

const MANIFESTS: &str = "etc/kubernetes/manifests";

fn at(address: &str) -> String {
    format!("controlPlane: {{localAPIEndpoint: {{advertiseAddress: {address}}}}}\n")
}

fn write(join: &Join, path: &str) {
    let path = join.root().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "kind: Pod\n").unwrap();
}

#[test]
fn a_control_plane_does_not_join_in_a_root_that_is_not_running() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server).config(&at("198.51.100.2"));
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("control-plane.needs-running-system", 2), "{ran:#?}");
    assert_eq!((join.tree(), server.connections().len()), (Vec::new(), 0));
}

#[test]
fn an_address_that_nobody_can_use_is_refused_before_anything_is_sent() {
    let server = ApiServer::start(Options::default());
    let ran = Join::to(&server).config(&at("127.0.0.1")).run();
    assert_eq!((ran.code(), ran.status), ("config.advertise-address", 2), "{ran:#?}");
    assert_eq!(server.connections().len(), 0);
}

#[test]
fn a_control_plane_is_not_made_a_worker() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    assert_eq!(join.run().outcome(), "joined");
    write(&join, &format!("{MANIFESTS}/kube-apiserver.yaml"));
    let before = server.connections().len();
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("control-plane.other-role", 2), "{ran:#?}");
    assert_eq!(server.connections().len(), before);
}

#[test]
fn a_worker_does_not_join_over_a_control_plane_that_is_half_made() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    write(&join, "var/lib/kubelet/kubejoin-control-plane");
    let ran = join.run();
    assert_eq!((ran.code(), ran.status), ("control-plane.other-role", 2), "{ran:#?}");
    assert_eq!(server.connections().len(), 0);
}

#[test]
fn the_phase_preflight_asks_the_cluster_what_a_control_plane_runs() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server).config(&at("198.51.100.2"));
    assert_eq!(join.run_phase(&["preflight"]).outcome(), "phase-done");
    assert!(server.has_received("kubeadm-config"));
    write(&join, &format!("{MANIFESTS}/etcd.yaml"));
    let ran = join.run_phase(&["preflight"]);
    assert_eq!((ran.code(), ran.status), ("preflight.failed", 2), "{ran:#?}");
    assert!(ran.stderr.contains("FileAvailable--etc-kubernetes-manifests-etcd.yaml"), "{}", ran.stderr);
}

#[test]
fn a_control_plane_whose_identity_is_unusable_is_no_obstacle_to_itself() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server);
    assert_eq!(join.run().outcome(), "joined");
    let join = join.config(&at("198.51.100.2"));
    write(&join, &format!("{MANIFESTS}/kube-apiserver.yaml"));
    write(&join, "var/lib/etcd/member/snap/db");
    let ran = join.run_phase(&["preflight"]);
    assert_eq!((ran.code(), ran.status), ("preflight.failed", 2), "{ran:#?}");
    let tree = join.tree();
    let pair = tree.iter().find(|entry| entry.path.contains("/kubelet-client-2")).unwrap();
    std::fs::write(join.root().join(&pair.path), "").unwrap();
    let ran = join.run_phase(&["preflight"]);
    assert_eq!(ran.outcome(), "phase-done", "{ran:#?}");
}
