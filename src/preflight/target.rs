//! What kubeadm does not check before a join: room for its files, a name of its own, a clock.

use std::time::SystemTime;

use super::subject::Subject;
use super::verdict::Verdict;
use crate::clock::ClockMode;
use crate::error::codes;
use crate::node::paths;
use crate::rootfs::{FileKind, Metadata, TargetPath};

/// Less than this is as good as full: a node's files have 20 KB, written beside those that are there, and the kubelet that
/// follows needs far more.
const MIN_FREE_BYTES: u64 = 1 << 20;
/// Files and directories that a join makes, and some.
const MIN_FREE_INODES: u64 = 64;

/// Names that images give to every machine.
const DEFAULT_NAMES: [&str; 3] = ["localhost", "localhost.localdomain", "raspberrypi"];

/// Why nothing can be written to a file system.
#[derive(PartialEq, Eq)]
enum Obstacle {
    ReadOnly,
    /// What is left is not enough.
    Full(String),
    Unknown(String),
}

/// `TargetWritable`: the file systems that a node's files go to. Places that have the same obstacle, which are on one file
/// system as a rule, are one finding.
pub(super) fn writable(subject: &Subject<'_>) -> Vec<Verdict> {
    let ca_cert = &subject.plan.node.ca_cert_path;
    let mut places = vec![paths::KUBERNETES, paths::KUBELET];
    if places.iter().all(|place| !ca_cert.as_str().starts_with(&format!("{place}/"))) {
        places.push(ca_cert.clone());
    }
    let mut found: Vec<(Obstacle, Vec<String>)> = Vec::new();
    for place in places {
        let Some(obstacle) = obstacle_at(subject, &place) else { continue };
        let outside = subject.root.outside(&place).display().to_string();
        match found.iter_mut().find(|(known, _)| *known == obstacle) {
            Some((_, places)) => places.push(outside),
            None => found.push((obstacle, vec![outside])),
        }
    }
    found.into_iter().map(|(obstacle, places)| obstacle.verdict(&places.join(" and "))).collect()
}

fn obstacle_at(subject: &Subject<'_>, place: &TargetPath) -> Option<Obstacle> {
    let space = match subject.root.space(place) {
        Ok(space) => space,
        Err(error) => return Some(Obstacle::Unknown(error.to_string())),
    };
    if space.read_only {
        return Some(Obstacle::ReadOnly);
    }
    if space.bytes < MIN_FREE_BYTES {
        return Some(Obstacle::Full(format!("{} KiB", space.bytes / 1024)));
    }
    let inodes = space.inodes.filter(|inodes| *inodes < MIN_FREE_INODES)?;
    Some(Obstacle::Full(format!("{inodes} inodes")))
}

impl Obstacle {
    fn verdict(self, places: &str) -> Verdict {
        match self {
            Obstacle::ReadOnly => Verdict::error(
                format!("the file system of {places} is mounted read-only"),
                format!(
                    "mount it read-write on this machine, without `ro` in its line of /etc/fstab, or mount a writable one at \
                     {places}"
                ),
            )
            .with_code(&codes::MACHINE_READ_ONLY),
            Obstacle::Full(left) => Verdict::error(
                format!("the file system of {places} has only {left} left"),
                format!("free space on the file system of {places} on this machine (see `df` and `df -i`)"),
            )
            .with_code(&codes::MACHINE_NO_SPACE),
            Obstacle::Unknown(why) => Verdict::could_not_check(why),
        }
    }
}

/// `DirectoryOwner`: whoever owns a directory decides what stands in it, static pods and keys included. Write bits for others in
/// a directory of ours are taken away when it is written to.
pub(super) fn directory_owner(subject: &Subject<'_>) -> Vec<Verdict> {
    let directories = [paths::KUBERNETES, paths::PKI, paths::MANIFESTS, paths::KUBELET, paths::KUBELET_PKI];
    let foreign = directories.into_iter().filter_map(|path| {
        let found = subject.root.metadata(&path).ok().flatten().filter(|found| found.kind == FileKind::Directory)?;
        let is_link = subject.root.link_metadata(&path).ok().flatten()?.kind == FileKind::Symlink;
        (!found.is_ours() || is_link && !found.is_trusted()).then_some((path, found))
    });
    let verdict = |(path, found): (TargetPath, Metadata)| {
        let outside = subject.root.outside(&path);
        let outside = outside.display();
        if found.is_ours() {
            return Verdict::error(
                format!(
                    "{outside} is a link to a directory that others can write to: they can put static pods, keys or \
                     certificates there"
                ),
                format!("make {outside} a directory on this machine, or take the write bits from where it leads"),
            );
        }
        Verdict::error(
            format!("{outside} belongs to user {}, who can put static pods, keys or certificates there", found.uid),
            format!("look at what is in {outside}, then run `chown root {outside}` on this machine"),
        )
    };
    foreign.map(verdict).collect()
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
            return vec![Verdict::warning(format!(
                "the root has no /etc/hostname: its Node gets the name of the machine that runs this, {name}"
            ))];
        }
        return Vec::new();
    }
    vec![Verdict::error(
        format!("the host name is {name}, which every machine of such an image has"),
        "write a host name of its own into /etc/hostname of this machine, or give the Node's name with --node-name or \
         kubejoin.node-name= on the kernel command line",
    )]
}

/// `Clock`. By default the join itself gets along with a clock that cannot be right, and warns; a kubelet that is started
/// here and now does not.
pub(super) fn clock(subject: &Subject<'_>) -> Vec<Verdict> {
    let plan = subject.plan;
    let now = plan.access.clock.now();
    if now >= plan.access.clock.floor() {
        return Vec::new();
    }
    let shown = httpdate::fmt_http_date(now.max(SystemTime::UNIX_EPOCH));
    let floor = httpdate::fmt_http_date(plan.access.clock.floor());
    let text = format!(
        "this machine's clock says {shown}, which is before {floor}, when this program was built or files of this machine were \
         written"
    );
    let hint = match plan.access.clock.mode() {
        ClockMode::System => "set this machine's clock, or leave out --clock=system",
        _ if plan.access.discovery.needs_system_clock() => codes::CLOCK_NOT_SET.hint,
        _ => "",
    };
    if !hint.is_empty() {
        return vec![Verdict::error(text, hint).with_code(&codes::CLOCK_NOT_SET)];
    }
    if !plan.target.is_this_system() || plan.options.set_clock {
        return Vec::new();
    }
    vec![Verdict::warning(format!(
        "{text}: the kubelet will not accept the API server's certificate before it has been set (a time source such as \
         chrony or systemd-timesyncd, or --set-clock)"
    ))]
}
