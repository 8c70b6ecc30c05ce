//! Where a machine finds its settings by itself, the strongest place first:
//!
//! 1. `$CREDENTIALS_DIRECTORY`: the credentials that systemd gives to a unit (systemd.exec(5), `LoadCredential=`);
//! 2. the firmware: files of QEMU's fw_cfg and SMBIOS strings of type 11, as systemd takes credentials from them
//!    (<https://systemd.io/CREDENTIALS>, systemd `src/core/import-creds.c`), for machines without systemd;
//! 3. `/etc/kubejoin` of this machine, then of the target root;
//! 4. the boot partition where it is mounted, on this machine, then in the target root;
//! 5. the kernel command line.
//!
//! Whoever writes a weak place must not get what a strong one keeps: a token is sent only where something at least as strong
//! vouches for the server ([`super::resolve`]), and neither the firmware nor a boot partition may name a file with a token.
//!
//! In each of them the names are the same. `kubejoin.yaml` is a JoinConfiguration, `kubejoin.txt` a join command as
//! `kubeadm token create --print-join-command` prints it, and `kubejoin.NAME` holds the value of the parameter `kubejoin.NAME=`
//! of the kernel command line. What somebody else can have written is not used. A credential that only systemd can open, and
//! that it did not, ends with an error: another machine's disk joins nothing.

use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::error::ConfigError;
use super::kernel;
use super::load;
use super::origin::Origin;
use super::place::Place;
use super::settings::Settings;
use super::settings_table;
use super::warning::Warning;
use crate::error::Explain;
use crate::rootfs::{FileKind, Root, TargetPath};

/// Largest entry that is read, in bytes.
const MAX_ENTRY_BYTES: usize = 1 << 20;

/// The directory of an administrator, and of an image.
static SETTINGS: TargetPath = TargetPath::fixed("/etc/kubejoin");
/// Where a boot partition is mounted: Raspberry Pi OS, the EFI system partition, and systemd's own places for it.
static BOOT_PARTITIONS: [TargetPath; 4] = [
    TargetPath::fixed("/boot/firmware"),
    TargetPath::fixed("/boot/efi"),
    TargetPath::fixed("/efi"),
    TargetPath::fixed("/boot"),
];

/// fw_cfg's files (kernel `drivers/firmware/qemu_fw_cfg.c`); each is a directory with the content in `raw`.
const FW_CFG: TargetPath = TargetPath::fixed("/sys/firmware/qemu_fw_cfg/by_name/opt/io.systemd.credentials");
/// SMBIOS structures as the firmware has them (kernel `drivers/firmware/dmi-sysfs.c`).
const DMI_ENTRIES: TargetPath = TargetPath::fixed("/sys/firmware/dmi/entries");
/// OEM strings are structures of this type, which stands before a dash in the name of the directory.
const OEM_STRINGS: &str = "11-";

/// Where credentials lie that only systemd can open, often on one machine only (systemd `src/shared/creds-util.c`,
/// `credential_store_path_encrypted`); the first is where it puts those of the boot loader.
static ENCRYPTED_CREDENTIALS: [TargetPath; 5] = [
    TargetPath::fixed("/run/credentials/@encrypted"),
    TargetPath::fixed("/etc/credstore.encrypted"),
    TargetPath::fixed("/run/credstore.encrypted"),
    TargetPath::fixed("/usr/local/lib/credstore.encrypted"),
    TargetPath::fixed("/usr/lib/credstore.encrypted"),
];

/// The entries that are no parameters.
const CONFIGURATION: &str = "yaml";
const COMMAND: &str = "txt";

/// Entries that hold a token, or the key of a control plane's certificates.
const TOKEN_FILES: [&str; 5] = [
    "kubejoin.token",
    "kubejoin.txt",
    "kubejoin.discovery-token",
    "kubejoin.tls-bootstrap-token",
    "kubejoin.certificate-key",
];

/// What a string of the firmware begins with, and whether its value is in base64.
const OEM_PREFIXES: [(&str, bool); 2] = [("io.systemd.credential:", false), ("io.systemd.credential.binary:", true)];

/// Where the places are.
#[derive(Clone, Copy, Debug)]
pub struct Where<'a> {
    /// The root of this machine; `/` outside of tests.
    pub machine: &'a Path,
    /// `$CREDENTIALS_DIRECTORY`.
    pub credentials: Option<&'a Path>,
    /// `--rootfs`, where that is not this machine.
    pub target: Option<&'a Path>,
    /// `--kernel-command-line`, in the place of what the kernel says.
    pub kernel_command_line: Option<&'a Path>,
}

/// Reads the text of a join command.
pub type ReadCommand<'a> = &'a dyn Fn(&str, &str) -> Result<Settings, Box<dyn Explain>>;

