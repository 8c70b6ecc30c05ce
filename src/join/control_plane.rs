//! What the join of a control plane does beyond that of a worker. Each step asks whether it is done already.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::cluster::cluster_configuration::ClusterConfiguration;
use crate::cluster::control_plane::{Argument, ControlPlaneConfiguration, last_argument};
use crate::control_plane::certs::Certificates;
use crate::control_plane::download_certs::Downloaded;
use crate::control_plane::kubeconfigs::{KubeconfigSpec, Kubeconfigs};
use crate::control_plane::pki_files::PkiFiles;
use crate::control_plane::pki_layout::PkiLayout;
use crate::control_plane::shared_certs::check_shared_certs;
use crate::control_plane::static_pods::{self, HOST_CA_DIRECTORIES, Manifest, Release, StaticPodSpec};
use crate::control_plane::{CertificateSpec, ControlPlaneError};
use crate::discovery::ClusterInfo;
use crate::error::Failure;
use crate::kube::client::{Client, REQUEST_TIMEOUT};
use crate::kube::error::KubeCause;
use crate::kube::wanted::Wanted;
use crate::kubeconfig::ClientCredentials;
use crate::net::dial::Dialer;
use crate::net::server::Server;
use crate::node::paths;
use crate::phase::Phase;
use crate::plan::{ControlPlaneSpec, JoinPlan};
use crate::report::Report;
use crate::rootfs::{Entry, FileSet, Kind, Root, TargetPath, temporary_in};
use crate::text::UntrustedText;
use crate::values::Endpoint;

/// The release from which on the kubelet of a control plane uses the API server of its own machine (kubeadm's feature gate
/// ControlPlaneKubeletLocalMode, on by default).
const FIRST_IN_LOCAL_MODE: (u32, u32) = (1, 33);

/// kubeadm's default of `certificateValidityPeriod` (`cmd/kubeadm/app/constants/constants.go`).
const VALIDITY: Duration = Duration::from_secs(8760 * 3600);

/// Of a `controlPlaneEndpoint` without one.
const API_SERVER_PORT: u16 = 6443;

/// Directories with certificates and keys; 0755, as kubeadm has them.
const PKI_DIRECTORY_MODE: u32 = 0o755;
/// Static pods can hold passwords of proxies.
const MANIFESTS_MODE: u32 = 0o700;

/// What a machine needs to become a control plane.
#[derive(Clone, Copy)]
pub(super) struct Joining<'a> {
    pub(super) plan: &'a JoinPlan,
    pub(super) spec: &'a ControlPlaneSpec,
    pub(super) root: &'a Root,
    pub(super) info: &'a ClusterInfo,
    /// Those with the CA certificates of the host that are there.
    pub(super) host_ca_directories: &'a [&'static str],
    /// An interrupted join is gone on with.
    pub(super) is_resumed: bool,
    pub(super) report: &'a Report,
}

/// Everything of a control plane but its member of etcd, before anything of it is written.
pub(super) struct Prepared {
    pub(super) configuration: ControlPlaneConfiguration,
    pub(super) release: Release,
    pub(super) pki: Certificates,
    layout: PkiLayout,
    downloaded: Option<Downloaded>,
    kubeconfigs: Kubeconfigs,
    manifests: Vec<Manifest>,
}

