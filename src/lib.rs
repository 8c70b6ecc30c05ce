//! `kubejoin` turns a machine into a Kubernetes node: what `kubeadm join` does, from an initramfs or at first boot.
//!
//! One way through this crate; each arrow is a function whose types say what has been verified:
//!
//! ```text
//! argv, kernel command line, files ──► JoinConfiguration ─┐
//! this machine (/proc, /sys, clock) ─► HostFacts ─────────┴─► JoinPlan      pure: every default resolved
//! JoinPlan + network ─────────────────────────────────────► ClusterInfo     whom we trust, and where
//! JoinPlan + ClusterInfo + network ───────────────────────► ClusterConfig   kubelet-config, kubeadm-config
//!                                                           Credentials     key + signed certificate
//! plan + info + config + credentials ─────────────────────► FileSet         pure: every path, mode, byte
//! FileSet + target root ──────────────────────────────────► committed       durable, ordered, repeatable
//! committed + init system ────────────────────────────────► joined
//! ```
//!
//! After [`plan`], nothing reads argv, the environment, `/proc` or the wall clock. A module uses modules of earlier
//! stages only; `tests/join/architecture.rs` reads `src/` and holds it to that.

mod cli;
mod clock;
mod cluster;
mod commands;
mod config;
mod control_plane;
mod cri;
mod deadline;
mod discovery;
mod doctor;
mod error;
mod etcd;
mod file;
#[doc(hidden)]
pub mod for_tests;
mod grpc;
mod host;
mod inputs;
mod join;
mod kube;
mod kubeconfig;
mod kubelet;
mod net;
mod node;
mod patches;
mod phase;
mod pki;
mod plan;
mod preflight;
mod report;
mod reset;
mod retry;
mod rootfs;
mod secret;
mod services;
mod status;
mod text;
mod tls_bootstrap;
mod tokens;
mod values;
mod yaml;

pub use commands::run;
