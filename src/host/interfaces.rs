//! Network interfaces as the kernel shows them below `/sys/class/net`.

use std::path::Path;

use super::kernel;

/// `type` of what has Ethernet's frames and addresses: wired, Wi-Fi, and what is made of them (`ARPHRD_ETHER`).
const ETHERNET: &str = "1";
/// `addr_assign_type` of an address that the kernel has drawn at random, at each boot another (`NET_ADDR_RANDOM`).
const RANDOM_ADDRESS: &str = "1";

/// A network interface other than loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    /// Its name, such as `eth0`.
    pub(super) name: String,
    /// In the order in which the kernel has found them.
    index: u32,
    is_ethernet: bool,
    is_wireless: bool,
    /// A device, and not something that software has made.
    pub(super) is_physical: bool,
    /// Whether there is something at the other end of the cable; `None` where it has not been brought up.
    pub(super) carrier: Option<bool>,
    /// Its address, without colons; `None` where it has none that stays the same.
    address: Option<String>,
}

/// All of them below `prefix`, in no order; none where that cannot be read.
pub(super) fn interfaces(prefix: &Path) -> Vec<Interface> {
    let Ok(entries) = std::fs::read_dir(prefix.join("sys/class/net")) else { return Vec::new() };
    entries.flatten().filter_map(|entry| interface(&entry.path())).collect()
}

fn interface(directory: &Path) -> Option<Interface> {
    let name = directory.file_name()?.to_str().filter(|name| *name != "lo")?.to_owned();
    let text = |file: &str| kernel::read(&directory.join(file)).map(|text| text.trim().to_owned());
    let has = |entry: &str| directory.join(entry).exists();
    let address = text("address").map(|address| address.replace(':', "").to_ascii_lowercase());
    let lasts = text("addr_assign_type").is_none_or(|kind| kind != RANDOM_ADDRESS);
    Some(Interface {
        name,
        // There is none in what is no interface, such as `bonding_masters`.
        index: text("ifindex")?.parse().ok()?,
        is_ethernet: text("type").is_some_and(|kind| kind == ETHERNET),
        is_wireless: has("wireless") || has("phy80211"),
        is_physical: has("device"),
        carrier: text("carrier").map(|carrier| carrier == "1"),
        address: address.filter(|address| lasts && address.chars().any(|c| c != '0')),
    })
}

/// The address of the first wired device that has one of its own.
pub(super) fn first_wired_address(prefix: &Path) -> Option<String> {
    let wired = |interface: &Interface| {
        interface.is_ethernet && interface.is_physical && !interface.is_wireless && interface.address.is_some()
    };
    interfaces(prefix).into_iter().filter(wired).min_by_key(|interface| interface.index)?.address
}
