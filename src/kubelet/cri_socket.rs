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

use super::cluster_configuration::ClusterConfiguration;

/// The annotation (`cmd/kubeadm/app/constants/constants.go` up to 1.36, `AnnotationKubeadmCRISocket`).
pub const ANNOTATION: &str = "kubeadm.alpha.kubernetes.io/cri-socket";

/// The ways of one release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CriSocketHandover {
    /// `containerRuntimeEndpoint` in config.yaml.
    pub config: bool,
    /// `--container-runtime-endpoint`.
    pub flag: bool,
    /// `--container-runtime=remote`, without which these kubelets speak to Docker, and which later ones do not know.
    pub remote: bool,
    /// The annotation of the Node.
    pub annotation: bool,
}

impl CriSocketHandover {
    /// The ways of a cluster's release.
    pub fn of(cluster: &ClusterConfiguration) -> Self {
        let before = |minor| cluster.release().is_some_and(|release| release < (1, minor));
        let gated = !before(32) && before(36);
        let node_local = match cluster.node_local_cri_socket() {
            Some(on) if gated => on,
            _ => !before(34),
        };
        CriSocketHandover { config: !before(27), flag: !node_local, remote: before(24), annotation: !node_local }
    }

    /// Flags of the kubelet, by name.
    pub fn flags(self, cri_socket: &str) -> Vec<(&'static str, &str)> {
        let all =
            [(self.remote, ("container-runtime", "remote")), (self.flag, ("container-runtime-endpoint", cri_socket))];
        all.into_iter().filter_map(|(wanted, flag)| wanted.then_some(flag)).collect()
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
        let current = CriSocketHandover { config: true, flag: false, remote: false, annotation: false };
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
            let way = CriSocketHandover::of(&cluster(version));
            assert_eq!((way.config, way.annotation), (config, annotation), "{version}");
            assert_eq!(way.flags("unix:///s"), flags, "{version}");
        }
        let gate = "featureGates: {NodeLocalCRISocket: ";
        for (version, on, annotation) in [
            ("v1.31.0", "true", true),
            ("v1.33.0", "true", false),
            ("v1.33.0", "false", true),
            ("v1.35.0", "false", true),
            ("v1.36.0", "false", false),
        ] {
            let way = CriSocketHandover::of(&cluster(&format!("{version}\n{gate}{on}}}")));
            assert_eq!((way.flag, way.annotation), (annotation, annotation), "{version} {on}");
        }
        assert_eq!(CriSocketHandover::of(&cluster("stable")), current);
        assert_eq!(CriSocketHandover::of(&ClusterConfiguration::default()), current);
    }
}
