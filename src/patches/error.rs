//! What can be wrong with patches: their files, or that they do not fit.

use std::fmt;
use std::path::PathBuf;

use super::kind::PatchKind;
use crate::error::{Code, Explain, codes, debug_as_display};
use crate::file::reason;
use crate::text::{UntrustedText, printable};
use crate::yaml::YamlError;

/// Longest file name that a message repeats, in characters.
const MAX_NAME: usize = 120;

/// Why a directory of patches is not accepted. Found before anything is sent.
#[derive(PartialEq, Eq)]
pub enum PatchFileError {
    /// The directory cannot be read.
    Directory {
        /// As given.
        path: PathBuf,
        /// Why.
        kind: std::io::ErrorKind,
    },
    /// It is something else; a symbolic link to a directory, too.
    NotADirectory {
        /// As given.
        path: PathBuf,
    },
    /// A file in it cannot be read.
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        kind: std::io::ErrorKind,
    },
    /// A file that is longer than any patch.
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// A `+` in a name, and no kind of patch behind it.
    Kind {
        /// Which.
        file: String,
    },
    /// Not UTF-8.
    Encoding {
        /// Which.
        file: String,
    },
    /// Something else than a comment behind `---`.
    Separator {
        /// Which.
        file: String,
        /// Counted from 1.
        line: usize,
    },
    /// No YAML.
    Yaml {
        /// Which.
        file: String,
        /// Where and why.
        error: YamlError,
    },
    /// A kustomization among the fragments of `--experimental-kustomize`.
    Kustomization {
        /// Which.
        path: PathBuf,
    },
}

/// A patch that does not fit the configuration that it is for.
#[derive(Clone, PartialEq, Eq)]
pub struct PatchError {
    /// The file's name.
    pub(super) file: String,
    /// Where the patch begins in it.
    pub(super) line: usize,
    pub(super) kind: PatchKind,
    pub(super) misfit: Misfit,
}

/// What does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The patch as a whole is of another type.
    Shape {
        /// What it has to be.
        expected: &'static str,
    },
    /// An earlier patch has left something that is no mapping.
    Target,
    /// An operation of a JSON patch.
    Operation {
        /// Counted from 1.
        number: usize,
        /// Which of its fields.
        field: &'static str,
        /// What that field says, where it is a text.
        pointer: UntrustedText,
        /// What is wrong.
        step: Step,
    },
    /// An item of a list that is merged by a key.
    MergeKey {
        /// The key.
        key: &'static str,
    },
    /// A directive of a strategic patch.
    Directive {
        /// Its name.
        name: String,
        /// To follow "must".
        must: &'static str,
    },
}

/// What is wrong with an operation of a JSON patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is no such operation.
    Unknown(UntrustedText),
    /// The pointer is missing, or is no text.
    NoPointer,
    /// The pointer leads nowhere.
    Nowhere,
    /// Something else is there.
    Differs,
    /// The whole cannot be replaced by this.
    NotWhole,
}

impl Misfit {
    pub(super) fn directive(name: &str, must: &'static str) -> Self {
        Misfit::Directive { name: printable(name, MAX_NAME), must }
    }
}

impl fmt::Display for PatchFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |text: &str| printable(text, MAX_NAME);
        match self {
            PatchFileError::Directory { path, kind } => {
                write!(f, "the directory of patches {} cannot be read: {}", path.display(), reason(*kind))
            }
            PatchFileError::NotADirectory { path } => {
                write!(f, "{} is no directory; a link to one will not do", path.display())
            }
            PatchFileError::Read { path, kind } => {
                write!(f, "the patch {} cannot be read: {}", path.display(), reason(*kind))
            }
            PatchFileError::TooLarge { path } => write!(f, "the patch {} is too long", path.display()),
            PatchFileError::Kind { file } => {
                write!(f, "{}: behind the + there must be strategic, merge or json", name(file))
            }
            PatchFileError::Encoding { file } => write!(f, "{}: the text is not UTF-8", name(file)),
            PatchFileError::Separator { file, line } => {
                write!(f, "{}: line {line}: a line that begins with --- may only go on with a comment", name(file))
            }
            PatchFileError::Yaml { file, error } => write!(f, "{}: {error}", name(file)),
            PatchFileError::Kustomization { path } => {
                write!(f, "{} is a kustomization, which is not carried out; only fragments of Pods are", path.display())
            }
        }
    }
}

debug_as_display!(PatchFileError);

impl std::error::Error for PatchFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PatchFileError::Yaml { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl Explain for PatchFileError {
    fn code(&self) -> &'static Code {
        match self {
            PatchFileError::Directory { .. } | PatchFileError::NotADirectory { .. } | PatchFileError::Read { .. } => {
                &codes::PATCHES_UNREADABLE
            }
            _ => &codes::PATCHES_INVALID,
        }
    }

    fn hint(&self) -> String {
        match self {
            PatchFileError::Kustomization { path } => {
                format!("write what it does as patches for --patches, and take {} out of the directory", path.display())
            }
            _ => self.code().hint.to_owned(),
        }
    }
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PatchError { file, line, kind, misfit } = self;
        let file = printable(file, MAX_NAME);
        write!(f, "{file}: the {} patch at line {line} does not fit: {misfit}", kind.name())
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misfit::Shape { expected } => write!(f, "it must be {expected}"),
            Misfit::Target => write!(f, "an earlier patch has made the configuration something else than a mapping"),
            Misfit::MergeKey { key } => write!(f, "an item of a list that is merged by {key} has no {key}"),
            Misfit::Directive { name, must } => write!(f, "{name} must {must}"),
            Misfit::Operation { number, field, pointer, step } => match step {
                Step::Unknown(op) => write!(f, "operation {number} is {op}, which is none of RFC 6902"),
                Step::NoPointer => write!(f, "operation {number} has no text as its {field}"),
                Step::Nowhere => write!(f, "operation {number}: the {field} {pointer} leads nowhere"),
                Step::Differs => write!(f, "operation {number}: the test of {pointer} finds something else"),
                Step::NotWhole => write!(f, "operation {number}: only a mapping can replace the whole"),
            },
        }
    }
}

debug_as_display!(PatchError);

impl std::error::Error for PatchError {}

impl Explain for PatchError {
    fn code(&self) -> &'static Code {
        &codes::PATCHES_DO_NOT_FIT
    }
}
