//! Stand-ins for what a join calls: they take no time and next to no memory, so that what is measured is the join.
//!
//! Called through links named `systemctl` and `kubelet`, put in front of PATH. The kubelet of this systemctl is never
//! started: to the join it is a service that exists, is enabled, and has stopped at once.

use std::process::ExitCode;

/// Where the release of the real peers is pinned.
const PEERS: &str = include_str!("../../peers/kubernetes/go.mod");

/// What systemctl says about a unit that is not running.
const NOT_RUNNING: u8 = 3;

/// Answers as the program of that name.
pub fn run(name: &str, arguments: &[String]) -> ExitCode {
    let verb = arguments.iter().find(|argument| !argument.starts_with("--")).map(String::as_str);
    match (name, verb) {
        ("kubelet", _) => println!("Kubernetes {}", version()),
        (_, Some("is-enabled")) => println!("enabled"),
        (_, Some("is-active")) => {
            println!("inactive");
            return ExitCode::from(NOT_RUNNING);
        }
        (_, Some("status")) => {
            println!("* kubelet.service\n     Loaded: loaded (/usr/lib/systemd/system/kubelet.service; enabled)");
            println!("     Active: inactive (dead)");
            return ExitCode::from(NOT_RUNNING);
        }
        _ => {}
    }
    ExitCode::SUCCESS
}

/// The release of the real peers, such as `v1.37.2`.
pub fn version() -> &'static str {
    PEERS.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes ")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kubelet_is_of_the_release_of_the_peers() {
        let rest = version().strip_prefix("v1.").unwrap();
        assert!(rest.split('.').all(|number| number.parse::<u32>().is_ok()), "{}", version());
    }
}
