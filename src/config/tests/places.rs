//! Places of a machine that is a directory.

use std::fs;

use super::super::places::{self, Where};
use super::*;

fn machine(entries: &[(&str, &[u8])]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, content) in entries {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

/// The values of a parameter, the strongest first, and the texts of warnings.
fn node_names(root: &Path) -> (Vec<String>, Vec<String>) {
    let kernel = root.join("cmdline");
    fs::write(&kernel, "kubejoin.node-name=kernel").unwrap();
    let of = Where { machine: root, credentials: None, target: None, kernel_command_line: Some(&kernel) };
    let places = places::read(of, &|_, _| panic!("there is no command")).unwrap();
    let names = places.iter().filter_map(|place| place.settings.node_name.as_ref()).map(|given| given.value.clone());
    let warnings = places.iter().flat_map(|place| place.warnings.iter().map(ToString::to_string));
    (names.collect(), warnings.collect())
}

/// An SMBIOS structure of type 11 with these strings.
fn oem_strings(strings: &[&str]) -> Vec<u8> {
    let mut raw = vec![11, 5, 0, 1, strings.len() as u8];
    for text in strings {
        raw.extend_from_slice(text.as_bytes());
        raw.push(0);
    }
    raw.push(0);
    raw
}

#[test]
fn every_place_is_read_in_its_order() {
    let base64 = "io.systemd.credential.binary:kubejoin.node-name=YmluYXJ5";
    let plain = oem_strings(&["other", "io.systemd.credential:kubejoin.node-name=smbios", "io.systemd.credential:x=y"]);
    let root = machine(&[
        ("sys/firmware/qemu_fw_cfg/by_name/opt/io.systemd.credentials/kubejoin.node-name/raw", b"fw-cfg\n"),
        ("sys/firmware/dmi/entries/11-0/raw", &plain),
        ("sys/firmware/dmi/entries/1-0/raw", &plain),
        ("etc/kubejoin/kubejoin.node-name", b"etc\r\n"),
        ("etc/kubejoin/README", b"not ours"),
        ("boot/firmware/KUBEJOIN.NODE-NAME", b"\xef\xbb\xbfboot\r\n"),
        ("boot/efi/kubejoin.node_name", b"a parameter is named with hyphens in a file"),
        ("boot/vmlinuz", b"\x7f"),
    ]);
    let (names, warnings) = node_names(root.path());
    assert_eq!(names, ["fw-cfg", "smbios", "etc", "boot", "kernel"]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].ends_with("kubejoin.node_name: no setting has this name"), "{warnings:?}");

    let root = machine(&[("sys/firmware/dmi/entries/11-0/raw", &oem_strings(&[base64]))]);
    assert_eq!(node_names(root.path()).0, ["binary", "kernel"]);
}

#[test]
fn a_credential_that_was_not_opened_is_refused() {
    let root = machine(&[
        ("run/credentials/kubejoin.service/kubejoin.token", b"abcdef.0123456789abcdef"),
        ("etc/credstore.encrypted/kubejoin.token", b"sealed"),
        ("etc/credstore.encrypted/kubejoin.other", b"no setting"),
        ("etc/credstore.encrypted/database.password", b"somebody else's"),
        // Another system's credentials, which that one opens when it is booted.
        ("target/etc/credstore.encrypted/kubejoin.txt", b"sealed"),
    ]);
    let given = root.path().join("run/credentials/kubejoin.service");
    let target = root.path().join("target");
    let kernel = root.path().join("cmdline");
    fs::write(&kernel, "").unwrap();
    let read = |credentials| {
        let of = Where { machine: root.path(), credentials, target: Some(&target), kernel_command_line: Some(&kernel) };
        places::read(of, &|_, _| panic!("there is no command"))
    };
    // The credentials' directory is a path of the machine, whose root is here.
    assert!(read(Some("/run/credentials/kubejoin.service".as_ref())).is_ok());
    fs::remove_file(given.join("kubejoin.token")).unwrap();
    for credentials in [None, Some("/run/credentials/kubejoin.service".as_ref())] {
        let error = read(credentials).unwrap_err();
        assert_eq!(error.code().name, "config.credential-not-opened", "{error}");
        assert!(error.to_string().contains("etc/credstore.encrypted/kubejoin.token was not opened"), "{error}");
    }
}

/// Whoever writes the firmware's tables may write anything.
#[test]
fn strings_of_the_firmware_that_are_none_say_nothing() {
    for raw in [
        &b""[..],
        &[11],
        &[11, 200, 0, 0],
        &[11, 5, 0, 1, 1, 0xff, 0],
        b"\x0b\x05\0\x01\x01io.systemd.credential:kubejoin.node-name",
    ] {
        let root = machine(&[("sys/firmware/dmi/entries/11-0/raw", raw)]);
        assert_eq!(node_names(root.path()), (vec!["kernel".to_owned()], vec![]), "{raw:?}");
    }
}

/// The tokens of discovery and of the TLS bootstrap, what verifies the CA, and the texts of warnings.
fn tokens_of(entries: &[(&str, &str)]) -> (Option<String>, Option<String>, DiscoveryTrust, Vec<String>) {
    let root = machine(&entries.iter().map(|(path, text)| (*path, text.as_bytes())).collect::<Vec<_>>());
    let kernel = root.path().join("cmdline");
    fs::write(&kernel, "quiet").unwrap();
    let credentials = Some(Path::new("/run/credentials"));
    let of = Where { machine: root.path(), credentials, target: None, kernel_command_line: Some(&kernel) };
    let places = places::read(of, &|_, _| panic!("there is no command")).unwrap();
    let Resolved { configuration, warnings, .. } = load_unattended(&settings::Settings::default(), places).unwrap();
    let DiscoveryMethod::Token { token, trust, .. } = configuration.discovery else { panic!("no token discovery") };
    let text = |token: Option<BootstrapToken>| token.map(|token| token.full().expose().to_owned());
    (text(token), text(configuration.tls_bootstrap_token), trust, texts(&warnings))
}

