//! The reference documents are those of this program: error codes, fields, phases. The
//! tables of settings are held by `src/cli/reference_tests.rs`.

use kubejoin::for_tests::error::codes;
use kubejoin::for_tests::phase;

use crate::documents::{generated, read, section};

const REFERENCE: &str = "src/cli/REFERENCE.md";

/// The cells of this column of a table, counted from 0.
fn column(table: &str, number: usize) -> Vec<&str> {
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("|---"));
    rows.skip(1).map(|row| row.split('|').nth(number + 1).unwrap().trim()).collect()
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
fn every_field_of_a_configuration_is_in_the_table_of_settings() {
    let reference = read(REFERENCE);
    let of_table = section(&reference, "Settings");
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
