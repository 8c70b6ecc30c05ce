use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::UsageError;
use super::topic::Topic;
use super::version::Version;
use super::*;
use crate::clock::ClockMode;
use crate::config::settings::{ListForm, VersionFormat};
use crate::config::{Origin, WithOrigin};
use crate::error::Explain;
use crate::secret::Secret;

fn argv(words: &[&str]) -> Result<Command, UsageError> {
    parse(words.iter().map(OsString::from))
}

fn join(words: &[&str]) -> JoinArgs {
    let words: Vec<&str> = ["kubejoin", "join"].iter().chain(words).copied().collect();
    match argv(&words) {
        Ok(Command::Join(args)) => *args,
        other => panic!("{words:?}: {other:?}"),
    }
}

fn error(words: &[&str]) -> UsageError {
    argv(words).expect_err("no error")
}

fn phase(name: &str) -> Topic {
    Topic::Phase(crate::phase::find(name).unwrap())
}

fn text(given: &Option<WithOrigin<String>>) -> Option<&str> {
    given.as_ref().map(|given| given.value.as_str())
}

fn secret(given: &Option<WithOrigin<Secret>>) -> Option<&str> {
    given.as_ref().map(|given| given.value.expose())
}

fn path(given: &Option<WithOrigin<PathBuf>>) -> Option<&Path> {
    given.as_ref().map(|given| given.value.as_path())
}

fn list(given: &[WithOrigin<String>]) -> Vec<&str> {
    given.iter().map(|item| item.value.as_str()).collect()
}

const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);
const PIN: &str = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[test]
fn the_printed_join_command_works_as_pasted() {
    // `kubeadm token create --print-join-command` ends in a space; `kubeadm init` breaks the line.
    let lines: [&[&str]; 5] = [
        &["10.0.0.1:6443", "--token", "abcdef.0123456789abcdef", "--discovery-token-ca-cert-hash", PIN],
        &["10.0.0.1:6443", "--token", "abcdef.0123456789abcdef", "\\", "--discovery-token-ca-cert-hash", PIN, ""],
        &["10.0.0.1:6443", "--token", "abcdef.0123456789abcdef", "\\\n\t--discovery-token-ca-cert-hash", PIN, " \n"],
        &["--discovery-token-ca-cert-hash", &format!("{PIN}\r"), "--token=abcdef.0123456789abcdef", "10.0.0.1:6443"],
        &["--token=abcdef.0123456789abcdef", "10.0.0.1:6443\n", "\n", &format!("--discovery-token-ca-cert-hash={PIN}")],
    ];
    for line in lines {
        let settings = join(line).settings;
        assert_eq!(text(&settings.endpoint), Some("10.0.0.1:6443"), "{line:?}");
        assert_eq!(secret(&settings.token), Some("abcdef.0123456789abcdef"));
        assert_eq!(list(&settings.ca_cert_hashes), [PIN]);
    }
}

#[test]
fn every_flag_is_read_in_both_forms() {
    let separate = [
        "h:1",
        "--discovery-token",
        "a",
        "--tls-bootstrap-token",
        "b",
        "--token-file",
        "-",
        "--node-name",
        "n",
        "--cri-socket",
        "s",
        "--rootfs",
        "/r",
        "--config",
        "c",
        "--kernel-command-line",
        "k",
        "--clock",
        "server",
        "--logging-format",
        "json",
        "--result-file",
        "/f",
        "--v",
        "5",
    ];
    let joined = [
        "--discovery-token=a",
        "--tls-bootstrap-token=b",
        "--token-file=-",
        "--node-name=n",
        "--cri-socket=s",
        "--rootfs=/r",
        "--config=c",
        "--kernel-command-line=k",
        "h:1",
        "--clock=server",
        "--logging-format=json",
        "--result-file=/f",
        "--v=5",
    ];
    for args in [join(&separate), join(&joined)] {
        let settings = &args.settings;
        assert_eq!(secret(&settings.discovery_token), Some("a"));
        assert_eq!(secret(&settings.tls_bootstrap_token), Some("b"));
        assert_eq!(path(&settings.token_file), Some(Path::new("-")));
        assert_eq!(text(&settings.node_name), Some("n"));
        assert_eq!(text(&settings.cri_socket), Some("s"));
        assert_eq!(path(&settings.rootfs), Some(Path::new("/r")));
        assert_eq!(path(&settings.config), Some(Path::new("c")));
        assert_eq!(path(&settings.kernel_command_line), Some(Path::new("k")));
        assert_eq!(settings.clock, Some(ClockMode::Server));
        assert_eq!(args.logging_format, LoggingFormat::Json);
        assert_eq!(args.result_file, Path::new("/f"));
        assert_eq!(args.verbosity, 5);
    }
}

