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
