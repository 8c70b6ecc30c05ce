//! What a token is told to whoever joins with it: kubeadm's command (`cmd/kubeadm/app/cmd/util/join.go`), and what only
//! kubejoin takes.

use serde_json::json;

use super::error::TokensError;
use crate::config::settings::JoinCommandForm;
use crate::kubeconfig::ClusterAccess;
use crate::secret::Secret;
use crate::values::{BootstrapToken, CaCertHash};
use crate::yaml;

/// A cluster, as whoever joins it has to know it.
#[derive(Clone, Debug)]
pub struct JoinCommand {
    endpoint: String,
    pins: Vec<String>,
    certificate_key: Option<Secret>,
}

impl JoinCommand {
    /// That of a kubeconfig; with a certificate key it is for control planes.
    ///
    /// # Errors
    /// It has no CA.
    pub fn new(kubeconfig: &ClusterAccess, certificate_key: Option<Secret>) -> Result<Self, TokensError> {
        let pins = kubeconfig.ca_certificates.iter();
        let pins: Vec<_> = pins.map(|ca| CaCertHash(ca.public_key_digest()).to_string()).collect();
        if pins.is_empty() {
            return Err(TokensError::NoCa);
        }
        Ok(JoinCommand { endpoint: kubeconfig.server.to_string(), pins, certificate_key })
    }

    /// The text, with its newline. It holds the token, and the certificate key where there is one.
    pub fn text(&self, token: &BootstrapToken, form: JoinCommandForm) -> Secret {
        let token = token.full();
        let key = self.certificate_key.as_ref();
        Secret::new(match form {
            JoinCommandForm::Command => self.command(token.expose(), key),
            JoinCommandForm::Cmdline => {
                let parameters = self.settings(token.expose(), key).into_iter();
                parameters.map(|(name, value)| format!("kubejoin.{name}={value}")).collect::<Vec<_>>().join(" ") + "\n"
            }
            JoinCommandForm::Yaml => self.document(token.expose(), key),
            JoinCommandForm::SystemdCreds => {
                let seal = |(name, value): (&str, String)| {
                    format!(
                        "printf %s '{value}' | systemd-creds encrypt --name=kubejoin.{name} - \
                         /etc/credstore.encrypted/kubejoin.{name}\n"
                    )
                };
                self.settings(token.expose(), key).into_iter().map(seal).collect()
            }
        })
    }

    /// kubeadm leaves a blank behind every pin.
    fn command(&self, token: &str, key: Option<&Secret>) -> String {
        let pins = self.pins.iter().map(|pin| format!("--discovery-token-ca-cert-hash {pin} ")).collect::<String>();
        let key = key.map(|key| format!("--control-plane --certificate-key {}", key.expose())).unwrap_or_default();
        format!("kubeadm join {} --token {token} {pins}{key}\n", self.endpoint)
    }

    /// Names of kernel parameters, which are those of credentials, too.
    fn settings(&self, token: &str, key: Option<&Secret>) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("endpoint", self.endpoint.clone()),
            ("token", token.to_owned()),
            ("ca-cert-hash", self.pins.join(",")),
        ];
        if let Some(key) = key {
            settings.extend([("control-plane", "true".to_owned()), ("certificate-key", key.expose().to_owned())]);
        }
        settings
    }

    fn document(&self, token: &str, key: Option<&Secret>) -> String {
        let bootstrap = json!({ "apiServerEndpoint": self.endpoint, "token": token, "caCertHashes": self.pins });
        let mut document = json!({
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "JoinConfiguration",
            "discovery": { "bootstrapToken": bootstrap },
        });
        if let Some(key) = key {
            document["controlPlane"] = json!({ "certificateKey": key.expose() });
        }
        yaml::to_string(&document)
    }
}
