//! Who this machine is, as its kubelet will report it (cadvisor `machine/info.go`, `utils/sysfs/sysfs.go`).

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use super::kernel;
use super::machine::Machine;
use crate::file;
use crate::rootfs::{Root, TargetPath};

/// The longest identity that is read, in bytes; they have 33 to 37.
const MAX_IDENTITY: usize = 4096;

/// Read in this order, the first that is there counts, even when it is empty (cadvisor's `machine_id_file`).
const MACHINE_ID: [TargetPath; 2] =
    [TargetPath::fixed("/etc/machine-id"), TargetPath::fixed("/var/lib/dbus/machine-id")];

/// hostname(5).
const HOSTNAME: TargetPath = TargetPath::fixed("/etc/hostname");

/// `systemd.machine_id=` of the kernel command line, and the credential `system.machine_id` of a system that boots with one.
const MACHINE_ID_PARAMETER: &str = "systemd.machine_id";
const MACHINE_ID_CREDENTIAL: &str = "/run/credentials/@system/system.machine_id";

/// `status.nodeInfo.machineID`. systemd writes `uninitialized` before the first boot, and the id later: absent, too.
///
/// Of a root that `machine` is about to boot, as far as it can be known before: systemd takes what the kernel command line
/// says, then what is on the disk, then the credential (systemd 257 `src/shared/machine-id-setup.c`). Where there is none
/// of them, it makes the machine-id from the UUID of a virtual machine, which [`system_uuid`] has, or at random.
pub(super) fn machine_id(machine: &Machine, root: Option<&Root>, boots: bool) -> Option<String> {
    let on_disk = || {
        let text = MACHINE_ID.iter().find_map(|path| root?.read(path, MAX_IDENTITY).ok().flatten())?;
        id(&text)
    };
    if !boots {
        return on_disk();
    }
    let credential = || plain_id(&id(&read(&machine.at(MACHINE_ID_CREDENTIAL)).ok()?)?);
    machine_id_of_command_line(machine).or_else(on_disk).or_else(credential)
}

/// The last one counts, as in systemd; `firmware` (systemd 257) is the machine's UUID.
fn machine_id_of_command_line(machine: &Machine) -> Option<String> {
    let text = kernel::read(&machine.at("/proc/cmdline"))?;
    let mut parameters = text.split_ascii_whitespace().filter_map(|word| word.split_once('='));
    let (_, value) = parameters.rfind(|(name, _)| name.replace('-', "_") == MACHINE_ID_PARAMETER)?;
    match value {
        "firmware" => system_uuid(machine, None).and_then(|uuid| plain_id(&uuid.value)),
        value => plain_id(value),
    }
}

/// A machine-id as systemd writes it, of a text that may be a UUID: 32 hexadecimal digits in lower case, not all zero.
fn plain_id(text: &str) -> Option<String> {
    let digits = text.replace('-', "").to_ascii_lowercase();
    let is_id = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()) && !is_all(&digits, '0');
    is_id.then_some(digits)
}

/// `status.nodeInfo.systemUUID`, and where a kubelet has it from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemUuid {
    /// The text.
    pub value: String,
    /// Where it is from.
    pub source: UuidSource,
}

/// Where a system UUID is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UuidSource {
    /// The firmware (DMI) or the device tree: it belongs to the machine, and a copy of its disk has another one.
    Machine,
    /// The firmware, but it is what a vendor has left in many machines.
    Placeholder,
    /// `/etc/machine-id`: it belongs to the disk.
    MachineId,
}

/// What vendors are known to leave in the place of a UUID of the machine's own, beside all zeros and all ones, which systemd
/// does not take for one either (`sd-id128`, `id128_get_product`).
const PLACEHOLDER_UUIDS: [&str; 4] = [
    "03000200-0400-0500-0006-000700080009",
    "00020003-0004-0005-0006-000700080009",
    "12345678-1234-5678-90ab-cddeefaabbcc",
    "fefefefe-fefe-fefe-fefe-fefefefefefe",
];

