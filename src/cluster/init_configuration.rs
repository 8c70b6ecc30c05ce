//! What an administrator's verbs take from an InitConfiguration: no cluster has one, it stands in the file of `--config`.

use super::document::{self, DocumentError, Fields};
use crate::secret::Secret;

/// What is taken from an InitConfiguration of any version; without one, nothing is said.
#[derive(Clone, Debug, Default)]
pub struct InitConfiguration {
    /// `certificateKey`.
    pub certificate_key: Option<Secret>,
    /// `localAPIEndpoint.advertiseAddress`.
    pub advertise_address: Option<String>,
    /// `localAPIEndpoint.bindPort`.
    pub bind_port: Option<u16>,
}

impl InitConfiguration {
    /// Reads the one in a text; other documents and fields are ignored.
    ///
    /// # Errors
    /// Bad YAML, or a field of another type.
    pub fn read(text: &str) -> Result<Self, DocumentError> {
        let Some(document) = document::find(text, "kubeadm.k8s.io", "InitConfiguration")? else {
            return Ok(InitConfiguration::default());
        };
        let fields = Fields(&document);
        Ok(InitConfiguration {
            certificate_key: fields.text("certificateKey")?.map(Secret::new),
            advertise_address: fields.text("localAPIEndpoint.advertiseAddress")?.map(str::to_owned),
            bind_port: fields.port("localAPIEndpoint.bindPort")?.filter(|port| *port != 0),
        })
    }
}