#[test]
fn lists_are_repeated_or_separated_by_commas() {
    let settings = join(&[
        "--discovery-token-ca-cert-hash=a,b",
        "--discovery-token-ca-cert-hash",
        "c",
        "--skip-phases",
        "preflight, x",
        "--ignore-preflight-errors=Swap,",
        "--ignore-preflight-errors",
        "all",
    ])
    .settings;
    assert_eq!(list(&settings.ca_cert_hashes), ["a", "b", "c"]);
    assert_eq!(list(&settings.skip_phases), ["preflight", "x"]);
    assert_eq!(list(&settings.ignore_preflight_errors), ["Swap", "all"]);
}

#[test]
fn a_phase_is_one_word_or_two_and_then_comes_the_endpoint() {
    let table: [(&[&str], &str, Option<&str>); 6] = [
        (&["phase", "preflight", "h:1"], "preflight", Some("h:1")),
        (&["--token=x", "phase", "kubelet-start", "--node-name", "phase", "h:1"], "kubelet-start", Some("h:1")),
        (&["phase", "kubelet-wait-bootstrap"], "kubelet-wait-bootstrap", None),
        (&["phase", "control-plane-prepare", "certs", "h:1"], "control-plane-prepare/certs", Some("h:1")),
        (&["phase", "--v=5", "control-plane-join", "update-status"], "control-plane-join/update-status", None),
        (&["phase", "check-etcd"], "check-etcd", None),
    ];
    for (words, name, endpoint) in table {
        let args = join(words);
        assert_eq!((args.phase.unwrap().name, text(&args.settings.endpoint)), (name, endpoint), "{words:?}");
    }
    assert_eq!(join(&["h:1"]).phase, None);
}

#[test]
fn an_unknown_phase_or_a_part_of_one_is_refused() {
    let table: [(&[&str], &str); 6] = [
        (&["phase"], "join phase needs the name of a phase"),
        (&["phase", "kubelet-strat"], "unknown phase \"kubelet-strat\", perhaps kubelet-start was meant"),
        (&["phase", "control-plane-join", "certificates"], "unknown phase \"control-plane-join certificates\""),
        (&["phase", "tls-bootstrap"], "tls-bootstrap is a part of kubelet-start and does not go alone"),
        (&["phase", "preflight", "--skip-phases=preflight"], "unknown flag \"--skip-phases\""),
        (&["phase", "preflight", "h:1", "h:2"], "join does not take the further argument \"h:2\""),
    ];
    for (words, message) in table {
        let words: Vec<&str> = ["kubejoin", "join"].iter().chain(words).copied().collect();
        assert_eq!(error(&words).to_string(), message, "{words:?}");
    }
}

#[test]
fn booleans_take_a_value_only_behind_an_equals_sign() {
    let table: [(&[&str], Option<bool>); 4] = [
        (&[], None),
        (&["--dry-run"], Some(true)),
        (&["--dry-run=false"], Some(false)),
        (&["--dry-run=T"], Some(true)),
    ];
    for (words, expected) in table {
        assert_eq!(join(words).settings.dry_run, expected, "{words:?}");
    }
    assert_eq!(text(&join(&["--dry-run", "h:1"]).settings.endpoint), Some("h:1"));
    let flags = join(&["--set-clock", "--discovery-token-unsafe-skip-ca-verification"]).settings;
    assert_eq!((flags.set_clock, flags.unsafe_skip_ca_verification), (Some(true), Some(true)));
}