/// Firmware first, then the device tree of a virtual or IBM machine, and `/etc/machine-id` last, which cadvisor means for
/// s390x and uses everywhere: a Raspberry Pi has it. The serial number in its device tree is not reported by any kubelet.
///
/// Only root may read the first one. Where it is there and refused, the others would give another answer than the
/// kubelet's: absent.
pub(super) fn system_uuid(machine: &Machine, root: Option<&Root>) -> Option<SystemUuid> {
    for path in ["/sys/class/dmi/id/product_uuid", "/proc/device-tree/system-id", "/proc/device-tree/vm,uuid"] {
        match read(&machine.at(path)) {
            Ok(text) => {
                let value = id(&text)?;
                let source = if is_placeholder(&value) { UuidSource::Placeholder } else { UuidSource::Machine };
                return Some(SystemUuid { value, source });
            }
            Err(ErrorKind::PermissionDenied) => return None,
            Err(_) => {}
        }
    }
    let value = id(&root?.read(&MACHINE_ID[0], MAX_IDENTITY).ok()??)?;
    Some(SystemUuid { value, source: UuidSource::MachineId })
}

fn is_placeholder(uuid: &str) -> bool {
    is_all(uuid, '0') || is_all(uuid, 'f') || PLACEHOLDER_UUIDS.iter().any(|known| uuid.eq_ignore_ascii_case(known))
}

/// Whether nothing but this digit is in a text, dashes apart.
fn is_all(text: &str, digit: char) -> bool {
    text.chars().filter(|c| *c != '-').all(|c| c.eq_ignore_ascii_case(&digit))
}

/// Serial numbers, the first that is there counts: of the board in a device tree, of the machine, of its board. That of a
/// chassis is not one of them: several machines may be in it.
const SERIALS: [&str; 3] =
    ["/proc/device-tree/serial-number", "/sys/class/dmi/id/product_serial", "/sys/class/dmi/id/board_serial"];

/// The serial number that the firmware has; one that is everybody's only where it has no other.
pub(super) fn serial(machine: &Machine) -> Option<String> {
    let found: Vec<String> = SERIALS.iter().filter_map(|path| id(&read(&machine.at(path)).ok()?)).collect();
    found.iter().find(|serial| !is_placeholder_serial(serial)).or(found.first()).cloned()
}

/// What vendors leave in the place of a serial number, letters and digits alone.
const PLACEHOLDER_SERIALS: [&str; 16] = [
    "notspecified",
    "notavailable",
    "notapplicable",
    "tobefilledbyoem",
    "defaultstring",
    "systemserialnumber",
    "baseboardserialnumber",
    "serialnumber",
    "0123456789",
    "123456789",
    "1234567890",
    "none",
    "unknown",
    "invalid",
    "na",
    "oem",
];

/// Whether a serial number is everybody's: a vendor's placeholder, all zeros, or all `f` or `x`.
pub fn is_placeholder_serial(serial: &str) -> bool {
    let text: String = serial.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    ['0', 'f', 'x'].into_iter().any(|digit| is_all(&text, digit)) || PLACEHOLDER_SERIALS.contains(&text.as_str())
}

/// `status.nodeInfo.bootID`: a random number for each boot of the kernel that runs.
pub(super) fn boot_id(machine: &Machine) -> Option<String> {
    id(&read(&machine.at("/proc/sys/kernel/random/boot_id")).ok()?)
}

/// The same of the kernel that runs: all that is known of this machine before anything else of it has been read.
pub fn this_boot() -> Option<String> {
    boot_id(&Machine::this(None))
}

/// For how long this machine has been on.
pub fn uptime() -> Option<Duration> {
    let text = read(&Machine::this(None).at("/proc/uptime")).ok()?;
    let seconds = String::from_utf8_lossy(&text).split('.').next()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What the device tree calls the board.
pub(super) fn board(machine: &Machine) -> Option<String> {
    id(&read(&machine.at("/proc/device-tree/model")).ok()?)
}

/// The name that a root will give its machine: the first line of its `/etc/hostname` that says anything.
pub(super) fn hostname(root: &Root) -> Option<String> {
    let text = root.read(&HOSTNAME, MAX_IDENTITY).ok()??;
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    Some(line.to_lowercase())
}

fn read(path: &Path) -> Result<Vec<u8>, ErrorKind> {
    file::contents_up_to(path, MAX_IDENTITY).map(|text| text.to_vec()).map_err(|error| error.kind())
}

/// The text of an identity; device trees end theirs with NUL.
fn id(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_end_matches('\0').trim();
    (!text.is_empty() && text != "uninitialized").then(|| text.to_owned())
}
