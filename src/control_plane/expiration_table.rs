//! When certificates expire, as kubeadm prints it: the table (`cmd/kubeadm/app/cmd/certs.go`, `certTextPrinter`), and
//! documents (`apis/output/v1alpha3`).

use std::time::SystemTime;

use serde_json::{Value, json};

use super::expiration::{Expiration, Expirations};
use crate::text::aligned;
use crate::values::rfc3339;
use crate::yaml;

const API_VERSION: &str = "output.kubeadm.k8s.io/v1alpha3";
const KIND: &str = "CertificateExpirationInfo";

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const HEADER: [&str; 5] = ["CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY", "EXTERNALLY MANAGED"];
const HEADER_OF_CAS: [&str; 4] = ["CERTIFICATE AUTHORITY", "EXPIRES", "RESIDUAL TIME", "EXTERNALLY MANAGED"];

impl Expirations {
    /// Two tables with an empty line between.
    pub fn as_table(&self, now: SystemTime) -> String {
        format!("{}\n{}", table(&HEADER, &self.certificates, now), table(&HEADER_OF_CAS, &self.cas, now))
    }

    /// A document of JSON: kubeadm's order of fields, four blanks.
    pub fn as_json(&self, now: SystemTime) -> String {
        let list = |rows: &[Expiration]| rows.iter().map(|row| object(row, now)).collect::<Vec<_>>().join(",\n");
        format!(
            "{{\n    \"kind\": \"{KIND}\",\n    \"apiVersion\": \"{API_VERSION}\",\n    \"certificates\": [\n{}\n    ],\n    \
             \"certificateAuthorities\": [\n{}\n    ]\n}}\n",
            list(&self.certificates),
            list(&self.cas)
        )
    }

    /// A document of YAML.
    pub fn as_yaml(&self, now: SystemTime) -> String {
        let list = |rows: &[Expiration]| rows.iter().map(|row| fields(row, now).collect()).collect::<Vec<Value>>();
        yaml::to_string(&json!({
            "apiVersion": API_VERSION,
            "kind": KIND,
            "certificates": list(&self.certificates),
            "certificateAuthorities": list(&self.cas),
        }))
    }
}

