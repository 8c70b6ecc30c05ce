//! The name of the node: given, made of facts about the machine, or the host's.

use super::error::{NameSource, PlanError, Unusable};
use crate::host::{HostFacts, SystemUuid, UuidSource, is_placeholder_serial};
use crate::values::{NameFact, NodeName, NodeNameError, NodeNameTemplate};

/// Host names that images ship with, and that every machine with such an image has until it gets one of its own.
const PLACEHOLDER_HOSTNAMES: [&str; 14] = [
    "(none)",
    "localhost",
    "raspberrypi",
    "ubuntu",
    "debian",
    "alpine",
    "alarm",
    "archlinux",
    "buildroot",
    "dietpi",
    "fedora",
    "nixos",
    "openwrt",
    "flatcar",
];

/// Whether `kubeletExtraArgs` name the Node.
pub(super) fn has_hostname_override(extra_args: &[(String, String)]) -> bool {
    extra_args.iter().any(|(name, _)| name == "hostname-override")
}

/// `hostname-override` beats the name, which beats the host's (`cmd/kubeadm/app/cmd/phases/join/kubelet.go`).
///
/// # Errors
/// A Node cannot have the name that counts, or this machine has not what it is to be made of.
pub fn node_name(
    given: Option<&NodeNameTemplate>,
    extra_args: &[(String, String)],
    host: &HostFacts,
) -> Result<NodeName, PlanError> {
    let parse = |text: &str, source| text.parse().map_err(|problem| PlanError::NodeName { source, problem });
    match (extra_args.iter().rev().find(|(name, _)| name == "hostname-override"), given) {
        (Some((_, value)), _) => parse(value, NameSource::HostnameOverride),
        (None, Some(given)) => given.fill(|fact| value_of(fact, host)),
        (None, None) => parse(&host.hostname, NameSource::Hostname),
    }
}

impl From<NodeNameError> for PlanError {
    fn from(problem: NodeNameError) -> Self {
        PlanError::NodeName { source: NameSource::Template, problem }
    }
}

/// What this machine has of a fact, if that is its own.
fn value_of(fact: NameFact, host: &HostFacts) -> Result<String, PlanError> {
    let uuid = host.system_uuid.as_ref().filter(|uuid| uuid.source != UuidSource::MachineId);
    let (value, is_everybodys) = match fact {
        NameFact::Serial => (host.serial.as_deref(), host.serial.as_deref().is_some_and(is_placeholder_serial)),
        NameFact::Mac => (host.mac.as_deref(), false),
        NameFact::MachineId => (host.machine_id.as_deref(), false),
        NameFact::Hostname => {
            let label = host.hostname.split('.').next().unwrap_or_default();
            (Some(host.hostname.as_str()), PLACEHOLDER_HOSTNAMES.contains(&label))
        }
        NameFact::Uuid => (
            uuid.map(|uuid| uuid.value.as_str()),
            matches!(uuid, Some(SystemUuid { source: UuidSource::Placeholder, .. })),
        ),
    };
    let value = value.filter(|value| value.contains(|c: char| c.is_ascii_alphanumeric()));
    match value {
        Some(value) if is_everybodys => {
            Err(PlanError::NameFact { fact, found: Unusable::Everybodys(value.to_owned()) })
        }
        Some(value) => Ok(value.to_owned()),
        None => Err(PlanError::NameFact { fact, found: Unusable::Missing }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Explain, codes};

    fn made(template: &str, host: &HostFacts) -> Result<NodeName, PlanError> {
        node_name(Some(&template.parse().unwrap()), &[], host)
    }

    #[test]
    fn the_name_is_taken_where_kubeadm_takes_it() {
        let host = HostFacts { hostname: "host".to_owned(), ..HostFacts::default() };
        let given: NodeNameTemplate = "given".parse().unwrap();
        let args = [("hostname-override".to_owned(), "arg".to_owned())];
        for (name, args, expected) in
            [(None, &[][..], "host"), (Some(&given), &[], "given"), (Some(&given), &args, "arg")]
        {
            assert_eq!(node_name(name, args, &host).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn a_host_without_a_name_is_told_so() {
        let host = HostFacts { hostname: "(none)".to_owned(), ..HostFacts::default() };
        assert!(matches!(node_name(None, &[], &host), Err(PlanError::NodeName { source: NameSource::Hostname, .. })));
    }

    #[test]
    fn a_template_takes_what_the_machine_has() {
        let uuid = SystemUuid { value: "4C4C4544-0042".to_owned(), source: UuidSource::Machine };
        let host = HostFacts {
            hostname: "pi-7.example.org".to_owned(),
            machine_id: Some("00ff".to_owned()),
            system_uuid: Some(uuid),
            serial: Some("PF 0ABC1".to_owned()),
            mac: Some("dca632000009".to_owned()),
            ..HostFacts::default()
        };
        for (template, expected) in [
            ("edge-{serial}", "edge-pf-0abc1"),
            ("{mac}", "dca632000009"),
            ("m-{machine-id}", "m-00ff"),
            ("{hostname}", "pi-7.example.org"),
            ("{uuid}-{mac}", "4c4c4544-0042-dca632000009"),
        ] {
            assert_eq!(made(template, &host).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn a_fact_that_is_missing_or_everybodys_is_named() {
        let uuid = |source| Some(SystemUuid { value: "00000000-0000".to_owned(), source });
        let shared = HostFacts {
            hostname: "raspberrypi.lan".to_owned(),
            serial: Some("Default string".to_owned()),
            system_uuid: uuid(UuidSource::Placeholder),
            ..HostFacts::default()
        };
        let pi = HostFacts { system_uuid: uuid(UuidSource::MachineId), ..HostFacts::default() };
        for (template, host, code, said) in [
            (
                "{hostname}",
                &shared,
                &codes::CONFIG_NODE_NAME,
                "{hostname}, and that of this machine is \"raspberrypi.lan\"",
            ),
            ("{serial}", &shared, &codes::CONFIG_NODE_NAME, "\"Default string\", as of many others"),
            ("{uuid}", &shared, &codes::CONFIG_NODE_NAME, "\"00000000-0000\", as of many others"),
            ("{serial}", &pi, &codes::CONFIG_NODE_NAME, "{serial}, and this machine has none: neither its device tree"),
            ("{uuid}", &pi, &codes::CONFIG_NODE_NAME, "{uuid}, and this machine has none"),
            ("{machine-id}", &pi, &codes::CONFIG_NODE_NAME, "uninitialized"),
            ("{hostname}", &pi, &codes::CONFIG_NODE_NAME, "no host name"),
            ("{mac}", &pi, &codes::NODE_NO_MAC, "no wired interface"),
        ] {
            let error = made(template, host).unwrap_err();
            assert_eq!(error.code(), code, "{error}");
            assert!(error.to_string().contains(said), "{said}: {error}");
        }
        let long = HostFacts { serial: Some("7".repeat(64)), ..HostFacts::default() };
        assert!(made("{serial}", &long).unwrap_err().to_string().contains("63 characters"));
    }
}
