//! The signature of cluster-info: a JWS in compact form with detached payload (RFC 7515, appendix F), HS256, keyed with
//! the token's secret. Source: cluster-bootstrap `token/jws/jws.go`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use crate::error::debug_as_display;
use crate::text::UntrustedText;
use crate::values::BootstrapToken;

/// Why a signature is not what the token would have made.
#[derive(Clone, PartialEq, Eq)]
pub enum JwsError {
    /// Not `header..signature` in unpadded base64url.
    Malformed,
    /// The header asks for another algorithm than HS256, the only one there is here.
    Algorithm(UntrustedText),
    /// The header names another token.
    KeyId(UntrustedText),
    /// The MAC is that of another secret or of other bytes.
    Mismatch,
}

#[derive(Deserialize)]
struct Header {
    #[serde(default)]
    alg: String,
    #[serde(default)]
    kid: String,
}

/// Verifies that `jws` signs exactly the bytes of `payload` with `token`.
pub fn verify(jws: &str, payload: &[u8], token: &BootstrapToken) -> Result<(), JwsError> {
    let mut parts = jws.split('.');
    let (Some(header), Some(""), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(JwsError::Malformed);
    };
    let decoded = URL_SAFE_NO_PAD.decode(header).map_err(|_| JwsError::Malformed)?;
    let said: Header = serde_json::from_slice(&decoded).map_err(|_| JwsError::Malformed)?;
    if said.alg != "HS256" {
        return Err(JwsError::Algorithm(UntrustedText::new(&said.alg, None)));
    }
    if said.kid != token.id {
        return Err(JwsError::KeyId(UntrustedText::new(&said.kid, None)));
    }
    let mac = URL_SAFE_NO_PAD.decode(signature).map_err(|_| JwsError::Malformed)?;
    // An HMAC key may have any length.
    let mut expected =
        Hmac::<Sha256>::new_from_slice(token.secret.expose().as_bytes()).map_err(|_| JwsError::Malformed)?;
    expected.update(header.as_bytes());
    expected.update(b".");
    expected.update(URL_SAFE_NO_PAD.encode(payload).as_bytes());
    // Constant time.
    expected.verify_slice(&mac).map_err(|_| JwsError::Mismatch)
}

impl std::fmt::Display for JwsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            JwsError::Malformed => f.write_str("it is not a JWS with detached payload"),
            JwsError::Algorithm(name) => write!(f, "its algorithm is {name:?}, not HS256"),
            JwsError::KeyId(id) => write!(f, "it was made for the token id {id:?}"),
            JwsError::Mismatch => f.write_str("it was made with another secret or over other bytes"),
        }
    }
}

debug_as_display!(JwsError);

impl std::error::Error for JwsError {}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &str = "apiVersion: v1\nclusters: []\nkind: Config\n";
    const HEADER: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9";
    const SIGNATURE: &str = "ohyY_H87vpIEmYCKPqgSqk1VLtljl9wmLcgywhf2hZ0";

    fn token() -> BootstrapToken {
        "abcdef.0123456789abcdef".parse().unwrap()
    }

    fn with_header(json: &str) -> String {
        format!("{}..{SIGNATURE}", URL_SAFE_NO_PAD.encode(json))
    }

    #[test]
    fn what_the_clusters_signer_makes_is_accepted() {
        // Both computed independently of this code; they also are what cluster-bootstrap's own tests expect.
        for (payload, signature) in [(PAYLOAD, SIGNATURE), ("", "MO2tlCpY1xB334qWeOe_XEv9c6DIMRNmKJZImOzY17k")] {
            assert_eq!(verify(&format!("{HEADER}..{signature}"), payload.as_bytes(), &token()), Ok(()));
        }
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        let genuine = format!("{HEADER}..{SIGNATURE}");
        let algorithm = |name: &str| Err(JwsError::Algorithm(UntrustedText::new(name, None)));
        let cases: Vec<(String, &str, Result<(), JwsError>)> = vec![
            (genuine.clone(), "apiVersion: v1\nclusters: []\nkind: Config", Err(JwsError::Mismatch)),
            (genuine.replace("ohyY", "ohyX"), PAYLOAD, Err(JwsError::Mismatch)),
            (format!("{HEADER}.."), PAYLOAD, Err(JwsError::Mismatch)),
            (format!("{HEADER}..{SIGNATURE}="), PAYLOAD, Err(JwsError::Malformed)),
            (format!("{HEADER}.{SIGNATURE}"), PAYLOAD, Err(JwsError::Malformed)),
            (format!("{genuine}."), PAYLOAD, Err(JwsError::Malformed)),
            (format!("{HEADER}.YQ.{SIGNATURE}"), PAYLOAD, Err(JwsError::Malformed)),
            (String::new(), PAYLOAD, Err(JwsError::Malformed)),
            (with_header(r#"{"alg":"none","kid":"abcdef"}"#), PAYLOAD, algorithm("none")),
            (with_header(r#"{"alg":"HS512","kid":"abcdef"}"#), PAYLOAD, algorithm("HS512")),
            (with_header(r#"{"kid":"abcdef"}"#), PAYLOAD, algorithm("")),
            (
                with_header(r#"{"alg":"HS256","kid":"fedcba"}"#),
                PAYLOAD,
                Err(JwsError::KeyId(UntrustedText::new("fedcba", None))),
            ),
        ];
        for (jws, payload, expected) in cases {
            assert_eq!(verify(&jws, payload.as_bytes(), &token()), expected, "{jws}");
        }
        let other: BootstrapToken = "abcdef.0123456789abcdee".parse().unwrap();
        assert_eq!(verify(&genuine, PAYLOAD.as_bytes(), &other), Err(JwsError::Mismatch));
    }
}
