//! CA certificates and leaves, valid and invalid ones of every kind, made at run time. Nothing here knows HTTP.
//!
//! Keys are P-256 (a cluster set up with `encryptionAlgorithm: ECDSA-P256`), because ring cannot make RSA keys.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SubjectPublicKeyInfo,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};

/// How far kubeadm and the signing controller date certificates back.
/// Source: `cmd/kubeadm/app/util/pkiutil/pki_helpers.go`, `pkg/controller/certificates/authority/policies.go`.
pub const BACKDATE: Duration = Duration::from_secs(300);

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// A CA as `kubeadm init` makes one (`CN=kubernetes`), and what it can sign.
pub struct Pki {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

impl Pki {
    /// A new CA with a key of its own, named like every kubeadm cluster's: `CN=kubernetes`.
    pub fn new() -> Self {
        Self::named("kubernetes")
    }

    /// A new CA of another name.
    pub fn named(common_name: &str) -> Self {
        Self::valid_until(common_name, SystemTime::now() + 10 * YEAR)
    }

    /// A CA that was made a year ago, as most clusters have.
    pub fn a_year_old() -> Self {
        Self::valid_until("kubernetes", SystemTime::now() + 9 * YEAR)
    }

    /// A CA that expired a day ago, with leaves that have not.
    pub fn expired() -> Self {
        Self::valid_until("kubernetes", SystemTime::now() - Duration::from_secs(24 * 3600))
    }

    /// A CA that signs leaves like any other, and that Go does not accept.
    pub fn unfit(why: Unfit) -> Self {
        Self::with("kubernetes", SystemTime::now() + 10 * YEAR, |params| match why {
            Unfit::NotACa => params.is_ca = IsCa::ExplicitNoCa,
            Unfit::NoBasicConstraints => params.is_ca = IsCa::NoCa,
            Unfit::NoKeyCertSign => params.key_usages = vec![KeyUsagePurpose::DigitalSignature],
            Unfit::CriticalExtension => {
                let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
                extension.set_criticality(true);
                params.custom_extensions.push(extension);
            }
        })
    }

    /// A CA that allows no other CA between itself and a leaf (`pathLenConstraint` 0).
    pub fn without_room() -> Self {
        let until = SystemTime::now() + 10 * YEAR;
        Self::with("kubernetes", until, |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)))
    }

    /// A CA that this one has signed.
    pub fn subordinate(&self, common_name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("ring makes P-256 keys");
        let certificate = params.signed_by(&key, &self.issuer).expect("a P-256 key signs");
        Pki { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    fn valid_until(common_name: &str, not_after: SystemTime) -> Self {
        Self::with(common_name, not_after, |_| {})
    }

    fn with(common_name: &str, not_after: SystemTime, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::new(vec!["kubernetes".to_owned()]).expect("a valid DNS name");
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment, KeyUsagePurpose::KeyCertSign];
        params.not_before = (not_after - 10 * YEAR - BACKDATE).into();
        params.not_after = not_after.into();
        change(&mut params);
        let key = KeyPair::generate().expect("ring makes P-256 keys");
        let certificate = params.self_signed(&key).expect("a P-256 key signs");
        Pki { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    /// The CA certificate, one PEM block.
    pub fn ca_pem(&self) -> &str {
        &self.pem
    }

    /// Its key, PEM.
    pub fn ca_key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// Its public key, PEM.
    pub fn ca_public_key_pem(&self) -> String {
        self.issuer.key().public_key_pem()
    }

    /// The CA certificate, DER.
    pub fn ca_der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// The pin: `sha256:` and the hash of the SubjectPublicKeyInfo, as `kubeadm token create` prints it.
    pub fn ca_hash(&self) -> String {
        let hex: String =
            Sha256::digest(self.issuer.key().subject_public_key_info()).iter().map(|b| format!("{b:02x}")).collect();
        format!("sha256:{hex}")
    }

    /// A leaf with a new key.
    pub fn issue(&self, leaf: &Leaf) -> Identity {
        let key = KeyPair::generate().expect("ring makes P-256 keys");
        let der = self.sign(leaf, &key);
        Identity { chain: vec![der], key_pem: key.serialize_pem(), key_der: key.serialize_der() }
    }

    /// A leaf for somebody else's public key (DER SubjectPublicKeyInfo); `None` when the key is not understood.
    pub fn issue_for(&self, leaf: &Leaf, spki_der: &[u8]) -> Option<CertificateDer<'static>> {
        Some(self.sign(leaf, &SubjectPublicKeyInfo::from_der(spki_der).ok()?))
    }

    fn sign(&self, leaf: &Leaf, key: &impl PublicKeyData) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(leaf.sans.clone()).expect("names and addresses of a leaf");
        params.distinguished_name = DistinguishedName::new();
        for organization in &leaf.organizations {
            params.distinguished_name.push(DnType::OrganizationName, organization.as_str());
        }
        params.distinguished_name.push(DnType::CommonName, leaf.common_name.as_str());
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = match leaf.usage {
            Usage::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
            Usage::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
            Usage::Both => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        };
        params.not_before = leaf.not_before.into();
        params.not_after = leaf.not_after.into();
        params.signed_by(key, &self.issuer).expect("a P-256 key signs").der().clone()
    }
}

