//! Whether an alert is acted on: only an open finding, only in time, never the automation's own echo.

use serde_json::Value;

use super::{
    envelope::Alert,
    finding::at,
    formats::Parsed,
    settings::Settings,
    time::Times,
    work::{Arrival, Wants},
};
use crate::{
    error::{
        Error,
        ErrorType::{InvalidInput, StaleEvent},
    },
    outcome::Ignored,
};

impl Settings {
    /// Takes out of `findings` what is nothing to act on. A reason where none is left, or where TARGET_PATHS, which look at all of
    /// them at once, would see one of those.
    pub(super) fn set_aside(
        &self,
        format: Option<&Parsed>,
        findings: &mut Vec<(String, &Value)>,
        wants: Wants,
    ) -> Option<Ignored> {
        let format = format?;
        let mut reason = None;
        findings.retain(|(_, finding)| {
            let over = self.over(format, finding, wants);
            reason = reason.or(over);
            over.is_none()
        });
        reason.filter(|_| findings.is_empty() || self.target_paths.is_some())
    }

    fn over(&self, format: &Parsed, finding: &Value, wants: Wants) -> Option<Ignored> {
        if self.is_own_echo(finding) {
            return Some(Ignored::OwnEcho);
        }
        // A question is answered whatever became of the finding.
        if !wants.mutating {
            return None;
        }
        if !wants.takes_findings {
            return Some(Ignored::NotForFindings);
        }
        format.ignored(finding).filter(|reason| *reason != Ignored::LogLine || !self.act_on_logs)
    }

    /// Whether something may be acted on that has none of the known formats and names its target where TARGET_PATHS say.
    pub(super) fn take_unknown(&self, wants: Wants) -> Result<(), Error> {
        if wants.mutating && !self.act_on_logs {
            return Err(InvalidInput.error("the alert has none of the known formats, so that nothing says whether it is an open finding; nothing was done; ACT_ON_LOGS=true acts on it all the same"));
        }
        Ok(())
    }

    /// Whether the automation itself caused this JumpCloud event, or the one that raised this alert.
    fn is_own_echo(&self, event: &Value) -> bool {
        let event = event.pointer("/data/di_event").unwrap_or(event);
        let initiators = ["/initiated_by/id", "/initiated_by/email"].map(|pointer| at(event, pointer));
        let by = initiators.into_iter().flatten().filter_map(Value::as_str);
        by.map(str::to_lowercase).any(|by| self.own.contains(&by))
    }

    /// The alert's time, unless it is too old to act on. Without a time it may be any age.
    pub(super) fn fresh(&self, times: &Times, wants: Wants, arrival: &Arrival) -> Result<Option<String>, Error> {
        match times.stale(self.max_age, arrival.now).filter(|_| wants.mutating && !arrival.redriven) {
            Some(why) => Err(StaleEvent.error(format!("{why}; nothing was done; to act all the same send a direct event, or move the message to the redrive queue"))),
            None => Ok(times.earliest()),
        }
    }
}

/// The times of an alert and of those of its findings that are meant. The click of an analyst counts for itself.
pub(super) fn times(alert: &Alert, format: Option<&Parsed>, findings: &[(String, &Value)]) -> Times {
    let mut times = alert.times.clone();
    for pointer in format.filter(|_| !alert.is_click).into_iter().flat_map(|format| format.format.times) {
        findings.iter().for_each(|(_, finding)| times.add(at(finding, pointer)));
    }
    times
}
