//! How alerts are read: what the function's environment says about it.

use chrono::TimeDelta;

use super::{
    formats::Parsed,
    places::{Path, Place, Places},
    trust::Trust,
};
use crate::{
    error::Error,
    organizations::Organizations,
    request::TargetType,
    vars::{self, Vars, misconfigured},
};

/// How alerts are read; from the function's environment.
pub struct Settings {
    /// `TARGET_PATHS`: used instead of the built-in lists.
    pub(super) target_paths: Option<Vec<Place>>,
    /// `ACT_ON_LOGS`; only with `target_paths`.
    pub(super) act_on_logs: bool,
    /// `MAX_EVENT_AGE_SECONDS`.
    pub(super) max_age: TimeDelta,
    /// `JUMPCLOUD_SELF`, in lower case.
    pub(super) own: Vec<String>,
    /// `MAX_TARGETS_PER_ALERT`.
    pub(super) max_targets: usize,
    /// `REDRIVE_QUEUE`.
    pub(super) redrive_queue: Option<String>,
    pub(super) trust: Trust,
    pub(super) organizations: Organizations,
}

impl Settings {
    /// # Errors
    /// `Internal` for a variable that makes no sense: what it was meant to prevent is not known.
    pub fn from_vars(vars: &Vars<'_>) -> Result<Self, Error> {
        let target_paths = vars.parsed(&vars::TARGET_PATHS, |paths| {
            let place = |path: &str| Some(Place { at: Path::parse(path)?, fields: &[] });
            split_paths(paths).into_iter().map(place).collect()
        })?;
        let seconds = vars.parsed(&vars::MAX_EVENT_AGE_SECONDS, |seconds| seconds.parse::<u32>().ok())?;
        let own = vars.list(&vars::JUMPCLOUD_SELF);
        let act_on_logs = vars.flag(&vars::ACT_ON_LOGS)?;
        if act_on_logs && target_paths.is_none() {
            return Err(misconfigured(
                vars::ACT_ON_LOGS.name,
                "needs TARGET_PATHS, which say where a log names its target",
            ));
        }
        let max_targets = vars.parsed(&vars::MAX_TARGETS_PER_ALERT, |number| {
            number.parse().ok().filter(|number| (1..=100).contains(number))
        })?;
        Ok(Self {
            target_paths,
            act_on_logs,
            max_age: TimeDelta::seconds(i64::from(seconds.unwrap_or(3600))),
            own,
            max_targets: max_targets.unwrap_or(1),
            redrive_queue: vars.text(&vars::REDRIVE_QUEUE),
            trust: Trust::from_vars(vars)?,
            organizations: Organizations::from_vars(vars)?,
        })
    }

    /// `TARGET_PATHS`, as the places of this kind of target; the rest stays the format's.
    pub(super) fn paths_instead<'a>(
        &'a self,
        target_type: TargetType,
        format: Option<&'a Parsed>,
    ) -> Option<Places<'a>> {
        let paths = self.target_paths.as_deref()?;
        let none = Places { users: &[], hosts: &[], accounts: &[], endpoint: false };
        let places = format.map_or(none, Parsed::places);
        Some(match target_type {
            TargetType::User => Places { users: paths, ..places },
            TargetType::Host => Places { hosts: paths, ..places },
        })
    }
}

/// Splits at the commas outside of brackets and quotes.
fn split_paths(paths: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start, mut parts) = (0u32, None, 0, Vec::new());
    for (index, c) in paths.char_indices() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if depth > 0 => quote = Some(c),
            (None, '[' | '(') => depth += 1,
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(paths[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(paths[start..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorType::Internal;

    #[test]
    fn target_paths_are_split_outside_of_brackets() {
        assert_eq!(
            split_paths("/a/b, $['c','d,e'][?@.f == 'g,h'] ,$.i"),
            ["/a/b", "$['c','d,e'][?@.f == 'g,h']", "$.i"]
        );
        let settings = |paths: &str| {
            let var = |name: &str| (name == "TARGET_PATHS").then(|| paths.to_owned());
            Settings::from_vars(&Vars(&var))
        };
        assert!(settings("/a,$.b").is_ok());
        for paths in ["a", "/a,", "$.a[", "$.a,b"] {
            assert_eq!(settings(paths).err().map(|error| error.error_type), Some(Internal), "{paths}");
        }
    }
}