/// Reads every place, the strongest first.
///
/// # Errors
/// Something is there and cannot be read, or a join command is not understood.
pub fn read(of: Where<'_>, read_command: ReadCommand<'_>) -> Result<Vec<Place>, ConfigError> {
    let mut places = Vec::new();
    let machine = Root::open(of.machine).ok();
    let target = of.target.and_then(|path| Root::open(path).ok());
    let reader = Reader { read_command };
    let mut add = |found: [Place; 2], is_foreign: bool| {
        let level = places.last().map_or(1, |weakest: &Place| weakest.level + 1);
        places.extend(found.map(|part| Place { level, is_foreign, ..part }));
    };
    let credentials = of.credentials.and_then(|path| path.to_string_lossy().parse::<TargetPath>().ok());
    if let Some(root) = &machine {
        check_opened(root, credentials.as_ref())?;
        if let Some(path) = &credentials {
            add(reader.directory(root, path)?, false);
        }
        add(reader.fw_cfg(root)?, true);
        add(reader.oem_strings(root)?, true);
    }
    for (root, directory) in directories(&machine, &target) {
        add(reader.directory(root, directory)?, *directory != SETTINGS);
    }
    let kernel = match of.kernel_command_line {
        Some(path) => Some(load::read(path)?),
        None => load::running_command_line(),
    };
    let level = places.last().map_or(1, |weakest| weakest.level + 1);
    // Whoever writes it can start anything as root.
    places.extend(kernel.map(|text| Place { level, ..kernel::parse(&text) }));
    Ok(places)
}

/// `ImportCredential=` leaves out what it cannot open (systemd `src/core/exec-credential.c`, `load_credential_glob`). Without
/// this the machine would wait for a token for ever, or use another one than its disk was given.
fn check_opened(root: &Root, given: Option<&TargetPath>) -> Result<(), ConfigError> {
    for directory in &ENCRYPTED_CREDENTIALS {
        for name in root.list(directory).ok().flatten().unwrap_or_default() {
            let is_given = |given: &TargetPath| {
                given.join(&name).is_ok_and(|path| root.metadata(&path).is_ok_and(|found| found.is_some()))
            };
            let Ok(path) = directory.join(&name) else { continue };
            if name.strip_prefix(kernel::PREFIX).is_some_and(is_setting) && !given.is_some_and(is_given) {
                return Err(ConfigError::NotOpened { entry: root.outside(&path).display().to_string() });
            }
        }
    }
    Ok(())
}

/// Whether an entry of this name, without its prefix, says anything.
fn is_setting(name: &str) -> bool {
    [CONFIGURATION, COMMAND].contains(&name) || settings_table::parameter(name).is_some()
}

/// The directories with entries of these roots, in their order.
fn directories<'a>(
    machine: &'a Option<Root>,
    target: &'a Option<Root>,
) -> impl Iterator<Item = (&'a Root, &'static TargetPath)> {
    let of_both = move |directories: &'static [TargetPath]| {
        let roots = [machine, target].into_iter().flatten();
        roots.flat_map(move |root| directories.iter().map(move |directory| (root, directory)))
    };
    of_both(std::slice::from_ref(&SETTINGS)).chain(of_both(&BOOT_PARTITIONS))
}

/// Overwrites and removes the files of the directories that hold a token, or may: those of an administrator and of the boot
/// partition. Credentials and the firmware's strings belong to who gives them. `told` hears of each that was there.
pub fn shred_tokens(of: Where<'_>, mut told: impl FnMut(&Path, io::Result<()>)) {
    let machine = Root::open(of.machine).ok();
    let target = of.target.and_then(|path| Root::open(path).ok());
    for (root, directory) in directories(&machine, &target) {
        for name in root.list(directory).ok().flatten().unwrap_or_default() {
            let path = directory.join(&name).ok().filter(|_| TOKEN_FILES.contains(&name.to_ascii_lowercase().as_str()));
            let Some(path) = path else { continue };
            match root.shred(&path) {
                Ok(false) => {}
                Ok(true) => told(&root.outside(&path), Ok(())),
                Err(error) => told(&root.outside(&path), Err(error)),
            }
        }
    }
}

struct Reader<'a> {
    read_command: ReadCommand<'a>,
}

