//! The kubelet: whether it is installed, runs, and is healthy.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::trouble::Trouble;
use super::unseen::Unseen;
use crate::error::codes;
use crate::host::USUAL_DIRECTORIES;
use crate::kubelet::configuration::KubeletConfiguration;
use crate::node::{health, paths};
use crate::rootfs::{FileKind, Root};
use crate::services::{Commands, InitSystem, KUBELET, find};
use crate::text::printable;
use crate::values::Endpoint;

/// Longest time for `kubelet --version`, which reads 90 MB; without an answer only the version is missing.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest configuration that is read, in bytes.
const MAX_CONFIGURATION: usize = 1 << 20;
/// Characters of a version that are shown.
const MAX_VERSION: usize = 40;

/// Where a kubelet answers healthz, where its configuration says nothing else or cannot be read.
const DEFAULT_HEALTHZ: (&str, u16) = ("127.0.0.1", 10248);

/// A kubelet.
#[derive(Debug, Default)]
pub struct KubeletFacts {
    /// Where the program is.
    pub program: Option<PathBuf>,
    /// What it calls itself, such as `v1.37.2`.
    pub version: Option<String>,
    /// Whether the init system says that it runs; `None` where there is none that could be asked.
    pub is_active: Option<bool>,
    /// Where healthz was asked for.
    pub healthz: Option<String>,
    /// Whether that answered `ok`; `None` where it was not asked.
    pub is_healthy: Option<bool>,
    /// The root is that of the system that runs.
    pub is_asked: bool,
}

/// What is asked of the system that runs.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// Who runs the kubelet.
    pub init: &'a InitSystem,
    /// Where programs are looked for.
    pub search_path: &'a [PathBuf],
}

/// The kubelet's configuration in the root; `None` where it is not there, cannot be read, or is none.
pub fn configuration(root: &Root, unseen: &mut Unseen) -> Option<KubeletConfiguration> {
    let text = unseen.seen(root.read(&paths::KUBELET_CONFIG, MAX_CONFIGURATION))??;
    KubeletConfiguration::read(&text).ok()
}

impl KubeletFacts {
    /// What the root says of it, and, where the root is that of the system that runs, what that says.
    pub fn read(root: &Root, configuration: Option<&KubeletConfiguration>, running: Option<Running<'_>>) -> Self {
        let Some(Running { init, search_path }) = running else {
            return KubeletFacts { program: installed(root), ..KubeletFacts::default() };
        };
        let in_path = find(search_path, "kubelet");
        // Whatever else lies in a usual directory is named and not run: it may be anybody's.
        let version = in_path.as_ref().and_then(|program| {
            let output = Commands::new(search_path, VERSION_TIMEOUT).run(program, &["--version"]).ok()?;
            let line = output.stdout.trim().strip_prefix("Kubernetes ")?;
            Some(printable(line.lines().next()?, MAX_VERSION))
        });
        let healthz = match configuration {
            Some(configuration) => configuration.healthz(),
            None => Some(Endpoint { host: DEFAULT_HEALTHZ.0.to_owned(), port: DEFAULT_HEALTHZ.1 }),
        };
        // Elsewhere it would be the network that is asked.
        let healthz = healthz.and_then(on_loopback);
        let is_healthy = healthz.as_ref().map(health::answers);
        KubeletFacts {
            program: in_path.or_else(|| installed(root)),
            version,
            is_active: init.is_active(KUBELET).ok(),
            // Where the address is only supposed, no answer says nothing.
            is_healthy: is_healthy.filter(|is_healthy| *is_healthy || configuration.is_some()),
            healthz: healthz.map(|address| address.to_string()),
            is_asked: true,
        }
    }

