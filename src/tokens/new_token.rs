//! A token that is to be made, and its Secret (kubeadm `apis/bootstraptoken/v1/utils.go`, `defaults.go`).

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::error::TokensError;
use super::secret::{PREFIX, TYPE};
use crate::config::TokenSpec;
use crate::pki::random;
use crate::values::{BootstrapToken, Quoted, rfc3339};

/// What a token can be used for.
const USAGES: [&str; 2] = ["signing", "authentication"];
/// Whom it is known as beyond `system:bootstrappers`, where nobody says otherwise: those who may join.
const DEFAULT_GROUP: &str = "system:bootstrappers:kubeadm:default-node-token";
/// How long it lives, where nobody says otherwise.
const DEFAULT_TTL: Duration = Duration::from_secs(24 * 3600);

/// What every group of a token begins with; then up to 256 characters (cluster-bootstrap `BootstrapGroupPattern`).
const GROUP_PREFIX: &str = "system:bootstrappers:";
const GROUP_LENGTH: usize = 256;

/// Characters of the two halves, and what they are made of.
const ID_LENGTH: usize = 6;
const SECRET_LENGTH: usize = 16;
const CHARACTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A token that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// The token.
    pub token: BootstrapToken,
    description: String,
    /// RFC 3339, UTC; one that never expires has none.
    expiration: Option<String>,
    usages: Vec<String>,
    groups: Vec<String>,
}

/// A random token.
///
/// # Errors
/// The kernel gives no random numbers.
pub fn generate() -> Result<BootstrapToken, TokensError> {
    let text = random::text(CHARACTERS, ID_LENGTH + SECRET_LENGTH).map_err(|_| TokensError::NoRandom)?;
    let (id, secret) = text.split_at(ID_LENGTH);
    let text = Zeroizing::new(format!("{id}.{secret}"));
    text.parse().map_err(|error| TokensError::Token(error, None))
}

/// The id that a word names, which is an id or a token.
///
/// # Errors
/// It is neither.
pub fn id_of(word: &str) -> Result<String, TokensError> {
    if word.len() == ID_LENGTH && word.bytes().all(|byte| CHARACTERS.contains(&byte)) {
        return Ok(word.to_owned());
    }
    let token: BootstrapToken = word.parse().map_err(|error| TokensError::Token(error, Some("its id, or a token")))?;
    Ok(token.id)
}

impl NewToken {
    /// What a user says, with kubeadm's defaults. `now` is when it begins to live.
    ///
    /// # Errors
    /// What cannot be a token, and the kernel gives no random numbers.
    pub fn new(spec: TokenSpec, now: SystemTime) -> Result<Self, TokensError> {
        let token = match &spec.token {
            Some(text) => text.expose().parse().map_err(|error| TokensError::Token(error, None))?,
            None => generate()?,
        };
        let or_default = |given: Vec<String>, default: &[&str]| match given.is_empty() {
            true => default.iter().map(|text| (*text).to_owned()).collect(),
            false => given,
        };
        let usages = or_default(spec.usages, &USAGES);
        if let Some(usage) = usages.iter().find(|usage| !USAGES.contains(&usage.as_str())) {
            let usage = Quoted(usage);
            return Err(TokensError::Invalid(format!("usages: {usage} is none of {}", USAGES.join(" and "))));
        }
        let groups = or_default(spec.groups, &[DEFAULT_GROUP]);
        if !usages.iter().any(|usage| usage == "authentication") {
            return Err(TokensError::Invalid(format!(
                "groups: {} are for a token with the usage authentication",
                groups.join(", ")
            )));
        }
        if let Some(group) = groups.iter().find(|group| !is_group(group)) {
            return Err(TokensError::Invalid(format!(
                "groups: {} is not {GROUP_PREFIX} with lower-case letters, digits, colons and hyphens behind it",
                Quoted(group)
            )));
        }
        let expiration = match (spec.expires, spec.ttl.unwrap_or(DEFAULT_TTL)) {
            (Some(_), _) if spec.ttl.is_some() => {
                return Err(TokensError::Invalid("ttl and expires: only one of them can be given".to_owned()));
            }
            (Some(text), _) => Some(rfc3339::in_utc(&text).ok_or_else(|| {
                TokensError::Invalid(format!("expires: {} has not the form of 2026-01-02T03:04:05Z", Quoted(&text)))
            })?),
            (None, Duration::ZERO) => None,
            (None, ttl) => Some(end(now, ttl)?),
        };
        Ok(NewToken { token, description: spec.description, expiration, usages, groups })
    }

    /// A token that can be used for nothing and only expires: what belongs to it goes with it.
    ///
    /// # Errors
    /// The kernel gives no random numbers.
    pub fn without_usages(description: &str, ttl: Duration, now: SystemTime) -> Result<Self, TokensError> {
        let expiration = Some(end(now, ttl)?);
        let (usages, groups) = (Vec::new(), Vec::new());
        Ok(NewToken { token: generate()?, description: description.to_owned(), expiration, usages, groups })
    }

    /// The Secret, as JSON. It holds the token.
    pub(super) fn secret(&self) -> Zeroizing<Vec<u8>> {
        let mut data = BTreeMap::from([
            ("token-id".to_owned(), self.token.id.as_str()),
            ("token-secret".to_owned(), self.token.secret.expose()),
        ]);
        let groups = self.groups.join(",");
        if !groups.is_empty() {
            data.insert("auth-extra-groups".to_owned(), &groups);
        }
        if !self.description.is_empty() {
            data.insert("description".to_owned(), &self.description);
        }
        if let Some(expiration) = &self.expiration {
            data.insert("expiration".to_owned(), expiration);
        }
        data.extend(self.usages.iter().map(|usage| (format!("usage-bootstrap-{usage}"), "true")));
        let data: BTreeMap<_, Value> =
            data.into_iter().map(|(key, text)| (key, STANDARD.encode(text).into())).collect();
        let object = json!({
            "apiVersion": "v1", "kind": "Secret", "type": TYPE, "data": data,
            "metadata": {"name": self.name(), "namespace": "kube-system"},
        });
        Zeroizing::new(object.to_string().into_bytes())
    }

