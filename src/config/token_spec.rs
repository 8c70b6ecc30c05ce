//! A bootstrap token that an administrator asks for, and those of an InitConfiguration
//! (`apis/kubeadm/v1beta4/types.go`, `apis/bootstraptoken/v1/types.go`).

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::error::{ConfigError, Refused};
use super::fields::{Fields, Reader};
use super::warning::Warning;
use super::yaml_cause::YamlCause;
use crate::secret::Secret;
use crate::yaml;

/// What is said of a token that is to be made; what is not said is left to its maker.
#[derive(Clone, Debug, Default)]
pub struct TokenSpec {
    /// The token; one is drawn where it is not given.
    pub token: Option<Secret>,
    /// Why there is one.
    pub description: String,
    /// How long it lives; zero is for ever.
    pub ttl: Option<Duration>,
    /// When it ends (RFC 3339), instead.
    pub expires: Option<String>,
    /// What it can be used for.
    pub usages: Vec<String>,
    /// Whom it is known as.
    pub groups: Vec<String>,
}

const KIND: &str = "InitConfiguration";

/// The versions that have `bootstrapTokens`, all in the same form.
const VERSIONS: [&str; 5] = ["v1beta4", "v1beta3", "v1beta2", "v1beta1", "v1alpha3"];

/// The other fields of any of these versions.
const OTHERS: [&str; 12] = [
    "apiVersion",
    "kind",
    "metadata",
    "localAPIEndpoint",
    "apiEndpoint",
    "nodeRegistration",
    "certificateKey",
    "skipPhases",
    "patches",
    "timeouts",
    "dryRun",
    "clusterName",
];

/// `bootstrapTokens` of the InitConfiguration in a file; none where it has no such document, or that no tokens.
///
/// # Errors
/// It is no YAML, of a version that is not read, or a field of a token is of another type.
pub fn read(path: &Path, text: &str) -> Result<(Vec<TokenSpec>, Vec<Warning>), Refused> {
    let documents = yaml::parse(text).map_err(|error| {
        let cause = error.line().and_then(|line| YamlCause::find(text, line));
        ConfigError::Yaml { path: path.to_owned(), error, cause }
    })?;
    let word = |value: &Value, name| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(document) = documents.iter().find(|document| word(&document.value, "kind") == KIND) else {
        return Ok((Vec::new(), Vec::new()));
    };
    let api_version = word(&document.value, "apiVersion");
    if !api_version.strip_prefix("kubeadm.k8s.io/").is_some_and(|version| VERSIONS.contains(&version)) {
        return Err(ConfigError::Version { path: path.to_owned(), api_version, kind: KIND.to_owned() }.into());
    }
    let mut reader = Reader::new(document);
    let known = [OTHERS.as_slice(), &["bootstrapTokens"]].concat();
    let tokens = reader.root(&known).map(|root| tokens(&mut reader, &root)).unwrap_or_default();
    let findings = reader.findings;
    if findings.problems.is_empty() {
        return Ok((tokens, findings.warnings));
    }
    let error = ConfigError::Invalid { file: Some(path.to_owned()), problems: findings.problems };
    Err(Refused { error, warnings: findings.warnings })
}

fn tokens<'a>(reader: &mut Reader<'a>, root: &Fields<'a>) -> Vec<TokenSpec> {
    let mut tokens = Vec::new();
    for (item, path) in reader.items(root, "bootstrapTokens").unwrap_or_default() {
        let known = ["token", "description", "ttl", "expires", "usages", "groups"];
        let Some(fields) = reader.fields(item, path, &known) else { continue };
        let texts = |reader: &mut Reader<'a>, name| {
            reader.strings(&fields, name).into_iter().map(|given| given.value).collect()
        };
        tokens.push(TokenSpec {
            token: reader.secret(&fields, "token").map(|given| given.value),
            description: reader.string(&fields, "description").map(|given| given.value).unwrap_or_default(),
            ttl: reader.duration(&fields, "ttl"),
            expires: reader.string(&fields, "expires").map(|given| given.value),
            usages: texts(reader, "usages"),
            groups: texts(reader, "groups"),
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<TokenSpec>, String> {
        read(Path::new("init.yaml"), text).map(|(tokens, _)| tokens).map_err(|refused| refused.error.to_string())
    }

    #[test]
    fn tokens_of_every_version_are_read() {
        for version in VERSIONS {
            let text = format!(
                "apiVersion: kubeadm.k8s.io/{version}\nkind: InitConfiguration\nbootstrapTokens:\n- token: \
                 abcdef.0123456789abcdef\n  ttl: 1h0m0s\n  usages: [signing]\n- description: d\n"
            );
            let tokens = read_text(&text).unwrap();
            assert_eq!((tokens.len(), tokens[0].ttl), (2, Some(Duration::from_secs(3600))), "{version}");
            assert_eq!(
                (tokens[0].usages.as_slice(), tokens[1].description.as_str()),
                (&["signing".to_owned()][..], "d")
            );
        }
    }

    #[test]
    fn a_file_without_them_says_nothing() {
        for text in
            ["", "kind: ClusterConfiguration\n", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"]
        {
            assert_eq!(read_text(text).map(|tokens| tokens.len()), Ok(0), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let of = |version: &str, rest: &str| {
            format!("apiVersion: kubeadm.k8s.io/{version}\nkind: InitConfiguration\n{rest}")
        };
        for text in [
            of("v1", ""),
            of("v1beta4", "bootstrapTokens: {}\n"),
            of("v1beta4", "bootstrapTokens: [7]\n"),
            of("v1beta4", "bootstrapTokens:\n- ttl: 7\n"),
            "kind: [\n".to_owned(),
        ] {
            assert!(read_text(&text).is_err(), "{text}");
        }
    }
}
