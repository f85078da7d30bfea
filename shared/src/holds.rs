//! Who wants a user to stay suspended. The user is given back when nobody does any more.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::{
    outcome::Hold,
    request::{HoldFor, RequestInfo},
};

/// The id of whoever suspended a user that was found suspended without a hold of ours. Nobody can release it by this id.
pub const SOMEBODY_ELSE: &str = "somebody else";

/// What a change does to the holds of its target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Holding {
    /// Nothing.
    #[default]
    Keep,
    /// One more.
    Add(Hold),
    /// One less.
    Release(String),
    /// A person gives the target back: all of them end.
    ReleaseAll,
}

impl Hold {
    /// That of a request: for good where it does not say how long.
    pub fn of(info: &RequestInfo, now: DateTime<Utc>) -> Self {
        let by = info.asker();
        let (id, hours) = match &info.hold {
            Some(HoldFor { id, hours }) => (id.clone(), *hours),
            None => (by.clone(), None),
        };
        let until = hours.map(|hours| written(now + TimeDelta::hours(hours.into())));
        Self { id, by, reason: info.reason.clone(), from: written(now), until }
    }

    fn somebody_else(now: DateTime<Utc>) -> Self {
        let who = SOMEBODY_ELSE.to_owned();
        Self { id: who.clone(), by: who, reason: None, from: written(now), until: None }
    }

    /// Whether its time is not over. One whose time cannot be read lasts.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        let until = self.until.as_deref().and_then(|until| DateTime::parse_from_rfc3339(until).ok());
        until.is_none_or(|until| until > now)
    }
}

impl Holding {
    /// The holds after a change that was made: the target was not contained before it, so whoever else had contained it has
    /// given it back. Our own holds that are not over stay wanted.
    pub fn when_changed(&self, holds: &[Hold], now: DateTime<Utc>) -> Vec<Hold> {
        match self {
            Self::Add(hold) => {
                let live = holds.iter().filter(|held| held.is_live(now) && held.id != SOMEBODY_ELSE).cloned().collect();
                with(live, hold)
            }
            _ => self.when_unchanged(holds, true, now),
        }
    }

    /// The holds where the target was found as wanted. `ours` says whether it is known that our change made it so; one that
    /// was found contained without is held by somebody else, for good.
    pub fn when_unchanged(&self, holds: &[Hold], ours: bool, now: DateTime<Utc>) -> Vec<Hold> {
        let mut holds = holds.to_vec();
        match self {
            Self::Keep => {}
            Self::Add(hold) => {
                if (holds.is_empty() || !ours) && holds.iter().all(|held| held.id != SOMEBODY_ELSE) {
                    holds.push(Hold::somebody_else(now));
                }
                holds = with(holds, hold);
            }
            Self::Release(id) => holds.retain(|held| held.id != *id || held.id == SOMEBODY_ELSE),
            Self::ReleaseAll => holds.clear(),
        }
        holds
    }
}

/// `hold` in place of an earlier one of the same id: a request that is repeated holds once.
fn with(mut holds: Vec<Hold>, hold: &Hold) -> Vec<Hold> {
    match holds.iter_mut().find(|held| held.id == hold.id) {
        Some(held) => held.until.clone_from(&hold.until),
        None => holds.push(hold.clone()),
    }
    holds
}

/// `a (finding 7), until 2026-11-24T13:00:00Z; b (request 9), for good`.
pub fn in_words<'a>(holds: impl IntoIterator<Item = &'a Hold>) -> String {
    let words = |hold: &Hold| {
        let by = if hold.by == hold.id { String::new() } else { format!(" ({})", hold.by) };
        let until = hold.until.as_ref().map_or_else(|| "for good".to_owned(), |until| format!("until {until}"));
        format!("{}{by}, {until}", hold.id)
    };
    holds.into_iter().map(words).collect::<Vec<_>>().join("; ")
}

/// RFC 3339 in UTC, in seconds.
fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(id: &str, hours: Option<u16>, now: DateTime<Utc>) -> Hold {
        let info = RequestInfo { hold: Some(HoldFor { id: id.to_owned(), hours }), ..RequestInfo::default() };
        Hold::of(&info, now)
    }

    #[test]
    fn a_repeated_request_holds_once_and_the_later_time_counts() {
        let now = DateTime::UNIX_EPOCH;
        let (short, long) = (hold("a", Some(1), now), hold("a", Some(24), now));
        let holds = Holding::Add(short).when_changed(&[], now);
        let holds = Holding::Add(long.clone()).when_unchanged(&holds, true, now);
        assert_eq!(holds, [long]);
    }

    #[test]
    fn who_is_found_contained_without_a_hold_is_held_by_somebody_else_until_found_free() {
        let now = DateTime::UNIX_EPOCH;
        let a = hold("a", Some(1), now);
        let holds = Holding::Add(a.clone()).when_unchanged(&[], true, now);
        assert_eq!(holds.iter().map(|hold| hold.id.as_str()).collect::<Vec<_>>(), [SOMEBODY_ELSE, "a"]);
        let left = Holding::Release(SOMEBODY_ELSE.to_owned()).when_unchanged(&holds, true, now);
        assert_eq!(left, holds, "not by its id");
        let left = Holding::Release("a".to_owned()).when_unchanged(&holds, true, now);
        assert_eq!(in_words(&left), "somebody else, for good");
        // Found active, and contained by us.
        assert_eq!(Holding::Add(a.clone()).when_changed(&holds, now), [a]);
        assert_eq!(Holding::ReleaseAll.when_changed(&holds, now), []);
    }

    #[test]
    fn a_hold_whose_time_is_over_holds_no_more() {
        let now = DateTime::UNIX_EPOCH;
        let (a, b) = (hold("a", Some(1), now), hold("b", None, now));
        let later = now + TimeDelta::hours(1);
        assert!(a.is_live(now) && !a.is_live(later) && b.is_live(later));
        assert_eq!(Holding::Add(b.clone()).when_changed(&[a], later), [b]);
    }
}
