//! What the cluster says about itself and wants of its nodes: `kubeadm-config` and `kubelet-config`.

pub mod cluster_configuration;
pub mod document;
pub mod fetch;
