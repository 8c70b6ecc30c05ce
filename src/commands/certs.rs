//! `certs`: keys for shared certificates, and when certificates expire.

use std::path::Path;
use std::time::SystemTime;

use zeroize::Zeroizing;

use super::show::show;
use crate::cli::{CertsArgs, CertsVerb};
use crate::cluster::control_plane::{ControlPlaneConfiguration, Etcd, ExternalEtcd};
use crate::config::load;
use crate::config::settings::{ListForm, Settings};
use crate::control_plane::ControlPlaneError;
use crate::control_plane::expiration::{Expirations, has_external_etcd};
use crate::control_plane::pki_layout::PkiLayout;
use crate::control_plane::upload_certs::generate_key;
use crate::error::Failure;
use crate::report::Report;
use crate::rootfs::Root;
use crate::text::mask;

/// Runs a verb of `certs`.
pub(super) fn run(args: &CertsArgs, report: &Report) -> Result<(), Failure> {
    match args.verb {
        CertsVerb::CertificateKey => show(generate_key()?.expose(), "\n"),
        CertsVerb::CheckExpiration => check_expiration(&args.settings, report)?,
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
