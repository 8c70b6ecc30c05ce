//! Who asks (client certificate, bootstrap token, nobody) and what they may do: authentication and RBAC as
//! `kubeadm init` leaves them.

use std::time::SystemTime;

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::options::Token;

/// The group whose members may join. Source: `cmd/kubeadm/app/constants/constants.go`, `NodeBootstrapTokenAuthGroup`.
pub const BOOTSTRAP_GROUP: &str = "system:bootstrappers:kubeadm:default-node-token";

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// `system:anonymous`, `system:bootstrap:<id>`, `system:node:<name>`, ...
    pub name: String,
    /// In the order in which the server reports them.
    pub groups: Vec<String>,
    /// `X509SHA256=...` of the client certificate, if one was used.
    pub credential_id: Option<String>,
}

impl User {
    pub(crate) fn anonymous() -> Self {
        User { name: "system:anonymous".into(), groups: vec!["system:unauthenticated".into()], credential_id: None }
    }

    fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|g| g == group)
    }

    fn node_name(&self) -> Option<&str> {
        self.name.strip_prefix("system:node:").filter(|_| self.is_in("system:nodes"))
    }
}

/// Finds out who asks; `None` is a 401. As in the real chain, a wrong credential is an error even where anonymous
/// would do, unless another credential of the same request is good.
pub(crate) fn authenticate(
    ca: &CertificateDer<'_>,
    tokens: &[Token],
    certificate: Option<&[u8]>,
    authorization: Option<&str>,
) -> Option<User> {
    let bearer = authorization.and_then(bearer_token);
    if certificate.is_none() && bearer.is_none() {
        return Some(User::anonymous());
    }
    certificate.and_then(|der| user_of_certificate(ca, der)).or_else(|| user_of_token(tokens, bearer?))
}

/// The scheme is compared without case; an empty token counts as none.
/// Source: `apiserver/pkg/authentication/request/bearertoken/bearertoken.go`.
fn bearer_token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}

fn user_of_token(tokens: &[Token], bearer: &str) -> Option<User> {
    let (id, secret) = bearer.split_once('.')?;
    let token = tokens.iter().find(|t| t.id == id && t.secret == secret && t.authentication && !t.is_expired())?;
    let mut groups = vec!["system:bootstrappers".to_owned()];
    groups.extend(token.groups.iter().cloned());
    groups.push("system:authenticated".into());
    Some(User { name: format!("system:bootstrap:{id}"), groups, credential_id: None })
}

fn user_of_certificate(ca: &CertificateDer<'_>, der: &[u8]) -> Option<User> {
    let (_, ca) = X509Certificate::from_der(ca).ok()?;
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    certificate.verify_signature(Some(ca.public_key())).ok()?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs() as i64;
    let validity = certificate.validity();
    let usage = certificate.extended_key_usage().ok()??.value;
    if now < validity.not_before.timestamp() || now > validity.not_after.timestamp() || !usage.client_auth {
        return None;
    }
    let name = certificate.subject().iter_common_name().next()?.as_str().ok()?.to_owned();
    let mut groups: Vec<String> =
        certificate.subject().iter_organization().filter_map(|o| o.as_str().ok()).map(str::to_owned).collect();
    groups.push("system:authenticated".into());
    let hash: String = Sha256::digest(der).iter().map(|b| format!("{b:02x}")).collect();
    Some(User { name, groups, credential_id: Some(format!("X509SHA256={hash}")) })
}

/// What somebody wants to do to a resource.
#[derive(Clone, Debug)]
pub(crate) struct Act<'a> {
    pub verb: &'a str,
    pub group: &'a str,
    pub resource: &'a str,
    pub subresource: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
}

/// `Err` is the rest of the sentence "... is forbidden: ".
pub(crate) fn authorize(user: &User, act: &Act<'_>) -> Result<(), String> {
    match node_authorizer(user, act) {
        Ok(()) => Ok(()),
        Err(_) if rbac_allows(user, act) => Ok(()),
        Err(remark) if remark.is_empty() => Err(refusal(user, act)),
        Err(remark) => Err(format!("{}: {remark}", refusal(user, act))),
    }
}

/// What the server says to somebody who may not.
pub(crate) fn refusal(user: &User, act: &Act<'_>) -> String {
    let slash = if act.subresource.is_empty() { "" } else { "/" };
    let scope = if act.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {:?}", act.namespace)
    };
    format!(
        "User {:?} cannot {} resource \"{}{slash}{}\" in API group {:?} {scope}",
        user.name, act.verb, act.resource, act.subresource, act.group
    )
}

/// Paths that are no resources: ClusterRoles `system:public-info-viewer` (everybody) and `system:discovery`.
pub(crate) fn authorize_path(user: &User, verb: &str, path: &str) -> Result<(), String> {
    let public = ["/healthz", "/livez", "/readyz", "/version", "/version/"].contains(&path);
    let discovery =
        path == "/api" || path == "/apis" || ["/api/", "/apis/", "/openapi"].iter().any(|p| path.starts_with(p));
    let allowed = (verb == "get" && (public || discovery && user.is_in("system:authenticated"))) || is_admin(user);
    if allowed { Ok(()) } else { Err(format!("User {:?} cannot {verb} path {path:?}", user.name)) }
}