#[test]
fn the_level_is_read_as_kubeadm_writes_it() {
    for words in [&["-v", "5"][..], &["-v5"], &["-v=5"], &["--v=5"], &["--v", "5"]] {
        assert_eq!(join(words).verbosity, 5, "{words:?}");
    }
    for words in [["kubejoin", "--v=5", "join"], ["kubejoin", "join", "-v5"]] {
        assert!(matches!(argv(&words), Ok(Command::Join(args)) if args.verbosity == 5), "{words:?}");
    }
}

#[test]
fn an_empty_value_is_no_value_but_an_empty_path_is_a_mistake() {
    let settings = join(&["--token", "", "--node-name=", "h:1"]).settings;
    assert!(settings.token.is_none() && settings.node_name.is_none());
    assert_eq!(error(&["kubejoin", "join", "--rootfs", "", "h:1"]).to_string(), "--rootfs takes a path, not \"\"");
}

#[test]
fn help_is_given_whatever_else_is_wrong() {
    let table: [(&[&str], Topic); 12] = [
        (&["kubejoin", "help"], Topic::General),
        (&["kubejoin", "-h"], Topic::General),
        (&["kubejoin", "help", "join"], Topic::Join),
        (&["kubejoin", "help", "errors"], Topic::Errors),
        (&["kubejoin", "join", "--help"], Topic::Join),
        (&["kubejoin", "join", "--bogus", "a", "b", "-h"], Topic::Join),
        (&["kubejoin", "join", "phase", "-h"], Topic::Phases),
        (&["kubejoin", "join", "phase", "kubelet-start", "--help"], phase("kubelet-start")),
        (&["kubejoin", "join", "phase", "control-plane-join", "all", "-h"], phase("control-plane-join/all")),
        (&["kubejoin", "help", "join", "phase"], Topic::Phases),
        (&["kubejoin", "version", "--nope", "--help"], Topic::Version),
        (&["kubejoin", "frobnicate", "--help"], Topic::General),
    ];
    for (words, topic) in table {
        assert!(matches!(argv(words), Ok(Command::Help(help)) if help.topic == topic), "{words:?}");
    }
}

#[test]
fn the_name_it_is_called_by_is_kept() {
    for (argv0, program) in
        [("/usr/bin/kubeadm", Program::Kubeadm), ("kubejoin", Program::Kubejoin), ("x", Program::Kubejoin)]
    {
        assert!(matches!(argv(&[argv0, "help"]), Ok(Command::Help(help)) if help.program == program));
    }
    assert!(error(&["kubeadm", "join", "--tokne=x"]).hint().contains("`kubeadm join --help`"));
}

#[test]
fn versions_are_shown_in_three_forms() {
    let table: [(&[&str], VersionFormat); 4] = [
        (&["kubejoin", "version"], VersionFormat::Line),
        (&["kubejoin", "--version"], VersionFormat::Line),
        (&["kubeadm", "version", "-o", "short"], VersionFormat::Short),
        (&["kubejoin", "version", "--output=json"], VersionFormat::Json),
    ];
    for (words, expected) in table {
        assert!(matches!(argv(words), Ok(Command::Version(version)) if version.format == expected), "{words:?}");
    }
    let json: serde_json::Value = serde_json::from_str(&Version { format: VersionFormat::Json }.text()).unwrap();
    assert_eq!(json["version"], Version { format: VersionFormat::Short }.text().trim());
}

