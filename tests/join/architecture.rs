//! The architecture, read from `src/`: which module may use which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Modules in the order of a run. A module may use those above it, and itself.
const ORDER: [&[&str]; 13] = [
    &["secret", "phase"],
    &["text", "error"],
    &["report", "clock", "pki", "yaml", "rootfs"],
    &["config", "services", "paths", "cri"],
    &["host", "cli", "net", "kubeconfig"],
    &["kubelet", "kube"],
    &["plan"],
    &["existing", "discovery", "operator_files"],
    &["preflight", "cluster_config", "tls_bootstrap", "node_check"],
    &["node_files", "kubelet_wait", "kubelet_bootstrap"],
    &["join"],
    &["run"],
    &["lib", "main"],
];

/// Crates that only one file or module may name.
const CONFINED: [(&str, &[&str]); 11] = [
    ("ureq_proto", &["net/http.rs"]),
    ("lexopt", &["cli"]),
    ("saphyr_parser", &["yaml"]),
    ("hmac", &["discovery/jws.rs"]),
    ("ring", &["pki", "net/tls/algorithms.rs"]),
    ("webpki", &["net/tls.rs", "net/tls/algorithms.rs"]),
    ("webpki_roots", &["net/tls.rs"]),
    ("x509_parser", &["pki", "tls_bootstrap.rs"]),
    ("time", &["paths.rs", "cli", "config/time_added.rs"]),
    ("miniz_oxide", &["preflight/kernel_config.rs"]),
    ("rustls", &["net", "pki", "tls_bootstrap.rs", "existing.rs"]),
];

/// Every source file: its path below `src/`, and its text without comments and without tests.
fn sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
    assert!(found.len() > 30, "the sources were not found");
    found
}

fn visit(directory: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            visit(&path, &format!("{name}/"), found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            found.insert(name, lines.collect::<Vec<_>>().join("\n"));
        }
    }
}

fn room(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap()
}

/// Modules named as `crate::module`, in paths and in nested use lists.
fn uses(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for part in text.split("crate::").skip(1) {
        let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        if let Some(list) = part.strip_prefix('{') {
            rooms.extend(list.split('}').next().unwrap().split(',').map(|item| word(item.trim())));
        } else {
            rooms.insert(word(part));
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

#[test]
fn a_module_uses_only_modules_of_earlier_stages() {
    let rank = |room: &str| ORDER.iter().position(|stage| stage.contains(&room));
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let own = room(&path);
        if ["lib", "main"].contains(&own) {
            continue;
        }
        let Some(own_rank) = rank(own) else {
            wrong.push(format!("{path}: {own} has no place in the order"));
            continue;
        };
        for used in uses(&text).iter().filter(|used| *used != own) {
            if rank(used).is_none_or(|rank| rank >= own_rank) {
                wrong.push(format!("{path} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_crate_is_named_only_in_its_module() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for (name, rooms) in CONFINED {
            let named = text.contains(&format!("use {name}::")) || text.contains(&format!(" {name}::"));
            let allowed = rooms.iter().any(|allowed| path == *allowed || room(&path) == *allowed);
            if named && !allowed {
                wrong.push(format!("{path} names {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_lowers_security_says_so_and_stands_in_one_file() {
    for (path, text) in sources() {
        let lowers = text.contains(".dangerous()") || text.contains("ServerCertVerified::assertion");
        assert!(!lowers || path == "net/tls.rs", "{path} lowers security");
    }
}

#[test]
fn after_the_plan_nothing_reads_the_machine() {
    let world = ["SystemTime::now(", "env::args", "env::var", "\"/proc", "\"/sys/"];
    for (path, text) in sources() {
        let may = ["host", "config", "run", "main", "clock", "preflight", "report"].contains(&room(&path));
        for word in world {
            assert!(may || !text.contains(word), "{path} reads {word}");
        }
    }
}

#[test]
fn every_code_of_the_catalogue_is_used_and_unique() {
    let all: String =
        sources().into_iter().filter(|(path, _)| path != "error/codes.rs").map(|(_, text)| text).collect();
    let catalogue = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/error/codes.rs")).unwrap();
    let mut seen = BTreeSet::new();
    for code in kubejoin::error::codes::ALL {
        assert!(seen.insert(code.name), "{} stands twice", code.name);
        let line = catalogue.lines().find(|line| line.contains(&format!("\"{}\"", code.name))).unwrap();
        let identifier = line.split_whitespace().next().unwrap();
        assert!(all.contains(&format!("codes::{identifier}")), "{} is never given", code.name);
    }
}
