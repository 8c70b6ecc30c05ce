//! What could not be looked at.

use super::trouble::Trouble;
use crate::error::{Explain, codes};
use crate::rootfs::RootError;

/// What this user may not see, and what is broken beyond that.
#[derive(Debug, Default)]
pub struct Unseen {
    /// One line each.
    pub lines: Vec<String>,
    /// The first object that cannot be read for another reason than permission.
    pub broken: Option<Trouble>,
}

impl Unseen {
    /// What was read; `None` where it could not be, which is kept.
    pub fn seen<T>(&mut self, read: Result<T, RootError>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(error) if error.code() == &codes::MACHINE_PERMISSION => {
                self.add(error.to_string());
                None
            }
            Err(error) => {
                self.broken.get_or_insert_with(|| Trouble::of(&error));
                None
            }
        }
    }

    /// A line about something that was not seen.
    pub fn add(&mut self, line: String) {
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }

    /// What is wrong where nothing else is: that a part was not seen.
    pub fn trouble(&self) -> Option<Trouble> {
        let first = self.lines.first()?;
        let hint = "run it as root: nothing that this user sees is wrong".to_owned();
        Some(Trouble { code: &codes::MACHINE_PERMISSION, message: first.clone(), hint })
    }
}