#[test]
fn what_is_not_understood_is_named() {
    let table: [(&[&str], &str); 13] = [
        (&["kubejoin"], "no command was given"),
        (&["kubejoin", "jion"], "unknown command \"jion\", perhaps join was meant"),
        (&["kubejoin", "upgrade"], "upgrade of kubeadm is not supported yet"),
        (&["kubejoin", "token"], "token needs a word behind it: generate, create, list or delete"),
        (
            &["kubejoin", "join", "phase", "control-plane-join"],
            "join phase control-plane-join needs one of all, mark-control-plane",
        ),
        (&["kubejoin", "join", "--node-nmae", "x"], "unknown flag \"--node-nmae\", perhaps --node-name was meant"),
        (&["kubejoin", "join", "-x"], "unknown flag \"-x\""),
        (&["kubejoin", "join", "h:1", "--token"], "--token needs a value"),
        (&["kubejoin", "join", "--dry-run=maybe"], "--dry-run takes true or false, not \"maybe\""),
        (&["kubejoin", "join", "--clock=wall"], "--clock takes auto, system or server, not \"wall\""),
        (&["kubejoin", "join", "-v", "high"], "--v takes a number, not \"high\""),
        (&["kubejoin", "join", "h:1", "h:2"], "join does not take the further argument \"h:2\""),
        (&["kubejoin", "version", "-o", "yaml"], "--output takes short or json, not \"yaml\""),
    ];
    for (words, message) in table {
        assert_eq!(error(words).to_string(), message, "{words:?}");
    }
}

/// Copied from a web page or a chat, from a template whose variable was empty, from a list that no shell read.
#[test]
fn what_only_looks_like_a_flag_is_named_with_its_character() {
    let token = "abcdef.0123456789abcdef";
    let table: [(&[&str], &str); 11] = [
        (
            &["h:1", "\u{2013}token", token],
            "\"\u{2013}token\" begins with an en dash (U+2013), flags begin with two hyphens, perhaps --token was meant",
        ),
        (&["\u{2014}nope"], "\"\u{2014}nope\" begins with an em dash (U+2014), flags begin with two hyphens"),
        (
            &["h:1", "\"--token", token],
            "\"\\\"--token\" begins with a quotation mark (U+0022), flags begin with two hyphens, perhaps --token was meant",
        ),
        (
            &["h:1", "--discovery\u{2011}token", token],
            "unknown flag \"--discovery\u{2011}token\", which has a no-break hyphen (U+2011) as its character 12, perhaps \
             --discovery-token was meant",
        ),
        (
            &["h:1", "--token\u{a0}abcdef.0123456789abcdef"],
            "--token is followed by a no-break space (U+00A0), not by an ordinary space",
        ),
        (&["h:1", "--node-name pi-1"], "--node-name and its value are one argument with a space in it"),
        (
            &["h:1", "--token", "--discovery-token-ca-cert-hash", PIN],
            "--token has no value: --discovery-token-ca-cert-hash follows it; perhaps the variable between them is empty",
        ),
        (
            &["h:1", "--config", "--v=5"],
            "--config has no value: --v follows it; perhaps the variable between them is empty",
        ),
        (
            &["h:1", ".--token", token],
            "join does not take the further argument \".--token\", perhaps --token was meant",
        ),
        (&["h:1", "-token", token], "unknown flag \"-t\", perhaps --token was meant"),
        (&["h:1", "-node-name=pi"], "unknown flag \"-n\", perhaps --node-name was meant"),
    ];
    for (words, message) in table {
        let words: Vec<&str> = ["kubejoin", "join"].iter().chain(words).copied().collect();
        let error = error(&words);
        assert_eq!(error.to_string(), message);
        assert_eq!(error.code().name, "usage.arguments");
    }
}

/// kubeadm takes them, and scripts for control planes and workers alike have the second.
#[test]
fn underscores_and_switched_off_flags_are_accepted() {
    let args =
        join(&["h:1", "--node_name=pi", "--control-plane=false", "--logtostderr", "--stderrthreshold", "2", "-v5"]);
    assert_eq!((text(&args.settings.node_name), args.verbosity), (Some("pi"), 5));
    let given = ["node-name", "control-plane", "logtostderr", "stderrthreshold", "v"].map(Origin::Flag);
    assert_eq!(args.settings.given, given);
    assert_eq!(args.settings.control_plane, Some(false));
}