/// Of a configuration file as of everything else.
#[test]
fn a_stronger_place_wins_over_a_configuration_file_of_a_weaker_one() {
    let yaml = file_with("nodeRegistration: {name: weak}\n").replace(TOKEN, OTHER);
    let root = machine(&[
        ("etc/kubejoin/kubejoin.node-name", b"strong"),
        ("etc/kubejoin/kubejoin.token", TOKEN.as_bytes()),
        ("boot/kubejoin.yaml", yaml.as_bytes()),
    ]);
    let kernel = root.path().join("cmdline");
    fs::write(&kernel, "kubejoin.node-name=weakest").unwrap();
    let of = Where { machine: root.path(), credentials: None, target: None, kernel_command_line: Some(&kernel) };
    let places = places::read(of, &|_, _| panic!("there is no command")).unwrap();
    let configuration = load_unattended(&settings::Settings::default(), places).unwrap().configuration;
    assert_eq!(configuration.node_registration.name, Some("strong".parse().unwrap()));
    assert_eq!(token_of(&configuration).full().expose(), TOKEN);
}

/// Whoever writes a weak place knows its tokens, and may have a server that the pins there fit.
#[test]
fn a_token_is_sent_only_where_as_strong_a_place_vouches_for_the_server() {
    let yaml = FILE.replace(TOKEN, OTHER);
    let (endpoint, pin, other) = (
        ("boot/kubejoin.endpoint", "h:1"),
        ("boot/kubejoin.ca-cert-hash", PIN),
        ("boot/kubejoin.discovery-token", OTHER),
    );
    let credential = ("run/credentials/kubejoin.tls-bootstrap-token", TOKEN);
    let not_sent = ["only weaker places vouch for the server"].as_slice();
    let table: [(&[(&str, &str)], &str, &str, &[&str]); 7] = [
        (&[credential, endpoint, pin, other], OTHER, OTHER, not_sent),
        (&[credential, ("boot/kubejoin.yaml", &yaml)], OTHER, OTHER, not_sent),
        (
            &[
                ("etc/kubejoin/kubejoin.tls-bootstrap-token", TOKEN),
                ("etc/kubejoin/kubejoin.endpoint", "h:1"),
                pin,
                other,
            ],
            OTHER,
            OTHER,
            not_sent,
        ),
        // A pin of its own place, or of a place between.
        (&[credential, ("run/credentials/kubejoin.ca-cert-hash", PIN), endpoint, other], OTHER, TOKEN, &[]),
        (
            &[
                ("etc/kubejoin/kubejoin.tls-bootstrap-token", TOKEN),
                ("run/credentials/kubejoin.ca-cert-hash", PIN),
                endpoint,
                other,
            ],
            OTHER,
            TOKEN,
            &[],
        ),
        // A token that has to sign cluster-info as well is sent to nobody who does not know it.
        (&[("run/credentials/kubejoin.token", TOKEN), endpoint, pin], TOKEN, TOKEN, &[]),
        (&[("run/credentials/kubejoin.token", TOKEN), ("boot/kubejoin.yaml", &yaml)], TOKEN, TOKEN, &[]),
    ];
    for (entries, discovery, bootstrap, expected) in table {
        let (found, sent, _, warnings) = tokens_of(entries);
        assert_eq!((found.as_deref(), sent.as_deref()), (Some(discovery), Some(bootstrap)), "{entries:?}");
        assert_eq!(warnings.len(), expected.len(), "{entries:?}: {warnings:?}");
        assert!(warnings.iter().zip(expected).all(|(warning, text)| warning.contains(text)), "{warnings:?}");
    }
}

#[test]
fn a_partition_that_every_system_can_write_names_no_file_with_a_token() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(&secret, TOKEN).unwrap();
    let path = secret.path().to_str().unwrap();
    for (directory, expected) in [("boot/firmware", None), ("etc/kubejoin", Some(TOKEN))] {
        let entry = |name: &str| format!("{directory}/kubejoin.{name}");
        let (endpoint, pin, file) = (entry("endpoint"), entry("ca-cert-hash"), entry("token-file"));
        let (found, sent, _, warnings) = tokens_of(&[(&endpoint, "h:1"), (&pin, PIN), (&file, path)]);
        assert_eq!((found.as_deref(), sent.as_deref()), (expected, expected), "{directory}");
        assert_eq!(warnings.is_empty(), expected.is_some(), "{warnings:?}");
    }
}

#[test]
fn weaker_pins_do_not_contradict_a_stronger_ca_file() {
    let (endpoint, pin) = (("etc/kubejoin/kubejoin.endpoint", "h:1"), ("boot/kubejoin.ca-cert-hash", PIN));
    let (.., trust, warnings) = tokens_of(&[endpoint, ("etc/kubejoin/kubejoin.discovery-ca-file", "/ca.crt"), pin]);
    assert!(matches!(trust, DiscoveryTrust::CaFile(_)), "{trust:?}");
    assert!(warnings.len() == 1 && warnings[0].contains("says something else than"), "{warnings:?}");
    let (.., trust, _) = tokens_of(&[
        endpoint,
        ("boot/kubejoin.discovery-ca-file", "/ca.crt"),
        ("etc/kubejoin/kubejoin.ca-cert-hash", PIN),
    ]);
    assert!(matches!(trust, DiscoveryTrust::Pins(_)), "{trust:?}");
}
