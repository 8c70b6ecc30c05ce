//! The reference documents are those of this program: error codes, flags, fields, kernel parameters, phases.

use kubejoin::cli::{self, Command, Help, Program, Topic};
use kubejoin::error::{Explain, codes};
use kubejoin::phase;

use crate::documents::{generated, read, section};

const REFERENCE: &str = "src/cli/REFERENCE.md";

/// Every flag, with its dashes, that stands in a text.
fn flags(text: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
    text.split(|c: char| !is_part(c)).filter(|word| word.starts_with("--") && !word.ends_with('-')).collect()
}

/// The cells of this column of a table, counted from 0.
fn column(table: &str, number: usize) -> Vec<&str> {
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("|---"));
    rows.skip(1).map(|row| row.split('|').nth(number + 1).unwrap().trim()).collect()
}

/// The flags that the help of `join` is about, not those that it mentions.
fn flags_of_join(help: &str) -> Vec<&str> {
    help.lines()
        .filter(|line| line.trim_start().starts_with('-'))
        .filter_map(|line| flags(line).first().copied())
        .collect()
}

#[test]
fn the_table_of_codes_is_generated() {
    let mut table = "| code | exit | meaning | next |\n|---|---|---|---|\n".to_owned();
    for code in codes::ALL {
        let row = [code.name, code.meaning, code.hint].map(|text| text.replace('|', "\\|"));
        let [name, meaning, action] = row;
        table += &format!("| `{name}` | {} | {meaning} | {action} |\n", code.class.exit_status());
    }
    generated("src/error/codes.md", "codes", &table);
}

#[test]
fn every_flag_of_join_is_in_the_table_of_settings_and_no_other() {
    let help = Help { program: Program::Kubejoin, topic: Topic::Join }.text();
    let reference = read(REFERENCE);
    let of_table = column(section(&reference, "Settings"), 0).join(" ");
    let of_join = flags_of_join(&help);
    assert!(of_join.len() > 15, "{of_join:?}");
    for flag in &of_join {
        assert!(flags(&of_table).contains(flag), "{flag} is not in the table of settings");
    }
    for flag in flags(&of_table) {
        assert!(of_join.contains(&flag), "the table of settings has {flag}, which join has not");
    }
}

#[test]
fn every_field_of_a_configuration_is_in_the_table_of_settings() {
    let reference = read(REFERENCE);
    let of_table = column(section(&reference, "Settings"), 2).join(" ");
    // Every field that concerns a worker, given to the real kubeadm as well; and what excludes one of those.
    let full: serde_json::Value = serde_yaml::from_str(&read("tests/parity/inputs/full.yaml")).unwrap();
    let mut fields = vec!["discovery.file.kubeConfigPath".to_owned(), "patches.directory".to_owned()];
    leaves(&full, "", &mut fields);
    fields.retain(|field| !["apiVersion", "kind"].contains(&field.as_str()));
    assert!(fields.len() > 20, "{fields:?}");
    for field in fields {
        assert!(of_table.contains(&format!("`{field}`")), "{field} is not in the table of settings");
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
fn every_kernel_parameter_is_in_the_table_of_settings() {
    let reference = read(REFERENCE);
    let of_table: Vec<_> = column(section(&reference, "Settings"), 1)
        .iter()
        .map(|cell| cell.trim_matches('`'))
        .filter(|n| !n.is_empty())
        .collect();
    for name in &of_table {
        let parsed = kubejoin::config::kernel::parse(&format!("{name}=auto"));
        assert!(name.starts_with("kubejoin.") && parsed.warnings.is_empty(), "{name}: {:?}", parsed.warnings);
    }
    let help = Help { program: Program::Kubejoin, topic: Topic::Join }.text();
    let (_, of_help) = help.split_once("On the kernel command line: kubejoin").unwrap();
    let of_help: Vec<_> =
        of_help.split(';').next().unwrap().split_whitespace().filter_map(|word| word.strip_suffix('=')).collect();
    assert!(of_help.len() > 10, "{of_help:?}");
    for name in of_help {
        let name = format!("kubejoin{name}");
        assert!(of_table.contains(&name.as_str()), "{name} is not in the table of settings");
    }
}

#[test]
fn every_retired_flag_of_the_table_is_known() {
    let reference = read(REFERENCE);
    let retired = column(section(&reference, "Retired flags"), 0).join(" ");
    assert!(flags(&retired).len() > 4, "{retired}");
    for flag in flags(&retired) {
        match cli::parse(["kubejoin", "join", flag, "x"].map(Into::into)) {
            Ok(Command::Join(args)) => {
                assert!(args.settings.retired.iter().any(|retired| retired.flag == flag), "{flag} is not retired");
            }
            Err(error) => assert_eq!(error.code(), &codes::USAGE_NOT_YET_SUPPORTED, "{flag}: {error}"),
            other => panic!("{flag}: {other:?}"),
        }
    }
}

#[test]
fn every_phase_is_in_the_table_of_phases() {
    let reference = read(REFERENCE);
    let table = section(&reference, "Phases");
    for phase in &phase::NAMES {
        assert!(table.contains(&format!("`{}`", phase.name)), "{} is not in the table of phases", phase.name);
    }
}

#[test]
fn every_parity_case_that_is_named_exists() {
    let table = read("tests/parity/README.md");
    let rows = read("tests/parity/cases") + &read("tests/parity/deltas");
    let exists = |name: &str| {
        let (start, end) = name.split_once('*').unwrap_or((name, ""));
        let mut cases = rows.lines().filter_map(|row| Some(row.split_once('|')?.0.trim()));
        cases.any(|case| case.starts_with(start) && case.ends_with(end) && (name.contains('*') || case == name))
    };
    let cells = column(section(&table, "Differences"), 3);
    let named = cells.iter().filter_map(|cell| Some(cell.split_once("case")?.1));
    let named: Vec<_> = named.flat_map(|names| names.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() > 10, "{named:?}");
    for name in named {
        assert!(exists(name), "tests/parity has no case {name}");
    }
}
