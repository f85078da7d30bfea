//! A playbook's switch, its limits and its latch.

use chrono::{DateTime, Utc};

use crate::items::{Item, number_of, set_of, text_of};

/// How many distinct targets a playbook may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `MAX_TARGETS_PER_HOUR`.
    pub hour: usize,
    /// `MAX_TARGETS_PER_DAY`.
    pub day: usize,
}

/// Whether a playbook acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    #[default]
    On,
    /// Every run is a dry one.
    DryRun,
    /// It refuses.
    Off,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::On, Self::DryRun, Self::Off];

    /// As it is stored.
    pub fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::DryRun => "dry-run",
            Self::Off => "off",
        }
    }

    /// `None` for any other word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.word() == word)
    }
}

/// A switch item.
#[derive(Clone, Debug, Default)]
pub struct Switch {
    /// What it is set to.
    pub mode: Mode,
    /// Who set it, why and when, in words.
    pub set: String,
    hour: Count,
    day: Count,
    /// Since when findings are refused.
    pub latched: Option<String>,
    /// How often it was turned on.
    pub epoch: Option<i64>,
    /// How many targets are allowed until when.
    allowance: Option<(i64, DateTime<Utc>)>,
}

/// The distinct targets of one hour or day.
#[derive(Clone, Debug, Default)]
struct Count {
    /// `2026-11-24T12`, `2026-11-24`.
    of: Option<String>,
    targets: Vec<String>,
}

/// What an admission does to a count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The target is there already.
    There(String),
    /// It is added to the set of this hour or day.
    Added(String),
    /// It begins the set of this hour or day.
    First(String),
}

impl Entry {
    /// The hour or day.
    pub fn of(&self) -> &str {
        match self {
            Self::There(of) | Self::Added(of) | Self::First(of) => of,
        }
    }

    /// Whether the target was not there before.
    pub fn counts(&self) -> bool {
        !matches!(self, Self::There(_))
    }
}

/// What the limits say.
pub enum Counted {
    /// It may be taken.
    Within {
        /// What happens to the hour's set.
        hour: Entry,
        /// What happens to the day's set.
        day: Entry,
        /// The limits in force.
        limits: Limits,
        /// The allowance that raised them.
        allowance: Option<(i64, i64)>,
    },
    /// It would be one more than this: the most, per `hour` or `day`.
    Reached(usize, &'static str),
}

impl Switch {
    /// What an item says; without one it is on.
    pub fn from_item(item: Option<&Item>) -> Self {
        let Some(item) = item else { return Self::default() };
        // Whatever another word is meant to be, it is not `on`.
        let mode = text_of(item, "mode").map_or(Mode::On, |mode| Mode::parse(mode).unwrap_or(Mode::Off));
        let word = |name| text_of(item, name).unwrap_or("not said");
        let count = |of, targets| Count { of: text_of(item, of).map(str::to_owned), targets: set_of(item, targets) };
        let allowance = number_of(item, "allow_targets").zip(number_of(item, "allow_until"));
        Self {
            mode,
            set: format!("by {} at {}: {}", word("who"), word("at"), word("why")),
            hour: count("hour", "hour_targets"),
            day: count("day", "day_targets"),
            latched: text_of(item, "latched").map(str::to_owned),
            epoch: number_of(item, "epoch"),
            allowance: allowance.and_then(|(targets, until)| Some((targets, DateTime::from_timestamp(until, 0)?))),
        }
    }

    /// The allowance that is in force: how many targets, until when.
    pub fn allowance(&self, now: DateTime<Utc>) -> Option<(i64, DateTime<Utc>)> {
        self.allowance.filter(|(_, until)| *until > now)
    }

    /// `limits` as the allowance raises them.
    pub fn raised(&self, limits: Limits, now: DateTime<Utc>) -> Limits {
        let allowed = self.allowance(now).and_then(|(targets, _)| usize::try_from(targets).ok()).unwrap_or(0);
        Limits { hour: limits.hour.max(allowed), day: limits.day.max(allowed) }
    }

    /// How many distinct targets were taken this hour and this day.
    pub fn taken(&self, now: DateTime<Utc>) -> (usize, usize) {
        (self.hour.taken(&hour(now)), self.day.taken(&day(now)))
    }

    /// Whether one more target may be taken.
    pub fn count(&self, target: &str, limits: Limits, now: DateTime<Utc>) -> Counted {
        let allowance = self.allowance(now);
        let limits = self.raised(limits, now);
        let hour = self.hour.enter(target, hour(now), limits.hour);
        let day = self.day.enter(target, day(now), limits.day);
        match (hour, day) {
            (None, _) => Counted::Reached(limits.hour, "hour"),
            (_, None) => Counted::Reached(limits.day, "day"),
            (Some(hour), Some(day)) => {
                let allowance = allowance.map(|(targets, until)| (targets, until.timestamp()));
                Counted::Within { hour, day, limits, allowance }
            }
        }
    }
}

fn hour(now: DateTime<Utc>) -> String {
    now.format("%Y-%m-%dT%H").to_string()
}

fn day(now: DateTime<Utc>) -> String {
    now.format("%Y-%m-%d").to_string()
}

impl Count {
    fn taken(&self, now: &str) -> usize {
        if self.of.as_deref().is_some_and(|of| of >= now) { self.targets.len() } else { 0 }
    }

    /// `None` where the set is full. A set of a later hour than ours is another clock's, and goes on.
    fn enter(&self, target: &str, now: String, most: usize) -> Option<Entry> {
        match &self.of {
            Some(of) if *of >= now && self.targets.iter().any(|there| there == target) => {
                Some(Entry::There(of.clone()))
            }
            Some(of) if *of >= now => (self.targets.len() < most).then(|| Entry::Added(of.clone())),
            _ => (most > 0).then_some(Entry::First(now)),
        }
    }
}