pub(crate) fn is_admin(user: &User) -> bool {
    user.is_in("system:masters") || user.is_in("kubeadm:cluster-admins")
}

/// The Roles and ClusterRoles that kubeadm binds. Source: `cmd/kubeadm/app/phases/bootstraptoken/`,
/// `phases/uploadconfig/uploadconfig.go`, `phases/kubelet/config.go`.
fn rbac_allows(user: &User, act: &Act<'_>) -> bool {
    let joins = user.is_in(BOOTSTRAP_GROUP);
    let is_node = user.is_in("system:nodes");
    match (act.group, act.resource, act.subresource) {
        _ if is_admin(user) => true,
        ("", "configmaps", "") if act.verb == "get" => match (act.namespace, act.name) {
            // kubeadm:bootstrap-signer-clusterinfo: the anonymous user, and nobody else.
            ("kube-public", "cluster-info") => user.name == "system:anonymous",
            // kubeadm:nodes-kubeadm-config, kubeadm:kubelet-config
            ("kube-system", "kubeadm-config" | "kubelet-config") => joins || is_node,
            // kubeadm:kubelet-config-1.xx, up to 1.23
            ("kube-system", name) if name.starts_with("kubelet-config-1.") => joins || is_node,
            _ => false,
        },
        // kubeadm:get-nodes
        ("", "nodes", "") => joins && act.verb == "get",
        // kubeadm:kubelet-bootstrap -> system:node-bootstrapper
        ("certificates.k8s.io", "certificatesigningrequests", "") => {
            joins && ["create", "get", "list", "watch"].contains(&act.verb)
        }
        // kubeadm:node-autoapprove-bootstrap, kubeadm:node-autoapprove-certificate-rotation
        ("certificates.k8s.io", "certificatesigningrequests", "nodeclient") => joins && act.verb == "create",
        ("certificates.k8s.io", "certificatesigningrequests", "selfnodeclient") => is_node && act.verb == "create",
        _ => false,
    }
}

/// The Node authorizer: `Err` is its remark, empty when it has none.
/// Source: `plugin/pkg/auth/authorizer/node/node_authorizer.go`.
fn node_authorizer(user: &User, act: &Act<'_>) -> Result<(), String> {
    let Some(node) = user.node_name() else { return Err(String::new()) };
    match (act.group, act.resource, act.subresource, act.verb) {
        ("certificates.k8s.io", "certificatesigningrequests", "", "create" | "get" | "list" | "watch")
        | ("", "nodes", "", "create")
        | ("", "nodes", "" | "status", "update" | "patch") => Ok(()),
        ("", "nodes", "", "get" | "list" | "watch") if act.name == node => Ok(()),
        ("", "nodes", "", "get" | "list" | "watch") if act.name.is_empty() => {
            Err(format!("node: node '{node}' cannot read all nodes, only its own Node object"))
        }
        ("", "nodes", "", "get" | "list" | "watch") => {
            Err(format!("node: node '{node}' cannot read '{}', only its own Node object", act.name))
        }
        ("", "configmaps" | "secrets", "", _) => {
            Err(format!("node: no relationship found between node '{node}' and this object"))
        }
        _ => Err(String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, groups: &[&str]) -> User {
        User { name: name.into(), groups: groups.iter().map(|g| (*g).to_owned()).collect(), credential_id: None }
    }

    #[test]
    fn each_identity_may_do_what_kubeadm_gave_it_and_no_more() {
        let anonymous = User::anonymous();
        let joiner =
            user("system:bootstrap:abcdef", &["system:bootstrappers", BOOTSTRAP_GROUP, "system:authenticated"]);
        let node = user("system:node:n1", &["system:nodes", "system:authenticated"]);
        let csr = ("certificates.k8s.io", "certificatesigningrequests");
        let maps = ("", "configmaps");
        for (user, verb, (group, resource), namespace, name, allowed) in [
            (&anonymous, "get", maps, "kube-public", "cluster-info", true),
            (&anonymous, "get", maps, "kube-system", "kubelet-config", false),
            (&joiner, "get", maps, "kube-public", "cluster-info", false),
            (&joiner, "get", maps, "kube-system", "kubelet-config", true),
            (&joiner, "get", maps, "kube-system", "kube-proxy", false),
            (&joiner, "get", ("", "nodes"), "", "n1", true),
            (&joiner, "create", ("", "nodes"), "", "", false),
            (&joiner, "watch", csr, "", "", true),
            (&joiner, "delete", csr, "", "x", false),
            (&node, "get", ("", "nodes"), "", "n1", true),
            (&node, "get", ("", "nodes"), "", "n2", false),
            (&node, "create", csr, "", "", true),
            (&node, "get", maps, "kube-public", "cluster-info", false),
        ] {
            let act = Act { verb, group, resource, subresource: "", namespace, name };
            assert_eq!(authorize(user, &act).is_ok(), allowed, "{} {act:?}", user.name);
        }
    }

    #[test]
    fn only_a_bearer_is_a_token() {
        assert_eq!(bearer_token("bEaReR a.b"), Some("a.b"));
        assert_eq!(bearer_token("Bearer "), None);
        assert_eq!(bearer_token("Basic YTpi"), None);
    }
}
