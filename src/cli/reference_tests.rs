//! `REFERENCE.md`: its tables are made from the table of settings. `KUBEJOIN_WRITE_DOCS=1 cargo test --lib cli::reference_tests`
//! writes them; without that variable the test compares. The text around the marked part is written by hand.

use std::path::Path;

use crate::config::setting::{Beside, Note, Section, Setting, Verb, verbs};
use crate::config::settings_table::{FIELDS, SETTINGS};

const BEGIN: &str = "<!-- settings: begin -->\n";
const END: &str = "<!-- settings: end -->\n";

const VERBS: [Verb; 23] = [
    Verb::None,
    Verb::Join,
    Verb::Ensure,
    Verb::Doctor,
    Verb::Reset,
    Verb::Status,
    Verb::Explain,
    Verb::Config,
    Verb::ConfigValidate,
    Verb::ConfigMigrate,
    Verb::Token,
    Verb::TokenGenerate,
    Verb::TokenCreate,
    Verb::TokenList,
    Verb::TokenDelete,
    Verb::Certs,
    Verb::CertificateKey,
    Verb::CheckExpiration,
    Verb::UploadCerts,
    Verb::KubeconfigUser,
    Verb::Completion,
    Verb::Version,
    Verb::Help,
];

fn tables() -> String {
    let rows = |wanted: &dyn Fn(&Setting) -> bool, row: fn(&Setting) -> String| {
        SETTINGS.iter().filter(|setting| wanted(setting)).map(row).collect::<String>()
    };
    let is_parameter = |setting: &Setting| setting.flag.is_empty() && !setting.parameter.is_empty();
    let is_of_join = |setting: &Setting| {
        setting.section != Section::Hidden && (setting.verbs.contains(Verb::Join) || is_parameter(setting))
    };
    format!(
        "\n### Flags of `join` and `ensure`\n\n\
         | flag | kernel command line | field of a file | since | |\n|---|---|---|---|---|\n{}\n\
         Beside `--config` these are refused: {}.\n\n\
         ### Fields that have no flag\n\n| field | since | |\n|---|---|---|\n{}\n\
         ### Flags of older releases, and flags without an effect\n\n| flag | kubeadm | here |\n|---|---|---|\n{}\n\
         ### Flags of other commands\n\n| command | flag | |\n|---|---|---|\n{}\n",
        rows(&is_of_join, of_join),
        refused_beside_config(),
        FIELDS.iter().map(of_file).collect::<String>(),
        rows(&|setting| setting.section == Section::Hidden && !setting.flag.is_empty(), of_old),
        rows(&|setting| !setting.verbs.contains(Verb::Join) && !is_parameter(setting), of_others),
    )
}

fn of_join(setting: &Setting) -> String {
    let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    let is_parameter = setting.verbs == verbs(&[]);
    let fields: Vec<_> = setting.field.split(", ").map(code).collect();
    let parameter = if setting.parameter.is_empty() { "" } else { &format!("`kubejoin.{}=`", setting.parameter) };
    let flag = if is_parameter { String::new() } else { flag(setting) };
    let cells = [flag, parameter.to_owned(), fields.join(", "), setting.since.to_owned(), meaning(setting)];
    row(&cells)
}

fn of_file(setting: &Setting) -> String {
    row(&[format!("`{}`", setting.field), setting.since.to_owned(), meaning(setting)])
}

fn of_old(setting: &Setting) -> String {
    let here = match setting.note {
        Note::None => "not supported yet".to_owned(),
        Note::Retired(instead) => instead.to_owned(),
        Note::NoEffect(why) => format!("ignored: {why}"),
    };
    row(&[flag(setting), setting.since.to_owned(), here])
}

fn of_others(setting: &Setting) -> String {
    let of_setting = VERBS.into_iter().filter(|verb| setting.verbs.contains(*verb));
    let commands: Vec<_> = of_setting.map(|verb| format!("`{}`", command(verb))).collect();
    row(&[commands.join(", "), flag(setting), meaning(setting)])
}