impl Default for Pki {
    fn default() -> Self {
        Self::new()
    }
}

/// Why Go's verifier does not accept a CA.
#[derive(Clone, Copy, Debug)]
pub enum Unfit {
    /// `basicConstraints` says CA:FALSE.
    NotACa,
    /// There is no `basicConstraints`.
    NoBasicConstraints,
    /// `keyUsage` lacks `keyCertSign`.
    NoKeyCertSign,
    /// A critical extension that nothing knows.
    CriticalExtension,
}

/// What a leaf is for: its extended key usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// `serverAuth`
    Server,
    /// `clientAuth`
    Client,
    /// Both, as etcd's members need among each other.
    Both,
}

/// What a leaf says, before anybody has signed it.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// CN
    pub common_name: String,
    /// O, in order
    pub organizations: Vec<String>,
    /// Subject alternative names: DNS names, or addresses in text form.
    pub sans: Vec<String>,
    /// Start of validity.
    pub not_before: SystemTime,
    /// End of validity.
    pub not_after: SystemTime,
    /// Extended key usage.
    pub usage: Usage,
}

impl Leaf {
    /// A serving certificate for these names, valid for a year.
    pub fn server(sans: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Leaf {
            sans: sans.into_iter().map(Into::into).collect(),
            usage: Usage::Server,
            ..Self::client("kube-apiserver", &[])
        }
    }

    /// A client certificate for this user and these groups, valid for a year.
    pub fn client(user: &str, groups: &[&str]) -> Self {
        let now = SystemTime::now();
        Leaf {
            common_name: user.to_owned(),
            organizations: groups.iter().map(|g| (*g).to_owned()).collect(),
            sans: Vec::new(),
            not_before: now - BACKDATE,
            not_after: now + YEAR,
            usage: Usage::Client,
        }
    }

    /// The same, valid between two moments.
    pub fn valid(mut self, not_before: SystemTime, not_after: SystemTime) -> Self {
        (self.not_before, self.not_after) = (not_before, not_after);
        self
    }

    /// The same, but no longer valid.
    pub fn expired(self) -> Self {
        let now = SystemTime::now();
        self.valid(now - 2 * YEAR, now - YEAR)
    }

    /// The same, but not valid yet.
    pub fn not_yet_valid(self) -> Self {
        let now = SystemTime::now();
        self.valid(now + YEAR, now + 2 * YEAR)
    }
}

/// A private key and the certificate chain for it (or, for a liar, for another one).
#[derive(Clone)]
pub struct Identity {
    /// Leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// PKCS#8, PEM.
    pub key_pem: String,
    key_der: Vec<u8>,
}

impl Identity {
    /// The chain as PEM, leaf first.
    pub fn cert_pem(&self) -> String {
        self.chain.iter().map(|der| pem_of_certificate(der)).collect()
    }

    /// The key as rustls wants it.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key_der.clone()).into()
    }

    /// The same chain, with another identity's key.
    pub fn with_key_of(mut self, other: &Identity) -> Self {
        self.key_pem.clone_from(&other.key_pem);
        self.key_der.clone_from(&other.key_der);
        self
    }

    /// The same, sending one more certificate after the leaf.
    pub fn with_extra(mut self, certificate: CertificateDer<'static>) -> Self {
        self.chain.push(certificate);
        self
    }
}

/// One `CERTIFICATE` block.
pub fn pem_of_certificate(der: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let body = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in body.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|b| char::from(*b)));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pin_is_the_hash_of_the_certificates_public_key() {
        let pki = Pki::new();
        let (_, certificate) = x509_parser::parse_x509_certificate(pki.ca_der()).unwrap();
        let hex: String = Sha256::digest(certificate.public_key().raw).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(pki.ca_hash(), format!("sha256:{hex}"));
        assert!(certificate.is_ca());
    }

    #[test]
    fn a_leaf_is_signed_by_its_authority_and_by_no_other() {
        let (ours, foreign) = (Pki::new(), Pki::new());
        let leaf = ours.issue(&Leaf::client("system:node:n1", &["system:nodes"]));
        let (_, certificate) = x509_parser::parse_x509_certificate(&leaf.chain[0]).unwrap();
        let key_of = |pki: &Pki| x509_parser::parse_x509_certificate(pki.ca_der()).unwrap().1.public_key().raw.to_vec();
        let verifies = |spki: &[u8]| {
            use x509_parser::prelude::FromDer;
            let (_, spki) = x509_parser::x509::SubjectPublicKeyInfo::from_der(spki).unwrap();
            certificate.verify_signature(Some(&spki)).is_ok()
        };
        assert!(verifies(&key_of(&ours)));
        assert!(!verifies(&key_of(&foreign)));
        assert_eq!(certificate.subject().to_string(), "O=system:nodes, CN=system:node:n1");
    }
}
