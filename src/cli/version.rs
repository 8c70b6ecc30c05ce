//! `version`.

use lexopt::{Arg, Parser};
use serde_json::json;

use super::error::{from_lexopt, unknown_flag};
use super::help::{Help, Topic};
use super::{Command, Program, UsageError, join};
use crate::clock;

/// `version -o`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// One line for people.
    #[default]
    Line,
    /// `-o short`: the version alone.
    Short,
    /// `-o json`.
    Json,
}

impl Version {
    /// What is printed, with its newline.
    pub fn text(self) -> String {
        let version = concat!("v", env!("CARGO_PKG_VERSION"));
        let platform = format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH);
        let built = build_date();
        match self {
            Version::Short => format!("{version}\n"),
            Version::Line => format!("kubejoin {version}, {platform}, built {built}\n"),
            Version::Json => {
                let value = json!({ "version": version, "platform": platform, "buildDate": built });
                format!("{value:#}\n")
            }
        }
    }
}

/// The build date (UTC) as RFC 3339 writes a date; the seconds since 1970 where no calendar reaches.
fn build_date() -> String {
    let seconds: i64 = clock::BUILD_DATE.parse().unwrap_or(0);
    match time::OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(date) => format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day()),
        Err(_) => seconds.to_string(),
    }
}

/// What stands behind the word `version`.
pub(super) fn parse(program: Program, parser: &mut Parser) -> Result<Command, UsageError> {
    let mut version = Version::default();
    while let Some(arg) = parser.next().map_err(|error| from_lexopt(program, "version", error))? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help(Help { program, topic: Topic::Version })),
            Arg::Short('o') | Arg::Long("output") => {
                let value = join::text(program, "--output", parser)?;
                version = match value.as_str() {
                    "short" => Version::Short,
                    "json" => Version::Json,
                    _ => {
                        let expected = "short or json";
                        return Err(UsageError::BadValue { program, flag: "--output", value, expected });
                    }
                };
            }
            Arg::Short('v') | Arg::Long("v") => drop(join::verbosity(program, parser)?),
            Arg::Short(_) | Arg::Long(_) => return Err(unknown_flag(program, "version", &arg, &["output", "help"])),
            Arg::Value(word) => {
                let word = word.to_string_lossy().into_owned();
                return Err(UsageError::ExtraArgument { program, command: "version", word });
            }
        }
    }
    Ok(Command::Version(version))
}
