//! kube-apiserver, kube-controller-manager and kube-scheduler (`phases/controlplane/manifests.go`).

use std::net::SocketAddr;

use serde_json::json;

use super::arguments::{Defaults, merged};
use super::pod::{Component, Probes, environment, probe_host};
use super::spec::StaticPodSpec;
use super::volumes::{FILE, Volumes, flex_volume_directory};
use crate::cluster::control_plane::{Argument, ComponentConfiguration, Etcd, Merge, last_argument};
use crate::patches::PatchTarget;

/// Where the other nodes' kubeadm finds this API server.
const ADVERTISE_ADDRESS: &str = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint";

const AUTHORIZATION_MODE: &str = "authorization-mode";
const DEFAULT_MODES: &str = "Node,RBAC";
const KNOWN_MODES: [&str; 6] = ["Node", "RBAC", "Webhook", "ABAC", "AlwaysAllow", "AlwaysDeny"];

/// The ports of the controller manager and the scheduler.
const CONTROLLER_MANAGER_PORT: u16 = 10257;
const SCHEDULER_PORT: u16 = 10259;

pub(super) fn api_server(spec: &StaticPodSpec<'_>) -> Component {
    let cluster = &spec.cluster.cluster;
    let certificate = |name| spec.certificate(name);
    let mut defaults = Defaults::default();
    defaults.add_all(&[
        ("allow-privileged", "true"),
        ("enable-admission-plugins", "NodeRestriction"),
        ("enable-bootstrap-token-auth", "true"),
        ("kubelet-preferred-address-types", "InternalIP,ExternalIP,Hostname"),
        ("requestheader-allowed-names", "front-proxy-client"),
        ("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
        ("requestheader-group-headers", "X-Remote-Group"),
        ("requestheader-username-headers", "X-Remote-User"),
        ("service-cluster-ip-range", cluster.service_subnet()),
    ]);
    for (name, file) in [
        ("client-ca-file", "ca.crt"),
        ("kubelet-client-certificate", "apiserver-kubelet-client.crt"),
        ("kubelet-client-key", "apiserver-kubelet-client.key"),
        ("proxy-client-cert-file", "front-proxy-client.crt"),
        ("proxy-client-key-file", "front-proxy-client.key"),
        ("requestheader-client-ca-file", "front-proxy-ca.crt"),
        ("service-account-key-file", "sa.pub"),
        ("service-account-signing-key-file", "sa.key"),
        ("tls-cert-file", "apiserver.crt"),
        ("tls-private-key-file", "apiserver.key"),
    ] {
        defaults.add(name, certificate(file));
    }
    defaults.add("advertise-address", spec.advertise_address.to_string());
    defaults.add("secure-port", spec.bind_port.to_string());
    let issuer = format!("https://kubernetes.default.svc.{}", cluster.dns_domain());
    defaults.add("service-account-issuer", issuer);
    add_etcd(&mut defaults, spec);
    let configuration = &spec.cluster.api_server;
    let own = authorization(&mut defaults, spec);

    let mut volumes = Volumes::default();
    volumes.add_certificates(spec);
    volumes.add_external_etcd(spec);
    volumes.add_extra(configuration);
    Component {
        command: defaults.command(PatchTarget::KubeApiserver.name(), &own, spec.release),
        probes: Probes {
            scheme: "HTTPS",
            host: probe_host(&spec.advertise_address.to_string()),
            port: spec.bind_port,
            liveness: "/livez",
            readiness: Some("/readyz"),
            startup: "/livez",
        },
        annotation: Some((ADVERTISE_ADDRESS, SocketAddr::new(spec.advertise_address, spec.bind_port).to_string())),
        ..component(spec, PatchTarget::KubeApiserver, configuration, "250m", &volumes)
    }
}

pub(super) fn controller_manager(spec: &StaticPodSpec<'_>) -> Component {
    let cluster = &spec.cluster.cluster;
    let kubeconfig = "/etc/kubernetes/controller-manager.conf";
    let mut defaults = with_kubeconfig(kubeconfig);
    let signing = |name| if spec.has_ca_key { spec.certificate(name) } else { String::new() };
    defaults.add("client-ca-file", spec.certificate("ca.crt"));
    defaults.add("cluster-name", cluster.cluster_name());
    defaults.add("cluster-signing-cert-file", signing("ca.crt"));
    defaults.add("cluster-signing-key-file", signing("ca.key"));
    defaults.add("controllers", "*,bootstrapsigner,tokencleaner");
    defaults.add("requestheader-client-ca-file", spec.certificate("front-proxy-ca.crt"));
    defaults.add("root-ca-file", spec.certificate("ca.crt"));
    defaults.add("service-account-private-key-file", spec.certificate("sa.key"));
    defaults.add("use-service-account-credentials", "true");
    if let Some(pod_subnet) = &spec.cluster.pod_subnet {
        defaults.add("allocate-node-cidrs", "true");
        defaults.add("cluster-cidr", pod_subnet);
        defaults.add("service-cluster-ip-range", cluster.service_subnet());
    }

    let mut volumes = Volumes::default();
    volumes.add_certificates(spec);
    volumes.add("kubeconfig", kubeconfig, true, FILE);
    if let Some(path) = flex_volume_directory(spec.cluster, spec.release) {
        volumes.add("flexvolume-dir", path, false, super::volumes::DIRECTORY);
    }
    let configuration = &spec.cluster.controller_manager;
    volumes.add_extra(configuration);
    let target = PatchTarget::KubeControllerManager;
    Component {
        command: defaults.command(target.name(), &configuration.extra_args, spec.release),
        probes: loopback_probes(configuration, CONTROLLER_MANAGER_PORT, false),
        ..component(spec, target, configuration, "200m", &volumes)
    }
}

pub(super) fn scheduler(spec: &StaticPodSpec<'_>) -> Component {
    let kubeconfig = "/etc/kubernetes/scheduler.conf";
    let mut volumes = Volumes::default();
    volumes.add("kubeconfig", kubeconfig, true, FILE);
    let configuration = &spec.cluster.scheduler;
    volumes.add_extra(configuration);
    let target = PatchTarget::KubeScheduler;
    Component {
        command: with_kubeconfig(kubeconfig).command(target.name(), &configuration.extra_args, spec.release),
        probes: loopback_probes(configuration, SCHEDULER_PORT, spec.release.scheduler_has_livez()),
        ..component(spec, target, configuration, "100m", &volumes)
    }
}

/// The image of a component; what a tag may not hold becomes `_`.
pub(super) fn image(spec: &StaticPodSpec<'_>, target: PatchTarget) -> String {
    let version = spec.cluster.cluster.kubernetes_version().unwrap_or_default();
    let allowed = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') { c } else { '_' };
    let tag: String = version.chars().map(allowed).collect();
    let v = if tag.starts_with('v') { "" } else { "v" };
    format!("{}/{}:{v}{tag}", spec.cluster.image_repository, target.name())
}

/// What the three have in common; command and probes are the caller's.
fn component(
    spec: &StaticPodSpec<'_>,
    target: PatchTarget,
    configuration: &ComponentConfiguration,
    cpu: &str,
    volumes: &Volumes,
) -> Component {
    Component {
        target,
        image: image(spec, target),
        command: serde_json::Value::Null,
        env: environment(spec.proxy_variables, &configuration.extra_envs),
        probes: loopback_probes(configuration, 0, false),
        requests: json!({"cpu": cpu}),
        mounts: volumes.mounts(),
        volumes: volumes.volumes(),
        annotation: None,
    }
}

fn with_kubeconfig(path: &str) -> Defaults {
    let mut defaults = Defaults::default();
    defaults.add_all(&[
        ("authentication-kubeconfig", path),
        ("authorization-kubeconfig", path),
        ("bind-address", "127.0.0.1"),
        ("kubeconfig", path),
        ("leader-elect", "true"),
    ]);
    defaults
}

/// The port stays the default one, whatever `secure-port` says, as in kubeadm.
fn loopback_probes(configuration: &ComponentConfiguration, port: u16, has_livez: bool) -> Probes {
    let bind_address = last_argument(&configuration.extra_args, "bind-address");
    let path = if has_livez { "/livez" } else { "/healthz" };
    Probes {
        scheme: "HTTPS",
        host: probe_host(bind_address.map_or("127.0.0.1", |argument| &argument.value)),
        port,
        liveness: path,
        readiness: has_livez.then_some("/readyz"),
        startup: path,
    }
}

fn add_etcd(defaults: &mut Defaults, spec: &StaticPodSpec<'_>) {
    match &spec.cluster.etcd {
        Etcd::External(etcd) => {
            defaults.add("etcd-servers", etcd.endpoints.join(","));
            if !etcd.ca_file.is_empty() {
                defaults.add("etcd-cafile", &etcd.ca_file);
            }
            if !etcd.cert_file.is_empty() && !etcd.key_file.is_empty() {
                defaults.add("etcd-certfile", &etcd.cert_file);
                defaults.add("etcd-keyfile", &etcd.key_file);
            }
        }
        Etcd::Local(etcd) => {
            let servers = spec.etcd_url(spec.loopback(), super::etcd::CLIENT_PORT);
            let servers = match last_argument(&etcd.extra_args, "advertise-client-urls") {
                None => servers,
                Some(argument) => merged(&servers, argument),
            };
            defaults.add("etcd-servers", servers);
            defaults.add("etcd-cafile", spec.certificate("etcd/ca.crt"));
            defaults.add("etcd-certfile", spec.certificate("apiserver-etcd-client.crt"));
            defaults.add("etcd-keyfile", spec.certificate("apiserver-etcd-client.key"));
        }
    }
}

/// Adds the modes of authorization, unless a file has them. Returns the user's own arguments, changed as kubeadm up to 1.29
/// changed them.
fn authorization(defaults: &mut Defaults, spec: &StaticPodSpec<'_>) -> Vec<Argument> {
    let mut own = spec.cluster.api_server.extra_args.clone();
    if !spec.release.filters_authorization_modes() {
        if last_argument(&own, "authorization-config").is_none() {
            defaults.add(AUTHORIZATION_MODE, DEFAULT_MODES);
        }
        return own;
    }
    defaults.add(AUTHORIZATION_MODE, DEFAULT_MODES);
    if let Some(named) = own.iter_mut().rev().find(|argument| argument.name == AUTHORIZATION_MODE) {
        let known: Vec<&str> = named.value.split(',').filter(|mode| KNOWN_MODES.contains(mode)).collect();
        named.value = if known.is_empty() { DEFAULT_MODES.to_owned() } else { known.join(",") };
        named.merge = Merge::Replace;
    }
    own
}
