//! Whether a change happened: said only where it was seen.

use std::time::Duration;

use tokio::time::sleep;

use super::named::Named;
use crate::{
    error::{
        Error,
        ErrorType::{OutcomeUnknown, UnexpectedResponse},
    },
    ids::ObjectId,
    jumpcloud::{Reader, SystemUser},
    outcome::{Advisory, AdvisoryCode, Status},
};

/// The waits between looks for a change that does not show: 3.75 s in all. A change whose answer was lost was seen to be
/// carried out 2.5 s later.
const WAITS: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_millis(1000), Duration::from_millis(2000)];

/// What JumpCloud answered to a change.
pub enum Answer<T> {
    /// The object, as it is now.
    Object(T),
    /// The answer that is documented for this call, which shows no object.
    Accepted,
    /// The same for a call of which it is not documented what it does to the target.
    Tried,
    /// Success by its status, but not the answer that is documented.
    Undocumented,
}

impl Answer<SystemUser> {
    /// What a change of state answered: the user with its state, as documented of `PUT`, or something else.
    pub(super) fn of_put(user: Option<SystemUser>) -> Self {
        user.filter(Named::has_state).map_or(Self::Undocumented, Self::Object)
    }
}

/// What is known of a change.
pub(super) struct Verdict<T> {
    pub(super) status: Status,
    /// `None` where it is not known.
    pub(super) changed: Option<bool>,
    /// Whether it was read back; `None` where it could not be read.
    pub(super) verified: Option<bool>,
    /// Whether an object could show it.
    pub(super) readable: bool,
    /// The object as read back, else as JumpCloud returned it from the change.
    pub(super) now: Option<T>,
}

/// Reads the object back after `sent` and says what became of the change. An answer that was lost, or that shows
/// nothing, is looked for again while there is time; not seeing it never proves that it did not happen.
pub(super) async fn verify<T: Named>(
    reader: &Reader<'_>,
    id: &ObjectId,
    sent: Result<Answer<T>, Error>,
    shows: Option<fn(&T) -> bool>,
) -> Result<Verdict<T>, Error> {
    let (answer, lost) = match sent {
        Ok(answer) => (Some(answer), None),
        Err(error) if error.error_type == OutcomeUnknown => (None, Some(error)),
        Err(error) => return Err(error),
    };
    let Some(shows) = shows else {
        return match (answer, lost) {
            (Some(Answer::Undocumented), _) => Err(undocumented()),
            (_, Some(error)) => Err(error),
            (answer, _) => {
                let changed = (!matches!(answer, Some(Answer::Tried))).then_some(true);
                Ok(Verdict { status: Status::Accepted, changed, verified: None, readable: false, now: None })
            }
        };
    };
    let returned = match answer {
        Some(Answer::Object(ref object)) => Some(shows(object)),
        _ => None,
    };
    let seen = look(reader, id, shows, returned == Some(true)).await;
    let verified = seen.as_ref().map(shows);
    let succeeded = |now| Ok(Verdict { status: Status::Succeeded, changed: Some(true), verified, readable: true, now });
    match (answer, lost) {
        _ if verified == Some(true) => succeeded(seen),
        (Some(Answer::Object(object)), _) if returned == Some(true) => succeeded(seen.or(Some(object))),
        (Some(Answer::Object(_)), _) => Err(UnexpectedResponse
            .error("JumpCloud answered the change with the old state, and no read showed the new one; look in the Admin Portal")
            .with_unknown_effect()),
        (Some(Answer::Accepted), _) => Ok(Verdict { status: Status::Accepted, changed: None, verified, readable: true, now: seen }),
        (_, Some(error)) => Err(error),
        _ => Err(undocumented()),
    }
}

/// Looks until the new state shows or the looks are used up; a look that fails is followed by the next one. Where it is
/// known that it changed, one look is enough.
async fn look<T: Named>(reader: &Reader<'_>, id: &ObjectId, shows: fn(&T) -> bool, known: bool) -> Option<T> {
    let mut waits = WAITS.iter();
    let mut last = None;
    loop {
        if let Some(seen) = reader.get::<T>(id).await.ok().flatten().filter(T::has_state) {
            if known || shows(&seen) {
                return Some(seen);
            }
            last = Some(seen);
        }
        match waits.next().filter(|wait| !known && **wait * 2 < reader.time_left()) {
            Some(wait) => sleep(*wait).await,
            None => return last,
        }
    }
}

fn undocumented() -> Error {
    OutcomeUnknown.error("JumpCloud answered the change in a way that is not documented, and no read showed the new state; it may have been carried out; look at the target before doing anything again")
}

impl<T> Verdict<T> {
    /// What to add to the advisories when the new state was not read back.
    pub(super) fn doubt(&self) -> Option<Advisory> {
        match self.verified {
            _ if !self.readable => None,
            Some(true) => None,
            Some(false) => Some(Advisory::new(
                AdvisoryCode::NotVisibleYet,
                "JumpCloud accepted the change, but a read right after it still showed the old state; look again.",
            )),
            None => Some(Advisory::new(
                AdvisoryCode::NotReadBack,
                "JumpCloud accepted the change, but the object could not be read back to check it; look again.",
            )),
        }
    }

    /// One sentence about the change: `did`, where it is known to have happened.
    pub(super) fn summary(&self, would: &str, did: String) -> String {
        let caveat = match self.verified {
            _ if !self.readable => "",
            Some(true) => "",
            Some(false) => " It does not show yet.",
            None => " It could not be read back.",
        };
        match self.changed {
            Some(_) => format!("{did}{caveat}"),
            None => format!("JumpCloud accepted the request to {would}.{caveat}"),
        }
    }
}
