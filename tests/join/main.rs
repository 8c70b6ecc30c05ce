//! The real binary against a real TLS server and real files.

#![allow(clippy::unwrap_used, clippy::expect_used)] // tests

mod adversarial;
mod answers;
mod architecture;
mod builder;
mod ca_certificates;
mod certs;
mod clock;
mod clock_table;
mod configuration;
mod control_plane;
mod corrected;
mod crash;
mod discovery_file;
mod discovery_url;
mod doctor;
mod documents;
mod endpoints;
mod ensure;
mod existing_files;
mod explain;
mod fuzz;
mod kubelet_config;
mod phases;
mod proxy;
mod proxy_server;
mod readme;
mod recipes;
mod reference;
mod registration;
mod rehearsal;
mod report;
mod reset;
mod resume;
mod same_machine;
mod secrets;
mod secrets_of_verbs;
mod shared_certificates;
mod status;
mod unreachable;
mod untrusted_input;
mod worker;
