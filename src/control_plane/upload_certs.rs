//! The Secret `kubeadm-certs`, as whoever makes it has it: what all control planes share, encrypted with the certificate key,
//! and gone after two hours (kubeadm `phases/copycerts/copycerts.go`).

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::certs_error::CertsError;
use super::download_certs::wanted;
use super::pki_files::PkiFiles;
use super::pki_layout::PkiLayout;
use crate::error::Failure;
use crate::kube::client::Client;
use crate::kube::wanted::Wanted;
use crate::pki::issue::IssueError;
use crate::pki::random::{self, NoRandom};
use crate::pki::seal;
use crate::pki::signing_key::SigningKeyError;
use crate::retry::Retry;
use crate::rootfs::{Root, RootError};
use crate::secret::Secret;
use crate::tokens::{self, NewToken, Waits};
use crate::values::CertificateKey;

/// Hexadecimal digits of a certificate key, and how many there are.
const DIGITS: &[u8; 16] = b"0123456789abcdef";
const KEY_LENGTH: usize = 64;

/// How long the Secret lives (`constants.DefaultCertTokenDuration`), and what its token says of itself.
const TTL: Duration = Duration::from_secs(2 * 3600);
const DESCRIPTION: &str = "Proxy for managing TTL for the kubeadm-certs secret";

const NAMESPACE: &str = "kube-system";
const SECRET: &str = "kubeadm-certs";
/// Role and RoleBinding: who has a token to join with may read it.
const ROLE: &str = "kubeadm:kubeadm-certs";
const READERS: &str = "system:bootstrappers:kubeadm:default-node-token";
const RBAC: &str = "rbac.authorization.k8s.io";

/// A random certificate key.
///
/// # Errors
/// The kernel gives no random numbers.
pub fn generate_key() -> Result<Secret, CertsError> {
    Ok(Secret::new(random::text(DIGITS, KEY_LENGTH).map_err(no_random)?.as_str()))
}

fn no_random(_: NoRandom) -> CertsError {
    CertsError::Issue(IssueError::Key(SigningKeyError::Random))
}

/// What is uploaded, where it is there.
///
/// # Errors
/// A file is there and cannot be read.
pub fn shared_files(root: &Root, layout: &PkiLayout) -> Result<PkiFiles, RootError> {
    let paths: Vec<_> = wanted(layout).into_iter().filter_map(|(_, path)| path).collect();
    PkiFiles::read_only(root, &paths)
}

/// `data` of the Secret. A file that is not there is an empty value: the key of an external CA.
///
/// # Errors
/// The kernel gives no random numbers.
pub fn sealed(
    files: &PkiFiles,
    layout: &PkiLayout,
    key: &CertificateKey,
) -> Result<BTreeMap<&'static str, String>, CertsError> {
    let seal = |plain: &[u8]| seal::seal(key.expose(), plain).map(|sealed| STANDARD.encode(sealed)).map_err(no_random);
    let files = wanted(layout).into_iter().map(|(name, path)| (name, path.and_then(|path| files.get(&path))));
    files.map(|(name, plain)| Ok((name, plain.map_or(Ok(String::new()), seal)?))).collect()
}

/// Makes the Secret, in the place of one that is there already, and lets those read it who may join. It belongs to a token
/// that nobody can use and that lives two hours from `now`: the cluster deletes it then, and with it what belongs to it.
///
/// # Errors
/// The API server does not do it.
pub fn upload(
    client: &mut Client,
    data: BTreeMap<&'static str, String>,
    now: SystemTime,
    retry: Retry,
    waits: Waits<'_>,
) -> Result<(), Failure> {
    let token = NewToken::without_usages(DESCRIPTION, TTL, now)?;
    tokens::create(client, &token, retry, waits)?;
    let of_token = Wanted::secret(NAMESPACE, &token.name());
    let mut uid = String::new();
    tokens::persist(retry, waits, &mut |deadline| {
        uid = client.secret(&of_token, deadline)?.uid().to_owned();
        Ok(())
    })?;
    for (wanted, object) in objects(data, &token.name(), &uid) {
        let body = object.to_string().into_bytes();
        tokens::persist(retry, waits, &mut |deadline| client.create_or_replace(&wanted, &body, deadline))?;
    }
    Ok(())
}

fn objects(data: BTreeMap<&'static str, String>, owner: &str, uid: &str) -> [(Wanted, Value); 3] {
    let metadata = json!({ "name": ROLE, "namespace": NAMESPACE });
    let owner = json!({
        "apiVersion": "v1", "kind": "Secret", "name": owner, "uid": uid, "controller": true, "blockOwnerDeletion": true,
    });
    let rule = json!({ "verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": [SECRET] });
    [
        (
            Wanted::secret(NAMESPACE, SECRET),
            json!({
                "apiVersion": "v1", "kind": "Secret", "data": data,
                "metadata": { "name": SECRET, "namespace": NAMESPACE, "ownerReferences": [owner] },
            }),
        ),
        (
            Wanted::rbac("Role", NAMESPACE, ROLE),
            json!({ "apiVersion": format!("{RBAC}/v1"), "kind": "Role", "metadata": metadata, "rules": [rule] }),
        ),
        (
            Wanted::rbac("RoleBinding", NAMESPACE, ROLE),
            json!({
                "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding", "metadata": metadata,
                "roleRef": { "apiGroup": RBAC, "kind": "Role", "name": ROLE },
                "subjects": [{ "kind": "Group", "apiGroup": RBAC, "name": READERS }],
            }),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control_plane::download_certs::Downloaded;
    use crate::control_plane::pki_layout::EtcdPki;
    use crate::rootfs::TargetPath;

    #[test]
    fn a_random_key_is_one() {
        let keys: Vec<_> = (0..50).map(|_| generate_key().unwrap()).collect();
        assert!(keys.iter().all(|key| key.expose().parse::<CertificateKey>().is_ok()));
        let all: String = keys.iter().map(|key| key.expose().to_owned()).collect();
        assert!(DIGITS.iter().all(|digit| all.contains(char::from(*digit))));
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn what_is_sealed_opens_with_the_key_and_what_is_not_there_is_empty() {
        let layout = PkiLayout::new(TargetPath::fixed("/etc/kubernetes/pki"), EtcdPki::Local).unwrap();
        let mut files = PkiFiles::default();
        let texts = [
            ("ca.crt", include_str!("../../tests/certificates/pki/ca.crt")),
            ("sa.pub", include_str!("../../tests/certificates/pki/sa.pub")),
        ];
        texts.iter().for_each(|(name, text)| files.insert(layout.path(name), text.as_bytes()));
        let key = generate_key().unwrap().expose().parse().unwrap();
        let data = sealed(&files, &layout, &key).unwrap();
        let names = [
            "ca.crt",
            "ca.key",
            "etcd-ca.crt",
            "etcd-ca.key",
            "front-proxy-ca.crt",
            "front-proxy-ca.key",
            "sa.key",
            "sa.pub",
        ];
        assert_eq!(data.keys().copied().collect::<Vec<_>>(), names);
        assert!(data["ca.key"].is_empty());
        let data = data.into_iter().map(|(name, text)| (name.to_owned(), STANDARD.decode(text).unwrap())).collect();
        let opened = Downloaded::open(&data, &key, &layout).unwrap();
        let opened: Vec<_> = opened.files().iter().map(|file| file.bytes.to_vec()).collect();
        assert_eq!(opened, texts.map(|(_, text)| text.as_bytes().to_vec()));
    }
}
