//! How old an alert is: by the earliest of its times, and only if all of them can be read.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

/// How far a clock elsewhere may be ahead of this one.
const MAX_AHEAD: TimeDelta = TimeDelta::minutes(5);

/// The times that an alert carries.
#[derive(Clone, Default)]
pub(super) struct Times {
    known: Vec<DateTime<Utc>>,
    unreadable: bool,
}

impl Times {
    /// One more, unless it is not there.
    pub(super) fn add(&mut self, value: Option<&Value>) {
        match value {
            None | Some(Value::Null) => {}
            Some(value) => match read(value) {
                Some(time) => self.known.push(time),
                None => self.unreadable = true,
            },
        }
    }

    /// Those of `other` too.
    pub(super) fn extend(&mut self, other: &Self) {
        self.known.extend(&other.known);
        self.unreadable |= other.unreadable;
    }

    /// The earliest, as outcomes show it.
    pub(super) fn earliest(&self) -> Option<String> {
        self.known.iter().min().map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
    }

    /// Why an alert with these times is too old to act on, or may be.
    pub(super) fn stale(&self, max_age: TimeDelta, now: DateTime<Utc>) -> Option<String> {
        if self.unreadable {
            return Some("the alert carries a time that cannot be read, so that it may be any age".to_owned());
        }
        let Some((oldest, newest)) = self.known.iter().min().zip(self.known.iter().max()) else {
            return Some("the alert does not say when it was raised".to_owned());
        };
        if newest.signed_duration_since(now) > MAX_AHEAD {
            return Some("the alert carries a time that is more than 5 minutes ahead".to_owned());
        }
        let age = now.signed_duration_since(oldest);
        (age > max_age).then(|| {
            let (age, max_age) = (age.num_seconds(), max_age.num_seconds());
            format!("the alert is {age} s old, more than MAX_EVENT_AGE_SECONDS ({max_age})")
        })
    }
}

/// A time in any form that products write.
fn read(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => read_text(text.trim()),
        Value::Number(number) => epoch(number.as_f64()?),
        _ => None,
    }
}

/// ISO 8601 with `T` or a space, with or without a fraction, without a zone in UTC; or a number as text.
fn read_text(text: &str) -> Option<DateTime<Utc>> {
    if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return epoch(text.parse().ok()?);
    }
    let text = text.strip_suffix(['Z', 'z']).or(text.strip_suffix("UTC")).unwrap_or(text).trim_end();
    let text = text.replacen([' ', 't'], "T", 1);
    let with_zone = || DateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f%#z").ok();
    match NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f") {
        Ok(time) => Some(time.and_utc()),
        Err(_) => with_zone().map(|time| time.to_utc()),
    }
}

/// Seconds since 1970, or milli-, micro- or nanoseconds: which of them shows in the size.
fn epoch(number: f64) -> Option<DateTime<Utc>> {
    let seconds = match number.abs() {
        size if size < 1e11 => number,
        size if size < 1e14 => number / 1e3,
        size if size < 1e17 => number / 1e6,
        size if size < 1e20 => number / 1e9,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "at most 1e17")]
    DateTime::from_timestamp_micros((seconds * 1e6) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_forms_that_products_write_are_read() {
        for (value, expected) in [
            (json!("2024-12-03 19:54:30.000000000"), "2024-12-03T19:54:30Z"),
            (json!("2025-02-25 20:40:06.721"), "2025-02-25T20:40:06Z"),
            (json!("2021-09-18 20:38:52Z"), "2021-09-18T20:38:52Z"),
            (json!("2021-09-18 20:38:52 UTC"), "2021-09-18T20:38:52Z"),
            (json!("2020-02-14T18:12:22.316Z"), "2020-02-14T18:12:22Z"),
            (json!("2020-01-15T15:55:49.624441+00:00"), "2020-01-15T15:55:49Z"),
            (json!("2026-11-23T20:15:00.000+0000"), "2026-11-23T20:15:00Z"),
            (json!("2023-11-17T11:43:57.000-05:00"), "2023-11-17T16:43:57Z"),
            (json!("2024-10-23T18:59:43.8726542"), "2024-10-23T18:59:43Z"),
            (json!("2024-10-23T18:59:43"), "2024-10-23T18:59:43Z"),
            (json!(1_723_564_700), "2024-08-13T15:58:20Z"),
            (json!(1_795_464_900_000_i64), "2026-11-23T20:15:00Z"),
            (json!(1_631_047_050_642_854_i64), "2021-09-07T20:37:30Z"),
            (json!(1_631_047_050_642_854_000_i64), "2021-09-07T20:37:30Z"),
            (json!(1_682_368_414.719), "2023-04-24T20:33:34Z"),
            (json!("1682368414.719"), "2023-04-24T20:33:34Z"),
            (json!("1795464904000"), "2026-11-23T20:15:04Z"),
        ] {
            let time = read(&value).unwrap_or_else(|| panic!("{value}"));
            assert_eq!(time.to_rfc3339_opts(SecondsFormat::Secs, true), expected, "{value}");
        }
        for value in [
            json!(""),
            json!("yesterday"),
            json!("2024-12-03"),
            json!("2024-13-03T00:00:00Z"),
            json!("1.2.3"),
            json!("."),
            json!(true),
            json!([]),
            json!(1e30),
        ] {
            assert_eq!(read(&value), None, "{value}");
        }
    }

    #[test]
    fn the_earliest_counts_and_what_cannot_be_read_or_is_ahead_makes_it_stale() {
        let now = DateTime::from_timestamp(1_795_465_000, 0).unwrap();
        let at = |seconds: i64| json!(1_795_465_000 + seconds);
        let stale = |values: &[Value]| {
            let mut times = Times::default();
            values.iter().for_each(|value| times.add(Some(value)));
            times.stale(TimeDelta::seconds(3600), now)
        };
        assert_eq!(stale(&[at(0), at(-3600), json!(null), at(300)]), None);
        for values in [
            vec![],
            vec![json!(null)],
            vec![at(-3601)],
            vec![at(0), at(-3601)],
            vec![at(301)],
            vec![at(0), at(301)],
            vec![at(0), json!("soon")],
            // An UpdatedAt that cannot be read does not hide an old CreatedAt, nor the other way round.
            vec![json!("soon"), at(-90_000)],
        ] {
            assert!(stale(&values).is_some(), "{values:?}");
        }
    }
}
