//! Durations as Go writes and reads them (`time.ParseDuration`), such as `4m0s` or `1.5h`.

use std::fmt;
use std::time::Duration;

use super::quoted::{Quoted, Shown};
use crate::error::debug_as_display;

/// Nanoseconds per unit (Go `time/format.go`, `unitMap`).
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000), // U+00B5, micro sign
    ("μs", 1_000), // U+03BC, Greek letter mu
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Go's `time.Duration` is an `i64` of nanoseconds, about 292 years.
const MAX_NANOSECONDS: u64 = i64::MAX as u64;

/// Reads a Go duration. Negative ones, which Go has, are refused: no time-out is negative.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let fail = |reason| DurationError { text: text.to_owned(), reason };
    if text.starts_with('-') {
        return Err(fail(Reason::Negative));
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(fail(Reason::Form));
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let whole = take_while(&mut rest, |c| c.is_ascii_digit());
        let fraction = match rest.strip_prefix('.') {
            Some(after) => {
                rest = after;
                take_while(&mut rest, |c| c.is_ascii_digit())
            }
            None => "",
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(fail(Reason::Form));
        }
        let unit_name = take_while(&mut rest, |c| c != '.' && !c.is_ascii_digit());
        if unit_name.is_empty() {
            return Err(fail(Reason::NoUnit));
        }
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit_name).ok_or_else(|| fail(Reason::Unit))?;
        let nanoseconds = amount(whole, fraction, *unit).ok_or_else(|| fail(Reason::TooLong))?;
        total = total
            .checked_add(nanoseconds)
            .filter(|sum| *sum <= MAX_NANOSECONDS)
            .ok_or_else(|| fail(Reason::TooLong))?;
    }
    Ok(Duration::from_nanos(total))
}

/// Writes a duration as Go does (`time.Duration.String`): `1h30m0s`, `1.5s`, `100ms`, `0s`.
pub fn format(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    let (unit, name) = match nanoseconds {
        0 => return "0s".to_owned(),
        1..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => {
            let (hours, minutes) = (duration.as_secs() / 3600, duration.as_secs() / 60 % 60);
            let seconds = decimal(nanoseconds % 60_000_000_000, 1_000_000_000);
            return match (hours, minutes) {
                (0, 0) => format!("{seconds}s"),
                (0, _) => format!("{minutes}m{seconds}s"),
                _ => format!("{hours}h{minutes}m{seconds}s"),
            };
        }
    };
    format!("{}{name}", decimal(nanoseconds, unit))
}

/// A quotient by a power of ten, with as many digits behind the point as it needs.
fn decimal(nanoseconds: u128, unit: u128) -> String {
    let digits = unit.ilog10() as usize;
    let text = format!("{}.{:0digits$}", nanoseconds / unit, nanoseconds % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `whole.fraction` of a unit in nanoseconds, cut off below; `None` on overflow.
fn amount(whole: &str, fraction: &str, unit: u64) -> Option<u64> {
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // Digits beyond the 18th are less than a nanosecond of an hour.
    let fraction = &fraction[..fraction.len().min(18)];
    let numerator: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let part = u128::from(numerator) * u128::from(unit) / 10_u128.pow(fraction.len() as u32);
    whole.checked_mul(unit)?.checked_add(u64::try_from(part).ok()?)
}

/// Splits off the leading characters that are wanted.
fn take_while<'a>(rest: &mut &'a str, wanted: impl Fn(char) -> bool) -> &'a str {
    let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
    let (taken, left) = rest.split_at(end);
    *rest = left;
    taken
}

/// Why a text is not a duration.
#[derive(Clone, PartialEq, Eq)]
pub struct DurationError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Not numbers with units.
    Form,
    /// A number without a unit.
    NoUnit,
    /// A unit that Go does not have.
    Unit,
    /// Below zero.
    Negative,
    /// Beyond what Go can hold.
    TooLong,
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reason == Reason::NoUnit {
            return write!(
                f,
                "invalid duration {}: the unit is missing, as in {}s",
                Quoted(&self.text),
                Shown(&self.text)
            );
        }
        let reason = match self.reason {
            Reason::Form => "it has the form of 5m0s",
            Reason::NoUnit => "the unit is missing",
            Reason::Unit => "the units are h, m, s, ms, us and ns",
            Reason::Negative => "it is negative",
            Reason::TooLong => "it is longer than 292 years",
        };
        write!(f, "invalid duration {}: {reason}", Quoted(&self.text))
    }
}

debug_as_display!(DurationError);

impl std::error::Error for DurationError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        // Expected values: Go's own table (`time/time_test.go`, parseDurationTests).
        let table = [
            ("0", 0),
            ("5s", 5_000_000_000),
            ("1478s", 1_478_000_000_000),
            ("+5s", 5_000_000_000),
            ("4m0s", 240_000_000_000),
            ("5.0s", 5_000_000_000),
            ("5.s", 5_000_000_000),
            (".5s", 500_000_000),
            ("100.00100s", 100_001_000_000),
            ("12µs", 12_000),
            ("12μs", 12_000),
            ("3h30m", 12_600_000_000_000),
            ("10.5s4m", 250_500_000_000),
            ("1h2m3s4ms5us6ns", 3_723_004_005_006),
            ("9007199254740993ns", 9_007_199_254_740_993),
            ("0.3333333333333333333h", 1_200_000_000_000 - 1),
            ("0.100000000000000000000h", 360_000_000_000),
        ];
        for (text, nanoseconds) in table {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanoseconds)), "{text}");
        }
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        // Go's own table (`time/time_test.go`, durationTests).
        let table = [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (3_300_000_000, "3.3s"),
            (4 * 60_000_000_000 + 5_001_000_000, "4m5.001s"),
            (5 * 3_600_000_000_000 + 6 * 60_000_000_000 + 7_001_000_000, "5h6m7.001s"),
            (8 * 60_000_000_000 + 1, "8m0.000000001s"),
            (600_000_000_000, "10m0s"),
            (100_000_000, "100ms"),
            (9_223_372_036_854_775_807, "2562047h47m16.854775807s"),
        ];
        for (nanoseconds, text) in table {
            assert_eq!(format(Duration::from_nanos(nanoseconds)), text);
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        let table = [
            ("", Reason::Form),
            ("s", Reason::Form),
            (".", Reason::Form),
            (".s", Reason::Form),
            ("+.s", Reason::Form),
            ("3", Reason::NoUnit),
            ("1.5", Reason::NoUnit),
            ("5 minutes", Reason::Unit),
            ("1d", Reason::Unit),
            ("-5s", Reason::Negative),
            ("9223372036854775808ns", Reason::TooLong),
            ("99999999999999999999h", Reason::TooLong),
            ("3000000h", Reason::TooLong),
        ];
        for (text, reason) in table {
            assert_eq!(parse(text), Err(DurationError { text: text.to_owned(), reason }), "{text}");
        }
    }
}
