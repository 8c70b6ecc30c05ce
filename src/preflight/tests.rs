//! The checks, on machines that are made up: one file for each room of checks.

mod bench;
mod cluster;
mod files;
mod kubelet;
mod machine;
mod runtime;
mod system;
mod target;
mod worker;
