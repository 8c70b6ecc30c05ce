//! The shape of `src/`, read from its text: which module may use which, and what stands in one place only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Rooms, the modules of `src/lib.rs`, in the order of the way from argv to a node. A room may use those above it.
const ORDER: [&[&str]; 25] = [
    &["secret", "phase", "file", "deadline"],
    &["text", "error"],
    &["retry", "clock", "pki", "yaml", "rootfs", "values", "grpc"],
    &["report"],
    &["config", "services", "cri", "patches"],
    &["host", "cli"],
    &["net"],
    &["kubeconfig"],
    &["kube"],
    &["etcd"],
    &["cluster", "tokens"],
    &["kubelet"],
    &["inputs"],
    &["plan"],
    &["discovery"],
    &["tls_bootstrap"],
    &["node"],
    &["preflight"],
    &["control_plane"],
    &["reset"],
    &["join"],
    &["status", "doctor"],
    &["commands"],
    &["lib"],
    &["main"],
];

/// Crates that only one file or room may name.
const CONFINED: [(&str, &[&str]); 10] = [
    ("ureq_proto", &["net/http.rs"]),
    ("lexopt", &["cli"]),
    ("saphyr_parser", &["yaml"]),
    ("hmac", &["discovery/jws.rs"]),
    ("ring", &["pki", "net/tls/algorithms.rs"]),
    ("webpki", &["net/tls.rs", "net/tls/algorithms.rs"]),
    ("webpki_roots", &["net/tls/roots.rs"]),
    ("time", &["pki/x509.rs", "pki/issue.rs", "node/paths.rs", "cli", "values/rfc3339.rs"]),
    ("miniz_oxide", &["preflight/kernel_config.rs"]),
    ("rustls", &["net", "pki", "tls_bootstrap", "node/state.rs", "control_plane"]),
];

/// Who may look at the machine and its clock: whoever reads facts, files and sources before there is a plan; the checks
/// of preflight and the sinks of the report, whose subject the running machine is; and the writer, which asks the kernel what
/// is mounted at the moment in which it removes something.
const READS_THE_MACHINE: [&str; 9] =
    ["host", "config", "commands", "file", "main", "clock", "preflight", "report", "rootfs"];

/// Every source file: its path below `src/`, and its code without comments and tests.
fn sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
    for path in found.keys().cloned().collect::<Vec<_>>() {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(&path)).unwrap();
        for test in text.split("#[cfg(test)]\nmod ").skip(1).filter_map(|rest| rest.split_once(';')) {
            let module = format!("{}/{}", path.trim_end_matches(".rs"), test.0);
            found.retain(|path, _| *path != format!("{module}.rs") && !path.starts_with(&format!("{module}/")));
        }
    }
    assert!(found.len() > 100, "the sources were not found");
    found
}

