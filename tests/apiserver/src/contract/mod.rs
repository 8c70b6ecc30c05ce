//! The contract: what a join depends on, checked over raw HTTPS. The same checks run against the embedded server and
//! against a real one, so that the fake cannot drift; `tests/contract.rs` does both.
//!
//! A check panics when the server answers otherwise. Names of objects carry a random part, and what was made is deleted
//! again, so that a real cluster can be checked more than once.

pub mod client;
pub(crate) mod csr;
mod errors;
mod node;
mod public;
mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use crate::store::name_suffix;
use client::{Client, Credential, Reply};

pub(crate) const CSRS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// The server under test, and what one needs to be somebody there.
#[derive(Clone)]
pub struct Target {
    /// `HOST:PORT`
    pub endpoint: String,
    /// The cluster's CA certificate (or certificates), PEM.
    pub ca_pem: String,
    /// A bootstrap token with both usages and kubeadm's group.
    pub token: String,
    /// An administrator's certificate and key, PEM.
    pub admin: (String, String),
}

impl Target {
    /// The environment's: `KUBEJOIN_CONTRACT_ENDPOINT`, `_CA` (a file), `_TOKEN`, `_ADMIN_KUBECONFIG` (a file, as
    /// kubeadm writes admin.conf). `Err` names what is missing or wrong.
    pub fn from_environment() -> Result<Self, String> {
        let var = |name: &str| {
            let name = format!("KUBEJOIN_CONTRACT_{name}");
            std::env::var(&name).map_err(|_| format!("{name} is not set"))
        };
        let file = |name| {
            var(name).and_then(|path| std::fs::read_to_string(&path).map_err(|e| format!("cannot read {path}: {e}")))
        };
        let kubeconfig = file("ADMIN_KUBECONFIG")?;
        let data = |key: &str| {
            let line = kubeconfig.lines().find_map(|l| l.trim().strip_prefix(key)?.strip_prefix(':'));
            let text = line.ok_or_else(|| format!("the administrator's kubeconfig has no {key}"))?;
            client::base64_text(text.trim()).ok_or_else(|| format!("{key} is no base64"))
        };
        Ok(Target {
            endpoint: var("ENDPOINT")?,
            ca_pem: file("CA")?,
            token: var("TOKEN")?,
            admin: (data("client-certificate-data")?, data("client-key-data")?),
        })
    }

    pub(crate) fn connect(&self, credential: Credential) -> Client {
        Client::connect(&self.endpoint, &self.ca_pem, credential)
    }

    pub(crate) fn anonymous(&self) -> Client {
        self.connect(Credential::None)
    }

    pub(crate) fn joiner(&self) -> Client {
        self.connect(Credential::Bearer(self.token.clone()))
    }

    pub(crate) fn admin(&self) -> Client {
        let (certificate, key) = self.admin.clone();
        self.connect(Credential::Certificate { certificate, key })
    }

    pub(crate) fn token_id(&self) -> &str {
        self.token.split('.').next().unwrap_or_default()
    }
}

/// One thing a join depends on.
pub struct Check {
    /// What is so.
    pub name: &'static str,
    /// Panics when it is not so.
    pub run: fn(&Target),
}

/// Makes a list of checks from functions, named like them.
macro_rules! checks {
    ($($module:ident :: $name:ident),* $(,)?) => {
        &[$(Check { name: stringify!($name), run: $module::$name }),*]
    };
}