impl Joining<'_> {
    /// Reads the cluster's configuration, or says why it is not known; what cannot be made a control plane of is refused
    /// before anything else.
    pub(super) fn configuration(self, text: Result<String, String>) -> Result<ControlPlaneConfiguration, Failure> {
        let text = text.map_err(ControlPlaneError::NoClusterConfiguration)?;
        let unusable = |why: String| ControlPlaneError::NoClusterConfiguration(why);
        let configuration = ControlPlaneConfiguration::read(&text)
            .map_err(|error| unusable(format!("it cannot be read: {error}")))?
            .ok_or_else(|| unusable("it holds no ClusterConfiguration".to_owned()))?;
        Release::of(&configuration.cluster)?;
        stable_endpoint(&configuration)?;
        Ok(configuration)
    }

    /// Gathers and makes everything: shared certificates, own certificates, kubeconfigs, static pods. `client` has the
    /// credentials of the bootstrap.
    pub(super) fn prepare(
        self,
        configuration: ControlPlaneConfiguration,
        client: &mut Client,
    ) -> Result<Prepared, Failure> {
        let Joining { plan, spec, root, report, .. } = self;
        let release = Release::of(&configuration.cluster)?;
        let endpoint = stable_endpoint(&configuration)?;

        let layout = PkiLayout::of(&configuration, None)?;
        let mut files = PkiFiles::read(root, &layout)?;
        report.phase(Phase::DownloadCerts);
        let now = self.info.clock().now();
        // The Secret lives for two hours; what an interrupted run has written of it is judged as any other file.
        // A CA without its key may be what it was killed between.
        let is_whole = || check_shared_certs(&files, &layout, now).is_ok_and(|warnings| warnings.is_empty());
        let is_there = self.is_resumed && is_whole();
        let downloaded = match (&spec.brought_certs, &spec.certificate_key) {
            _ if is_there || !plan.options.phases.contains(Phase::DownloadCerts) => None,
            (Some(brought), _) => Some(Downloaded::brought(brought, &layout)),
            (None, Some(key)) => Some(Downloaded::open(&self.shared_certificates(client)?, key, &layout)?),
            (None, None) => None,
        };
        downloaded.iter().for_each(|downloaded| files.replace(downloaded));
        if downloaded.is_some() && spec.brought_certs.is_none() {
            report.info(Phase::DownloadCerts, "The certificates that all control planes share have been opened");
        } else {
            report.warn_each(Phase::DownloadCerts, &check_shared_certs(&files, &layout, now)?);
            report.info(Phase::DownloadCerts, "The certificates that all control planes share are on this machine");
        }

        report.phase(Phase::Certs);
        let (algorithm, validity) =
            (configuration.encryption_algorithm, configuration.certificate_validity.unwrap_or(VALIDITY));
        let certificates = CertificateSpec {
            node_name: plan.node.name.as_str(),
            advertise_address: spec.advertise_address,
            endpoint_host: Some(&endpoint.host),
            dns_domain: configuration.cluster.dns_domain(),
            service_subnet: configuration.cluster.service_subnet(),
            cert_sans: &configuration.cert_sans,
            etcd_server_sans: configuration.local_etcd().map_or(&[], |etcd| &etcd.server_cert_sans),
            etcd_peer_sans: configuration.local_etcd().map_or(&[], |etcd| &etcd.peer_cert_sans),
            algorithm,
            validity,
            minor: release.number().1,
            verified: self.info.ca_certificates(),
            now,
        };
        let pki = Certificates::issue(&certificates, &layout, &files)?;
        report.warn_each(Phase::Certs, pki.warnings());
        self.check_made(&pki, &layout)?;
        let (new, kept) = (pki.issued().count(), pki.kept().len());
        report.info(Phase::Certs, format_args!("Certificates of this control plane: {new} new, {kept} there before"));

        report.phase(Phase::Kubeconfig);
        let kubeconfigs = KubeconfigSpec {
            cluster_name: configuration.cluster.cluster_name(),
            endpoint: &format!("https://{endpoint}"),
            local_endpoint: &format!("https://{}", spec.local_endpoint()),
            algorithm,
            validity,
            minor: release.number().1,
            ca: pki.cluster_ca(),
            now,
        };
        let kubeconfigs = Kubeconfigs::issue(&kubeconfigs, &layout, &files)?;
        report.warn_each(Phase::Kubeconfig, kubeconfigs.warnings());

        report.phase(Phase::ControlPlane);
        let mut prepared =
            Prepared { configuration, release, pki, layout, downloaded, kubeconfigs, manifests: Vec::new() };
        let proxies = self.proxy_variables();
        let manifests = static_pods::control_plane(&self.pods(&prepared, None, &proxies))?;
        prepared.manifests = manifests.into();
        Ok(prepared)
    }

    /// The data of the Secret with the certificates that control planes share.
    fn shared_certificates(self, client: &mut Client) -> Result<std::collections::BTreeMap<String, Vec<u8>>, Failure> {
        let Joining { plan, report, .. } = self;
        let wanted = Wanted::secret("kube-system", "kubeadm-certs");
        let retry = plan.options.retry(plan.options.timeouts.kubernetes_api_call);
        let secret = retry.run(
            || client.secret(&wanted, retry.exchange_deadline(REQUEST_TIMEOUT)),
            |error, pause| report.retrying(Phase::DownloadCerts, error, pause),
        );
        match secret {
            Ok(secret) => {
                let since = UntrustedText::new(secret.created(), None);
                let text = format_args!("{wanted} is of {since}; kubeadm deletes it two hours after it was uploaded");
                report.info(Phase::DownloadCerts, text);
                Ok(secret.data())
            }
            // The right to read it comes and goes with it.
            Err(error) if matches!(error.cause, KubeCause::NotFound { .. } | KubeCause::Forbidden(_)) => {
                Err(ControlPlaneError::NoSharedCertificates.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Where the phase `certs` is left out, its certificates have to be there.
    fn check_made(self, pki: &Certificates, layout: &PkiLayout) -> Result<(), ControlPlaneError> {
        let phases = self.plan.options.phases;
        let is_needed = phases.any(&[Phase::KubeletStart, Phase::CheckEtcd, Phase::EtcdJoin]);
        match pki.issued().next().filter(|_| is_needed && !phases.contains(Phase::Certs)) {
            Some((base, _)) => {
                let path = layout.pair(base).0.to_string();
                Err(ControlPlaneError::Missing { phase: "control-plane-prepare certs", path })
            }
            None => Ok(()),
        }
    }

    /// What the static pods are made of.
    pub(super) fn pods<'b>(
        &'b self,
        prepared: &'b Prepared,
        etcd_image: Option<&'b str>,
        proxy_variables: &'b [(String, String)],
    ) -> StaticPodSpec<'b> {
        StaticPodSpec {
            etcd_image,
            proxy_variables,
            has_ca_key: prepared.pki.has_ca_key(),
            ..self.pods_of(&prepared.configuration, prepared.release)
        }
    }

    /// The same, of what is known before anything is made.
    fn pods_of<'b>(&'b self, cluster: &'b ControlPlaneConfiguration, release: Release) -> StaticPodSpec<'b> {
        StaticPodSpec {
            cluster,
            release,
            advertise_address: self.spec.advertise_address,
            bind_port: self.spec.bind_port,
            node_name: self.plan.node.name.as_str(),
            etcd_image: None,
            host_ca_directories: self.host_ca_directories,
            proxy_variables: &[],
            has_ca_key: false,
            component_health_timeout: self.plan.options.timeouts.control_plane_component_health_check,
            patches: &self.plan.node.kubelet_overrides.patches,
        }
    }

    /// The images of its static pods.
    pub(super) fn images(
        &self,
        configuration: &ControlPlaneConfiguration,
        etcd_image: Option<&str>,
    ) -> Result<Vec<String>, static_pods::StaticPodError> {
        let release = Release::of(&configuration.cluster)?;
        Ok(static_pods::images(&StaticPodSpec { etcd_image, ..self.pods_of(configuration, release) }))
    }

    /// Exposed: they become environment variables of the static pods.
    pub(super) fn proxy_variables(&self) -> Vec<(String, String)> {
        let variables = self.spec.proxy_variables.iter();
        variables.map(|(name, value)| (name.clone(), value.expose().to_owned())).collect()
    }

    /// A client of the API server with the identity of `admin.conf`; of this machine's own where `local`.
    pub(super) fn admin_client(self, admin: &ClientCredentials, local: bool) -> Result<Client, Failure> {
        let info = self.info;
        let dialer = match local {
            true => Dialer::direct(endpoint_of(self.spec)),
            false => Dialer::new(info.endpoint().clone(), &self.plan.access.proxies)?,
        };
        let server = Server::new(dialer, info.roots(), info.clock(), admin.identity.as_ref())?;
        Ok(Client::new(server, admin.token.clone()))
    }
}

impl Prepared {
    /// Where controller-manager and scheduler say how they are.
    pub(super) fn health_addresses(&self) -> [SocketAddr; 2] {
        let at = |arguments: &[Argument], port| {
            let given = last_argument(arguments, "bind-address").and_then(|argument| argument.value.parse().ok());
            let address = given.filter(|address: &IpAddr| !address.is_unspecified());
            SocketAddr::new(address.unwrap_or(Ipv4Addr::LOCALHOST.into()), port)
        };
        let configuration = &self.configuration;
        [at(&configuration.controller_manager.extra_args, 10257), at(&configuration.scheduler.extra_args, 10259)]
    }

    /// The identity of `admin.conf`.
    pub(super) fn admin(&self) -> &ClientCredentials {
        self.kubeconfigs.admin()
    }

    /// The files of these phases, in the order of writing; the data directory and the static pod of `etcd` come last of them.
    pub(super) fn files(&self, joining: Joining<'_>, etcd: Option<(&TargetPath, &Manifest)>) -> FileSet {
        let phases = joining.plan.options.phases;
        let mut files = FileSet::new();
        files.directory(paths::KUBERNETES, 0o755).directory(paths::PKI, PKI_DIRECTORY_MODE);
        if phases.contains(Phase::DownloadCerts)
            && let Some(downloaded) = &self.downloaded
        {
            downloaded.add_to(&mut files, &self.layout);
        }
        if phases.contains(Phase::Certs) {
            self.pki.add_to(&mut files, &self.layout);
        }
        if phases.contains(Phase::Kubeconfig) {
            self.kubeconfigs.add_to(&mut files);
        }
        if phases.any(&[Phase::ControlPlane, Phase::EtcdJoin]) {
            files.directory(paths::MANIFESTS, MANIFESTS_MODE);
        }
        if phases.contains(Phase::ControlPlane) {
            for manifest in &self.manifests {
                add_manifest(&mut files, joining.spec, manifest);
            }
        }
        if let Some((data_directory, manifest)) = etcd {
            files.directory(data_directory.clone(), 0o700);
            add_manifest(&mut files, joining.spec, manifest);
        }
        files
    }
}

/// Adds a static pod. Where a proxy has a password, its text does, too.
fn add_manifest(files: &mut FileSet, spec: &ControlPlaneSpec, manifest: &Manifest) {
    let Ok(path) = paths::MANIFESTS.join(&manifest.file_name) else { return };
    if spec.proxy_variables.iter().any(|(_, value)| value.expose().contains('@')) {
        files.secret_file(path, 0o600, Zeroizing::new(manifest.text.as_bytes().to_vec()));
    } else {
        files.file(path, 0o600, manifest.text.as_str());
    }
}

/// The node's files behind those of the control plane, without what those have written already.
pub(super) fn in_order(mut first: FileSet, then: FileSet, kept: &[TargetPath]) -> FileSet {
    let is_made = |entry: &Entry| first.entries.iter().any(|other| other.path == entry.path);
    let is_there = |entry: &Entry| match entry.kind {
        Kind::File { .. } => kept.contains(&entry.path) || is_made(entry),
        Kind::Directory { .. } => is_made(entry),
        _ => false,
    };
    let then: Vec<_> = then.entries.into_iter().filter(|entry| !is_there(entry)).collect();
    then.into_iter().for_each(|entry| {
        first.add(entry);
    });
    first
}

/// What `kubelet.conf` of a control plane names as the API server: its own, or, in older clusters, the cluster's endpoint.
pub(super) fn kubelet_server<'a>(
    plan: &JoinPlan,
    cluster: &ClusterConfiguration,
    info: &'a ClusterInfo,
) -> Cow<'a, Endpoint> {
    match &plan.control_plane {
        Some(spec) if cluster.release().is_none_or(|release| release >= FIRST_IN_LOCAL_MODE) => {
            Cow::Owned(endpoint_of(spec))
        }
        _ => Cow::Borrowed(info.server()),
    }
}