fn visit(directory: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            visit(&path, &format!("{name}/"), found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            found.insert(name, code(&std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The text without comments, and without the item behind each `#[cfg(test)]`, wherever in the file that stands.
fn code(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut parts = text.split("#[cfg(test)]");
    let mut code = parts.next().unwrap().to_owned();
    for part in parts {
        code.push_str(behind_item(part));
    }
    code
}

/// What follows the item that `text` begins with: its end is a semicolon outside of braces, or its last brace.
fn behind_item(text: &str) -> &str {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return &text[at + 1..],
            '}' => depth -= 1,
            ';' if depth == 0 => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

/// The module of a file: `net/tls.rs` is `net::tls`.
fn module(path: &str) -> Vec<&str> {
    path.trim_end_matches(".rs").split('/').filter(|part| *part != "lib").collect()
}

fn room(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap()
}

/// Every path that begins with `crate::`, `super::` or `self::`, its nested lists unfolded, as a path from the crate's root.
fn named_paths(own: &[&str], code: &str) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("::") {
        let before = &code[..at];
        let word = before.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(before, |end| &before[end + 1..]);
        let is_inner = before[..before.len() - word.len()].ends_with("::");
        let mut base: Vec<String> = own.iter().map(|part| (*part).to_owned()).collect();
        match word {
            "crate" => base.clear(),
            "self" if !is_inner => {}
            "super" if !is_inner => drop(base.pop()),
            _ => continue,
        }
        unfold(base, &code[at + 2..], &mut found);
    }
    found
}

/// Adds the paths that `rest` goes on with behind `base`; returns what follows them.
fn unfold<'a>(base: Vec<String>, rest: &'a str, found: &mut BTreeSet<Vec<String>>) -> &'a str {
    let rest = rest.trim_start();
    if let Some(mut list) = rest.strip_prefix('{') {
        loop {
            list = list.trim_start().trim_start_matches(',').trim_start();
            match list.strip_prefix('}') {
                Some(behind) => return behind,
                None if list.is_empty() => return list,
                None => {
                    let before = list.len();
                    list = unfold(base.clone(), list, found);
                    // ` as Name`, and whatever else is not understood, up to the next item.
                    list = &list[list.find([',', '}']).unwrap_or(list.len())..];
                    assert!(list.len() < before, "no progress at {list:.60}");
                }
            }
        }
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (word, behind) = rest.split_at(end);
    let mut path = base;
    match word {
        "super" => drop(path.pop()),
        "self" | "" => {}
        _ => path.push(word.to_owned()),
    }
    match behind.strip_prefix("::") {
        Some(behind) if !behind.starts_with('<') => unfold(path, behind, found),
        _ => {
            found.insert(path);
            behind
        }
    }
}

/// Which file uses which: the file of the longest module that a path begins with.
fn uses(sources: &BTreeMap<String, String>) -> BTreeMap<&str, BTreeSet<&str>> {
    let files: BTreeMap<Vec<&str>, &str> = sources.keys().map(|path| (module(path), path.as_str())).collect();
    let mut uses = BTreeMap::new();
    for (path, code) in sources {
        let named = named_paths(&module(path), code);
        let used = named.iter().filter_map(|named| {
            let named: Vec<&str> = named.iter().map(String::as_str).collect();
            (1..=named.len()).rev().find_map(|length| files.get(&named[..length]).copied())
        });
        let used: BTreeSet<&str> = used.filter(|used| *used != path.as_str()).collect();
        uses.insert(path.as_str(), used);
    }
    uses
}

/// The reader of this test, on what it has to understand.
#[test]
fn paths_are_found_in_nested_lists_and_in_expressions() {
    let text = "use crate::a::{self, b::{C, D as E}, f};\nfn x() { super::g::h(crate::i::<J>()) }\n\
                #[cfg(test)]\nmod tests { use crate::hidden; }\nfn y() { self::k::l() }\n";
    let found = named_paths(&["own", "file"], &code(text));
    let found: Vec<String> = found.into_iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["a", "a::b::C", "a::b::D", "a::f", "i", "own::file::k::l", "own::g::h"]);
}

#[test]
fn a_room_uses_only_rooms_of_earlier_stages() {
    let rank = |room: &str| ORDER.iter().position(|stage| stage.contains(&room));
    let mut wrong = Vec::new();
    let sources = sources();
    for (path, used) in uses(&sources) {
        let own = room(path);
        let Some(own_rank) = rank(own) else {
            wrong.push(format!("{path}: {own} has no place in the order"));
            continue;
        };
        for used in used.iter().filter(|used| room(used) != own) {
            if rank(room(used)).is_none_or(|rank| rank >= own_rank) {
                wrong.push(format!("{path} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_file_uses_the_file_that_declares_it() {
    let mut wrong = Vec::new();
    let sources = sources();
    for (path, used) in uses(&sources) {
        let own = module(path);
        for used in used {
            let declares = module(used);
            if declares.len() < own.len() && own.starts_with(&declares) {
                wrong.push(format!("{path} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let sources = sources();
    let uses = uses(&sources);
    let mut left: BTreeSet<&str> = uses.keys().copied().collect();
    // A file that uses nothing that is left is in no circle.
    while let Some(free) = left.iter().find(|path| uses[**path].is_disjoint(&left)).copied() {
        left.remove(free);
    }
    let circle: Vec<_> = left.iter().map(|path| (path, uses[*path].intersection(&left).collect::<Vec<_>>())).collect();
    assert!(circle.is_empty(), "{circle:#?}");
}

#[test]
fn a_crate_is_named_only_in_its_room() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for (name, rooms) in CONFINED {
            let is_named = text
                .match_indices(&format!("{name}::"))
                .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'));
            let allowed = rooms.iter().any(|allowed| path == *allowed || room(&path) == *allowed);
            if is_named && !allowed {
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
    let machine = ["SystemTime::now(", "env::args", "env::var", "\"/proc", "\"/sys/"];
    for (path, text) in sources() {
        for word in machine {
            assert!(READS_THE_MACHINE.contains(&room(&path)) || !text.contains(word), "{path} reads {word}");
        }
    }
}

#[test]
fn only_one_file_opens_files_by_path() {
    // The target root has its own door, which never leaves it; a sink writes; a program's output is no file.
    let doors = ["file.rs", "rootfs"];
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for word in ["File::open", "fs::read(", "fs::read_to_string(", "OpenOptions::new().read"] {
            let allowed = doors.iter().any(|door| path == *door || room(&path) == *door);
            if text.contains(word) && !allowed {
                wrong.push(format!("{path}: {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_one_file_waits_between_attempts() {
    for (path, text) in sources() {
        assert!(path == "retry.rs" || !text.contains("sleep("), "{path} sleeps");
    }
}

#[test]
fn every_code_of_the_catalogue_is_used_and_unique() {
    let all: String =
        sources().into_iter().filter(|(path, _)| path != "error/codes.rs").map(|(_, text)| text).collect();
    let catalogue = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/error/codes.rs")).unwrap();
    let mut seen = BTreeSet::new();
    for code in kubejoin::for_tests::error::codes::ALL {
        assert!(seen.insert(code.name), "{} stands twice", code.name);
        let line = catalogue.lines().find(|line| line.contains(&format!("\"{}\"", code.name))).unwrap();
        let identifier = line.split_whitespace().next().unwrap();
        assert!(all.contains(&format!("codes::{identifier}")), "{} is never given", code.name);
    }
}
