//! The table of `token list`, byte by byte that of kubeadm (`cmd/kubeadm/app/cmd/token.go`, `tokenTextPrinter`): every row is
//! aligned for itself, the first one together with the header (Go `text/tabwriter`).

use std::time::SystemTime;

use super::listed::ListedToken;
use crate::text::{aligned, printable};
use crate::values::rfc3339;

const HEADER: [&str; 6] = ["TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS"];

/// What three texts are filled up to.
const TTL_WIDTH: usize = 9;
const USAGES_WIDTH: usize = 22;
const DESCRIPTION_WIDTH: usize = 56;

/// Longest description that is shown, in characters.
const MAX_DESCRIPTION: usize = 1000;

/// The table; nothing where there is no token.
pub fn as_table(tokens: &[ListedToken], now: SystemTime) -> String {
    let rows = tokens.iter().enumerate();
    rows.map(|(at, token)| match (at, row(token, now)) {
        (0, row) => aligned(&[&HEADER.map(str::to_owned), &row]),
        (_, row) => aligned(&[&row]),
    })
    .collect()
}

fn row(token: &ListedToken, now: SystemTime) -> [String; 6] {
    let (ttl, expires) = match token.expires.as_deref().and_then(|text| Some((text, rfc3339::seconds(text)?))) {
        Some((text, end)) => (short(left(end, now)), without_fraction(text)),
        None => ("<forever>".to_owned(), "<never>".to_owned()),
    };
    let or_none = |text: String| if text.is_empty() { "<none>".to_owned() } else { text };
    let usages = or_none(token.usages.join(","));
    let description = or_none(printable(&token.description, MAX_DESCRIPTION));
    [
        token.token.full().expose().to_owned(),
        format!("{ttl:TTL_WIDTH$}"),
        expires,
        format!("{:USAGES_WIDTH$}", printable(&usages, MAX_DESCRIPTION)),
        format!("{description:DESCRIPTION_WIDTH$}"),
        printable(&or_none(token.groups.join(",")), MAX_DESCRIPTION),
    ]
}

/// Seconds until then, cut towards zero.
fn left(end: i64, now: SystemTime) -> i64 {
    let end = i128::from(end) * 1000;
    let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i128);
    i64::try_from((end - now) / 1000).unwrap_or(i64::MAX)
}

/// apimachinery `util/duration/duration.go`, `ShortHumanDuration`.
fn short(seconds: i64) -> String {
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        86_400..31_536_000 => format!("{}d", seconds / 86_400),
        _ => format!("{}y", seconds / 31_536_000),
    }
}

fn without_fraction(text: &str) -> String {
    match text.split_once('.') {
        Some((seconds, rest)) => format!("{seconds}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::listed::tests::token;
    use super::*;

    #[test]
    fn a_row_is_aligned_as_by_kubeadm() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
        let rows = [
            token(&[("expiration", "1970-01-02T00:01:00.5Z"), ("usage-bootstrap-signing", "true")]),
            token(&[("auth-extra-groups", "g"), ("description", "a\tb")]),
        ];
        let expected = [
            "TOKEN                     TTL         EXPIRES                USAGES                   DESCRIPTION                                                \
             EXTRA GROUPS\n",
            "abcdef.0123456789abcdef   1d          1970-01-02T00:01:00Z   signing                  <none>                                                     \
             <none>\n",
            "abcdef.0123456789abcdef   <forever>   <never>   <none>                   a\\u{9}b                                                    g\n",
        ];
        assert_eq!(as_table(&rows, now), expected.concat());
        assert_eq!(as_table(&[], now), "");
    }

    #[test]
    fn the_time_that_is_left_is_short() {
        let table = [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (59, "59s"),
            (3599, "59m"),
            (86_399, "23h"),
            (86_400, "1d"),
            (31_536_000, "1y"),
        ];
        for (seconds, expected) in table {
            assert_eq!(short(seconds), expected);
        }
    }
}
