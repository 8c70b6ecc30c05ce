//! A join whose kubelet would not start, corrected and run again: what was corrected is applied.

use std::fs;

use kubejoin_apiserver::{ApiServer, Options};

use crate::builder::{Join, text};

const FLAGS: &str = "var/lib/kubelet/kubeadm-flags.env";
const CONFIG: &str = "var/lib/kubelet/config.yaml";

fn labelled(labels: &str) -> String {
    format!("nodeRegistration:\n  kubeletExtraArgs:\n  - name: node-labels\n    value: {labels}\n")
}

#[test]
fn corrected_flags_are_written_without_the_cluster() {
    let server = ApiServer::start(Options::default());
    let join = Join::to(&server).config(&labelled("pool=wrong"));
    assert_eq!(join.run().outcome(), "joined");
    assert!(text(&join.tree(), FLAGS).contains("--node-labels=pool=wrong"));
    let join = join.without_config().config(&labelled("pool=right"));
    let asked = server.requests().len();
    let ran = join.run();
    assert_eq!((ran.outcome(), ran.status), ("already-joined", 0), "{ran:#?}");
    assert!(ran.stdout.contains("--node-labels=pool=right instead of --node-labels=pool=wrong"), "{}", ran.stdout);
    assert_eq!(text(&join.tree(), FLAGS).matches("node-labels").count(), 1);
    assert!(text(&join.tree(), FLAGS).contains("--node-labels=pool=right"));
    assert_eq!(server.requests().len(), asked, "the network was asked");
    let tree = join.tree();
    let again = join.run();
    assert!(!again.stdout.contains("instead of"), "{}", again.stdout);
    assert_eq!(join.tree(), tree);
}

#[test]
fn corrected_patches_are_applied_to_what_is_there() {
    let server = ApiServer::start(Options::default());
    let patches = tempfile::tempdir().unwrap();
    let patch = |text: &str| fs::write(patches.path().join("kubeletconfiguration+merge.yaml"), text).unwrap();
    patch("maxPods: 42\n");
    let join = Join::to(&server).config(&format!("patches:\n  directory: {}\n", patches.path().display()));
    assert_eq!(join.run().outcome(), "joined");
    let before = text(&join.tree(), CONFIG);
    assert!(join.run().stdout.contains("has joined already"));
    assert_eq!(text(&join.tree(), CONFIG), before);
    patch("maxPods: 43\n");
    let ran = join.run();
    assert_eq!(ran.outcome(), "already-joined", "{ran:#?}");
    assert_eq!(text(&join.tree(), CONFIG), before.replace("maxPods: 42", "maxPods: 43"));
}
