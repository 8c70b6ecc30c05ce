//! Facts about this machine, read once: names, identity, runtime socket, what the kernel says. Nothing of
//! the cluster.
//!
//! Enters: `/proc` and `/sys` of the running kernel, the environment, `/etc` of the target root. Leaves: [`HostFacts`], in
//! which what a half-booted machine does not say is absent, never an error. Where the target root is not this system,
//! facts about what will run there come from its files or are absent.

mod cgroups;
mod default_address;
mod facts;
mod identity;
mod interfaces;
mod kernel;
mod machine;
mod network;
mod pod_cgroups;
mod resolved;
mod runtime;
mod search_path;
mod seen_time;
mod system_ca_bundle;

pub use cgroups::{CgroupVersion, Cgroups, own_unit};
pub use facts::HostFacts;
pub use identity::{SystemUuid, UuidSource, is_placeholder_serial, this_boot, uptime};
pub use network::{Needs, Network, Obstacle};
pub use pod_cgroups::{kill_cgroup, pod_cgroups};
pub use search_path::{USUAL_DIRECTORIES, search_path};
pub use seen_time::latest as seen_time;
pub use system_ca_bundle::SystemCaBundle;

#[cfg(test)]
mod tests;