/// Where the API server of this machine answers.
fn endpoint_of(spec: &ControlPlaneSpec) -> Endpoint {
    Endpoint::from(spec.local_endpoint())
}

/// `controlPlaneEndpoint`; kubeadm's port where it has none (`cmd/kubeadm/app/util/config/initconfiguration.go`).
fn stable_endpoint(configuration: &ControlPlaneConfiguration) -> Result<Endpoint, ControlPlaneError> {
    let endpoint = configuration.endpoint(API_SERVER_PORT).map_err(|error| {
        ControlPlaneError::NoClusterConfiguration(format!("its controlPlaneEndpoint cannot be used: {error}"))
    })?;
    endpoint.ok_or(ControlPlaneError::NoStableEndpoint)
}

/// Those of the directories with the CA certificates of a host that the target root has.
pub(super) fn host_ca_directories(root: &Root) -> Vec<&'static str> {
    let is_there = |path: &&str| path.parse().is_ok_and(|path: TargetPath| root.exists(&path).unwrap_or(false));
    HOST_CA_DIRECTORIES.into_iter().filter(is_there).collect()
}

/// Whether a join of a control plane has been begun on this machine and has not ended, and whether this node is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It has no static pod of an API server.
    Worker,
    /// A join of a control plane was interrupted.
    Unfinished,
    /// It is a control plane.
    ControlPlane,
}

