//! When a request is sent again: a policy without a clock, a socket or a state of its own.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

const MAX_TRIES: u32 = 5;
const BACKOFF: Duration = Duration::from_millis(200);
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// JumpCloud may ask for minutes; a caller that retries is cheaper than a function that sleeps.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);
/// Lambda freezes the process between invocations, and a connection that died meanwhile is noticed when it is used. A
/// batch leaves up to 16: eight records with two concurrent calls each. A smaller pool cut throughput to a third: closed
/// connections have to be reopened.
const MAX_DEAD: u32 = 16;

/// What sending a request twice would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing: a GET or a search.
    Read,
    /// The same as sending it once.
    Repeatable,
    /// Something else than sending it once: each shutdown is queued.
    Once,
}

/// How a try failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// No connection: nothing was sent.
    Unreachable,
    /// The connection was closed without an answer.
    Closed,
    /// No answer in time.
    Silent,
    /// 401.
    KeyRefused,
    /// 429, with what JumpCloud asks to wait.
    Throttled(Option<Duration>),
    /// 502 to 504, and for a read what stands in front of JumpCloud says with 520 to 524.
    Unavailable(Option<Duration>),
    /// Any other 5xx, or an answer that is not JumpCloud's.
    Failed,
    /// 403 without JSON: not by a role.
    Blocked,
    /// Any other refusal.
    Refused,
}

impl Class {
    /// Whether JumpCloud may have carried the request out.
    pub(super) fn arrived(self) -> bool {
        matches!(self, Self::Closed | Self::Silent | Self::Unavailable(_) | Self::Failed)
    }
}

/// What a request does, and what has been tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tries {
    /// What sending it again would do.
    pub(super) effect: Effect,
    /// Tries that count.
    pub(super) counted: u32,
    /// Connections that were found closed.
    pub(super) dead: u32,
    /// Whether the credentials were renewed.
    pub(super) renewed: bool,
}

impl Tries {
    /// The first try is under way.
    pub(super) fn first(effect: Effect) -> Self {
        Self { effect, counted: 1, dead: 0, renewed: false }
    }

    /// The only one: repeated on another connection where that one was dead, and with new credentials, and never after a wait.
    pub(super) fn only(effect: Effect) -> Self {
        Self { counted: MAX_TRIES, ..Self::first(effect) }
    }
}

/// What to do after a failed try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing more.
    GiveUp,
    /// Send it again with new credentials.
    RenewKey,
    /// Send it again at once, on another connection.
    Reconnect,
    /// Send it again after this time.
    Wait(Duration),
}

/// `jitter` is from 0 to 1.
pub(super) fn next(class: Class, tries: Tries, left: Duration, jitter: f64) -> Next {
    let asked = match class {
        Class::KeyRefused => return if tries.renewed { Next::GiveUp } else { Next::RenewKey },
        Class::Refused | Class::Blocked | Class::Failed => return Next::GiveUp,
        _ if tries.effect == Effect::Once && class.arrived() => return Next::GiveUp,
        Class::Closed if tries.effect == Effect::Read && tries.dead < MAX_DEAD => return Next::Reconnect,
        Class::Throttled(asked) | Class::Unavailable(asked) => asked,
        Class::Unreachable | Class::Closed | Class::Silent => None,
    };
    let wait = asked.unwrap_or_else(|| backoff(tries.counted, jitter));
    if tries.counted < MAX_TRIES && wait < left && wait <= MAX_RETRY_AFTER { Next::Wait(wait) } else { Next::GiveUp }
}

/// Exponential with full jitter: anything up to the bound, so that functions that failed together do not
/// come back together.
fn backoff(tries: u32, jitter: f64) -> Duration {
    BACKOFF.saturating_mul(2u32.saturating_pow(tries - 1)).min(MAX_BACKOFF).mul_f64(jitter)
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
    use super::{Class::*, Effect::*, Next::*, *};
    use reqwest::header::HeaderValue;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_policy_as_a_table() {
        let ms = Duration::from_millis;
        let tries = |counted, dead, renewed| (counted, dead, renewed);
        let first = tries(1, 0, false);
        for (class, effect, tries, left, expected) in [
            (Unreachable, Read, first, MINUTE, Wait(ms(200))),
            (Unreachable, Once, first, MINUTE, Wait(ms(200))),
            (Closed, Read, first, MINUTE, Reconnect),
            (Closed, Read, tries(1, 16, false), MINUTE, Wait(ms(200))),
            (Closed, Repeatable, first, MINUTE, Wait(ms(200))),
            (Closed, Once, first, MINUTE, GiveUp),
            (Silent, Read, first, MINUTE, Wait(ms(200))),
            (Silent, Repeatable, tries(3, 0, false), MINUTE, Wait(ms(800))),
            (Silent, Once, first, MINUTE, GiveUp),
            (KeyRefused, Read, first, MINUTE, RenewKey),
            (KeyRefused, Once, first, MINUTE, RenewKey),
            (KeyRefused, Once, tries(1, 0, true), MINUTE, GiveUp),
            (Throttled(None), Once, first, MINUTE, Wait(ms(200))),
            (Throttled(Some(ms(7000))), Read, first, MINUTE, Wait(ms(7000))),
            (Throttled(Some(ms(31_000))), Read, first, MINUTE, GiveUp),
            (Throttled(Some(ms(7000))), Read, first, ms(7000), GiveUp),
            (Throttled(None), Read, tries(5, 0, false), MINUTE, GiveUp),
            (Unavailable(None), Read, tries(4, 0, false), MINUTE, Wait(ms(1600))),
            (Unavailable(None), Repeatable, first, MINUTE, Wait(ms(200))),
            (Unavailable(None), Once, first, MINUTE, GiveUp),
            (Unavailable(None), Read, first, ms(100), GiveUp),
            (Failed, Read, first, MINUTE, GiveUp),
            (Refused, Read, first, MINUTE, GiveUp),
        ] {
            let (counted, dead, renewed) = tries;
            let tries = Tries { effect, counted, dead, renewed };
            assert_eq!(next(class, tries, left, 1.0), expected, "{class:?} {tries:?} {left:?}");
        }
    }

    #[test]
    fn what_must_not_be_repeated_never_is_after_it_may_have_arrived() {
        let classes = [Unreachable, Closed, Silent, KeyRefused, Throttled(None), Unavailable(None), Failed, Refused];
        for class in classes.into_iter().filter(|class| class.arrived()) {
            assert_eq!(next(class, Tries::first(Once), MINUTE, 0.0), GiveUp, "{class:?}");
        }
    }

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
            let jitter = fastrand::f64();
            assert!(backoff(1, jitter) <= Duration::from_millis(200));
            assert!(backoff(3, jitter) <= Duration::from_millis(800));
            assert!(backoff(30, jitter) <= MAX_BACKOFF);
        }
    }
}