#[test]
fn white_space_of_a_web_page_around_arguments_is_dropped() {
    let lines: [&[&str]; 3] = [
        &["join\u{a0}", "h:1", "--node-name", "pi"],
        &["join", "\u{a0}h:1", "\u{a0}--node-name", "pi\u{a0}"],
        &["join", "h:1\u{200a}", "--node-name\u{a0}", "\u{2003}pi"],
    ];
    for line in lines {
        let words: Vec<&str> = ["kubejoin"].iter().chain(line).copied().collect();
        let Ok(Command::Join(args)) = argv(&words) else { panic!("{line:?}") };
        assert_eq!((text(&args.settings.endpoint), text(&args.settings.node_name)), (Some("h:1"), Some("pi")));
    }
}

/// What begins with a hyphen and is no flag is a value.
#[test]
fn a_value_may_begin_with_hyphens() {
    let settings = join(&["h:1", "--token-file", "-", "--patches", "--p", "--node-name=--v"]).settings;
    assert_eq!((path(&settings.token_file), path(&settings.patches)), (Some(Path::new("-")), Some(Path::new("--p"))));
    assert_eq!(text(&settings.node_name), Some("--v"));
}

#[test]
fn a_typed_secret_is_not_shown_by_debug() {
    let shown = format!("{:?}", argv(&["kubejoin", "join", "--token", "abcdef.0123456789abcdef"]));
    assert!(shown.contains("value: Secret(..)") && !shown.contains("0123456789"), "{shown}");
}

#[test]
fn the_verbs_of_config_are_kubeadm_s() {
    let config = |words: &[&str]| {
        let words: Vec<&str> = ["kubejoin", "config"].iter().chain(words).copied().collect();
        match argv(&words) {
            Ok(Command::Config(command)) => command,
            other => panic!("{words:?}: {other:?}"),
        }
    };
    let allow = |deprecated, experimental| crate::config::migrate::Allow { deprecated, experimental };
    assert_eq!(config(&["print", "join-defaults"]), ConfigCommand::PrintJoinDefaults);
    assert_eq!(config(&["print", "reset-defaults"]), ConfigCommand::PrintResetDefaults);
    assert_eq!(
        config(&["--kubeconfig", "/k", "validate", "--allow-deprecated-api", "--config=f", "-v5"]),
        ConfigCommand::Validate { config: "f".into(), allow: allow(true, false) }
    );
    assert_eq!(
        config(&["migrate", "--old-config", "f", "--allow-experimental-api=true"]),
        ConfigCommand::Migrate { old_config: "f".into(), new_config: None, allow: allow(false, true) }
    );
    let table: [(&[&str], &str); 9] = [
        (&[], "config needs a word behind it: print, validate or migrate"),
        (&["print"], "config print needs a word behind it: join-defaults or reset-defaults"),
        (&["print", "init-defaults"], "config print init-defaults of kubeadm is not supported yet"),
        (&["images", "list"], "config images of kubeadm is not supported yet"),
        (&["validat"], "unknown command \"validat\", perhaps config validate was meant"),
        (&["validate"], "--config is missing"),
        (&["migrate", "--new-config", "x"], "--old-config is missing"),
        (&["migrate", "--config", "x"], "unknown flag \"--config\""),
        (&["validate", "--config", "x", "y"], "config does not take the further argument \"y\""),
    ];
    for (words, message) in table {
        let words: Vec<&str> = ["kubejoin", "config"].iter().chain(words).copied().collect();
        assert_eq!(error(&words).to_string(), message, "{words:?}");
    }
    assert!(matches!(argv(&["kubejoin", "config", "-h"]), Ok(Command::Help(help)) if help.topic == Topic::Config));
}

#[test]
fn flags_of_older_releases_stand_for_those_of_today() {
    let args = join(&[
        "--ignore-checks-errors=Swap",
        "--skip-preflight-checks",
        "--feature-gates",
        "CoreDNS=true",
        "-k",
        "/kustomize",
        "h:1",
    ]);
    let settings = args.settings;
    assert_eq!(list(&settings.ignore_preflight_errors), ["Swap"]);
    assert_eq!((settings.skip_preflight_checks, text(&settings.endpoint)), (Some(true), Some("h:1")));
    let given =
        ["ignore-checks-errors", "skip-preflight-checks", "feature-gates", "experimental-kustomize"].map(Origin::Flag);
    assert_eq!(settings.given, given);
    let patches = join(&["--experimental-patches=/p", "h:1"]).settings.patches.unwrap();
    assert_eq!((patches.value.as_path(), patches.origin), (Path::new("/p"), Origin::Flag("experimental-patches")));
    for flag in ["--control-plane", "--experimental-control-plane"] {
        assert_eq!(join(&[flag, "h:1"]).settings.control_plane, Some(true), "{flag}");
    }
}