    /// The name of the Secret.
    pub fn name(&self) -> String {
        format!("{PREFIX}{}", self.token.id)
    }

    /// When it ends, RFC 3339; `None` where it does not.
    pub fn expiration(&self) -> Option<&str> {
        self.expiration.as_deref()
    }
}

fn end(now: SystemTime, ttl: Duration) -> Result<String, TokensError> {
    let end = now.checked_add(ttl).and_then(rfc3339::of);
    end.ok_or_else(|| TokensError::Invalid("ttl: no calendar reaches so far".to_owned()))
}

/// `system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]` (cluster-bootstrap `token/api/types.go`).
fn is_group(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(GROUP_PREFIX) else { return false };
    let is_plain = |byte: u8| CHARACTERS.contains(&byte);
    rest.len() <= GROUP_LENGTH
        && rest.bytes().last().is_some_and(is_plain)
        && rest.bytes().all(|byte| is_plain(byte) || matches!(byte, b':' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn spec() -> TokenSpec {
        TokenSpec { token: Some(Secret::new("abcdef.0123456789abcdef")), ..TokenSpec::default() }
    }

    fn data(token: &NewToken) -> BTreeMap<String, String> {
        let object: Value = serde_json::from_slice(&token.secret()).unwrap();
        let text = |value: &Value| String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap();
        object["data"].as_object().unwrap().iter().map(|(key, value)| (key.clone(), text(value))).collect()
    }

    #[test]
    fn a_token_has_kubeadms_defaults() {
        let token = NewToken::new(spec(), SystemTime::UNIX_EPOCH).unwrap();
        let expected = [
            ("auth-extra-groups", DEFAULT_GROUP),
            ("expiration", "1970-01-02T00:00:00Z"),
            ("token-id", "abcdef"),
            ("token-secret", "0123456789abcdef"),
            ("usage-bootstrap-authentication", "true"),
            ("usage-bootstrap-signing", "true"),
        ];
        assert_eq!(data(&token), expected.map(|(key, text)| (key.to_owned(), text.to_owned())).into());
    }

    #[test]
    fn a_token_without_an_end_has_no_expiration() {
        let token = NewToken::new(TokenSpec { ttl: Some(Duration::ZERO), ..spec() }, SystemTime::UNIX_EPOCH).unwrap();
        assert!(!data(&token).contains_key("expiration"));
        let at = TokenSpec { expires: Some("2030-01-02T03:04:05+01:00".to_owned()), ..spec() };
        assert_eq!(data(&NewToken::new(at, SystemTime::now()).unwrap())["expiration"], "2030-01-02T02:04:05Z");
    }

    #[test]
    fn a_token_that_only_expires_can_be_used_for_nothing() {
        let token = NewToken::without_usages("why", Duration::from_secs(60), SystemTime::UNIX_EPOCH).unwrap();
        let data = data(&token);
        let keys: Vec<_> = data.keys().map(String::as_str).collect();
        assert_eq!(keys, ["description", "expiration", "token-id", "token-secret"]);
        assert_eq!((data["description"].as_str(), data["expiration"].as_str()), ("why", "1970-01-01T00:01:00Z"));
    }

    #[test]
    fn what_can_be_no_token_is_refused() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let rows = [
            TokenSpec { token: Some(Secret::new("abcdef.0123")), ..spec() },
            TokenSpec { usages: texts(&["signing", "sealing"]), ..spec() },
            TokenSpec { usages: texts(&["signing"]), ..spec() },
            TokenSpec { groups: texts(&["system:masters"]), ..spec() },
            TokenSpec { groups: texts(&["system:bootstrappers:"]), ..spec() },
            TokenSpec { groups: texts(&["system:bootstrappers:a-"]), ..spec() },
            TokenSpec { groups: vec![format!("system:bootstrappers:{}", "a".repeat(257))], ..spec() },
            TokenSpec { expires: Some("tomorrow".to_owned()), ..spec() },
            TokenSpec { expires: Some("2030-01-02T03:04:05Z".to_owned()), ttl: Some(DEFAULT_TTL), ..spec() },
        ];
        for row in rows {
            let shown = format!("{row:?}");
            let error = NewToken::new(row, SystemTime::now()).unwrap_err();
            assert!(!error.to_string().contains("0123"), "{shown}: {error}");
        }
        assert!(is_group(&format!("system:bootstrappers:{}", "a".repeat(256))));
    }

    #[test]
    fn random_tokens_use_every_character_and_none_twice_in_a_row() {
        let tokens: Vec<_> = (0..200).map(|_| generate().unwrap()).collect();
        let all: String = tokens.iter().map(|token| token.full().expose().replace('.', "")).collect();
        assert!(CHARACTERS.iter().all(|character| all.contains(char::from(*character))));
        assert!(tokens.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn an_id_or_a_token_names_a_token() {
        assert_eq!(id_of("abcdef").unwrap(), "abcdef");
        assert_eq!(id_of("abcdef.0123456789abcdef").unwrap(), "abcdef");
        for word in ["", "abcde", "ABCDEF", "abcdef.", "abc.ef", "../../x"] {
            assert!(id_of(word).is_err(), "{word}");
        }
    }
}
