//! A token that the cluster has, read from its Secret as kubeadm reads it (`BootstrapTokenFromSecret` of
//! `apis/bootstraptoken/v1/utils.go`), and as a document (`apis/output/v1alpha3`).

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::secret::PREFIX;
use crate::text::UntrustedText;
use crate::values::{BootstrapToken, rfc3339};
use crate::yaml;

/// The kind of a document.
const API_VERSION: &str = "output.kubeadm.k8s.io/v1alpha3";
const KIND: &str = "BootstrapToken";

/// What the keys of usages begin with.
const USAGE: &str = "usage-bootstrap-";

/// A token that the cluster has. It holds the secret half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedToken {
    /// The token.
    pub token: BootstrapToken,
    /// Why there is one; may be empty. Whoever may write Secrets can have put anything there.
    pub description: String,
    /// When it ends, as the Secret has it: RFC 3339 in whichever zone. `None` for one that never ends.
    pub expires: Option<String>,
    /// Sorted.
    pub usages: Vec<String>,
    /// In the Secret's order.
    pub groups: Vec<String>,
}

impl ListedToken {
    /// Reads the decoded `data` of the Secret `name`.
    ///
    /// # Errors
    /// Why it is no token, without a word of what is in it.
    pub(super) fn read(name: &str, data: &BTreeMap<String, Vec<u8>>) -> Result<Self, String> {
        let shown = UntrustedText::new(name, None);
        let text =
            |key: &str| data.get(key).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
        let (id, secret) = (text("token-id"), text("token-secret"));
        if name != format!("{PREFIX}{id}") {
            return Err(format!("the name of Secret {shown} is not {PREFIX} with its token-id behind it"));
        }
        let token = format!("{id}.{secret}").parse().map_err(|error| format!("Secret {shown}: {error}"))?;
        let expires = Some(text("expiration")).filter(|text| !text.is_empty());
        if expires.as_ref().is_some_and(|text| rfc3339::seconds(text).is_none()) {
            return Err(format!("the expiration of Secret {shown} is no time"));
        }
        let usages = data.iter().filter(|(_, value)| value.as_slice() == b"true");
        let usages = usages.filter_map(|(key, _)| Some(key.strip_prefix(USAGE)?.to_owned())).collect();
        let groups = text("auth-extra-groups");
        let groups = match groups.split(',').next() {
            None | Some("") => Vec::new(),
            Some(_) => groups.split(',').map(str::to_owned).collect(),
        };
        Ok(ListedToken { token, description: text("description"), expires, usages, groups })
    }
}

/// Documents of JSON, one for each token, as kubeadm prints them: its order of fields, four blanks.
pub fn as_json(tokens: &[ListedToken]) -> String {
    let mut out = String::new();
    for token in tokens {
        let mut fields: Vec<(&str, Value)> = vec![("kind", KIND.into()), ("apiVersion", API_VERSION.into())];
        fields.extend(self::fields(token));
        let lines: Vec<_> = fields.iter().map(|(name, value)| format!("    \"{name}\": {}", indented(value))).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{{\n{}\n}}", lines.join(",\n"));
    }
    out
}

/// Documents of YAML, one for each token, as kubeadm prints them.
pub fn as_yaml(tokens: &[ListedToken]) -> String {
    let documents = tokens.iter().map(|token| {
        let mut document = json!({ "apiVersion": API_VERSION, "kind": KIND });
        for (name, value) in fields(token) {
            document[name] = value;
        }
        yaml::to_string(&document)
    });
    documents.collect::<Vec<_>>().join("---\n")
}

/// What is empty is left out.
fn fields(token: &ListedToken) -> impl Iterator<Item = (&'static str, Value)> {
    let expires = token.expires.as_deref().and_then(rfc3339::in_utc);
    let all = [
        ("token", Some(token.token.full().expose().into())),
        ("description", Some(&token.description).filter(|text| !text.is_empty()).map(|text| text.as_str().into())),
        ("expires", expires.map(Value::from)),
        ("usages", Some(&token.usages).filter(|list| !list.is_empty()).map(|list| list.clone().into())),
        ("groups", Some(&token.groups).filter(|list| !list.is_empty()).map(|list| list.clone().into())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

fn indented(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let lines: Vec<_> = items.iter().map(|item| format!("        {}", for_html(item))).collect();
            format!("[\n{}\n    ]", lines.join(",\n"))
        }
        other => for_html(other),
    }
}

/// Go's encoder escapes what a browser would take for HTML (`encoding/json`, `HTMLEscape`).
fn for_html(value: &Value) -> String {
    let text = value.to_string();
    let escape = |c: char| match c {
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn data(entries: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        let all = [("token-id", "abcdef"), ("token-secret", "0123456789abcdef")];
        all.iter().chain(entries).map(|(key, text)| ((*key).to_owned(), text.as_bytes().to_vec())).collect()
    }

    pub(in super::super) fn token(entries: &[(&str, &str)]) -> ListedToken {
        ListedToken::read("bootstrap-token-abcdef", &data(entries)).unwrap()
    }

    #[test]
    fn a_secret_is_read_as_kubeadm_reads_it() {
        let token = token(&[
            ("usage-bootstrap-signing", "true"),
            ("usage-bootstrap-authentication", "true"),
            ("usage-bootstrap-other", "yes"),
            ("auth-extra-groups", "a,b"),
            ("expiration", "2030-01-01T00:00:00+02:00"),
        ]);
        assert_eq!(token.usages, ["authentication", "signing"]);
        assert_eq!(token.groups, ["a", "b"]);
        assert_eq!(token.expires.as_deref(), Some("2030-01-01T00:00:00+02:00"));
    }

    #[test]
    fn what_is_no_token_is_said_without_its_secret() {
        let rows = [
            ("bootstrap-token-zzzzzz", data(&[])),
            ("bootstrap-token-abcdef", data(&[("token-secret", "0123456789ABCDEF")])),
            ("bootstrap-token-abcdef", data(&[("expiration", "soon")])),
            ("bootstrap-token-", BTreeMap::new()),
        ];
        for (name, data) in rows {
            let why = ListedToken::read(name, &data).unwrap_err();
            assert!(!why.contains("0123456789"), "{why}");
        }
    }

    #[test]
    fn documents_are_those_of_kubeadm() {
        let full =
            token(&[("description", "<a & b>"), ("usage-bootstrap-signing", "true"), ("auth-extra-groups", "g")]);
        let json = "{\n    \"kind\": \"BootstrapToken\",\n    \"apiVersion\": \"output.kubeadm.k8s.io/v1alpha3\",\n    \
                    \"token\": \"abcdef.0123456789abcdef\",\n    \"description\": \"\\u003ca \\u0026 b\\u003e\",\n    \
                    \"usages\": [\n        \"signing\"\n    ],\n    \"groups\": [\n        \"g\"\n    ]\n}\n";
        assert_eq!(as_json(std::slice::from_ref(&full)), json);
        let yaml = "apiVersion: output.kubeadm.k8s.io/v1alpha3\nkind: BootstrapToken\ntoken: abcdef.0123456789abcdef\n";
        assert_eq!(as_yaml(&[token(&[]), token(&[])]), format!("{yaml}---\n{yaml}"));
    }
}
