//! What the cluster says about itself and wants of its nodes: `kubeadm-config` and `kubelet-config`.

pub mod cluster_configuration;
#[allow(dead_code)] // until the workflow uses it
pub mod control_plane;
pub mod document;
pub mod fetch;
pub mod init_configuration;