#[test]
fn the_verbs_of_certificates_are_kubeadms() {
    let verb = |words: &[&str]| match argv(words) {
        Ok(Command::Certs(args)) => (args.verb, args.settings),
        other => panic!("{words:?}: {other:?}"),
    };
    for first in ["certs", "certificates"] {
        assert_eq!(verb(&["kubejoin", first, "certificate-key"]).0, CertsVerb::CertificateKey);
    }
    let words =
        ["kubejoin", "--rootfs", "/r", "certs", "check-expiration", "--cert-dir=/p", "-o", "json", "--config", "/c"];
    let (found, settings) = verb(&words);
    assert_eq!(found, CertsVerb::CheckExpiration);
    assert_eq!((path(&settings.rootfs), path(&settings.config)), (Some(Path::new("/r")), Some(Path::new("/c"))));
    assert_eq!((text(&settings.cert_dir), settings.list_form), (Some("/p"), Some(ListForm::Json)));
    let words = ["kubejoin", "init", "phase", "upload-certs", "--upload-certs", "--certificate-key=k", "--dry-run"];
    let (found, settings) = verb(&words);
    assert_eq!((found, settings.upload_certs, settings.dry_run), (CertsVerb::UploadCerts, Some(true), Some(true)));
    assert_eq!(secret(&settings.certificate_key), Some("k"));
    let words =
        ["kubejoin", "kubeconfig", "user", "--client-name=n", "--org", "a,b", "--org=c", "--validity-period", "1h"];
    let (found, settings) = verb(&words);
    assert_eq!((found, text(&settings.client_name)), (CertsVerb::KubeconfigUser, Some("n")));
    assert_eq!((list(&settings.organizations), settings.validity_period), (vec!["a", "b", "c"], Some(HOUR)));
    let table: [(&[&str], &str); 15] = [
        (&["kubejoin", "kubeconfig"], "kubeconfig needs a word behind it: user"),
        (&["kubejoin", "kubeconfig", "user"], "--client-name is missing"),
        (
            &["kubejoin", "kubeconfig", "user", "--client-name=n", "--validity-period=0s"],
            "--validity-period takes a duration of more than 0s, such as 720h, not \"0s\"",
        ),
        (&["kubejoin", "init"], "init of kubeadm is not supported yet"),
        (&["kubejoin", "init", "--pod-network-cidr", "10.0.0.0/8"], "init of kubeadm is not supported yet"),
        (&["kubejoin", "init", "phase"], "init phase needs a word behind it: upload-certs"),
        (&["kubejoin", "init", "phase", "certs", "all"], "init phase certs of kubeadm is not supported yet"),
        (&["kubejoin", "init", "phase", "upload-config"], "init phase upload-config of kubeadm is not supported yet"),
        (&["kubejoin", "init", "phase", "upload-cert"], "perhaps init phase upload-certs was meant"),
        (
            &["kubejoin", "init", "phase", "upload-certs", "--config=/c", "--certificate-key=k"],
            "--certificate-key cannot stand beside --config",
        ),
        (&["kubejoin", "certs"], "certs needs a word behind it: certificate-key or check-expiration"),
        (&["kubejoin", "certs", "renew", "all"], "certs renew of kubeadm is not supported yet"),
        (&["kubejoin", "certs", "chek-expiration"], "perhaps certs check-expiration was meant"),
        (&["kubejoin", "certs", "certificate-key", "x"], "certs does not take the further argument \"x\""),
        (&["kubejoin", "certs", "certificate-key", "--cert-dir", "/p"], "unknown flag \"--cert-dir\""),
    ];
    for (words, expected) in table {
        let error = error(words).to_string();
        assert!(error.contains(expected), "{words:?}: {error}");
    }
}
