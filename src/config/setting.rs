//! What a row of the table of settings says, and how a value gets from a row into [`Settings`].

use std::ffi::OsStr;
use std::path::PathBuf;

use super::origin::{Origin, WithOrigin};
use super::settings::{Settings, list};
use crate::secret::Secret;

/// One setting: all that the command line, the kernel command line, the help and REFERENCE.md know of it.
pub struct Setting {
    /// Which commands take it.
    pub verbs: Verbs,
    /// The flag, without dashes; empty where there is none.
    pub flag: &'static str,
    /// The flag of one letter.
    pub short: Option<char>,
    /// The parameter of the kernel command line, without `kubejoin.`; empty where there is none.
    pub parameter: &'static str,
    /// The fields of a JoinConfiguration of today that say the same; empty where there is none.
    pub field: &'static str,
    /// What help shows in the place of the value; empty for a boolean.
    pub value: &'static str,
    /// What it takes, and which field of [`Settings`] that goes to.
    pub kind: Kind,
    /// Whether it may stand beside a configuration file. The rule is kubeadm's (`ValidateMixedArguments`), for what kubeadm
    /// has.
    pub beside_config: Beside,
    /// What the user is told who gives it.
    pub note: Note,
    /// Where help shows it.
    pub section: Section,
    /// The release of kubeadm that had the flag first, and the version of the API that had the field first.
    #[cfg_attr(not(test), expect(dead_code, reason = "REFERENCE.md is written from it, by a test"))]
    pub since: &'static str,
    /// What it does, for help and REFERENCE.md; `{program}` is the name that the program was called by.
    pub help: &'static str,
    /// What only REFERENCE.md adds.
    #[cfg_attr(not(test), expect(dead_code, reason = "REFERENCE.md is written from it, by a test"))]
    pub more: &'static str,
}

/// A command, as far as flags are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Before the command.
    None,
    /// `join`.
    Join,
    /// `ensure`.
    Ensure,
    /// `doctor`.
    Doctor,
    /// `reset`, and `reset phase NAME`.
    Reset,
    /// `config`, before its own verb is known, and `config print`.
    Config,
    /// `config validate`.
    ConfigValidate,
    /// `config migrate`.
    ConfigMigrate,
    /// `status`.
    Status,
    /// `explain`.
    Explain,
    /// `token`, before its own verb is known.
    Token,
    /// `token generate`.
    TokenGenerate,
    /// `token create`.
    TokenCreate,
    /// `token list`.
    TokenList,
    /// `token delete`.
    TokenDelete,
    /// `certs`, before its own verb is known.
    Certs,
    /// `certs certificate-key`.
    CertificateKey,
    /// `certs check-expiration`.
    CheckExpiration,
    /// `init phase upload-certs`.
    UploadCerts,
    /// `kubeconfig user`.
    KubeconfigUser,
    /// `completion`.
    Completion,
    /// `version`.
    Version,
    /// `help`.
    Help,
}

/// A set of commands, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verbs(u32);

/// The set of these commands.
pub const fn verbs(verbs: &[Verb]) -> Verbs {
    let (mut bits, mut index) = (0, 0);
    while index < verbs.len() {
        bits |= 1 << verbs[index] as u8;
        index += 1;
    }
    Verbs(bits)
}

impl Verbs {
    /// Whether a command is in the set.
    pub fn contains(self, verb: Verb) -> bool {
        self.0 & (1 << verb as u8) != 0
    }
}

/// A part of the help text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Where the cluster is, and how it is verified.
    Cluster,
    /// What the node is.
    Machine,
    /// What makes it a control plane.
    ControlPlane,
    /// Where else settings come from.
    Sources,
    /// What this run does.
    Run,
    /// What a token is to be.
    Token,
    /// What a machine does that nobody watches.
    Unattended,
    /// What is made of what a diagnosis has seen.
    Diagnosis,
    /// Not in help: flags of older releases, flags without an effect, and what only a file says.
    Hidden,
}

/// Whether a setting may stand beside `--config`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// It may.
    Allowed,
    /// It may not: only the file says it.
    Refused,
}

