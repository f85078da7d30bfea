//! How long to wait before a request is sent again.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

const BACKOFF: Duration = Duration::from_millis(200);
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// Exponential with full jitter: anything up to the bound, so that functions that failed together do not
/// come back together.
pub(super) fn backoff(tries: u32) -> Duration {
    BACKOFF.saturating_mul(2u32.saturating_pow(tries - 1)).min(MAX_BACKOFF).mul_f64(fastrand::f64())
}

/// Both forms of the header: seconds, and a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = value.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| {
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(SystemTime::now()).unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let parse =
            |value: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(value).unwrap())]));
        assert_eq!(parse("7"), Some(Duration::from_secs(7)));
        let date = parse(&httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60))).unwrap();
        assert!((Duration::from_secs(55)..=Duration::from_secs(60)).contains(&date), "{date:?}");
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(parse("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn backoff_grows_up_to_its_bound() {
        for _ in 0..1000 {
            assert!(backoff(1) <= Duration::from_millis(200));
            assert!(backoff(3) <= Duration::from_millis(800));
            assert!(backoff(30) <= MAX_BACKOFF);
        }
    }
}