fn command(verb: Verb) -> &'static str {
    match verb {
        Verb::None => "kubejoin",
        Verb::Join => "join",
        Verb::Ensure => "ensure",
        Verb::Doctor => "doctor",
        Verb::Reset => "reset",
        Verb::Config => "config print",
        Verb::ConfigValidate => "config validate",
        Verb::ConfigMigrate => "config migrate",
        Verb::Status => "status",
        Verb::Explain => "explain",
        Verb::Token => "token",
        Verb::TokenGenerate => "token generate",
        Verb::TokenCreate => "token create",
        Verb::TokenList => "token list",
        Verb::TokenDelete => "token delete",
        Verb::Certs => "certs",
        Verb::CertificateKey => "certs certificate-key",
        Verb::CheckExpiration => "certs check-expiration",
        Verb::UploadCerts => "init phase upload-certs",
        Verb::KubeconfigUser => "kubeconfig user",
        Verb::Completion => "completion",
        Verb::Version => "version",
        Verb::Help => "help",
    }
}

fn flag(setting: &Setting) -> String {
    let space = if setting.value.is_empty() || setting.flag.is_empty() { "" } else { " " };
    let dashes = if setting.flag.is_empty() { "" } else { "--" };
    let short = setting.short.map_or(String::new(), |letter| format!(" (`-{letter}`)"));
    format!("`{dashes}{}{space}{}`{short}", setting.flag, setting.value)
}

fn meaning(setting: &Setting) -> String {
    let more = if setting.more.is_empty() { String::new() } else { format!(". {}", setting.more) };
    format!("{}{more}", setting.help.replace("{program}", "kubejoin"))
}

fn refused_beside_config() -> String {
    let is_refused =
        |setting: &&Setting| setting.beside_config == Beside::Refused && setting.verbs.contains(Verb::Join);
    let refused = SETTINGS.iter().filter(is_refused);
    refused.map(|setting| format!("`--{}`", setting.flag)).collect::<Vec<_>>().join(", ")
}

fn row(cells: &[String]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

#[test]
fn the_tables_of_the_reference_are_those_of_the_settings() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/REFERENCE.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{BEGIN}{}{END}{after}", tables());
    if std::env::var_os("KUBEJOIN_WRITE_DOCS").is_some() {
        std::fs::write(&path, expected).unwrap();
        return;
    }
    let differs = text.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(text == expected, "run with KUBEJOIN_WRITE_DOCS=1: {differs:?}");
}

/// A flag is found by its name, so that no command can have two of the same.
#[test]
fn no_command_has_two_flags_of_one_name() {
    for (index, setting) in SETTINGS.iter().enumerate() {
        for other in &SETTINGS[index + 1..] {
            let is_shared = VERBS.iter().any(|verb| setting.verbs.contains(*verb) && other.verbs.contains(*verb));
            let same_letter = setting.short.is_some() && setting.short == other.short;
            let same_flag = !setting.flag.is_empty() && setting.flag == other.flag;
            assert!(!is_shared || !(same_flag || same_letter), "--{}", other.flag);
            assert!(setting.parameter.is_empty() || setting.parameter != other.parameter, "{}", other.parameter);
        }
    }
}

/// Every field that concerns a worker, given to the real kubeadm as well; and what excludes one of those.
#[test]
fn every_field_of_a_configuration_has_its_row() {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/inputs/full.yaml");
    let full: serde_json::Value = serde_yaml::from_str(&std::fs::read_to_string(full).unwrap()).unwrap();
    let mut fields = vec!["discovery.file.kubeConfigPath".to_owned(), "patches.directory".to_owned()];
    leaves(&full, "", &mut fields);
    assert!(fields.len() > 20, "{fields:?}");
    for field in fields.iter().filter(|field| !["apiVersion", "kind"].contains(&field.as_str())) {
        let has_row =
            SETTINGS.iter().chain(FIELDS).any(|setting| setting.field.split(", ").any(|known| known == field));
        assert!(has_row, "{field} has no row");
    }
}

/// The paths of what is not a mapping.
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
