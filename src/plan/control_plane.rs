//! What a control plane is that this machine is going to be.

use std::net::{IpAddr, SocketAddr};

use super::error::PlanError;
use crate::config::{ControlPlaneSettings, ImagePullPolicy, Taint};
use crate::host::HostFacts;
use crate::inputs::BroughtCerts;
use crate::secret::Secret;
use crate::values::CertificateKey;

/// Port of etcd for clients, and for its peers (`cmd/kubeadm/app/constants/constants.go`).
const ETCD_CLIENT_PORT: u16 = 2379;
const ETCD_PEER_PORT: u16 = 2380;

/// A control plane.
#[derive(Clone, Debug)]
pub struct ControlPlaneSpec {
    /// Address of the API server and of etcd on this machine.
    pub advertise_address: IpAddr,
    /// Port of the API server.
    pub bind_port: u16,
    /// Taints that its Node gets once it is there; the kubelet of a control plane registers without.
    pub taints: Vec<Taint>,
    /// Opens the shared certificates; without it they are files of this machine.
    pub certificate_key: Option<CertificateKey>,
    /// The shared certificates, where they were brought as files.
    pub brought_certs: Option<BroughtCerts>,
    /// Whether its images are pulled before.
    pub image_pull_policy: ImagePullPolicy,
    /// Variables of the environment for static pods, such as `HTTPS_PROXY`.
    pub proxy_variables: Vec<(String, Secret)>,
}

impl ControlPlaneSpec {
    /// Resolves what has been left open.
    ///
    /// # Errors
    /// No address, or one that no other machine can use.
    pub fn new(
        settings: ControlPlaneSettings,
        taints: Option<Vec<Taint>>,
        image_pull_policy: ImagePullPolicy,
        brought_certs: Option<BroughtCerts>,
        host: &HostFacts,
    ) -> Result<Self, PlanError> {
        let given = settings.advertise_address.or(host.default_address).ok_or(PlanError::NoAdvertiseAddress)?;
        if given.is_loopback() || given.is_multicast() || given.is_unspecified() || is_link_local(given) {
            return Err(PlanError::AdvertiseAddress(given));
        }
        Ok(ControlPlaneSpec {
            advertise_address: given,
            bind_port: settings.bind_port,
            taints: taints.unwrap_or_else(|| vec![default_taint()]),
            certificate_key: settings.certificate_key,
            brought_certs,
            image_pull_policy,
            proxy_variables: host.proxy_variables.clone(),
        })
    }

    /// Where the API server of this machine answers.
    pub fn local_endpoint(&self) -> SocketAddr {
        SocketAddr::new(self.advertise_address, self.bind_port)
    }

    /// Where its etcd answers other members.
    pub fn peer_url(&self) -> String {
        format!("https://{}", SocketAddr::new(self.advertise_address, ETCD_PEER_PORT))
    }

    /// Where its etcd answers clients.
    pub fn client_url(&self) -> String {
        format!("https://{}", SocketAddr::new(self.advertise_address, ETCD_CLIENT_PORT))
    }
}

/// kubeadm's `ControlPlaneTaint` (`cmd/kubeadm/app/constants/constants.go`).
fn default_taint() -> Taint {
    let text = |text: &str| text.to_owned();
    Taint { key: text("node-role.kubernetes.io/control-plane"), value: String::new(), effect: text("NoSchedule") }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Explain, codes};

    fn made(given: Option<&str>, default: Option<&str>) -> Result<ControlPlaneSpec, PlanError> {
        let parse = |text: &str| text.parse().unwrap();
        let settings =
            ControlPlaneSettings { advertise_address: given.map(parse), bind_port: 6443, certificate_key: None };
        ControlPlaneSpec::new(
            settings,
            None,
            ImagePullPolicy::default(),
            None,
            &HostFacts { default_address: default.map(parse), ..HostFacts::default() },
        )
    }

    #[test]
    fn the_address_is_given_or_that_of_the_default_route() {
        let spec = made(None, Some("198.51.100.2")).unwrap();
        assert_eq!(spec.local_endpoint().to_string(), "198.51.100.2:6443");
        let spec = made(Some("2001:db8::7"), Some("198.51.100.2")).unwrap();
        assert_eq!(spec.peer_url(), "https://[2001:db8::7]:2380");
        assert_eq!(spec.client_url(), "https://[2001:db8::7]:2379");
    }

    #[test]
    fn an_address_that_nobody_else_can_use_is_refused() {
        for (given, default, said) in [
            (None, None, "no address"),
            (Some("127.0.0.1"), None, "127.0.0.1"),
            (Some("fe80::1"), None, "fe80::1"),
            (Some("224.0.0.1"), None, "224.0.0.1"),
        ] {
            let error = made(given, default).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
            assert_eq!(error.code(), &codes::CONFIG_ADVERTISE_ADDRESS);
        }
    }
}
