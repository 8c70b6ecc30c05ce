//! A plan where no settings say how to join: what the machine and its files say is enough to look at it.

use std::time::Duration;

use crate::clock::Clock;
use crate::config::Timeouts;
use crate::error::Failure;
use crate::host::HostFacts;
use crate::inputs::{Discovery, Trust};
use crate::join::written_configuration;
use crate::kubelet::configuration::KubeletConfiguration;
use crate::kubelet::flags;
use crate::kubelet::overrides::KubeletOverrides;
use crate::net::dial::Proxies;
use crate::node::{paths, state};
use crate::phase::Phase;
use crate::plan::{
    Access, ChangePolicy, JoinPlan, Mode, NodeSpec, Phases, PlanError, RunOptions, Target, TlsBootstrapBy, cri_socket,
    node_name,
};
use crate::retry::Jitter;
use crate::rootfs::{Root, TargetPath};
use crate::values::NodeName;

/// kubeadm's default of `caCertPath`.
const CA_CERT_PATH: TargetPath = TargetPath::fixed("/etc/kubernetes/pki/ca.crt");
/// Largest file of ours that is read back, in bytes.
const MAX_FLAGS: usize = 1 << 20;
const RUNTIME_FLAG: &str = "container-runtime-endpoint=";

/// A plan that leads to no cluster, for the machine that it is made on.
///
/// # Errors
/// Its files cannot be read, or neither they nor its host name make the name of a Node.
pub fn bare_plan(target: Target, host: HostFacts, clock: Clock, proxies: Proxies) -> Result<JoinPlan, Failure> {
    let root = Root::open(target.rootfs())?;
    // Of what cannot be read nothing is known here; whoever looks at it says so.
    let own_name = state::node_name(&root).unwrap_or_default();
    let name_is_given = own_name.is_some();
    let name: NodeName = match own_name {
        Some(name) => name,
        None => node_name(None, &[], &host)?,
    };
    let socket = match written_socket(&root) {
        Some(written) => written,
        // Which of several is meant is for the settings to say.
        None => cri_socket(None, &host).or_else(|error| match error {
            PlanError::SeveralRuntimes(several) => Ok(several.into_iter().next().unwrap_or_default()),
            other => Err(other),
        })?,
    };
    Ok(JoinPlan {
        access: Access {
            discovery: Discovery::Token { endpoints: Vec::new(), token: None, trust: Trust::Pins(Vec::new()) },
            server: None,
            bootstrap_token: None,
            token_may_come: false,
            proxies,
            clock,
        },
        node: NodeSpec {
            override_hostname: false,
            name,
            name_is_given,
            cri_socket: socket,
            ca_cert_path: CA_CERT_PATH,
            taints: Vec::new(),
            kubelet_extra_args: Vec::new(),
            kubelet_overrides: KubeletOverrides::default(),
            systemd_resolved_active: host.systemd_resolved_active,
        },
        control_plane: None,
        options: RunOptions {
            turn: Duration::ZERO,
            mode: Mode::DryRun,
            phases: Phases::only([Phase::Preflight, Phase::KubeletStart]),
            tls_bootstrap: TlsBootstrapBy::Kubejoin,
            ignore_preflight_errors: Vec::new(),
            timeouts: Timeouts::default(),
            jitter: Jitter::None,
            set_clock: false,
            changes: ChangePolicy::Report,
        },
        target,
        host,
    })
}

/// The runtime's socket as a join has written it down: in the configuration, or among the flags.
fn written_socket(root: &Root) -> Option<String> {
    let configuration = KubeletConfiguration::read(&written_configuration(root).ok()?).ok();
    let of_configuration =
        configuration.and_then(|read| Some(read.value().get("containerRuntimeEndpoint")?.as_str()?.to_owned()));
    let of_flags = || {
        let text = root.read(&paths::KUBEADM_FLAGS, MAX_FLAGS).ok()??;
        let flags = flags::parse(std::str::from_utf8(&text).ok()?)?;
        flags.iter().find_map(|flag| flag.strip_prefix(RUNTIME_FLAG).map(str::to_owned))
    };
    of_configuration.filter(|socket| !socket.is_empty()).or_else(of_flags)
}
