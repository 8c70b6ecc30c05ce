//! README is true: its table of errors, its flags, its commands and its links.

use std::path::Path;

use kubejoin::cli::{self, Command, Help, Program, Topic};
use kubejoin::error::codes;

/// What stands in command blocks and is not ours to have.
const FOREIGN: [&str; 2] = ["kubeadm token create", "cargo test"];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    std::fs::read_to_string(repository().join("README.md")).unwrap()
}

/// The text between the heading of this name and the next one.
fn section<'t>(readme: &'t str, name: &str) -> &'t str {
    let (_, rest) = readme.split_once(&format!("\n## {name}\n")).unwrap_or_else(|| panic!("README has no {name}"));
    rest.split("\n## ").next().unwrap()
}

/// Every flag, with its dashes, that stands in a text.
fn flags(text: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
    text.split(|c: char| !is_part(c)).filter(|word| word.starts_with("--") && !word.ends_with('-')).collect()
}

/// The flags that the help of `join` is about, not those that it mentions.
fn flags_of_join(help: &str) -> Vec<&str> {
    help.lines()
        .filter(|line| line.trim_start().starts_with('-'))
        .filter_map(|line| flags(line).first().copied())
        .collect()
}

/// The lines of the blocks marked `sh`, continued ones joined, without comments.
fn commands(readme: &str) -> Vec<String> {
    let blocks = readme.split("\n```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    let text = blocks.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    text.lines()
        .map(|line| line.split(" # ").next().unwrap().trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn the_table_of_errors_is_the_catalogue() {
    let mut table = "| code | exit | meaning | what to do |\n|---|---|---|---|\n".to_owned();
    for code in codes::ALL {
        let row = [code.name, code.meaning, code.hint].map(|text| text.replace('|', "\\|"));
        let [name, meaning, action] = row;
        table += &format!("| `{name}` | {} | {meaning} | {action} |\n", code.class.exit_status());
    }
    assert!(section(&readme(), "Errors").contains(&table), "README's table of errors should be:\n\n{table}");
}

#[test]
fn every_flag_of_join_is_in_the_table_of_flags_and_no_other() {
    let help = Help { program: Program::Kubejoin, topic: Topic::Join }.text();
    let readme = readme();
    let table = section(&readme, "Flags and fields");
    let of_join = flags_of_join(&help);
    assert!(of_join.len() > 15, "{of_join:?}");
    for flag in &of_join {
        assert!(flags(table).contains(flag), "{flag} is not in README's table of flags");
    }
    for flag in flags(table) {
        assert!(of_join.contains(&flag), "README's table of flags has {flag}, which join has not");
    }
}

#[test]
fn every_field_of_a_configuration_is_in_the_table_of_fields() {
    let readme = readme();
    let table = section(&readme, "Flags and fields");
    // Every field that concerns a worker, given to the real kubeadm as well; and what excludes one of those.
    let full = std::fs::read_to_string(repository().join("tests/parity/inputs/full.yaml")).unwrap();
    let full: serde_json::Value = serde_yaml::from_str(&full).unwrap();
    let mut fields = vec!["discovery.file.kubeConfigPath".to_owned(), "patches.directory".to_owned()];
    leaves(&full, "", &mut fields);
    fields.retain(|field| !["apiVersion", "kind"].contains(&field.as_str()));
    assert!(fields.len() > 20, "{fields:?}");
    for field in fields {
        assert!(table.contains(&format!("`{field}`")), "{field} is not in README's table of fields");
    }
}

/// The paths of what is no mapping.
fn leaves(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
    match value.as_object() {
        Some(object) => {
            for (name, value) in object {
                leaves(value, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, found);
            }
        }
        None => found.push(path.to_owned()),
    }
}

#[test]
fn every_exit_status_has_its_row() {
    use kubejoin::error::Class::*;
    let readme = readme();
    for class in [Bug, Usage, Transient, Unsafe, Refused, Machine, PartialReset] {
        let row = format!("\n| {} | {}: ", class.exit_status(), class.name());
        assert!(section(&readme, "Exit status").contains(&row), "README has no row{row}");
    }
}

#[test]
fn every_kernel_parameter_is_named_and_known() {
    let readme = readme();
    let names = section(&readme, "Flags and fields")
        .split('`')
        .filter(|word| word.starts_with("kubejoin.") && !word.contains('*'));
    let names: Vec<_> = names.collect();
    for name in &names {
        let parsed = kubejoin::config::kernel::parse(&format!("{name}=auto"));
        assert!(parsed.warnings.is_empty(), "{name}: {:?}", parsed.warnings);
    }
    let help = Help { program: Program::Kubejoin, topic: Topic::Join }.text();
    let (_, of_help) = help.split_once("On the kernel command line: kubejoin").unwrap();
    let of_help: Vec<_> =
        of_help.split(';').next().unwrap().split_whitespace().filter_map(|word| word.strip_suffix('=')).collect();
    assert!(of_help.len() > 10, "{of_help:?}");
    for name in of_help {
        assert!(names.contains(&format!("kubejoin{name}").as_str()), "kubejoin{name} is not in README");
    }
}

#[test]
fn every_command_exists() {
    let readme = readme();
    let commands = commands(&readme);
    assert!(commands.len() > 4, "{commands:#?}");
    for line in &commands {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["kubejoin", ..] => {
                let parsed = cli::parse(words.iter().map(Into::into));
                assert!(matches!(parsed, Ok(Command::Join(_) | Command::Help(_))), "{line}: {parsed:?}");
            }
            ["cargo", "run", "--example", name] => {
                let manifest = std::fs::read_to_string(repository().join("Cargo.toml")).unwrap();
                assert!(manifest.contains(&format!("[[example]]\nname = \"{name}\"\n")), "{line}");
            }
            [script, ..] if script.contains('/') => assert!(is_executable(script), "{line}"),
            _ => assert!(FOREIGN.iter().any(|foreign| line.starts_with(foreign)), "{line}: what is this?"),
        }
    }
    // The same for scripts named in the text.
    for word in readme.split('`').filter(|word| word.contains('/') && !word.starts_with('/')) {
        let script = word.split_whitespace().next().unwrap_or_default();
        if [".ci/", "cross/", "image/", "tests/"].iter().any(|directory| script.starts_with(directory)) {
            assert!(is_executable(script), "README names {script}");
        }
    }
}

fn is_executable(script: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let metadata = repository().join(script).metadata();
    metadata.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[test]
fn it_names_the_rust_that_is_needed() {
    let needed = format!("Rust {} or newer", env!("CARGO_PKG_RUST_VERSION"));
    assert!(readme().contains(&needed), "README does not say: {needed}");
}

#[test]
fn every_link_leads_somewhere() {
    let readme = readme();
    let targets: Vec<_> = readme.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    assert!(!targets.is_empty());
    // As headings are made into anchors.
    let headings = readme.lines().filter_map(|line| line.strip_prefix("## "));
    let anchors: Vec<_> = headings.map(|heading| format!("#{}", heading.to_lowercase().replace(' ', "-"))).collect();
    for target in targets.into_iter().filter(|target| !target.starts_with("https://")) {
        let is_there = anchors.contains(&target.to_owned()) || repository().join(target).exists();
        assert!(is_there, "README links to {target}");
    }
}
