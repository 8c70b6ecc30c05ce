//! What kubeadm does not ask of a machine before it joins: room for its files, a name of its own, a clock.

use std::time::SystemTime;

use super::{Subject, Verdict};
use crate::clock::ClockMode;
use crate::error::codes;
use crate::node::paths;
use crate::rootfs::TargetPath;

/// Less than this is as good as full: a node's files have 20 KB, written beside those that are there, and the kubelet that
/// follows needs far more.
const ROOM: u64 = 1 << 20;
/// Files and directories that a join makes, and some.
const INODES: u64 = 64;

/// Names that images give to every machine.
const DEFAULT_NAMES: [&str; 3] = ["localhost", "localhost.localdomain", "raspberrypi"];

/// `TargetWritable`: the file systems that a node's files go to.
pub(super) fn writable(subject: &Subject<'_>) -> Vec<Verdict> {
    let places = [&paths::KUBERNETES, &subject.plan.node.ca_cert_path, &paths::KUBELET];
    let mut verdicts: Vec<Verdict> = Vec::new();
    for place in places {
        // The certificate lies below the first, nearly always.
        if place == &subject.plan.node.ca_cert_path && place.as_str().starts_with(paths::KUBERNETES.as_str()) {
            continue;
        }
        verdicts.extend(room_at(subject, place));
    }
    verdicts
}

fn room_at(subject: &Subject<'_>, place: &TargetPath) -> Option<Verdict> {
    let space = match subject.root.space(place) {
        Ok(space) => space,
        Err(error) => return Some(Verdict::CouldNotCheck { why: error.to_string() }),
    };
    let outside = subject.root.outside(place);
    let outside = outside.display();
    if space.read_only {
        return Some(Verdict::MachineError {
            code: &codes::MACHINE_READ_ONLY,
            text: format!("the file system of {outside} is mounted read-only"),
            hint: format!(
                "mount it read-write on this machine, without `ro` in its line of /etc/fstab, or mount a writable one at {outside}"
            ),
        });
    }
    let what = if space.bytes < ROOM {
        format!("{} KiB", space.bytes / 1024)
    } else {
        format!("{} inodes", space.inodes.filter(|inodes| *inodes < INODES)?)
    };
    Some(Verdict::MachineError {
        code: &codes::MACHINE_NO_SPACE,
        text: format!("the file system of {outside} has only {what} left"),
        hint: format!("free space on the file system of {outside} on this machine (see `df` and `df -i`)"),
    })
}

/// `DefaultHostname`: a second machine of that name would be refused, or take the place of the first.
pub(super) fn default_name(subject: &Subject<'_>) -> Vec<Verdict> {
    let plan = subject.plan;
    let name = plan.node.name.as_str();
    if plan.node.name_is_given {
        return Vec::new();
    }
    if !DEFAULT_NAMES.contains(&name) {
        if plan.node.override_hostname {
            return Verdict::warning(format!(
                "the root has no /etc/hostname: its Node gets the name of the machine that runs this, {name}"
            ));
        }
        return Vec::new();
    }
    Verdict::error(
        format!("the host name is {name}, which every machine of such an image has"),
        "write a name of its own into /etc/hostname of this machine, or give the Node's with --node-name or \
         kubejoin.node-name= on the kernel command line",
    )
}

/// `Clock`. By default the join itself gets along with a clock that cannot be right, and says so; a kubelet that is started
/// here and now does not.
pub(super) fn clock(subject: &Subject<'_>) -> Vec<Verdict> {
    let plan = subject.plan;
    let now = plan.access.clock.now();
    if now >= plan.access.clock.floor() {
        return Vec::new();
    }
    let shown = httpdate::fmt_http_date(now.max(SystemTime::UNIX_EPOCH));
    let text = format!(
        "this machine's clock says {shown}, which is before this program was built, or before files of this machine were written"
    );
    if plan.access.clock.mode() == ClockMode::System {
        return Verdict::error(text, "set this machine's clock, or leave out --clock=system");
    }
    if !plan.target.is_this_system() || plan.options.set_clock {
        return Vec::new();
    }
    Verdict::warning(format!(
        "{text}: the kubelet will not accept the API server's certificate before it has been set (a time source such as \
         chrony or systemd-timesyncd, or --set-clock)"
    ))
}
