//! Bootstrap tokens. The id is public, the secret is not: no error of this file repeats what was typed.

use std::fmt;
use std::str::FromStr;

use super::endpoint::Endpoint;
use super::misprint::Misprint;
use crate::error::debug_as_display;
use crate::secret::Secret;

/// Characters of the public half (cluster-bootstrap `token/api/types.go`).
const ID_LENGTH: usize = 6;
/// Characters of the secret half (same file).
const SECRET_LENGTH: usize = 16;

/// A bootstrap token, `[a-z0-9]{6}.[a-z0-9]{16}` (cluster-bootstrap `token/api/types.go`). The id is public, the secret is not.
#[derive(Clone, PartialEq, Eq)]
pub struct BootstrapToken {
    /// The public half.
    pub id: String,
    /// The 16 characters that are the key of the JWS and half of the credential.
    pub secret: Secret,
}

impl BootstrapToken {
    /// The credential as it is sent, `id.secret`.
    pub fn full(&self) -> Secret {
        Secret::new(format!("{}.{}", self.id, self.secret.expose()))
    }
}

impl fmt::Debug for BootstrapToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BootstrapToken({}.<secret>)", self.id)
    }
}

impl FromStr for BootstrapToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        BootstrapToken::parse(text).map_err(|error| {
            let misprint = Misprint::find(text).map(TokenError::Misprint);
            let other = || another_value(text).map(TokenError::AnotherValue);
            misprint.or_else(other).unwrap_or(error)
        })
    }
}

/// What stands where the token should: the next argument, as the variable before it was empty.
fn another_value(text: &str) -> Option<&'static str> {
    match text.split_once(':') {
        Some(("sha256", _)) => Some("a CA certificate hash"),
        _ if text.parse::<Endpoint>().is_ok() => Some("an API server endpoint"),
        _ => None,
    }
}

impl BootstrapToken {
    /// Without looking for the cause of an error.
    pub(super) fn parse(text: &str) -> Result<Self, TokenError> {
        if text.is_empty() {
            return Err(TokenError::Empty);
        }
        let (id, secret) = text.split_once('.').ok_or(TokenError::NoDot)?;
        if id.len() != ID_LENGTH || secret.len() != SECRET_LENGTH {
            return Err(TokenError::Length { id: id.chars().count(), secret: secret.chars().count() });
        }
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if let Some(index) = text.chars().position(|c| c != '.' && !allowed(c)) {
            return Err(TokenError::Character { position: index + 1 });
        }
        // A second dot has passed the test above.
        if secret.contains('.') {
            return Err(TokenError::SecondDot);
        }
        Ok(BootstrapToken { id: id.to_owned(), secret: Secret::new(secret) })
    }
}

/// Why a text is not a bootstrap token; says where, never what.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// Nothing was given.
    Empty,
    /// There is no dot between the halves.
    NoDot,
    /// There is more than one dot.
    SecondDot,
    /// The halves have other lengths than 6 and 16.
    Length {
        /// Characters before the dot.
        id: usize,
        /// Characters after it.
        secret: usize,
    },
    /// A character that is neither `a-z` nor `0-9`.
    Character {
        /// Where, counted from 1.
        position: usize,
    },
    /// A character that nobody typed, or a template.
    Misprint(Misprint),
    /// A value of another kind.
    AnotherValue(&'static str),
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenError::Empty => f.write_str("the bootstrap token is empty"),
            TokenError::NoDot => {
                f.write_str("a bootstrap token has a dot after its first 6 characters, this one has none")
            }
            TokenError::SecondDot => f.write_str("a bootstrap token has one dot, this one has several"),
            TokenError::Length { id, secret } => write!(
                f,
                "a bootstrap token has {ID_LENGTH} characters, a dot and {SECRET_LENGTH} characters, this one has {id} and {secret}"
            ),
            TokenError::Character { position } => {
                write!(f, "a bootstrap token consists of a-z and 0-9, its character {position} is another one")
            }
            TokenError::Misprint(misprint) => write!(f, "the bootstrap token {misprint}"),
            TokenError::AnotherValue(what) => {
                write!(f, "{what} stands in the place of the bootstrap token; perhaps the variable before it is empty")
            }
        }
    }
}

debug_as_display!(TokenError);

impl std::error::Error for TokenError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_the_documented_form_are_accepted() {
        for text in ["abcdef.0123456789abcdef", "000000.0000000000000000", "zzzzzz.zzzzzzzzzzzzzzzz"] {
            let token: BootstrapToken = text.parse().unwrap();
            assert_eq!((token.id.as_str(), token.secret.expose()), text.split_once('.').unwrap());
            assert_eq!(token.full().expose(), text);
        }
    }

    #[test]
    fn other_texts_are_refused_with_their_reason() {
        let table = [
            ("", TokenError::Empty),
            ("abcdef0123456789abcdef", TokenError::NoDot),
            ("abcde.0123456789abcdef", TokenError::Length { id: 5, secret: 16 }),
            ("abcdef.0123456789abcde", TokenError::Length { id: 6, secret: 15 }),
            ("abcdef.0123456789abcdef\n", TokenError::Misprint(Misprint::Last('\n'))),
            ("'abcdef.0123456789abcdef'", TokenError::Misprint(Misprint::First('\''))),
            ("\u{201c}abcdef.0123456789abcdef\u{201d}", TokenError::Misprint(Misprint::First('\u{201c}'))),
            (
                "abcdef.01234567\u{a0}9abcdef",
                TokenError::Misprint(Misprint::Inner { character: '\u{a0}', position: 16 }),
            ),
            ("{{ token }}", TokenError::Misprint(Misprint::Template)),
            ("10.0.0.1:6443", TokenError::AnotherValue("an API server endpoint")),
            ("sha256:00112233", TokenError::AnotherValue("a CA certificate hash")),
            ("ABCDEF.0123456789abcdef", TokenError::Character { position: 1 }),
            ("abcdef.0123456789abcdeF", TokenError::Character { position: 23 }),
            ("abcdef.0123456.89abcdef", TokenError::SecondDot),
            ("äbcde.0123456789abcdef", TokenError::Character { position: 1 }),
            ("[token].0123456789abcdef", TokenError::Length { id: 7, secret: 16 }),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<BootstrapToken>().unwrap_err(), expected, "{text:?}");
        }
    }

    #[test]
    fn neither_debug_nor_an_error_repeats_the_secret() {
        let token: BootstrapToken = "abcdef.0123456789abcdef".parse().unwrap();
        assert_eq!(format!("{token:?}"), "BootstrapToken(abcdef.<secret>)");
        let error = "abcdef.0123456789ABCDEF".parse::<BootstrapToken>().unwrap_err();
        assert!(!error.to_string().contains("0123456789") && !format!("{error:?}").contains("0123456789"));
    }
}