impl Reader<'_> {
    /// The entries of a directory; nothing where there is none. A boot partition holds other files, too.
    fn directory(&self, root: &Root, directory: &TargetPath) -> Result<[Place; 2], ConfigError> {
        let mut found = <[Place; 2]>::default();
        // A directory that cannot be listed, such as another user's credentials, says nothing.
        let names = root.list(directory).ok().flatten().unwrap_or_default();
        let is_ours = |name: &String| name.to_ascii_lowercase().starts_with(kernel::PREFIX);
        if names.iter().any(is_ours) && !root.metadata(directory).ok().flatten().is_some_and(|found| found.is_trusted())
        {
            // Whoever may write to it may link any file of root's there.
            found[0].warnings.push(Warning::UntrustedEntry(root.outside(directory).display().to_string()));
            return Ok(found);
        }
        let mut seen = Vec::new();
        for name in names {
            let lower = name.to_ascii_lowercase().replace("kubejoin.yml", "kubejoin.yaml");
            let (Some(setting), Ok(path)) = (lower.strip_prefix(kernel::PREFIX), directory.join(&name)) else {
                continue;
            };
            if root.metadata(&path).is_ok_and(|found| found.is_some_and(|found| found.kind == FileKind::File)) {
                if seen.contains(&lower) {
                    found[0].warnings.push(Warning::RepeatedEntry(root.outside(&path).display().to_string()));
                    continue;
                }
                self.file(&mut found, root, &path, setting)?;
                seen.push(lower);
            }
        }
        Ok(found)
    }

    fn fw_cfg(&self, root: &Root) -> Result<[Place; 2], ConfigError> {
        let mut found = <[Place; 2]>::default();
        for name in root.list(&FW_CFG).ok().flatten().unwrap_or_default() {
            if let (Some(setting), Ok(path)) = (name.strip_prefix(kernel::PREFIX), FW_CFG.join(&format!("{name}/raw")))
            {
                self.file(&mut found, root, &path, setting)?;
            }
        }
        Ok(found)
    }

    fn oem_strings(&self, root: &Root) -> Result<[Place; 2], ConfigError> {
        let mut found = <[Place; 2]>::default();
        let names = root.list(&DMI_ENTRIES).ok().flatten().unwrap_or_default();
        for name in names.into_iter().filter(|name| name.starts_with(OEM_STRINGS)) {
            let Ok(path) = DMI_ENTRIES.join(&format!("{name}/raw")) else { continue };
            let Some(raw) = root.read(&path, MAX_ENTRY_BYTES).ok().flatten() else { continue };
            for (name, value) in strings(&raw).filter_map(credential) {
                self.entry(&mut found, &name, &value, &format!("the firmware's string {}{name}", kernel::PREFIX))?;
            }
        }
        Ok(found)
    }

    fn file(&self, found: &mut [Place; 2], root: &Root, path: &TargetPath, name: &str) -> Result<(), ConfigError> {
        let outside = root.outside(path);
        let entry = outside.display().to_string();
        // What is no setting may be anything: a boot partition is where a system extension or an initramfs lies.
        if !is_setting(name) {
            found[0].warnings.push(Warning::UnknownEntry(entry));
            return Ok(());
        }
        let read = root.read_with_metadata(path, MAX_ENTRY_BYTES);
        let read = read.map_err(|error| ConfigError::Entry { entry: entry.clone(), reason: error.to_string() })?;
        let Some((bytes, metadata)) = read else { return Ok(()) };
        if !metadata.is_trusted() {
            found[0].warnings.push(Warning::UntrustedEntry(entry));
            return Ok(());
        }
        let text = load::text(Ok(bytes), &outside)?;
        self.entry(found, name, &text, &entry)
    }

    /// Takes one entry, named without its prefix. A join command is a place of its own, behind the other entries.
    fn entry(
        &self,
        [entries, command]: &mut [Place; 2],
        name: &str,
        text: &str,
        entry: &str,
    ) -> Result<(), ConfigError> {
        // What a power cut has left of a file that was being removed says nothing.
        if text.trim_matches(|c: char| c == '\0' || c == '\u{feff}' || c.is_whitespace()).is_empty() {
            entries.warnings.push(Warning::ParameterWithoutValue(Origin::Entry(entry.to_owned())));
            return Ok(());
        }
        match name {
            CONFIGURATION => entries.config = Some((entry.into(), Zeroizing::new(text.to_owned()))),
            COMMAND => {
                let read = (self.read_command)(text, entry);
                command.settings = read.map_err(|error| ConfigError::Command { entry: entry.to_owned(), error })?;
            }
            // What Windows puts before a text.
            name => entries.take(name, text.trim_start_matches('\u{feff}'), Some(entry)),
        }
        Ok(())
    }
}

/// The strings of an SMBIOS structure: behind its formatted part, each ended by a NUL (SMBIOS 3, 6.1.3).
fn strings(raw: &[u8]) -> impl Iterator<Item = &str> {
    let formatted = raw.get(1).map_or(0, |length| usize::from(*length));
    raw.get(formatted..).unwrap_or_default().split(|byte| *byte == 0).filter_map(|text| std::str::from_utf8(text).ok())
}

/// Name, without its prefix, and value of a credential of ours in a string of the firmware.
fn credential(text: &str) -> Option<(String, Zeroizing<String>)> {
    let (rest, is_base64) =
        OEM_PREFIXES.iter().find_map(|(prefix, is_base64)| Some((text.strip_prefix(prefix)?, *is_base64)))?;
    let (name, value) = rest.split_once('=')?;
    let name = name.strip_prefix(kernel::PREFIX)?.to_owned();
    let value = match is_base64 {
        true => Zeroizing::new(String::from_utf8(STANDARD.decode(value).ok()?).ok()?),
        false => Zeroizing::new(value.to_owned()),
    };
    Some((name, value))
}
