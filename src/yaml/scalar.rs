//! Plain scalars as Go resolves them (go.yaml.in/yaml/v2 `resolve.go`), and numbers as Go prints them.

use serde_json::{Number, Value};

/// What a scalar is, before it becomes JSON: as a key the kinds are spelled differently from each other.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// Only above `i64::MAX`.
    Uint(u64),
    Float(f64),
    Text(String),
}

/// Resolves a scalar without a tag and without quotes.
pub(super) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let number = match text.as_bytes().first() {
        Some(b'.') => fraction(text),
        Some(b'+' | b'-' | b'0'..=b'9') => number(text),
        _ => None,
    };
    number.unwrap_or_else(|| Scalar::Text(text.to_owned()))
}

/// A number that begins with a digit or a sign; underscores mean nothing, anywhere.
fn number(text: &str) -> Option<Scalar> {
    let plain: String = text.chars().filter(|&c| c != '_').collect();
    if let Some(int) = integer(&plain) {
        return Some(int);
    }
    if is_decimal_float(&plain) {
        // Out of range is an error in Go's ParseFloat, and the scalar then a string.
        return plain.parse().ok().filter(|float: &f64| float.is_finite()).map(Scalar::Float);
    }
    // The library has a second look at binary numbers and takes a sign behind the prefix.
    signed(plain.strip_prefix("0b")?, 2)
}

/// Go's `ParseInt(s, 0, 64)`, then `ParseUint`.
fn integer(plain: &str) -> Option<Scalar> {
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, plain),
    };
    let (digits, radix) = match digits.as_bytes() {
        [b'0'] => (digits, 10),
        [b'0', b'b' | b'B', _, ..] => (&digits[2..], 2),
        [b'0', b'o' | b'O', _, ..] => (&digits[2..], 8),
        [b'0', b'x' | b'X', _, ..] => (&digits[2..], 16),
        [b'0', ..] => (&digits[1..], 8),
        _ => (digits, 10),
    };
    // Rust would take another sign here.
    if !digits.as_bytes().first()?.is_ascii_alphanumeric() {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    match (negative, i64::try_from(magnitude)) {
        (true, Ok(int)) => Some(Scalar::Int(-int)),
        (true, Err(_)) => (magnitude == i64::MIN.unsigned_abs()).then_some(Scalar::Int(i64::MIN)),
        (false, Ok(int)) => Some(Scalar::Int(int)),
        // ParseUint takes no sign.
        (false, Err(_)) => (!plain.starts_with('+')).then_some(Scalar::Uint(magnitude)),
    }
}

fn signed(digits: &str, radix: u32) -> Option<Scalar> {
    i64::from_str_radix(digits, radix).map(Scalar::Int).ok()
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let some_digits = |s: &str| !s.is_empty() && all_digits(s);
    let mantissa_fits = match mantissa.split_once('.') {
        None => some_digits(mantissa),
        Some(("", fraction)) => some_digits(fraction),
        Some((whole, fraction)) => some_digits(whole) && all_digits(fraction),
    };
    mantissa_fits && exponent.is_none_or(|e| some_digits(e.strip_prefix(['-', '+']).unwrap_or(e)))
}

/// A number that begins with a point: Go's `ParseFloat`, which takes single underscores between digits.
fn fraction(text: &str) -> Option<Scalar> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let misplaced = |at: usize| bytes[at] == b'_' && !(at > 0 && digit(at - 1) && digit(at + 1));
    if (0..bytes.len()).any(misplaced) {
        return None;
    }
    let plain = text.replace('_', "");
    if !is_decimal_float(&plain) {
        return None;
    }
    plain.parse().ok().filter(|float: &f64| float.is_finite()).map(Scalar::Float)
}

impl Scalar {
    /// The JSON value; `None` for infinity and not-a-number.
    pub(super) fn into_value(self) -> Option<Value> {
        Some(match self {
            Scalar::Null => Value::Null,
            Scalar::Bool(bool) => bool.into(),
            Scalar::Int(int) => int.into(),
            Scalar::Uint(uint) => uint.into(),
            Scalar::Float(float) => Value::Number(json_number(float)?),
            Scalar::Text(text) => Value::String(text),
        })
    }

    /// The spelling as the key of a JSON object; `None` for what sigs.k8s.io/yaml refuses.
    pub(super) fn into_key(self) -> Option<String> {
        match self {
            Scalar::Null | Scalar::Uint(_) => None,
            Scalar::Bool(bool) => Some(bool.to_string()),
            Scalar::Int(int) => Some(int.to_string()),
            // Keys go through single precision there.
            #[allow(clippy::cast_possible_truncation)]
            Scalar::Float(float) => Some(go_float(&format!("{:e}", float as f32))),
            Scalar::Text(text) => Some(text),
        }
    }
}