    /// What is wrong with the kubelet of a node.
    pub fn trouble(&self) -> Option<Trouble> {
        if !self.is_asked {
            return None;
        }
        if self.program.is_none() && self.is_active != Some(true) && self.is_healthy != Some(true) {
            let text = "there is no kubelet on this machine, in no directory of PATH and no usual one";
            return Some(Trouble::new(&codes::KUBELET_NOT_INSTALLED, text.to_owned()));
        }
        let why = match (self.is_active, self.is_healthy) {
            (Some(false), _) => "the kubelet does not run: so the init system says".to_owned(),
            (_, Some(false)) => {
                let address = self.healthz.as_deref().unwrap_or_default();
                format!("the kubelet does not answer ok at http://{address}/healthz")
            }
            _ => return None,
        };
        Some(Trouble::new(&codes::KUBELET_UNHEALTHY, why))
    }

    /// What has been seen, in words.
    pub fn words(&self) -> String {
        let mut words = match (&self.version, &self.program) {
            (Some(version), _) => version.clone(),
            (None, Some(program)) => format!("installed as {}", program.display()),
            (None, None) => "not found in the usual directories".to_owned(),
        };
        words.push_str(match (self.is_asked, self.is_active) {
            (false, _) => "; this root does not run, nothing was asked",
            (true, Some(true)) => "; it runs",
            (true, Some(false)) => "; it does not run",
            (true, None) => "; no init system says whether it runs",
        });
        if let (Some(address), Some(is_healthy)) = (&self.healthz, self.is_healthy) {
            words.push_str(if is_healthy { "; healthy at " } else { "; not healthy at " });
            words.push_str(address);
        }
        words
    }
}

/// The kubelet in a usual directory of the root.
fn installed(root: &Root) -> Option<PathBuf> {
    USUAL_DIRECTORIES.iter().find_map(|directory| {
        let path = format!("/{directory}/kubelet").parse().ok()?;
        let found = root.metadata(&path).ok()??;
        (found.kind == FileKind::File && found.mode & 0o111 != 0).then(|| PathBuf::from(path.as_str()))
    })
}

/// The address by which this machine reaches it without its network; `None` where it cannot.
fn on_loopback(address: Endpoint) -> Option<Endpoint> {
    let host = match address.ip()? {
        ip if ip.is_loopback() => return Some(address),
        IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1",
        IpAddr::V6(ip) if ip.is_unspecified() => "::1",
        _ => return None,
    };
    Some(Endpoint { host: host.to_owned(), port: address.port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_on_the_loopback_is_asked() {
        for (host, expected) in [
            ("127.0.0.1", Some("127.0.0.1:10248")),
            ("127.8.0.1", Some("127.8.0.1:10248")),
            ("::1", Some("[::1]:10248")),
            ("0.0.0.0", Some("127.0.0.1:10248")),
            ("::", Some("[::1]:10248")),
            ("10.0.0.9", None),
            ("kubelet.example.com", None),
        ] {
            let found = on_loopback(Endpoint { host: host.to_owned(), port: 10248 });
            assert_eq!(found.map(|address| address.to_string()).as_deref(), expected, "{host}");
        }
    }

    #[test]
    fn a_kubelet_that_is_not_asked_is_no_trouble() {
        let asked = KubeletFacts { is_asked: true, ..KubeletFacts::default() };
        let program = || Some(PathBuf::from("/usr/bin/kubelet"));
        let rows = [
            (KubeletFacts::default(), None),
            (KubeletFacts { is_asked: true, ..KubeletFacts::default() }, Some("kubelet.not-installed")),
            (KubeletFacts { is_healthy: Some(true), ..asked }, None),
            (
                KubeletFacts { is_asked: true, program: program(), is_active: Some(false), ..KubeletFacts::default() },
                Some("kubelet.unhealthy"),
            ),
            (
                KubeletFacts {
                    is_asked: true,
                    program: program(),
                    is_active: Some(true),
                    is_healthy: Some(false),
                    ..KubeletFacts::default()
                },
                Some("kubelet.unhealthy"),
            ),
        ];
        for (facts, expected) in rows {
            assert_eq!(facts.trouble().map(|trouble| trouble.code.name), expected, "{facts:?}");
        }
    }
}
