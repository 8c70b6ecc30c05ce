//! Times as RFC 3339 has them and Go reads and writes them (`time.RFC3339`, `apis/meta/v1/time.go`), cut to seconds.

use std::time::SystemTime;

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// The same instant in UTC; `None` where the text is no time.
pub fn in_utc(text: &str) -> Option<String> {
    Some(written(parse(text)?.checked_to_offset(UtcOffset::UTC)?))
}

/// An instant, in UTC; `None` where no calendar has it.
pub fn of(time: SystemTime) -> Option<String> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(written(OffsetDateTime::from_unix_timestamp(i64::try_from(since.as_secs()).ok()?).ok()?))
}

/// The instant as seconds since 1970; `None` where the text is no time.
pub fn seconds(text: &str) -> Option<i64> {
    Some(parse(text)?.unix_timestamp())
}

fn written(utc: OffsetDateTime) -> String {
    let (month, day) = (u8::from(utc.month()), utc.day());
    let (hour, minute, second) = utc.to_hms();
    format!("{:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", utc.year())
}

fn parse(text: &str) -> Option<OffsetDateTime> {
    let (date, clock) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()?;

    let (clock, offset) = clock.split_at_checked(8)?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?.map(|number| u8::try_from(number).unwrap_or(u8::MAX));
    let clock = Time::from_hms(hour, minute, second).ok()?;
    let offset = match offset.strip_prefix('.') {
        None => offset,
        Some(fraction) => Some(fraction.trim_start_matches(|c: char| c.is_ascii_digit())).filter(|r| *r != fraction)?,
    };
    Some(PrimitiveDateTime::new(date, clock).assume_offset(zone(offset)?))
}

/// `Z`, or hours and minutes behind a sign.
fn zone(text: &str) -> Option<UtcOffset> {
    let sign = match text.chars().next()? {
        'Z' if text.len() == 1 => return Some(UtcOffset::UTC),
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let [hours, minutes] = numbers(&text[1..], ':', [2, 2])?;
    UtcOffset::from_whole_seconds(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60)).ok()
}

/// Numbers of exactly so many digits.
fn numbers<const N: usize>(text: &str, separator: char, lengths: [usize; N]) -> Option<[u16; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(separator);
    for (number, length) in numbers.iter_mut().zip(lengths) {
        let part = parts.next().filter(|part| part.len() == length && part.bytes().all(|b| b.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_in_utc() {
        let table = [
            ("2020-01-02T03:04:05Z", Some("2020-01-02T03:04:05Z")),
            ("2020-01-01T01:04:05.999+02:00", Some("2019-12-31T23:04:05Z")),
            ("2024-02-28T23:30:00-00:45", Some("2024-02-29T00:15:00Z")),
            ("2023-02-29T00:00:00Z", None),
            ("2020-01-02T24:00:00Z", None),
            ("2020-01-02T03:04:05", None),
            ("2020-01-02T03:04:05.Z", None),
            ("2020-01-02 03:04:05Z", None),
            ("2020-1-2T03:04:05Z", None),
            ("20é0-01-02T03:04:0éZ", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(in_utc(text).as_deref(), expected, "{text}");
            assert_eq!(seconds(text), expected.and_then(seconds), "{text}");
        }
        assert_eq!(seconds("1970-01-01T01:00:01+01:00"), Some(1));
        assert_eq!(of(SystemTime::UNIX_EPOCH).as_deref(), Some("1970-01-01T00:00:00Z"));
    }
}