impl Role {
    /// Reads it from the files.
    pub(super) fn read(root: &Root) -> Result<Role, Failure> {
        Ok(if root.exists(&paths::UNFINISHED_CONTROL_PLANE)? {
            Role::Unfinished
        } else if root.exists(&paths::API_SERVER_MANIFEST)? {
            Role::ControlPlane
        } else {
            Role::Worker
        })
    }
}

/// Written before anything else of a control plane. etcd's directory is among it: where it cannot be made, no member is added.
pub(super) fn begun(prepared: &Prepared) -> FileSet {
    let mut files = FileSet::new();
    if let Some(directory) = prepared.configuration.local_etcd().and_then(|etcd| etcd.data_dir.parse().ok()) {
        files.directory(directory, 0o700);
    }
    let text = "The join of this control plane has not ended: run it again.\n";
    files.directory(paths::KUBELET, 0o700).file(paths::UNFINISHED_CONTROL_PLANE, 0o600, text);
    files
}

/// Removed once everything of it is done; and what an interrupted run has left where this one had nothing to write.
pub(super) fn ended(prepared: &Prepared) -> FileSet {
    let mut files = FileSet::new();
    let pki = prepared.layout.directory();
    for directory in [paths::KUBERNETES, paths::MANIFESTS, pki.clone()].into_iter().chain(pki.join("etcd")) {
        files.absent(temporary_in(&directory));
    }
    files.absent(paths::UNFINISHED_CONTROL_PLANE);
    files
}
