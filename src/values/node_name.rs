//! The name of a Node.

use std::fmt;
use std::str::FromStr;

use super::character::CharacterName;
use super::misprint::Misprint;
use super::quoted::Quoted;
use crate::error::debug_as_display;

/// The longest DNS-1123 subdomain (apimachinery `util/validation`).
const MAX_LENGTH: usize = 253;

/// A Node's name: a DNS-1123 subdomain (RFC 1123; at most 253 characters).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeName(String);

impl NodeName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Trims and lower-cases as the kubelet and kubeadm do (component-helpers `node/util/hostname.go`), then checks.
///
/// kubeadm does the same but afterwards puts the flag's raw text back (`cmd/join.go`); the kubelet lower-cases it again, so
/// that only the Node check of kubeadm ever sees the raw name. Here there is one name.
impl FromStr for NodeName {
    type Err = NodeNameError;

    fn from_str(text: &str) -> Result<Self, NodeNameError> {
        let name = text.trim().to_lowercase();
        if name.is_empty() {
            return Err(NodeNameError::Empty);
        }
        let fail = |reason| Err(NodeNameError::Form { text: text.to_owned(), reason });
        if name.len() > MAX_LENGTH {
            return fail(Reason::Length);
        }
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        if let Some(character) = name.chars().find(|c| !allowed(*c)) {
            return fail(Reason::Character(character));
        }
        if !is_subdomain(&name) {
            return fail(Reason::Edge);
        }
        Ok(NodeName(name))
    }
}

/// Whether a text is a DNS-1123 subdomain.
pub(super) fn is_subdomain(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_label =
        |label: &str| label.starts_with(edge) && label.ends_with(edge) && label.chars().all(|c| edge(c) || c == '-');
    text.len() <= MAX_LENGTH && text.split('.').all(is_label)
}

/// Why a text cannot be the name of a Node.
#[derive(Clone, PartialEq, Eq)]
pub enum NodeNameError {
    /// Nothing, or only white space.
    Empty,
    /// Anything else.
    Form {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: Reason,
    },
}

/// What is wrong with the form of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Longer than 253 bytes.
    Length,
    /// Has this character.
    Character(char),
    /// A part between dots does not start and end with a letter or digit.
    Edge,
    /// Made of facts in braces, it is longer than a label.
    LabelLength,
    /// A brace without the other one.
    Braces,
    /// Braces around something that is no fact.
    UnknownFact,
}

impl fmt::Display for NodeNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeNameError::Empty => f.write_str("the node name is empty"),
            NodeNameError::Form { text, reason } => {
                write!(f, "invalid node name {}: {reason}", Quoted(text))?;
                Misprint::find(text).map_or(Ok(()), |misprint| write!(f, "; it {misprint}"))
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Length => write!(f, "it is longer than {MAX_LENGTH} characters"),
            Reason::Character(c) => write!(f, "it consists of a-z, 0-9, `-` and `.`, and has {}", CharacterName(*c)),
            Reason::Edge => f.write_str("each part between dots starts and ends with a letter or a digit"),
            Reason::LabelLength => f.write_str(
                "it is longer than 63 characters, which is as long as a name with facts in braces may become",
            ),
            Reason::Braces => f.write_str("it has a brace without the other one"),
            Reason::UnknownFact => {
                f.write_str("what may stand in braces is {serial}, {mac}, {machine-id}, {hostname} and {uuid}")
            }
        }
    }
}

debug_as_display!(NodeNameError);

impl std::error::Error for NodeNameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_lower_cased() {
        for (text, name) in [("pi-1", "pi-1"), (" Pi-1.Local\n", "pi-1.local"), ("7", "7"), ("10.0.0.1", "10.0.0.1")] {
            assert_eq!(text.parse::<NodeName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn other_texts_are_refused_with_their_reason() {
        let long = "a".repeat(254);
        let table = [
            ("pi_1", Reason::Character('_')),
            ("pi 1", Reason::Character(' ')),
            ("käse", Reason::Character('ä')),
            ("-pi", Reason::Edge),
            ("pi-", Reason::Edge),
            ("a..b", Reason::Edge),
            ("a.", Reason::Edge),
            (long.as_str(), Reason::Length),
        ];
        for (text, reason) in table {
            let expected = NodeNameError::Form { text: text.to_owned(), reason };
            assert_eq!(text.parse::<NodeName>().unwrap_err(), expected);
        }
        assert_eq!(" \n".parse::<NodeName>().unwrap_err(), NodeNameError::Empty);
    }
}
