//! Stamps the build date into the binary: the floor below which no clock is believed (see `clock`).
//!
//! `SOURCE_DATE_EPOCH` (reproducible-builds.org) wins, so that the same source gives the same bytes.

// To panic is how a build script reports.
#![allow(clippy::expect_used)]

use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rerun-if-changed=Cargo.toml");
    let seconds = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text.parse().expect("SOURCE_DATE_EPOCH is not a number of seconds"),
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
    };
    println!("cargo::rustc-env=KUBEJOIN_BUILD_DATE={seconds}");
}
