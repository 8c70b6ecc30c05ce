//! Every command by its words: the parser looks them up here, and help, completion and the manual page list them.
//!
//! What follows `join phase` and `reset phase` is listed in [`crate::phase`], the shells of `completion` in
//! [`super::completion`], flags in [`crate::config::settings_table`].

use crate::config::setting::Verb;

/// A command, or a word that others stand behind.
pub(super) struct CommandRow {
    /// Its words.
    pub(super) words: &'static str,
    /// Whose flags are read behind them.
    pub(super) verb: Verb,
    /// What it does; empty where the words behind it say that.
    pub(super) about: &'static str,
}

/// The rows, in the order of the help text; a row comes behind that of the words before its last one.
pub(super) static COMMANDS: &[CommandRow] = &[
    row("join", Verb::Join, "Join a cluster"),
    row("join phase", Verb::Join, "Go through one phase of the join"),
    row("ensure", Verb::Ensure, "Join, or stay joined, with the settings that this machine finds"),
    row("reset", Verb::Reset, "Undo what a join has done; cross no mount, follow no link"),
    row("reset phase", Verb::Reset, "Go through one phase of the reset"),
    row("doctor", Verb::Doctor, "Say what keeps this machine from being a node; change nothing"),
    row("status", Verb::Status, "Say whether this machine is a node, and what is wrong"),
    row("explain", Verb::Explain, "Say what the code of an error means, and what to look at"),
    row("token", Verb::Token, "Make, list and delete bootstrap tokens"),
    row("token generate", Verb::TokenGenerate, "Print a token, and tell no cluster of it"),
    row("token create", Verb::TokenCreate, "Make one in the cluster and print it, or what joins with it"),
    row("token list", Verb::TokenList, "Show all of them, secrets included"),
    row("token delete", Verb::TokenDelete, "Take some away"),
    row("certs", Verb::Certs, "Make certificate keys, show when certificates expire"),
    row(
        "certs certificate-key",
        Verb::CertificateKey,
        "Print a key that the Secret kubeadm-certs can be encrypted with, and tell no cluster of it",
    ),
    row(
        "certs check-expiration",
        Verb::CheckExpiration,
        "Show when certificates expire; those of a control plane as kubeadm does, and on a worker the kubelet's. Reads \
         files only",
    ),
    row("init", Verb::Certs, "Only `init phase upload-certs`: certificates for control planes"),
    row("init phase", Verb::Certs, ""),
    row(
        "init phase upload-certs",
        Verb::UploadCerts,
        "Put the CAs and the service account's key of this control plane into the Secret kubeadm-certs; encrypted, for \
         two hours. Print what `join --control-plane --certificate-key` opens it with",
    ),
    row("kubeconfig", Verb::Certs, "Only `kubeconfig user`: a kubeconfig for one more user"),
    row(
        "kubeconfig user",
        Verb::KubeconfigUser,
        "Print a kubeconfig for one more user; with a certificate of this cluster's CA, for instance for a kubelet that \
         is to bring its own credentials",
    ),
    row("config", Verb::Config, "Validate a configuration file, renew an old one, show the defaults"),
    row("config print", Verb::Config, ""),
    row(
        "config print join-defaults",
        Verb::Config,
        "Show a JoinConfiguration with every default; with a placeholder for the token",
    ),
    row("config print reset-defaults", Verb::Config, "The same of a ResetConfiguration"),
    row(
        "config validate",
        Verb::ConfigValidate,
        "Say `ok`, or everything that is wrong; unknown and repeated fields are errors here",
    ),
    row(
        "config migrate",
        Verb::ConfigMigrate,
        "Write it as kubeadm.k8s.io/v1beta4, with every default; reads v1beta3, v1beta2, v1beta1, v1alpha3, and the \
         NodeConfiguration of v1alpha2 and v1alpha1",
    ),
    row("completion", Verb::Completion, "Print what completes these commands in a shell"),
    row("version", Verb::Version, "Show the version"),
    row(
        "help",
        Verb::Help,
        "Show this text, or that of a command, as in `help join`; `help errors` lists every error code with its next \
         step, `help --man` prints a manual page",
    ),
];

const fn row(words: &'static str, verb: Verb, about: &'static str) -> CommandRow {
    CommandRow { words, verb, about }
}

/// The row of these words.
pub(super) fn find(words: &str) -> Option<&'static CommandRow> {
    COMMANDS.iter().find(|row| row.words == words)
}

/// The command that a word is.
pub fn command_of(word: &str) -> Option<&'static str> {
    find(word).map(|row| row.words)
}

/// The words that can stand behind `before`, each without the words before it; the commands themselves behind nothing.
pub(super) fn behind(before: &str) -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().filter_map(move |row| {
        let (parent, word) = row.words.rsplit_once(' ').unwrap_or(("", row.words));
        (parent == before).then_some(word)
    })
}
