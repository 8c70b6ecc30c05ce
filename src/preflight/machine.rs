//! The system that becomes a node, and its connection to the cluster.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::subject::Subject;
use super::verdict::Verdict;
use crate::net::resolve::{self, ResolveError};
use crate::services::find;
use crate::text::mask;
use crate::values::Endpoint;

/// Longest time for looking up our own name. A resolver without an answer would hold up a boot for ten seconds or more,
/// for a warning.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest name part of a qualified name (apimachinery `IsQualifiedName`), which kubeadm asks for here.
const MAX_QUALIFIED_NAME_LENGTH: usize = 63;

/// `IsPrivilegedUser`. Root is needed where the system that runs is changed, and nowhere else.
pub(super) fn privileged_user(subject: &Subject<'_>) -> Vec<Verdict> {
    if !subject.changes_this_system() {
        return Vec::new();
    }
    not_root(subject.plan.host.euid).into_iter().collect()
}

/// What is wrong with a user that has to be root.
pub(super) fn not_root(euid: u32) -> Option<Verdict> {
    let hint = "run the same as root on this machine, or with --dry-run";
    (euid != 0).then(|| Verdict::error(format!("user {euid} is not root"), hint))
}

/// `Swap`. That it cannot be read means that this kernel has none, as in kubeadm.
pub(super) fn swap(subject: &Subject<'_>) -> Vec<Verdict> {
    if subject.plan.host.swap_areas.unwrap_or(0) == 0 {
        return Vec::new();
    }
    vec![Verdict::warning(
        "swap is on: the kubelet starts with it only if its configuration allows that (failSwapOn: false, memorySwap), and \
         uses it with cgroup v2 only",
    )]
}

/// `FileExisting-*`: programs that the kubelet calls.
pub(super) fn in_path(subject: &Subject<'_>, program: &str) -> Vec<Verdict> {
    let host = &subject.plan.host;
    if find(&host.path, program).is_some() {
        return Vec::new();
    }
    if let Some(elsewhere) = host.find_outside_path(program) {
        return vec![Verdict::not_in_path(program, &elsewhere)];
    }
    vec![Verdict::error(
        format!("{program} not found in system path"),
        format!("install {program} on this machine, in one of the directories of PATH"),
    )]
}

/// `Hostname`: the node name is one that everything accepts, no token, and has an address.
pub(super) fn hostname(subject: &Subject<'_>) -> Vec<Verdict> {
    let name = subject.plan.node.name.as_str();
    let mut verdicts = Vec::new();
    if mask::token_secret(name).is_some() {
        verdicts.push(Verdict::error(
            "the node name has the form of a bootstrap token, and a Node's name is public",
            "give the token with --token, and the name with --node-name",
        ));
    }
    if name.len() > MAX_QUALIFIED_NAME_LENGTH {
        let text =
            format!("the node name {name} is longer than {MAX_QUALIFIED_NAME_LENGTH} characters, too long for a label");
        verdicts.push(Verdict::warning(text));
    }
    if subject.plan.target.is_this_system() {
        verdicts.extend(lookup(name, resolve::addresses(name, 0, LOOKUP_TIMEOUT)));
    }
    verdicts
}

/// What an answer about our own name says.
fn lookup(name: &str, answer: Result<Vec<SocketAddr>, ResolveError>) -> Option<Verdict> {
    let unreachable = format!("hostname \"{name}\" could not be reached");
    match answer {
        Ok(found) if !found.is_empty() => None,
        Ok(_) => Some(Verdict::warning(unreachable)),
        Err(ResolveError::NotFound(error)) => Some(Verdict::warning(format!("{unreachable}: {error}"))),
        Err(ResolveError::NotAsked(error)) => Some(Verdict::could_not_check(error)),
        Err(ResolveError::TimedOut) => {
            let why = format_args!("looking up \"{name}\" took longer than {} s", LOOKUP_TIMEOUT.as_secs());
            Some(Verdict::could_not_check(why))
        }
    }
}

/// The port that kubeadm asks about, whichever the endpoint has: that of an `https://` URL without one.
const HTTPS_PORT: u16 = 443;

/// `HTTPProxy`. A variable that names no proxy is a warning here, and an error with a code of its own when it is used.
pub(super) fn http_proxy(subject: &Subject<'_>) -> Vec<Verdict> {
    subject.plan.access.discovery.checked_endpoint().map_or(Vec::new(), |endpoint| proxy(subject, &endpoint.host))
}

/// The same for an address.
pub(super) fn proxy_for(subject: &Subject<'_>, address: IpAddr) -> Vec<Verdict> {
    proxy(subject, &address.to_string())
}

fn proxy(subject: &Subject<'_>, host: &str) -> Vec<Verdict> {
    match subject.plan.host.proxy.for_https(&Endpoint { host: host.to_owned(), port: HTTPS_PORT }) {
        Ok(None) => Vec::new(),
        Ok(Some(proxy)) => vec![Verdict::warning(format!(
            "connections to \"https://{host}\" go through the proxy {proxy}; if that is not intended, name the host in \
             NO_PROXY. The kubelet does the same only where its service has these variables"
        ))],
        Err(error) => vec![Verdict::warning(error.to_string())],
    }
}

/// `FileContent-*`: only where the endpoint is an address, and of its family.
pub(super) fn forwarding_name(subject: &Subject<'_>) -> Option<Cow<'static, str>> {
    Some(Cow::Borrowed(match endpoint_address(subject)? {
        IpAddr::V4(_) => "FileContent--proc-sys-net-ipv4-ip_forward",
        IpAddr::V6(_) => "FileContent--proc-sys-net-ipv6-conf-default-forwarding",
    }))
}

fn endpoint_address(subject: &Subject<'_>) -> Option<IpAddr> {
    subject.plan.access.discovery.checked_endpoint()?.ip().map(|address| address.to_canonical())
}

/// Packets of pods are forwarded.
pub(super) fn forwarding(subject: &Subject<'_>) -> Vec<Verdict> {
    let host = &subject.plan.host;
    let (setting, is_on) = match endpoint_address(subject) {
        Some(IpAddr::V4(_)) => ("net.ipv4.ip_forward", host.ipv4_forwarding),
        Some(IpAddr::V6(_)) => ("net.ipv6.conf.default.forwarding", host.ipv6_forwarding),
        None => return Vec::new(),
    };
    match is_on {
        Some(true) => Vec::new(),
        Some(false) => vec![Verdict::error(
            format!("/proc/sys/{} contents are not set to 1", setting.replace('.', "/")),
            format!(
                "run `sysctl -w {setting}=1` on this machine, and write `{setting}=1` into a file of /etc/sysctl.d"
            ),
        )],
        None => {
            vec![Verdict::could_not_check(format_args!("/proc/sys/{} cannot be read", setting.replace('.', "/")))]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Severity;

    #[test]
    fn a_name_without_an_address_is_a_warning_and_silence_is_not() {
        let found = "192.0.2.1:0".parse().unwrap();
        assert_eq!(lookup("pi-1", Ok(vec![found])), None);
        let missing = lookup("pi-1", Ok(Vec::new()));
        assert_eq!(missing, Some(Verdict::warning("hostname \"pi-1\" could not be reached")));
        let failed = lookup("pi-1", Err(ResolveError::NotFound(std::io::Error::other("no such name"))));
        assert_eq!(failed, Some(Verdict::warning("hostname \"pi-1\" could not be reached: no such name")));
        let silent = lookup("pi-1", Err(ResolveError::TimedOut));
        assert_eq!(silent.map(|verdict| verdict.severity), Some(Severity::Unknown));
    }
}
