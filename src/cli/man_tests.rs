//! The manual page names what the parser takes, and roff has nothing to say about it where there is one.

use std::collections::BTreeSet;
use std::ffi::OsString;

use super::command_table::COMMANDS;
use super::{Command, parse};
use crate::config::settings_table::SETTINGS;
use crate::error::Class;

fn page(program: &str) -> String {
    match parse([program, "help", "--man"].iter().map(OsString::from)) {
        Ok(Command::Help(help)) => help.text(),
        other => panic!("{other:?}"),
    }
}

/// As roff prints it, without fonts.
fn printed(page: &str) -> String {
    let marks = [("\\fB", ""), ("\\fI", ""), ("\\fR", ""), ("\\&", ""), ("\\-", "-"), ("\\(aq", "'"), ("\\(dq", "\"")];
    let more = [("\\(ga", "`"), ("\\(ti", "~"), ("\\(ha", "^"), ("\\e", "\\")];
    marks.iter().chain(&more).fold(page.to_owned(), |text, (mark, instead)| text.replace(mark, instead))
}

/// The flags that stand at the head of an item.
fn named(page: &str) -> BTreeSet<String> {
    let items = page.split(".TP\n").skip(1).filter_map(|item| item.lines().next());
    let flags = items.map(printed).filter(|term| term.starts_with("--"));
    flags.map(|term| term.split([' ', ',']).next().unwrap().to_owned()).collect()
}

#[test]
fn every_flag_of_the_parser_is_an_item_and_no_other() {
    let expected = SETTINGS.iter().filter(|row| !row.flag.is_empty());
    assert_eq!(named(&page("kubejoin")), expected.map(|row| format!("--{}", row.flag)).collect());
}

#[test]
fn every_command_parameter_and_exit_status_is_named() {
    for program in ["kubejoin", "kubeadm"] {
        let page = printed(&page(program));
        for row in COMMANDS.iter().filter(|row| !row.about.is_empty() && row.words != "help") {
            let (_, last) = row.words.rsplit_once(' ').unwrap_or(("", row.words));
            let has_item = page.contains(&format!("{last}\n{}\n", row.about));
            assert!(has_item || page.contains(&format!("\n{program} {} ", row.words)), "{}", row.words);
        }
        for row in SETTINGS.iter().filter(|row| !row.parameter.is_empty()) {
            assert!(page.contains(&format!("\nkubejoin.{}={}", row.parameter, row.value)), "{}", row.parameter);
        }
        for class in Class::ALL {
            let item = format!("\n{} ({})\n{}\n", class.exit_status(), class.name(), class.meaning());
            assert!(page.contains(&item), "{item}");
        }
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "ENVIRONMENT", "FILES", "EXIT STATUS", "SEE ALSO"] {
            assert!(page.contains(&format!(".SH \"{section}\"\n")), "{section}");
        }
        assert!(page.starts_with(&format!(".TH {} 8 ", program.to_uppercase())));
        assert!(!page.contains("{program}") && !page.contains("{flags") && !page.contains("{commands"));
    }
}

/// The explanation of an item is one line; what follows a list is a paragraph of its own.
#[test]
fn text_behind_a_list_does_not_belong_to_its_last_item() {
    let page = printed(&page("kubejoin"));
    for begin in
        ["Exit status: 0 no node any more", "Called kubeadm, 1 for every error", "Every flag of `kubejoin join` may"]
    {
        assert!(page.contains(&format!("\n.PP\n{begin}")), "{begin}");
    }
}

/// A line begins with a request of man(7) or with text, and is never empty; a hyphen is one that can be copied.
#[test]
fn no_text_is_taken_for_a_request() {
    let requests = [".TH ", ".SH ", ".TP", ".PP", ".nf", ".fi", ".nh", ".ad l"];
    let page = page("kubejoin");
    for line in page.lines() {
        assert!(!line.is_empty() && line.is_ascii() && !line.starts_with('\''), "{line}");
        assert!(!line.starts_with('.') || requests.iter().any(|request| line.starts_with(request)), "{line}");
        let is_text = !line.starts_with(".TH");
        assert!(!is_text || !line.replace("\\-", "").contains('-'), "{line}");
    }
}

/// README's table of files, the one that others are held to; a directory stands for what is in it.
#[test]
fn every_file_of_the_readme_is_named() {
    let readme = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, table) = readme.split_once("\n## Files\n").unwrap();
    let rows = table.split("\n## ").next().unwrap().lines().filter_map(|line| line.strip_prefix("| `/"));
    let paths: Vec<_> = rows.map(|row| format!("/{}", row.split('`').next().unwrap())).collect();
    assert!(paths.len() > 10, "{paths:?}");
    let page = printed(&page("kubejoin"));
    let (_, files) = page.split_once(".SH \"FILES\"\n").unwrap();
    let files: Vec<_> = files.split(".TP\n").skip(1).filter_map(|item| item.lines().next()).collect();
    for path in paths {
        assert!(files.iter().any(|file| path.starts_with(file)), "{path}");
    }
}

/// Every variable of the environment that the program asks for by its name.
#[test]
fn every_variable_of_the_environment_is_named() {
    let page = printed(&page("kubejoin"));
    let mut found = BTreeSet::new();
    visit(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.contains("KUBECONFIG") && found.contains("NO_COLOR"), "{found:?}");
    for name in found {
        assert!(page.contains(&name), "{name}");
    }
}

fn visit(directory: &std::path::Path, found: &mut BTreeSet<String>) {
    for path in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            visit(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for call in ["var(\"", "var_os(\"", "variable([\"", "path_variable(\""] {
                let calls = text.split(call).skip(1).filter_map(|rest| rest.split_once('"'));
                let names = calls.map(|(name, _)| name.to_owned());
                found.extend(names.filter(|name| !["CARGO_", "KUBEJOIN_"].iter().any(|of| name.starts_with(of))));
            }
        }
    }
}
