//! What an error of any room can say about itself.

use std::time::Duration;

use super::class::Class;
use super::code::Code;
use super::finding::Finding;

/// What an error of any room can say about itself, beyond its one line.
pub trait Explain: std::error::Error {
    /// The entry of the catalogue.
    fn code(&self) -> &'static Code;

    /// What to do about just this object; the catalogue's sentence where nothing more is known.
    fn hint(&self) -> String {
        self.code().hint.to_owned()
    }

    /// What it consists of, where it is the end of a list of checks. `Display` has all of them in its one line; a sink that
    /// can do better lists them.
    fn findings(&self) -> &[Finding] {
        &[]
    }

    /// What a program is told beside that, as key and value.
    fn facts(&self) -> Vec<(&'static str, serde_json::Value)> {
        Vec::new()
    }

    /// Whether the same request can succeed later without any change.
    fn may_retry(&self) -> bool {
        self.code().class == Class::Transient
    }

    /// How long the peer asked us to stay away, where it did.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// Any error of a command: what the caller needs is only that it can explain itself.
#[derive(Debug)]
pub struct Failure(pub Box<dyn Explain>);

impl<E: Explain + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(Box::new(error))
    }
}
