//! A join with nothing left to decide.

use super::access::Access;
use super::control_plane::ControlPlaneSpec;
use super::error::PlanError;
use super::node_name::{has_hostname_override, node_name};
use super::node_spec::{NodeSpec, cri_socket};
use super::run_options::{ChangePolicy, Mode, Phases, RunOptions, TlsBootstrapBy, skips};
use super::target::Target;
use crate::clock::Clock;
use crate::config::{Extras, JoinConfiguration};
use crate::host::HostFacts;
use crate::inputs::{Discovery, Inputs};
use crate::phase::Phase;
use crate::retry::Jitter;

/// A join with nothing left to decide.
#[derive(Clone, Debug)]
pub struct JoinPlan {
    /// Which root becomes a node.
    pub target: Target,
    /// How the cluster is found, verified and reached.
    pub access: Access,
    /// What the node is going to be.
    pub node: NodeSpec,
    /// What makes it a control plane; a worker has none.
    pub control_plane: Option<ControlPlaneSpec>,
    /// What this run does.
    pub options: RunOptions,
    /// This machine.
    pub host: HostFacts,
}

impl JoinPlan {
    /// Resolves everything.
    ///
    /// # Errors
    /// The configuration does not fit this machine, or leaves something open that has no default.
    pub fn new(
        configuration: JoinConfiguration,
        extras: Extras,
        inputs: Inputs,
        host: HostFacts,
        clock: Clock,
    ) -> Result<Self, PlanError> {
        let mut bootstrap_token = configuration.tls_bootstrap_token;
        match &inputs.discovery {
            Discovery::File { kubeconfig, .. } if kubeconfig.credentials.is_some() => {}
            _ => bootstrap_token = bootstrap_token.or(configuration.fallback_token),
        }
        if let (Discovery::File { kubeconfig, .. }, None) = (&inputs.discovery, &bootstrap_token)
            && kubeconfig.credentials.is_none()
            && !configuration.token_may_come
        {
            return Err(PlanError::NoCredentials);
        }
        let phases = Phases::without(&configuration.skip_phases);
        if phases.contains(Phase::KubeletStart) && skips(&configuration.skip_phases, Phase::Discovery) {
            return Err(PlanError::CannotSkip(Phase::Discovery));
        }
        let kubelet_bootstraps = skips(&configuration.skip_phases, Phase::TlsBootstrap);
        if kubelet_bootstraps && configuration.control_plane.is_some() {
            return Err(PlanError::ControlPlaneBootstraps);
        }
        let registration = configuration.node_registration;
        let (control_plane, worker_taints) = match configuration.control_plane {
            Some(settings) => {
                let policy = registration.image_pull_policy;
                let (taints, brought) = (registration.taints, inputs.brought_certs);
                (Some(ControlPlaneSpec::new(settings, taints, policy, brought, &host)?), Vec::new())
            }
            None => (None, registration.taints.unwrap_or_default()),
        };
        let name_is_given = registration.name.is_some() || has_hostname_override(&registration.kubelet_extra_args);
        let name = node_name(registration.name.as_ref(), &registration.kubelet_extra_args, &host)?;
        let system_uuid = host.system_uuid.as_ref().map(|uuid| uuid.value.as_str());
        let jitter = Jitter::of(&[host.machine_id.as_deref(), system_uuid, Some(name.as_str())]);
        Ok(JoinPlan {
            target: Target::new(extras.rootfs, &host.path).in_unit(host.unit.clone()),
            access: Access {
                discovery: inputs.discovery,
                server: extras.server,
                bootstrap_token,
                token_may_come: configuration.token_may_come,
                proxies: inputs.proxies,
                clock,
            },
            node: NodeSpec {
                override_hostname: host.kubelet_hostname.as_deref() != Some(name.as_str()),
                name,
                name_is_given,
                cri_socket: cri_socket(registration.cri_socket, &host)?,
                ca_cert_path: configuration.ca_cert_path.to_string_lossy().parse().map_err(PlanError::Path)?,
                taints: worker_taints,
                kubelet_extra_args: registration.kubelet_extra_args,
                kubelet_overrides: inputs.kubelet,
                systemd_resolved_active: host.systemd_resolved_active,
            },
            control_plane,
            options: RunOptions {
                mode: if configuration.dry_run { Mode::DryRun } else { Mode::Apply },
                phases,
                tls_bootstrap: if kubelet_bootstraps { TlsBootstrapBy::Kubelet } else { TlsBootstrapBy::Kubejoin },
                ignore_preflight_errors: registration.ignore_preflight_errors,
                timeouts: configuration.timeouts,
                jitter,
                turn: jitter.share_of(extras.spread),
                set_clock: extras.set_clock,
                changes: ChangePolicy::Report,
            },
            host,
        })
    }
}
