//! `version`.

use serde_json::json;

use super::arguments::{Arguments, Next, Parsed};
use super::error::{Misuse, UsageError};
use super::topic::Topic;
use crate::clock;
use crate::config::setting::Verb;
use crate::config::settings::VersionFormat;

/// `version`, in the form that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// `--output`.
    pub format: VersionFormat,
}

impl Version {
    /// What is printed, with its newline.
    pub fn text(self) -> String {
        let version = concat!("v", env!("CARGO_PKG_VERSION"));
        let platform = format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH);
        let built = build_date();
        match self.format {
            VersionFormat::Short => format!("{version}\n"),
            VersionFormat::Line => format!("kubejoin {version}, {platform}, built {built}\n"),
            VersionFormat::Json => {
                let value = json!({ "version": version, "platform": platform, "buildDate": built });
                format!("{value:#}\n")
            }
        }
    }
}

/// The build date (UTC) as RFC 3339 writes a date; the seconds since 1970 where no calendar reaches.
pub(super) fn build_date() -> String {
    let seconds: i64 = clock::BUILD_DATE.parse().unwrap_or(0);
    match time::OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(date) => format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day()),
        Err(_) => seconds.to_string(),
    }
}

/// What stands behind the word `version`.
pub(super) fn parse(mut args: Arguments) -> Result<Parsed<Version>, UsageError> {
    args.verb = Verb::Version;
    match args.next()? {
        Next::Help => Ok(Parsed::Help(args.help(Topic::Version))),
        Next::Word(word) => Err(args.error(Misuse::ExtraArgument { word, suggestion: None })),
        Next::Version | Next::End => {
            Ok(Parsed::Args(Version { format: args.settings.version_format.unwrap_or_default() }))
        }
    }
}