/// The whole contract.
pub const CHECKS: &[Check] = checks![
    public::anybody_may_ask_for_the_version,
    public::anybody_may_ask_for_health,
    public::every_reply_has_a_date,
    public::tls_1_2_and_1_3_are_spoken,
    public::a_connection_serves_many_requests,
    public::pipelined_requests_are_answered_in_order,
    public::cluster_info_is_readable_by_anybody,
    public::cluster_info_names_one_unnamed_cluster,
    public::cluster_info_carries_the_authority_of_the_connection,
    public::cluster_info_is_signed_by_the_token,
    public::whoever_is_known_may_ask_what_they_may_do,
    public::cluster_info_is_for_the_anonymous_only,
    public::anonymous_may_read_no_other_config_map,
    public::anonymous_may_not_list,
    public::anonymous_may_not_open_the_root,
    public::a_wrong_secret_is_unauthorized,
    public::an_unknown_token_is_unauthorized_even_for_public_things,
    public::a_bearer_that_is_no_token_is_unauthorized,
    public::basic_credentials_count_as_none,
    public::the_bearer_scheme_is_compared_without_case,
    public::a_certificate_of_nobody_is_unauthorized_not_a_failed_handshake,
    public::a_joiner_reads_kubeadm_config,
    public::a_joiner_reads_kubelet_config,
    public::kube_proxy_is_there_or_says_why_not,
    public::a_joiner_reads_no_other_config_map,
    errors::something_that_is_no_http_is_a_bad_request,
    errors::an_unknown_resource_is_not_found,
    errors::an_unknown_version_of_a_resource_is_not_found,
    errors::a_method_that_makes_no_sense_is_refused,
    errors::only_json_that_is_accepted_is_sent,
    errors::a_body_must_say_that_it_is_json,
    errors::a_body_that_is_no_json_is_a_bad_request,
    errors::a_body_of_another_kind_is_a_bad_request,
    errors::a_request_without_a_name_is_invalid,
    errors::a_request_that_is_no_pem_is_invalid,
    errors::a_request_whose_signature_is_wrong_is_invalid,
    errors::a_request_that_is_no_base64_is_a_bad_request,
    errors::a_request_without_usages_or_signer_is_invalid,
    errors::a_request_with_an_unknown_usage_is_invalid,
    errors::a_request_for_too_short_a_time_is_invalid,
    errors::an_unknown_field_selector_is_a_bad_request,
    csr::a_request_is_completed_with_who_asked,
    csr::a_second_request_of_the_same_name_already_exists,
    csr::a_name_may_be_generated,
    csr::a_missing_request_is_not_found,
    csr::a_list_can_be_narrowed_to_one_name,
    csr::a_nodes_request_is_approved_and_signed,
    csr::the_certificate_is_what_was_asked_for,
    csr::a_shorter_time_is_honoured,
    csr::a_reply_with_a_certificate_comes_in_chunks,
    csr::requests_that_are_no_nodes_stay_pending,
    csr::a_joiner_may_neither_approve_nor_delete,
    csr::an_administrator_approves_by_hand,
    csr::an_administrator_denies,
    csr::an_approval_cannot_be_taken_back,
    csr::an_outdated_approval_is_a_conflict,
    csr::a_deleted_request_is_gone,
    watch::a_watch_begins_with_what_is_there,
    watch::a_watch_that_was_first_sees_everything,
    watch::a_watch_from_a_version_sees_what_is_later,
    watch::a_watch_ends_in_time_and_leaves_the_connection_usable,
    watch::a_watch_hears_of_a_deletion,
    watch::a_watch_sends_bookmarks_when_asked,
    watch::a_watch_without_permission_is_forbidden_at_once,
    node::an_unknown_node_is_not_found,
    node::a_joiner_may_neither_list_nor_create_nodes,
    node::a_node_reads_itself_and_nobody_else,
    node::a_node_registers_itself_once,
    node::a_node_may_not_register_another,
    node::a_node_reads_kubelet_config_but_not_cluster_info,
    node::a_node_renews_its_certificate,
];

/// Runs all checks whose name contains `filter`; returns the names of those that failed. Prints a line for each.
pub fn run(target: &Target, filter: &str) -> Vec<&'static str> {
    let mut failed = Vec::new();
    for check in CHECKS.iter().filter(|c| c.name.contains(filter)) {
        let good = catch_unwind(AssertUnwindSafe(|| (check.run)(target))).is_ok();
        println!("contract: {} ... {}", check.name.replace('_', " "), if good { "ok" } else { "FAILED" });
        if !good {
            failed.push(check.name);
        }
    }
    failed
}

/// A name no other run uses.
pub(crate) fn unique(prefix: &str) -> String {
    format!("{prefix}-{}{}", name_suffix(), name_suffix())
}

/// A failed reply: HTTP status, `Status` object, reason and message.
#[track_caller]
pub(crate) fn assert_failure(reply: &Reply, code: u16, reason: &str, message: &str) {
    assert_eq!(reply.status, code, "{reply}");
    let status = reply.json();
    assert_eq!(reply.header("content-type"), Some("application/json"), "{reply}");
    assert_eq!(status["kind"], "Status", "{reply}");
    assert_eq!(status["apiVersion"], "v1", "{reply}");
    assert_eq!(status["status"], "Failure", "{reply}");
    assert_eq!(status["message"], message, "{reply}");
    assert_eq!(status["reason"], reason, "{reply}");
    assert_eq!(status["code"], code, "{reply}");
}

/// `details` of a `Status`.
#[track_caller]
pub(crate) fn assert_details(reply: &Reply, name: &str, group: &str, kind: &str) {
    let details = &reply.json()["details"];
    for (field, expected) in [("name", name), ("group", group), ("kind", kind)] {
        assert_eq!(details[field].as_str().unwrap_or_default(), expected, "details.{field} of {reply}");
    }
}

/// The object to post for a certificate signing request.
pub(crate) fn csr_object(name: &str, pem: &str, signer: &str) -> Value {
    json!({
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": { "name": name },
        "spec": {
            "request": client::base64(pem.as_bytes()),
            "signerName": signer,
            "usages": ["digital signature", "client auth"],
        },
    })
}
