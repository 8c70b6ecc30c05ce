//! `certs`, `init phase upload-certs`, `kubeconfig user`: keys for shared certificates, their upload, when certificates expire,
//! and a kubeconfig for one more user.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::admin::{self, Admin};
use super::show::show;
use crate::cli::{CertsArgs, CertsVerb};
use crate::cluster::control_plane::{ControlPlaneConfiguration, Etcd, ExternalEtcd};
use crate::cluster::init_configuration::InitConfiguration;
use crate::config::load;
use crate::config::settings::{ListForm, Settings};
use crate::control_plane::ControlPlaneError;
use crate::control_plane::expiration::{Expirations, has_external_etcd};
use crate::control_plane::pki_layout::PkiLayout;
use crate::control_plane::shared_certs::check_shared_certs;
use crate::control_plane::upload_certs::{generate_key, sealed, shared_files, upload};
use crate::control_plane::user_kubeconfig::UserSpec;
use crate::error::Failure;
use crate::host::HostFacts;
use crate::kube::client::Client;
use crate::kube::error::{KubeCause, KubeError};
use crate::kube::wanted::Wanted;
use crate::report::Report;
use crate::retry::{Pause, Retry};
use crate::rootfs::Root;
use crate::text::mask;
use crate::tokens::{self, Waits};
use crate::values::CertificateKey;

/// What lines of the upload belong to, and those about a user.
const UPLOAD: &str = "upload-certs";
const KUBECONFIG: &str = "kubeconfig";

/// How long a user's certificate is valid, where nobody says otherwise (`constants.CertificateValidityPeriod`).
const VALIDITY: Duration = Duration::from_secs(8760 * 3600);

/// Of an API server that has none of its own.
const API_SERVER_PORT: u16 = 6443;

/// Runs a verb about certificates.
pub(super) fn run(args: &CertsArgs, report: &Report) -> Result<(), Failure> {
    match args.verb {
        CertsVerb::CertificateKey => show(generate_key()?.expose(), "\n"),
        CertsVerb::CheckExpiration => check_expiration(&args.settings, report)?,
        CertsVerb::UploadCerts => upload_certs(&args.settings, report)?,
        CertsVerb::KubeconfigUser => kubeconfig_user(&args.settings, report)?,
    }
    Ok(())
}

fn check_expiration(settings: &Settings, report: &Report) -> Result<(), Failure> {
    let root = root(settings)?;
    let file = config_file(settings, report)?;
    let mut configuration = configuration(settings, file.as_deref().map_or("", String::as_str))?;
    let mut layout = layout(settings, &configuration)?;
    // The API server of a control plane that has no member of etcd.
    if file.is_none() && has_external_etcd(&root, &layout)? {
        configuration.etcd = Etcd::External(ExternalEtcd::default());
        layout = self::layout(settings, &configuration)?;
    }
    let found = Expirations::read(&root, &layout)?;
    let now = SystemTime::now();
    let text = match settings.list_form.unwrap_or_default() {
        ListForm::Text => found.as_table(now),
        ListForm::Json => found.as_json(now),
        ListForm::Yaml => found.as_yaml(now),
    };
    show(&text, "");
    Ok(())
}

/// The lines that scripts read are kubeadm's, as they are.
fn upload_certs(settings: &Settings, report: &Report) -> Result<(), Failure> {
    if settings.upload_certs != Some(true) {
        show("[upload-certs] Skipping phase. Please see --upload-certs", "\n");
        return Ok(());
    }
    let file = config_file(settings, report)?;
    let init = init_configuration(settings, file.as_deref().map_or("", String::as_str))?;
    let given = settings.certificate_key.as_ref().map(|given| given.value.clone());
    let text = given.or(init.certificate_key).map_or_else(generate_key, Ok)?;
    report.conceal(&text);
    let key: CertificateKey = text.expose().parse().map_err(|error| ControlPlaneError::Invalid(format!("{error}")))?;

    let retry = admin::retry();
    let waits = |error: &KubeError, pause: Pause| report.retrying(UPLOAD, error, pause);
    let kubeconfig = settings.kubeconfig.as_ref().map(|given| given.value.clone());
    let mut client = Admin::read(kubeconfig, UPLOAD, report)?.client(retry, report)?;
    let of_cluster = match &file {
        Some(_) => None,
        None => kubeadm_config(&mut client, retry, &waits)?,
    };
    let configured = file.as_deref().or(of_cluster.as_ref()).map_or("", String::as_str);
    let layout = layout(settings, &configuration(settings, configured)?)?;
    let files = shared_files(&root(settings)?, &layout)?;
    // What no other control plane could join with is not uploaded.
    let now = SystemTime::now();
    let warnings = check_shared_certs(&files, &layout, now);
    report.warn_each(UPLOAD, &warnings.map_err(|error| ControlPlaneError::NotUploaded(error.to_string()))?);
    let data = sealed(&files, &layout, &key)?;
    if settings.dry_run == Some(true) {
        report
            .info(UPLOAD, format_args!("Would store the files of {} in the Secret kubeadm-certs", layout.directory()));
        return Ok(());
    }
    show("[upload-certs] Storing the certificates in Secret \"kubeadm-certs\" in the \"kube-system\" Namespace", "\n");
    upload(&mut client, data, now, retry, &waits)?;
    if settings.skip_certificate_key_print != Some(true) {
        show("[upload-certs] Using certificate key:", "\n");
        show(text.expose(), "\n");
    }
    Ok(())
}

