//! etcd (`phases/etcd/local.go`).

use serde_json::json;

use super::arguments::Defaults;
use super::etcd_version;
use super::pod::{Component, Probes, environment};
use super::spec::StaticPodSpec;
use super::volumes::{DIRECTORY, Volumes};
use crate::cluster::control_plane::{LocalEtcd, last_argument};
use crate::patches::PatchTarget;

/// The port for clients.
pub(super) const CLIENT_PORT: u16 = 2379;
const PEER_PORT: u16 = 2380;
const METRICS_PORT: u16 = 2381;

/// Where the other nodes' kubeadm, and kubejoin, find this member.
const CLIENT_URLS: &str = "kubeadm.kubernetes.io/etcd.advertise-client-urls";

/// The Pod of a member that joins those in `initial_cluster`, itself among them: names and peer URLs.
pub(super) fn etcd(spec: &StaticPodSpec<'_>, local: &LocalEtcd, initial_cluster: &[(String, String)]) -> Component {
    let image = etcd_version::image(spec);
    let abilities = etcd_version::abilities(&image, spec);
    let client = spec.etcd_url(spec.advertise_address, CLIENT_PORT);
    let peer = spec.etcd_url(spec.advertise_address, PEER_PORT);
    let mut defaults = Defaults::default();
    defaults.add("name", spec.node_name);
    defaults.add("data-dir", &local.data_dir);
    defaults.add("listen-client-urls", format!("{},{client}", spec.etcd_url(spec.loopback(), CLIENT_PORT)));
    defaults.add("advertise-client-urls", &client);
    defaults.add("listen-peer-urls", &peer);
    defaults.add("initial-advertise-peer-urls", &peer);
    for (name, file) in [
        ("cert-file", "etcd/server.crt"),
        ("key-file", "etcd/server.key"),
        ("trusted-ca-file", "etcd/ca.crt"),
        ("peer-cert-file", "etcd/peer.crt"),
        ("peer-key-file", "etcd/peer.key"),
        ("peer-trusted-ca-file", "etcd/ca.crt"),
    ] {
        defaults.add(name, spec.certificate(file));
    }
    let metrics = spec.etcd_url(spec.loopback(), METRICS_PORT).replacen("https", "http", 1);
    defaults.add("listen-metrics-urls", metrics);
    defaults.add_all(&[("client-cert-auth", "true"), ("peer-client-cert-auth", "true"), ("snapshot-count", "10000")]);
    defaults.add_all(if abilities.has_feature_gates {
        &[("feature-gates", "InitialCorruptCheck=true"), ("watch-progress-notify-interval", "5s")]
    } else {
        &[("experimental-initial-corrupt-check", "true"), ("experimental-watch-progress-notify-interval", "5s")]
    });
    if initial_cluster.is_empty() {
        defaults.add("initial-cluster", format!("{}={peer}", spec.node_name));
    } else {
        let members: Vec<String> = initial_cluster.iter().map(|(name, url)| format!("{name}={url}")).collect();
        defaults.add("initial-cluster", members.join(","));
        defaults.add("initial-cluster-state", "existing");
    }

    let mut volumes = Volumes::default();
    volumes.add("etcd-data", &local.data_dir, false, DIRECTORY);
    volumes.add("etcd-certs", &format!("{}/etcd", spec.cluster.cluster.certificates_dir()), false, DIRECTORY);
    let mut mounts = volumes.mounts();
    if let Some(mounts) = mounts.as_array_mut() {
        // The data comes first, here alone.
        mounts.reverse();
    }
    Component {
        target: PatchTarget::Etcd,
        command: defaults.command(PatchTarget::Etcd.name(), &local.extra_args, spec.release),
        image,
        env: environment(&[], &local.extra_envs),
        probes: probes(spec, local, abilities.has_livez),
        requests: json!({"cpu": "100m", "memory": "100Mi"}),
        mounts,
        volumes: volumes.volumes(),
        annotation: Some((CLIENT_URLS, client)),
    }
}

/// At the first of `listen-metrics-urls`, as far as it is a URL.
fn probes(spec: &StaticPodSpec<'_>, local: &LocalEtcd, has_livez: bool) -> Probes {
    let url = last_argument(&local.extra_args, "listen-metrics-urls");
    let url = url.and_then(|argument| argument.value.split(',').next()?.split_once("://"));
    let (scheme, authority) = url.unwrap_or_default();
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let (liveness, readiness, startup) = if has_livez {
        ("/livez", Some("/readyz"), "/readyz")
    } else {
        ("/health?exclude=NOSPACE&serializable=true", None, "/health?serializable=false")
    };
    Probes {
        scheme: if scheme == "https" { "HTTPS" } else { "HTTP" },
        host: if host.is_empty() { spec.loopback().to_string() } else { host.to_owned() },
        port: port.and_then(|port| port.parse().ok()).filter(|port| *port != 0).unwrap_or(METRICS_PORT),
        liveness,
        readiness,
        startup,
    }
}
