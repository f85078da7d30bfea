//! What a command does to the holds of its target (see [`crate::holds`]), above all where it sends nothing.

use chrono::Utc;

use super::{named::Named, road::Road};
use crate::{
    error::{Error, ErrorType::Unsupported},
    guard::{Admission, Change, Guard},
    holds::{Holding, SOMEBODY_ELSE, in_words},
    outcome::{Hold, Outcome, Status},
};

/// They are in one item of the guard table, which holds 400 KB.
const MAX_HOLDS: usize = 100;

impl<T: Named, G: Guard> Road<'_, T, G> {
    /// What this request does to the holds.
    pub(super) fn holding(&self) -> Holding {
        let takes = self.command.takes;
        match &self.info.release {
            _ if takes.hold => Holding::Add(Hold::of(self.info, Utc::now())),
            Some(id) if takes.release => Holding::Release(id.clone()),
            None if takes.release => Holding::ReleaseAll,
            _ => Holding::Keep,
        }
    }

    /// The holds before this run; none for a command without, and where the deployment has no guard table.
    ///
    /// # Errors
    /// `Unsupported` where the event needs the table and there is none.
    pub(super) fn held(&self, known: &Result<G::Known, Error>) -> Result<Vec<Hold>, Error> {
        let holds = known.as_ref().ok().and_then(|known| self.guard.holds(known));
        if holds.is_none() && known.is_ok() && (self.info.hold.is_some() || self.info.release.is_some()) {
            return Err(Unsupported
                .error("`hold` and `release` need the guard table, and GUARD_TABLE is `none`; nothing was done"));
        }
        let takes = self.command.takes;
        Ok(holds.filter(|_| takes.hold || takes.release).unwrap_or_default())
    }

    /// Why the target stays contained although a hold is given up; `None` where nothing stands against it.
    pub(super) fn still_held(&self, known: &Result<G::Known, Error>, change: &Change<'_>) -> Option<String> {
        let (Holding::Release(id), Ok(known)) = (&change.holding, known) else { return None };
        let (holds, now) = (self.guard.holds(known)?, Utc::now());
        let name = &self.found.target.name;
        if !holds.iter().any(|hold| hold.id == *id) {
            return Some(format!("{name} is not held by {id}: it was given up before, or a person ended it."));
        }
        let left = change.holding.when_unchanged(&holds, true, now);
        let left: Vec<_> = left.iter().filter(|hold| hold.is_live(now)).collect();
        if !left.is_empty() {
            return Some(format!("{name} stays contained: also held by {}.", in_words(left)));
        }
        let unsettled = self.guard.unsettled(known, "disable-user")?;
        Some(format!(
            "{name} stays contained: whether the attempt of {} or somebody else suspended the user is not known; look, and decide with Enable User without `release`.",
            unsettled.when
        ))
    }

    /// `outcome`, of a run that sends nothing, with the holds as they are after it. Neither waits for the other.
    pub(super) async fn hold_only(
        &self,
        outcome: impl Future<Output = Result<Outcome, Error>>,
        known: &Result<G::Known, Error>,
        change: &Change<'_>,
    ) -> Result<Outcome, Error> {
        let holds = self.held(known)?;
        let (outcome, kept) = tokio::join!(outcome, self.keep(known, change, &holds));
        let outcome = outcome?;
        Ok(match kept? {
            Some(Admission::Admitted(after)) => {
                let summary = self.said(outcome.summary.clone(), change, &holds);
                Outcome { holds: after, summary, ..outcome }
            }
            Some(Admission::DryRun(why)) => {
                let summary = format!("Dry run ({why}): {}", outcome.summary);
                Outcome { status: Status::DryRun, summary, holds, ..outcome }
            }
            Some(Admission::Pending(_)) | None => Outcome { holds, ..outcome },
        })
    }

    /// Writes the holds of a target that nothing is sent to; `None` where there is nothing to write.
    async fn keep(
        &self,
        known: &Result<G::Known, Error>,
        change: &Change<'_>,
        holds: &[Hold],
    ) -> Result<Option<Admission<Vec<Hold>>>, Error> {
        // Without it, nothing to keep them in, or nothing read.
        let Some(read) = known.as_ref().ok().filter(|known| self.guard.holds(known).is_some()) else { return Ok(None) };
        if self.session.dry_run() || !self.is_needed(change, holds) {
            return Ok(None);
        }
        if let Holding::Add(_) = change.holding {
            // It takes something away: the time at which the target would be given back.
            let protection = self.protection(known).await?;
            if holds.len() >= MAX_HOLDS {
                let why = format!("{} is held {MAX_HOLDS} times already; nothing was done", self.found.target.name);
                return Err(Unsupported.error(why));
            }
            match self.consent(change.before, &protection).await {
                Err(_) if self.info.hold.is_none() => return Ok(None),
                consent => consent?,
            };
        }
        self.guard.keep_holds(read, change).await.map(Some)
    }

    /// Whether the holds are to be written although nothing is sent.
    fn is_needed(&self, change: &Change<'_>, holds: &[Hold]) -> bool {
        match &change.holding {
            Holding::Keep => false,
            Holding::Release(id) => holds.iter().any(|hold| hold.id == *id),
            Holding::ReleaseAll => !holds.is_empty(),
            // One for good is enough, however many findings there are about the user.
            Holding::Add(_) if self.info.hold.is_none() => {
                !holds.iter().any(|hold| hold.until.is_none() && hold.id != SOMEBODY_ELSE)
            }
            Holding::Add(_) => true,
        }
    }

    /// `summary` with what becomes of the holds.
    pub(super) fn said(&self, summary: String, change: &Change<'_>, before: &[Hold]) -> String {
        match &change.holding {
            Holding::Add(hold) if self.info.hold.is_some() => format!("{summary} Held by {}.", in_words([hold])),
            Holding::Release(id) if before.iter().any(|hold| hold.id == *id) => {
                format!("{summary} The hold {id} is given up.")
            }
            Holding::ReleaseAll if !before.is_empty() => format!("{summary} Ended holds: {}.", in_words(before)),
            _ => summary,
        }
    }
}
