//! README is a front page, and what it says of the program is true.

use kubejoin::for_tests::error::Class::*;

use crate::documents::{read, section};

/// README is read on one page of a browser and on a telephone.
const MAX_LINES: usize = 170;
const MAX_BYTES: usize = 10 * 1024;

#[test]
fn it_is_a_front_page() {
    let readme = read("README.md");
    let (lines, bytes) = (readme.lines().count(), readme.len());
    assert!(lines <= MAX_LINES && bytes <= MAX_BYTES, "{lines} lines, {bytes} bytes");
}

#[test]
fn every_exit_status_has_its_row() {
    let readme = read("README.md");
    for class in [Bug, Usage, Transient, Unsafe, Refused, Machine, PartialReset] {
        let row = format!("\n| {} | {}: ", class.exit_status(), class.name());
        assert!(section(&readme, "Exit status").contains(&row), "README has no row{row}");
    }
}

#[test]
fn it_names_the_rust_that_is_needed() {
    let needed = format!("Rust {} or newer", env!("CARGO_PKG_RUST_VERSION"));
    for document in ["README.md", ".github/CONTRIBUTING.md"] {
        assert!(read(document).contains(&needed), "{document} does not say: {needed}");
    }
}