/// The ClusterConfiguration that the cluster has; a cluster that is not kubeadm's has none.
fn kubeadm_config(client: &mut Client, retry: Retry, waits: Waits<'_>) -> Result<Option<String>, KubeError> {
    let wanted = Wanted::config_map("kube-system", "kubeadm-config");
    let mut text = None;
    let read = tokens::persist(retry, waits, &mut |deadline| {
        text = client.config_map(&wanted, deadline)?.data.remove("ClusterConfiguration");
        Ok(())
    });
    match read {
        Err(KubeError { cause: KubeCause::NotFound { .. }, .. }) => Ok(None),
        other => other.map(|()| text),
    }
}

fn kubeconfig_user(settings: &Settings, report: &Report) -> Result<(), Failure> {
    let token = settings.token.as_ref().map(|given| &given.value);
    token.iter().for_each(|token| report.conceal(token));
    let file = config_file(settings, report)?;
    let text = file.as_deref().map_or("", String::as_str);
    let configuration = configuration(settings, text)?;
    let validity = settings.validity_period.unwrap_or(VALIDITY);
    if validity > VALIDITY {
        report.warn(KUBECONFIG, None, "nobody can take back a certificate, and this one is valid for more than a year");
    }
    let organizations: Vec<_> = settings.organizations.iter().map(|given| given.value.as_str()).collect();
    let user = UserSpec {
        name: settings.client_name.as_ref().map_or("", |given| given.value.as_str()),
        organizations: &organizations,
        token,
        cluster_name: configuration.cluster.cluster_name(),
        server: &server(settings, &configuration, &init_configuration(settings, text)?)?,
        algorithm: configuration.encryption_algorithm,
        validity,
        now: SystemTime::now(),
    };
    let (kubeconfig, warning) = user.kubeconfig(&root(settings)?, &layout(settings, &configuration)?)?;
    report.warn_each(KUBECONFIG, warning.as_slice());
    show(&String::from_utf8_lossy(&kubeconfig), "\n");
    Ok(())
}

/// `https://host:port` of the control plane: its endpoint, or else this machine's API server.
fn server(
    settings: &Settings,
    configuration: &ControlPlaneConfiguration,
    init: &InitConfiguration,
) -> Result<String, ControlPlaneError> {
    let port = init.bind_port.unwrap_or(API_SERVER_PORT);
    if let Some(endpoint) = configuration.endpoint(port).map_err(|error| invalid(settings, &error))? {
        return Ok(format!("https://{endpoint}"));
    }
    let address = match &init.advertise_address {
        Some(text) => text.parse().map_err(|error| invalid(settings, &error))?,
        None => HostFacts::read(Path::new("/"), None).default_address.ok_or_else(|| {
            ControlPlaneError::Invalid(
                "this machine has no default route, whose address the server would have".to_owned(),
            )
        })?,
    };
    Ok(format!("https://{}", SocketAddr::new(address, port)))
}

/// Where the files are.
fn root(settings: &Settings) -> Result<Root, Failure> {
    let given = settings.rootfs.as_ref().map(|given| given.value.as_path());
    Ok(Root::open(given.unwrap_or(Path::new("/")))?)
}

/// `--config`, as text; no line says what it holds of secrets.
fn config_file(settings: &Settings, report: &Report) -> Result<Option<Zeroizing<String>>, Failure> {
    let Some(path) = &settings.config else { return Ok(None) };
    let text = load::configuration(&path.value)?;
    mask::secrets_in(&text).iter().for_each(|secret| report.conceal(secret));
    Ok(Some(text))
}

/// The ClusterConfiguration of a text, or kubeadm's defaults.
fn configuration(settings: &Settings, text: &str) -> Result<ControlPlaneConfiguration, ControlPlaneError> {
    ControlPlaneConfiguration::read_or_default(text).map_err(|error| invalid(settings, &error))
}

/// The InitConfiguration of a text, or one that says nothing.
fn init_configuration(settings: &Settings, text: &str) -> Result<InitConfiguration, ControlPlaneError> {
    InitConfiguration::read(text).map_err(|error| invalid(settings, &error))
}

/// What a text cannot be used for.
fn invalid(settings: &Settings, error: &dyn std::fmt::Display) -> ControlPlaneError {
    match &settings.config {
        Some(path) => ControlPlaneError::Invalid(format!("{}: {error}", path.value.display())),
        None => ControlPlaneError::NoClusterConfiguration(format!("it cannot be read: {error}")),
    }
}

/// Where the certificates are: a directory that is given counts more than what the configuration says.
fn layout(settings: &Settings, configuration: &ControlPlaneConfiguration) -> Result<PkiLayout, Failure> {
    let given = settings.cert_dir.as_ref().map(|given| std::path::absolute(&given.value)).transpose();
    let given = given.map_err(|error| ControlPlaneError::Invalid(format!("--cert-dir: {error}")))?;
    Ok(PkiLayout::of(configuration, given.as_deref().and_then(Path::to_str))?)
}
