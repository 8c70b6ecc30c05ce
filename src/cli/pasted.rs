//! A join command that somebody has pasted into a file, as `kubeadm token create --print-join-command` or `kubeadm init` prints
//! it, and as terminals, mail programs and editors hand it on.
//!
//! It is read, never run. What stands before `kubeadm join` (a prompt, `sudo`, a path) and after its last line says nothing. A
//! line goes on with the next one where it ends in a backslash, and where the next one begins with a flag: mail programs wrap
//! lines. Quotation marks of a shell are taken off; everything else that a shell would do something with is refused by name.

use std::ffi::OsString;

use super::arguments::{Arguments, Parsed};
use super::error::{Misuse, UsageError};
use super::join;
use super::program::Program;
use crate::config::setting::{Setting, Verb};
use crate::config::settings::Settings;
use crate::config::settings_table::flag;
use crate::values::is_dash;

/// A longer text is something else.
const MAX_BYTES: usize = 16 * 1024;

/// What a shell does something with, wherever it stands.
const SHELL_SYNTAX: [char; 9] = ['$', '`', ';', '|', '&', '<', '>', '(', ')'];
/// The same, of what stands before the command: the other characters end a prompt.
const JOINS_COMMANDS: [char; 3] = [';', '|', '&'];

/// The settings of the one join command in `text`; `entry` is where it stands, for messages.
///
/// # Errors
/// There is none, or more than one; it has shell syntax in it; or its flags are not understood.
pub fn join_command(text: &str, entry: &str) -> Result<Settings, UsageError> {
    let program = Program::Kubejoin;
    let usage = |misuse| UsageError { program, verb: Verb::Ensure, misuse };
    let words = words_of_command(text).map_err(usage)?;
    let argv = ["kubejoin", "join"].into_iter().map(str::to_owned).chain(words);
    let mut args = Arguments::new(program, argv.map(OsString::from).collect());
    args.entry = Some(entry.to_owned());
    args.next()?;
    match join::parse(args, Verb::Join)? {
        // It would be a trial, and nobody would notice.
        Parsed::Args(join) if join.settings.dry_run == Some(true) => Err(usage(Misuse::DryRunPasted)),
        Parsed::Args(join) if join.phase.is_none() => Ok(join.settings),
        Parsed::Args(_) | Parsed::Help(_) => Err(usage(Misuse::NoJoinCommand)),
    }
}

