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
//! stages only; `tests/architecture.rs` reads `src/` and holds it to that.

pub mod cli;
pub mod clock;
pub mod cluster;
pub mod commands;
pub mod config;
pub mod cri;
pub mod deadline;
pub mod discovery;
pub mod error;
pub mod file;
pub mod grpc;
pub mod host;
pub mod inputs;
pub mod join;
pub mod kube;
pub mod kubeconfig;
pub mod kubelet;
pub mod net;
pub mod node;
pub mod phase;
pub mod pki;
pub mod plan;
pub mod preflight;
pub mod report;
pub mod retry;
pub mod rootfs;
pub mod secret;
pub mod services;
pub mod text;
pub mod tls_bootstrap;
pub mod values;
pub mod yaml;
