//! How a node of a cluster's release learns the socket of its container runtime, and where kubeadm looks for it later.
//!
//! The release is that of the control plane (`kubernetesVersion` of the ClusterConfiguration), because a kubelet is never
//! newer than its API server. Where it is not known, it is taken for a current one.
//!
//! | release   | the kubelet has it from            | kubeadm's upgrade has it from |
//! |-----------|------------------------------------|-------------------------------|
//! | to 1.23   | two flags                          | an annotation of the Node     |
//! | 1.24-1.26 | a flag                             | the same                      |
//! | 1.27-1.33 | a flag; config.yaml would do       | the same                      |
//! | from 1.34 | config.yaml                        | instance-config.yaml          |
//!
//! From 1.32 to 1.35 the feature gate `NodeLocalCRISocket` decides whether it is as from 1.34 on.
//! `instance-config.yaml` is written for all of them: nothing minds it, and an upgrade past 1.34 finds it.

use crate::cluster::cluster_configuration::ClusterConfiguration;

/// The annotation (`cmd/kubeadm/app/constants/constants.go` up to 1.36, `AnnotationKubeadmCRISocket`).
pub const ANNOTATION: &str = "kubeadm.alpha.kubernetes.io/cri-socket";

/// How the nodes of one release learn the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CriSocketHandover {
    /// Up to 1.23: `--container-runtime-endpoint`, and `--container-runtime=remote`, without which these kubelets speak to
    /// Docker, and which later ones do not know.
    RemoteFlags,
    /// 1.24 to 1.26: `--container-runtime-endpoint`.
    Flag,
    /// 1.27 to 1.33: the flag, and `containerRuntimeEndpoint` in config.yaml.
    FlagAndConfig,
    /// From 1.34 on: `containerRuntimeEndpoint` in config.yaml.
    Config,
}

impl CriSocketHandover {
    /// That of a cluster's release.
    pub fn of(cluster: &ClusterConfiguration) -> Self {
        let before = |minor| cluster.release().is_some_and(|release| release < (1, minor));
        let is_gated = !before(32) && before(36);
        match cluster.node_local_cri_socket() {
            Some(true) if is_gated => CriSocketHandover::Config,
            Some(false) if is_gated => CriSocketHandover::FlagAndConfig,
            _ if before(24) => CriSocketHandover::RemoteFlags,
            _ if before(27) => CriSocketHandover::Flag,
            _ if before(34) => CriSocketHandover::FlagAndConfig,
            _ => CriSocketHandover::Config,
        }
    }

    /// Whether `containerRuntimeEndpoint` stands in config.yaml.
    pub fn is_in_config(self) -> bool {
        matches!(self, CriSocketHandover::FlagAndConfig | CriSocketHandover::Config)
    }

    /// Whether kubeadm's upgrade looks for the annotation of the Node.
    pub fn needs_annotation(self) -> bool {
        self != CriSocketHandover::Config
    }

    /// Flags of the kubelet, by name.
    pub fn flags(self, cri_socket: &str) -> Vec<(&'static str, &str)> {
        let endpoint = ("container-runtime-endpoint", cri_socket);
        match self {
            CriSocketHandover::RemoteFlags => vec![("container-runtime", "remote"), endpoint],
            CriSocketHandover::Flag | CriSocketHandover::FlagAndConfig => vec![endpoint],
            CriSocketHandover::Config => Vec::new(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_release_has_its_own_way() {
        let cluster = |version: &str| {
            let text = format!(
                "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: {version}\n"
            );
            ClusterConfiguration::read(&text).unwrap()
        };
        let current = CriSocketHandover::Config;
        let endpoint = ("container-runtime-endpoint", "unix:///s");
        let table: [(&str, bool, bool, &[(&str, &str)]); 8] = [
            ("v1.20.15", false, true, &[("container-runtime", "remote"), endpoint]),
            ("1.23.0-rc.1", false, true, &[("container-runtime", "remote"), endpoint]),
            ("v1.24.0", false, true, &[endpoint]),
            ("v1.26.9+k3s1", false, true, &[endpoint]),
            ("v1.27.0", true, true, &[endpoint]),
            ("v1.33.13", true, true, &[endpoint]),
            ("v1.34.0-alpha.1", true, false, &[]),
            ("v2.0.0", true, false, &[]),
        ];
        for (version, config, annotation, flags) in table {
            let handover = CriSocketHandover::of(&cluster(version));
            assert_eq!((handover.is_in_config(), handover.needs_annotation()), (config, annotation), "{version}");
            assert_eq!(handover.flags("unix:///s"), flags, "{version}");
        }
        let gate = "featureGates: {NodeLocalCRISocket: ";
        for (version, on, annotation) in [
            ("v1.31.0", "true", true),
            ("v1.33.0", "true", false),
            ("v1.33.0", "false", true),
            ("v1.35.0", "false", true),
            ("v1.36.0", "false", false),
        ] {
            let handover = CriSocketHandover::of(&cluster(&format!("{version}\n{gate}{on}}}")));
            let has_flag = !handover.flags("unix:///s").is_empty();
            assert_eq!((has_flag, handover.needs_annotation()), (annotation, annotation), "{version} {on}");
        }
        assert_eq!(CriSocketHandover::of(&cluster("stable")), current);
        assert_eq!(CriSocketHandover::of(&ClusterConfiguration::default()), current);
    }
}