/// The last column of what is there has eight characters; a CA's has no CA of its own.
fn table(header: &[&str], rows: &[Expiration], now: SystemTime) -> String {
    let row = |row: &Expiration| {
        let mut cells = match row.not_after {
            Some(not_after) => vec![
                row.name.clone(),
                date(not_after),
                left(seconds(not_after, now)),
                row.ca.clone().unwrap_or_default(),
                format!("{:8}", if row.is_external { "yes" } else { "no" }),
            ],
            None => vec![format!("!MISSING! {}", row.name), String::new(), String::new(), String::new(), String::new()],
        };
        if header.len() < HEADER.len() {
            cells.remove(3);
        }
        cells
    };
    let lines: Vec<Vec<String>> =
        std::iter::once(header.iter().map(|text| (*text).to_owned()).collect()).chain(rows.iter().map(row)).collect();
    aligned(&lines.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn object(row: &Expiration, now: SystemTime) -> String {
    let fields = fields(row, now).map(|(name, value)| format!("            \"{name}\": {value}"));
    format!("        {{\n{}\n        }}", fields.collect::<Vec<_>>().join(",\n"))
}

fn fields(row: &Expiration, now: SystemTime) -> impl Iterator<Item = (&'static str, Value)> {
    let ca = row.ca.as_ref().filter(|_| row.not_after.is_some());
    let all = [
        ("name", Some(row.name.as_str().into())),
        ("expirationDate", Some(row.not_after.and_then(rfc3339::of).into())),
        ("residualTime", Some(row.not_after.map_or(0, |not_after| seconds(not_after, now)).into())),
        ("externallyManaged", Some(row.is_external.into())),
        ("caName", ca.map(|ca| ca.as_str().into())),
        ("missing", Some(row.not_after.is_none().into())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

/// Go's `Jan 02, 2006 15:04 MST`, in UTC.
fn date(time: SystemTime) -> String {
    let text = rfc3339::of(time).unwrap_or_default();
    let part = |range| text.get(range).unwrap_or_default();
    let month = part(5..7).parse::<usize>().ok().and_then(|month| MONTHS.get(month.wrapping_sub(1))).unwrap_or(&"");
    format!("{month} {}, {} {} UTC", part(8..10), part(0..4), part(11..16))
}

/// Seconds until then, cut towards zero.
fn seconds(then: SystemTime, now: SystemTime) -> i64 {
    let whole = |time: std::time::Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    then.duration_since(now).map_or_else(|error| -whole(error.duration()), whole)
}

/// apimachinery `util/duration/duration.go`, `HumanDuration`: two or three digits that matter.
fn left(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |first: i64, unit: char, second: i64, smaller: char| match second {
        0 => format!("{first}{unit}"),
        second => format!("{first}{unit}{second}{smaller}"),
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, 'd', hours % 24, 'h'),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_time_that_is_left_has_kubeadms_form() {
        let rows = [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (599, "9m59s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (10_860, "3h1m"),
            (28_799, "7h59m"),
            (28_800, "8h"),
            (172_799, "47h"),
            (172_800, "2d"),
            (176_400, "2d1h"),
            (691_199, "7d23h"),
            (691_200, "8d"),
            (63_071_999, "729d"),
            (63_072_000, "2y"),
            (63_158_400, "2y1d"),
            (252_287_999, "7y364d"),
            (252_288_000, "8y"),
            (3_153_566_206, "99y"),
        ];
        for (seconds, expected) in rows {
            assert_eq!(left(seconds), expected, "{seconds}");
        }
    }

    fn expirations() -> Expirations {
        let row = |name: &str, ca: Option<&str>, at: Option<u64>, is_external| Expiration {
            name: name.to_owned(),
            ca: ca.map(str::to_owned),
            not_after: at.map(|at| SystemTime::UNIX_EPOCH + Duration::from_secs(at)),
            is_external,
        };
        Expirations {
            certificates: vec![
                row("admin.conf", Some("ca"), Some(31_536_000), true),
                row("apiserver", Some("ca"), None, false),
            ],
            cas: vec![row("ca", None, Some(0), false)],
        }
    }

    #[test]
    fn the_tables_are_kubeadms() {
        let expected = [
            "CERTIFICATE           EXPIRES                  RESIDUAL TIME   CERTIFICATE AUTHORITY   EXTERNALLY MANAGED\n",
            "admin.conf            Jan 01, 1971 00:00 UTC   364d            ca                      yes     \n",
            "!MISSING! apiserver                                                                    \n",
            "\n",
            "CERTIFICATE AUTHORITY   EXPIRES                  RESIDUAL TIME   EXTERNALLY MANAGED\n",
            "ca                      Jan 01, 1970 00:00 UTC   <invalid>       no      \n",
        ];
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
        assert_eq!(expirations().as_table(now), expected.concat());
    }

    #[test]
    fn documents_hold_the_same_in_kubeadms_order() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
        let json = expirations().as_json(now);
        let first = "{\n    \"kind\": \"CertificateExpirationInfo\",\n    \"apiVersion\": \
                     \"output.kubeadm.k8s.io/v1alpha3\",\n    \"certificates\": [\n        {\n            \"name\": \
                     \"admin.conf\",\n            \"expirationDate\": \"1971-01-01T00:00:00Z\",\n            \
                     \"residualTime\": 31535940,\n            \"externallyManaged\": true,\n            \"caName\": \
                     \"ca\",\n            \"missing\": false\n        },\n";
        assert!(json.starts_with(first), "{json}");
        let json: Value = serde_json::from_str(&json).unwrap();
        let missing = json!({"name": "apiserver", "expirationDate": null, "residualTime": 0, "externallyManaged": false,
                             "missing": true});
        assert_eq!(json["certificates"][1], missing);
        let yaml: Value = serde_yaml::from_str(&expirations().as_yaml(now)).unwrap();
        assert_eq!(yaml, json);
    }
}
