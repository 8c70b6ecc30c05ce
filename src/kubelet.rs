//! The kubelet's own files, as kubeadm 1.37 leaves them on a worker: `config.yaml` with kubeadm's defaulting,
//! the operator's patches of it, `instance-config.yaml`, `kubeadm-flags.env`, and `kubelet.conf` as the kubelet itself writes it.
//!
//! In come the texts of the cluster's ConfigMaps and what the plan knows; out go texts. No I/O, and nothing that depends
//! on this machine beyond what is passed in.

pub mod cluster_configuration;
mod completion;
pub mod configuration;
pub mod cri_socket;
mod dns;
mod document;
pub mod error;
pub mod flags;
pub mod given;
mod go_quote;
mod inputs;
pub mod instance;
pub mod kubeconfig;
pub mod patches;
