//! What a shell offers is what the parser takes. The records are asked by the real bash, as it asks them when somebody types;
//! `tests/shell/completion_test.sh` types into bash, zsh and fish.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::process::Command as Process;

use super::command_table::COMMANDS;
use super::completion::SHELLS;
use super::error::Misuse;
use super::{Command, parse};
use crate::config::setting::{Kind, SKIP_PHASES, Section, Setting, Values, Verb};
use crate::config::settings_table::SETTINGS;
use crate::error::codes;
use crate::phase::{self, Applies};

fn words(line: &str) -> Vec<&str> {
    line.split(' ').filter(|word| !word.is_empty()).collect()
}

fn parsed(program: &str, line: &[&str]) -> Result<Command, Misuse> {
    parse([program].iter().chain(line).map(OsString::from)).map_err(|error| error.misuse)
}

fn script(program: &str, shell: &str) -> String {
    match parsed(program, &["completion", shell]) {
        Ok(Command::Completion(completion)) => completion.text(),
        other => panic!("{shell}: {other:?}"),
    }
}

/// What bash offers behind each of these lines, whose last word is the one that is being typed.
fn offered_by_bash(program: &str, lines: &[Vec<&str>]) -> Vec<BTreeSet<String>> {
    let mut text = script(program, "bash");
    for line in lines {
        let quoted: Vec<_> = line.iter().map(|word| format!("'{word}'")).collect();
        text += &format!("COMP_WORDS=({program} {}) COMP_CWORD={}\n", quoted.join(" "), line.len());
        text += &format!("_{program}; printf '%s ' \"${{COMPREPLY[@]}}\"; echo\n");
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("script");
    std::fs::write(&file, text).unwrap();
    let output = Process::new("bash").arg("--norc").arg(&file).output().expect("bash is needed");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = String::from_utf8(output.stdout).unwrap();
    let found: Vec<_> = output.lines().map(|line| words(line).into_iter().map(str::to_owned).collect()).collect();
    assert_eq!(found.len(), lines.len());
    found
}

/// Every command and phase that can be typed, and whose flags follow it.
fn command_lines() -> Vec<(Vec<&'static str>, Verb)> {
    let mut lines = vec![(vec![], Verb::None)];
    lines.extend(COMMANDS.iter().map(|row| (words(row.words), row.verb)));
    for phase in phase::NAMES.iter().filter(|phase| !matches!(phase.applies, Applies::SubPhase(_) | Applies::Retired)) {
        lines.push((["join", "phase"].into_iter().chain(phase.name.split('/')).collect(), Verb::Join));
    }
    for name in phase::RESET_PHASES.map(phase::ResetPhase::name) {
        lines.push((vec!["reset", "phase", name], Verb::Reset));
    }
    lines.extend(SHELLS.map(|(shell, _)| (vec!["completion", shell], Verb::Completion)));
    lines
}

/// A value that the parser takes, so that nothing but the flag itself can be wrong.
fn with_value(setting: &Setting) -> String {
    let value = match (setting.values(), setting.kind) {
        (Values::None, _) => return format!("--{}", setting.flag),
        (Values::Words(words), _) => words.split('|').next().unwrap(),
        (_, Kind::Parsed(parser)) if parser.expected.contains("duration") => "1h",
        (_, Kind::Parsed(_)) => "1",
        _ => "preflight",
    };
    format!("--{}={value}", setting.flag)
}

/// Whether the parser knows this flag behind these words.
fn is_taken(program: &str, line: &[&'static str], verb: Verb, rows: &[&Setting]) -> bool {
    let of_verb = rows.iter().find(|row| row.is_flag_of(verb));
    let argument = with_value(of_verb.unwrap_or(&rows[0]));
    let argv: Vec<&str> = line.iter().copied().chain([argument.as_str()]).collect();
    match parsed(program, &argv) {
        Err(Misuse::UnknownFlag { .. }) => false,
        // Of `init` everything is refused that does not stand behind its phase.
        Err(Misuse::NotYetSupported { .. }) => of_verb.is_some(),
        // It is refused once there is a phase.
        _ => !(rows[0].flag == SKIP_PHASES && line.get(1) == Some(&"phase")),
    }
}

#[test]
fn bash_offers_every_flag_that_the_parser_takes_and_no_other() {
    let mut all: BTreeMap<String, Vec<&Setting>> = BTreeMap::new();
    for row in SETTINGS.iter().filter(|row| !row.flag.is_empty()) {
        all.entry(format!("--{}", row.flag)).or_default().push(row);
    }
    // A flag that help does not show is offered to who begins to type it.
    let hidden: Vec<_> = all.iter().filter(|(_, rows)| rows.iter().all(|row| row.section == Section::Hidden)).collect();
    assert!(hidden.len() > 15, "{}", hidden.len());
    for program in ["kubejoin", "kubeadm"] {
        let lines = command_lines();
        // They are those of the first line of each verb, and by the other name the same: bash needs 10 ms for each.
        let is_first = |line: &[&str], verb: Verb| lines.iter().find(|other| other.1 == verb).unwrap().0 == line;
        let by_name = |line: &[&str], verb: Verb| {
            if program == "kubejoin" && is_first(line, verb) { hidden.as_slice() } else { &[] }
        };
        let typed: Vec<Vec<&str>> = lines
            .iter()
            .flat_map(|(line, verb)| {
                let flags = ["-"].into_iter().chain(by_name(line, *verb).iter().map(|(flag, _)| flag.as_str()));
                flags.map(|flag| line.iter().copied().chain([flag]).collect::<Vec<_>>())
            })
            .collect();
        let mut offered = offered_by_bash(program, &typed).into_iter();
        let mut count = 0;
        for (line, verb) in &lines {
            let mut expected = BTreeSet::new();
            for (flag, rows) in all.iter().filter(|(_, rows)| is_taken(program, line, *verb, rows)) {
                count += 1;
                let of_verb =
                    rows.iter().find(|row| row.is_flag_of(*verb)).unwrap_or_else(|| panic!("{line:?} {flag}"));
                if of_verb.section != Section::Hidden {
                    expected.insert(flag.clone());
                    expected.extend(of_verb.short.map(|letter| format!("-{letter}")));
                }
            }
            assert_eq!(offered.next().unwrap(), expected, "{program} {line:?}");
            for (flag, rows) in by_name(line, *verb) {
                let is_offered = offered.next().unwrap().contains(*flag);
                assert_eq!(is_offered, is_taken(program, line, *verb, rows), "{program} {line:?} {flag}");
            }
        }
        assert!(count > 500, "{count}");
    }
}

#[test]
fn bash_offers_every_word_that_the_parser_takes_and_no_other() {
    let mut behind: BTreeMap<Vec<&str>, BTreeSet<&str>> = BTreeMap::new();
    for (line, _) in command_lines() {
        behind.entry(line.clone()).or_default();
        if let Some((last, before)) = line.split_last() {
            behind.entry(before.to_vec()).or_default().insert(last);
        }
    }
    behind.entry(vec!["explain"]).or_default().extend(codes::ALL.iter().map(|code| code.name));
    let known: BTreeSet<&str> = behind.values().flatten().copied().chain(["errors", "tls-bootstrap", "x"]).collect();
    let typed: Vec<Vec<&str>> = behind.keys().map(|line| line.iter().copied().chain([""]).collect()).collect();
    for (line, offered) in behind.keys().zip(offered_by_bash("kubejoin", &typed)) {
        for word in &known {
            let argv: Vec<&str> = line.iter().copied().chain([*word]).collect();
            let result = parsed("kubejoin", &argv);
            let is_refused = match &result {
                Err(Misuse::NotYetSupported { what }) => what != "init",
                Err(misuse) => matches!(
                    misuse,
                    Misuse::UnknownCommand { .. }
                        | Misuse::UnknownCode { .. }
                        | Misuse::ExtraArgument { .. }
                        | Misuse::UnknownPhase { .. }
                        | Misuse::SubPhase { .. }
                ),
                Ok(_) => false,
            };
            // An endpoint, or a token: any word can be one.
            let is_argument = ["join", "ensure", "doctor"].contains(line.first().unwrap_or(&""))
                && !behind[line].contains(word)
                || line.first() == Some(&"token") && line.len() == 2;
            let is_taken = !is_refused && !is_argument;
            assert_eq!(offered.contains(*word), is_taken, "{line:?} {word}: {offered:?} {result:?}");
        }
    }
}

#[test]
fn bash_offers_the_values_that_the_parser_takes() {
    let table: [(&[&str], &[&str]); 22] = [
        (&["join", "--output", ""], &["json", "text"]),
        (&["join", "-o", "j"], &["json"]),
        (&["join", "--output", "=", "t"], &["text"]),
        (&["join", "--output", "="], &["json", "text"]),
        (&["join", "--output=j"], &["--output=json"]),
        (&["--rootfs", "/r", "version", "--output", ""], &["json", "short"]),
        (&["--rootfs=/r", "-v", "5", "version", "-o", ""], &["json", "short"]),
        (&["--rootfs", "=", "/r", "version", "-o", ""], &["json", "short"]),
        (&["token", "create", "-o", ""], &["cmdline", "systemd-creds", "yaml"]),
        (&["token", "list", "--experimental-output", "y"], &["yaml"]),
        (&["join", "h", ":", "1", "--clock", "s"], &["server", "system"]),
        (&["join", "--cri-socket", "unix", ":", "///run/x", "--logging-format", ""], &["json", "text"]),
        (&["join", "--cri-socket", "unix", ":", "///r"], &[]),
        (&["reset", "--skip-phases", "c"], &["cleanup-node"]),
        (&["reset", "--skip-phases", "cleanup-node,p"], &["cleanup-node,preflight"]),
        (&["join", "--skip-phases", "tls"], &["tls-bootstrap"]),
        (&["join", "--skip-phases=preflight,e"], &["--skip-phases=preflight,etcd-join"]),
        (&["join", "--node-name", ""], &[]),
        (&["join", "--dry-run", "=", ""], &[]),
        (&["join", "--dry-run", "pha"], &["phase"]),
        (&["join", "10.0.0.1", ":", "6443", "pha"], &[]),
        (&["completion", ""], &["bash", "fish", "zsh"]),
    ];
    let typed: Vec<Vec<&str>> = table.iter().map(|(line, _)| line.to_vec()).collect();
    for ((line, expected), offered) in table.iter().zip(offered_by_bash("kubejoin", &typed)) {
        assert_eq!(offered.iter().map(String::as_str).collect::<Vec<_>>(), *expected, "{line:?}");
    }
}

/// The words of a value are those that its parser takes, and those that its error names.
#[test]
fn every_word_that_is_offered_as_a_value_is_taken() {
    let mut count = 0;
    for row in SETTINGS {
        let (Values::Words(words), Kind::Parsed(parser)) = (row.values(), row.kind) else {
            assert!(!matches!(row.values(), Values::Words(_)), "--{}", row.flag);
            continue;
        };
        let expected: Vec<_> = parser.expected.split(", ").flat_map(|part| part.split(" or ")).collect();
        assert_eq!(words.split('|').collect::<Vec<_>>(), expected, "--{}", row.flag);
        for word in words.split('|') {
            assert!((parser.set)(&mut Default::default(), word), "--{} {word}", row.flag);
            count += 1;
        }
        assert!(!(parser.set)(&mut Default::default(), "x"), "--{}", row.flag);
    }
    assert!(count > 10, "{count}");
}

/// A path is completed as one, and nothing else is.
#[test]
fn a_flag_with_a_path_gets_files_or_directories() {
    for row in SETTINGS.iter().filter(|row| !row.flag.is_empty()) {
        let is_path = matches!(row.values(), Values::File | Values::Directory);
        assert!(is_path || !matches!(row.kind, Kind::Path(_)), "--{}", row.flag);
    }
    let values = |verb, flag| crate::config::settings_table::flag(verb, flag).unwrap().values();
    assert_eq!(values(Verb::Join, "rootfs"), Values::Directory);
    assert_eq!(values(Verb::Reset, "cert-dir"), Values::Directory);
    assert_eq!(values(Verb::Join, "config"), Values::File);
    assert_eq!(values(Verb::Join, "discovery-file"), Values::File);
    assert_eq!(values(Verb::Join, "certs-dir-from"), Values::File);
    assert_eq!(values(Verb::Join, "token"), Values::Any);
}

#[test]
fn a_shell_that_is_not_there_is_named() {
    let error = |line: &[&str]| parsed("kubejoin", line).unwrap_err().to_string();
    assert_eq!(error(&["completion"]), "completion needs a word behind it: bash, zsh or fish");
    assert_eq!(error(&["completion", "bahs"]), "unknown command \"bahs\", perhaps completion bash was meant");
    assert_eq!(error(&["completion", "bash", "zsh"]), "unexpected argument \"zsh\"");
}

/// Whatever it is called by is what it completes, and no placeholder is left.
#[test]
fn a_script_completes_the_name_it_was_called_by() {
    for (shell, registers) in
        [("bash", "complete -F _NAME NAME"), ("zsh", "compdef _NAME NAME"), ("fish", "complete -c NAME ")]
    {
        for program in ["kubejoin", "kubeadm"] {
            let text = script(program, shell);
            assert!(text.contains(&registers.replace("NAME", program)), "{shell}");
            let left = ["{program}", "{records}", "{commands", "{flags"];
            assert!(left.iter().all(|word| !text.contains(word)), "{shell}");
            assert!(program == "kubejoin" || !text.contains("_kubejoin"), "{shell}");
        }
    }
}

/// A row stands behind the row of the words before it, and no words stand in two rows.
#[test]
fn every_command_stands_in_the_table_once() {
    for (index, row) in COMMANDS.iter().enumerate() {
        let before = &COMMANDS[..index];
        assert!(before.iter().all(|other| other.words != row.words), "{}", row.words);
        let parent = row.words.rsplit_once(' ').map(|(parent, _)| parent);
        assert!(parent.is_none_or(|parent| before.iter().any(|row| row.words == parent)), "{}", row.words);
    }
}
