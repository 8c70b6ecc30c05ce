//! What the certificates of a control plane are made of.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use crate::pki::certificate::Certificate;
use crate::pki::key_algorithm::KeyAlgorithm;

/// What the certificates are made of.
#[derive(Clone, Copy, Debug)]
pub struct CertificateSpec<'a> {
    /// The Node's name.
    pub node_name: &'a str,
    /// `localAPIEndpoint.advertiseAddress`.
    pub advertise_address: IpAddr,
    /// The host of `controlPlaneEndpoint`, without port and brackets.
    pub endpoint_host: Option<&'a str>,
    /// `networking.dnsDomain`.
    pub dns_domain: &'a str,
    /// `networking.serviceSubnet`.
    pub service_subnet: &'a str,
    /// `apiServer.certSANs`.
    pub cert_sans: &'a [String],
    /// `etcd.local.serverCertSANs`.
    pub etcd_server_sans: &'a [String],
    /// `etcd.local.peerCertSANs`.
    pub etcd_peer_sans: &'a [String],
    /// `encryptionAlgorithm`.
    pub algorithm: KeyAlgorithm,
    /// `certificateValidityPeriod`.
    pub validity: Duration,
    /// The minor release of the cluster: what kubeadm writes has changed.
    pub minor: u32,
    /// The CA certificates that discovery has verified.
    pub verified: &'a [Certificate],
    /// The time, which this machine's clock need not have.
    pub now: SystemTime,
}