/// What the user is told who gives a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Nothing.
    None,
    /// A flag of older releases of kubeadm: "read as ..." or "ignored: ...".
    Retired(&'static str),
    /// A flag that has no effect here, and why.
    NoEffect(&'static str),
}

/// What a setting takes, and where it goes.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A text; an empty one is as good as none, as in kubeadm.
    Text(fn(&mut Settings) -> &mut Option<WithOrigin<String>>),
    /// The same, and a secret.
    Secret(fn(&mut Settings) -> &mut Option<WithOrigin<Secret>>),
    /// A path.
    Path(fn(&mut Settings) -> &mut Option<WithOrigin<PathBuf>>),
    /// Texts, repeated or with commas.
    List(fn(&mut Settings) -> &mut Vec<WithOrigin<String>>),
    /// On or off.
    Boolean(fn(&mut Settings) -> &mut Option<bool>),
    /// One of few words, or a number.
    Parsed(&'static Parser),
    /// A value that is not needed.
    Ignored,
    /// The help text.
    Help,
    /// The version.
    Version,
}

/// The flag that takes names of phases, which `phase NAME` itself does not have.
pub const SKIP_PHASES: &str = "skip-phases";

/// What the value of a flag can be, for a shell that completes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// It has none.
    None,
    /// Nobody can say.
    Any,
    /// A file.
    File,
    /// A directory.
    Directory,
    /// One of these words, with `|` between them.
    Words(&'static str),
    /// Names of phases, with commas.
    Phases,
}

/// Who reads a value that is neither a text nor a path.
pub struct Parser {
    /// What is expected, in words that follow "takes".
    pub expected: &'static str,
    /// Sets the field; `false` where the text is something else.
    pub set: fn(&mut Settings, &str) -> bool,
}

/// Why a value cannot be that of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueError {
    /// It is not text.
    NotUnicode,
    /// What is expected instead.
    Expected(&'static str),
}

impl Setting {
    /// Whether a command has this flag.
    pub fn is_flag_of(&self, verb: Verb) -> bool {
        !self.flag.is_empty() && self.verbs.contains(verb)
    }

    /// Whether the flag is followed by a value.
    pub fn takes_value(&self) -> bool {
        !self.value.is_empty()
    }

    /// What its value can be, as far as that is known without this machine.
    pub fn values(&self) -> Values {
        match self.value {
            "" => Values::None,
            "DIR" => Values::Directory,
            value if value.contains("FILE") || value.contains("DIR") || value == "SOCKET" => Values::File,
            words if !words.contains(|c: char| c.is_ascii_uppercase()) => Values::Words(words),
            _ if self.flag == SKIP_PHASES => Values::Phases,
            _ => Values::Any,
        }
    }

    /// Takes the value that stands at `origin`. White space around a text is dropped: a pasted carriage return, a trailing
    /// newline.
    ///
    /// # Errors
    /// It is not what this setting takes.
    pub fn set(&self, settings: &mut Settings, origin: Origin, value: &OsStr) -> Result<(), ValueError> {
        if let Kind::Path(slot) = self.kind {
            // An empty one (an unset variable) would mean the working directory, or this machine's own root.
            if value.is_empty() {
                return Err(ValueError::Expected("a path"));
            }
            *slot(settings) = Some(WithOrigin::new(value.into(), origin.clone()));
            settings.given.push(origin);
            return Ok(());
        }
        let value = value.to_str().ok_or(ValueError::NotUnicode)?.trim();
        let text = Some(value).filter(|value| !value.is_empty());
        match self.kind {
            Kind::Text(slot) => *slot(settings) = text.map(|text| WithOrigin::new(text.to_owned(), origin.clone())),
            Kind::Secret(slot) => {
                *slot(settings) = text.map(|text| WithOrigin::new(Secret::new(text), origin.clone()));
            }
            Kind::List(slot) => {
                slot(settings).extend(list(value).map(|item| WithOrigin::new(item, origin.clone())));
            }
            Kind::Boolean(slot) => match boolean(value) {
                Some(value) => *slot(settings) = Some(value),
                None => return Err(ValueError::Expected("true or false")),
            },
            Kind::Parsed(parser) => {
                if !(parser.set)(settings, value) {
                    return Err(ValueError::Expected(parser.expected));
                }
            }
            Kind::Path(_) | Kind::Ignored | Kind::Help | Kind::Version => {}
        }
        if text.is_some() {
            settings.given.push(origin)
        } else {
            settings.empty.push(origin)
        }
        Ok(())
    }
}

/// A boolean in one of Go's spellings (`strconv.ParseBool`).
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