/// The words behind `join`.
fn words_of_command(text: &str) -> Result<Vec<String>, Misuse> {
    let text = text.trim_start_matches('\u{feff}');
    if text.len() > MAX_BYTES {
        return Err(Misuse::NoJoinCommand);
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut starts = lines.iter().enumerate().filter_map(|(at, line)| Some((at, behind_join(line)?)));
    let (at, (before, first)) = starts.next().ok_or(Misuse::NoJoinCommand)?;
    if starts.next().is_some() {
        return Err(Misuse::SeveralJoinCommands);
    }
    if let Some(character) = before.chars().find(|c| JOINS_COMMANDS.contains(c)) {
        return Err(Misuse::ShellSyntax { character });
    }
    let mut words = Vec::new();
    let mut rest = std::iter::once(first).chain(lines[at + 1..].iter().copied()).peekable();
    while let Some(line) = rest.next() {
        let goes_on = line.ends_with('\\');
        split(line.trim_end_matches('\\'), &mut words)?;
        let next_is_flag = |next: &&str| next.starts_with(|c| c == '-' || is_dash(c));
        if !goes_on && !wants_value(&words) && !rest.peek().is_some_and(next_is_flag) {
            break;
        }
    }
    Ok(words)
}

/// Whether the last word is a flag whose value is still to come.
fn wants_value(words: &[String]) -> bool {
    let name = words.last().and_then(|word| word.strip_prefix("--"));
    name.and_then(|name| flag(Verb::Join, name)).is_some_and(Setting::takes_value)
}

/// What stands before and behind the two words of a join command in a line.
fn behind_join(line: &str) -> Option<(&str, &str)> {
    line.match_indices("join").find_map(|(at, join)| {
        let (before, rest) = (&line[..at], &line[at + join.len()..]);
        let ends = rest.is_empty() || rest.starts_with(|c: char| c.is_whitespace() || c == '\\');
        if !ends || !before.ends_with(char::is_whitespace) {
            return None;
        }
        let before = before.trim_end();
        let start = before.rfind(char::is_whitespace).map_or(0, |end| end + 1);
        let name = before[start..].rsplit('/').next().unwrap_or_default();
        ["kubeadm", "kubejoin"].contains(&name).then(|| (&before[..start], rest))
    })
}

/// Splits a line into words as a shell does, without doing anything else that a shell does. A word that begins with `#` ends it.
fn split(line: &str, words: &mut Vec<String>) -> Result<(), Misuse> {
    let mut characters = line.chars().peekable();
    loop {
        while characters.next_if(|c| c.is_whitespace()).is_some() {}
        if characters.peek().is_none_or(|c| *c == '#') {
            return Ok(());
        }
        let mut word = String::new();
        let mut quote = None;
        while let Some(character) = characters.next_if(|c| quote.is_some() || !c.is_whitespace()) {
            match (character, quote) {
                (c, Some(open)) if c == open => quote = None,
                ('\'' | '"', None) => quote = Some(character),
                (c, None | Some('"')) if SHELL_SYNTAX.contains(&c) || c == '\\' => {
                    return Err(Misuse::ShellSyntax { character });
                }
                (c, _) => word.push(c),
            }
        }
        if let Some(character) = quote {
            return Err(Misuse::ShellSyntax { character });
        }
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn read(text: &str) -> Result<(String, String, String), String> {
        let settings = join_command(text, "kubejoin.txt").map_err(|error| error.to_string())?;
        let endpoint = settings.endpoint.map(|given| given.value).unwrap_or_default();
        let token = settings.token.map(|given| given.value.expose().to_owned()).unwrap_or_default();
        let hash = settings.ca_cert_hashes.first().map(|given| given.value.clone()).unwrap_or_default();
        Ok((endpoint, token, hash))
    }

    #[test]
    fn what_kubeadm_prints_is_read_however_it_was_handed_on() {
        let plain =
            format!("kubeadm join 10.0.0.1:6443 --token abcdef.0123456789abcdef --discovery-token-ca-cert-hash {HASH}");
        let expected = ("10.0.0.1:6443".to_owned(), "abcdef.0123456789abcdef".to_owned(), HASH.to_owned());
        let wrapped = plain.replace(" --discovery", " \\\n\t--discovery");
        for text in [
            plain.clone(),
            format!("{plain} \n"),
            format!("\u{feff}{plain}\r\n"),
            format!("sudo {plain}"),
            format!("root@cp-1:~# {plain}"),
            format!("$ sudo /usr/bin/{plain}   # valid for 24 h"),
            plain.replace("kubeadm", "kubejoin"),
            wrapped.clone(),
            wrapped.replace('\n', "\r\n"),
            wrapped.replace("\\\n", "\\ \n"),
            // A mail program has wrapped it.
            plain.replace(" --discovery", "\n--discovery"),
            plain.replace("cert-hash ", "cert-hash\n"),
            plain.replace("--token ", "--token="),
            plain.replace("abcdef.0123456789abcdef", "'abcdef.0123456789abcdef'"),
            plain.replace(HASH, &format!("\"{HASH}\"")),
            format!(
                "Then you can join any number of worker nodes by running the following on each as root:\n\n{wrapped}\n\nBye.\n"
            ),
        ] {
            assert_eq!(read(&text), Ok(expected.clone()), "{text}");
        }
    }

    #[test]
    fn what_a_shell_would_run_is_refused_by_name() {
        let with = |text: &str| format!("kubeadm join 10.0.0.1:6443 --token {text}");
        for (text, expected) in [
            (with("$(cat /token)"), "`$`"),
            (with("$TOKEN"), "`$`"),
            (with("\"$TOKEN\""), "`$`"),
            (with("`cat token`"), "a backtick"),
            (with("a.b; reboot"), "`;`"),
            (with("a.b && reboot"), "`&`"),
            (with("a.b | tee log"), "`|`"),
            (with("a.b > log"), "`>`"),
            (with("a.b < in"), "`<`"),
            (with("'a.b"), "a single quotation mark"),
            (with("a\\.b"), "`\\`"),
            (format!("swapoff -a && {}", with("a.b")), "`&`"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(expected) && error.contains("shell"), "{text}: {error}");
        }
        // Within single quotation marks a shell does nothing.
        assert!(read("kubeadm join h:1 --node-name 'a$b'").is_ok());
    }

    #[test]
    fn what_is_no_join_command_is_named() {
        for (text, expected) in [
            ("", "no `kubeadm join` command"),
            ("10.0.0.1:6443", "no `kubeadm join` command"),
            ("kubeadm token create --print-join-command", "no `kubeadm join` command"),
            ("kubeadm join phase preflight", "no `kubeadm join` command"),
            ("kubeadm join a:1\nkubeadm join b:1", "more than one"),
            ("kubeadm join a:1 \u{2013}\u{2013}token x", "an en dash"),
            ("kubeadm join a:1 --tokn x", "perhaps --token was meant"),
            ("kubeadm join a:1 b:1", "further argument"),
            ("kubeadm join a:1 --dry-run", "--dry-run"),
            (&"join".repeat(100_000), "no `kubeadm join` command"),
            (&"join".repeat(4_000), "no `kubeadm join` command"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