/// A float as Go's JSON encoder writes it: whole numbers below 10^21 have no point, so whoever reads sees an integer.
pub(super) fn json_number(float: f64) -> Option<Number> {
    let whole = float.fract() == 0.0 && float.abs() < 1e21;
    let text = whole.then(|| float.to_string());
    let integer = text.and_then(|text| match text.parse::<i64>() {
        Ok(int) => Some(Number::from(int)),
        Err(_) => text.parse::<u64>().ok().map(Number::from),
    });
    integer.or_else(|| Number::from_f64(float))
}

/// A number as Go's emitter writes it: an integer where it is one, else `FormatFloat(f, 'g', -1, 64)`.
pub(super) fn number_text(number: &Number) -> String {
    let float = match number.as_f64() {
        Some(float) if number.is_f64() => float,
        _ => return number.to_string(),
    };
    match json_number(float) {
        Some(integer) if !integer.is_f64() => integer.to_string(),
        _ => go_float(&format!("{float:e}")),
    }
}

/// Go's shortest `%g` (`strconv/ftoa.go`) from Rust's shortest `{:e}`: an exponent of at least two digits, used below
/// 10^-4 and from 10^6 on (the shortest form decides as if the precision were 6).
fn go_float(scientific: &str) -> String {
    match scientific {
        "inf" => return ".inf".to_owned(),
        "-inf" => return "-.inf".to_owned(),
        "NaN" => return ".nan".to_owned(),
        _ => {}
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if !(-4..6).contains(&exponent) {
        let point = if digits.len() > 1 { "." } else { "" };
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{}{point}{}e{exponent_sign}{:02}", &digits[..1], &digits[1..], exponent.abs());
    }
    let Ok(whole) = usize::try_from(exponent) else {
        return format!("{sign}0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1));
    };
    match digits.len().checked_sub(whole + 1) {
        None => format!("{sign}{digits}{}", "0".repeat(whole + 1 - digits.len())),
        Some(0) => format!("{sign}{digits}"),
        Some(_) => format!("{sign}{}.{}", &digits[..=whole], &digits[whole + 1..]),
    }
}

/// Whether Go would read this as a timestamp when unquoted (`parseTimestamp` in `resolve.go`); as JSON it stays a string,
/// but Go's writer quotes it.
pub(super) fn is_timestamp(text: &str) -> bool {
    let Some((year, rest)) = text.split_once('-') else { return false };
    let Some((month, rest)) = rest.split_once('-') else { return false };
    let Some(year) = (year.len() == 4).then(|| short_number(year, 4)).flatten() else { return false };
    let Some(month) = short_number(month, 2).filter(|month| (1..=12).contains(month)) else { return false };
    let day_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (day, rest) = rest.split_at(day_digits);
    let Some(day) = short_number(day, 2) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=days).contains(&day) {
        return false;
    }
    match rest.as_bytes().first() {
        None => true,
        Some(b' ') => time_of_day(&rest[1..]) == Some(""),
        Some(b'T' | b't') => time_of_day(&rest[1..]).is_some_and(is_zone),
        Some(_) => false,
    }
}

/// Takes `h:m:s[.fraction]` and gives what follows.
fn time_of_day(text: &str) -> Option<&str> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, rest) = rest.split_once(':')?;
    let seconds = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (second, rest) = rest.split_at(seconds);
    let fits = short_number(hour, 2)? < 24 && short_number(minute, 2)? < 60 && short_number(second, 2)? < 60;
    if !fits {
        return None;
    }
    let Some(fraction) = rest.strip_prefix(['.', ',']) else { return Some(rest) };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| &fraction[digits..])
}

fn is_zone(text: &str) -> bool {
    let [b'+' | b'-', h1, h2, b':', m1, m2] = text.as_bytes() else { return text == "Z" };
    let two = |a: &u8, b: &u8| {
        (a.is_ascii_digit() && b.is_ascii_digit()).then(|| u32::from(a - b'0') * 10 + u32::from(b - b'0'))
    };
    // Go allows 24:00 and :60 here.
    two(h1, h2).is_some_and(|hours| hours <= 24) && two(m1, m2).is_some_and(|minutes| minutes <= 60)
}

fn short_number(text: &str, most: usize) -> Option<u32> {
    let digits = !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Whether this is a number in base 60 of YAML 1.1, which Go quotes for the sake of others
/// (`[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?`).
pub(super) fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (text, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits_or_underscores = |s: &str| s.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or("");
    if !first.starts_with(|c: char| c.is_ascii_digit()) || !digits_or_underscores(first) {
        return false;
    }
    let mut groups = 0;
    for part in parts {
        if !matches!(part.as_bytes(), [b'0'..=b'5', b'0'..=b'9'] | [b'0'..=b'9']) {
            return false;
        }
        groups += 1;
    }
    groups > 0 && digits_or_underscores(fraction)
}
