//! The kubelet's own files, as kubeadm 1.37 leaves them on a worker: `config.yaml` with kubeadm's defaulting,
//! the user's patches of it, `instance-config.yaml`, `kubeadm-flags.env`, and `kubelet.conf` as the kubelet itself writes it.
//!
//! In come the texts of the cluster's ConfigMaps and what the plan knows; out go texts. No I/O, and nothing that depends
//! on this machine beyond what is passed in.

pub mod configuration;
pub mod cri_socket;
mod defaults;
mod dns;
pub mod error;
pub mod flags;
mod go_quote;
mod inputs;
pub mod instance;
pub mod kubeconfig;
pub mod overrides;
pub mod raw;
