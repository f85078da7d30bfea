//! A command behind its guard, as a function runs it: look up the target, then the road.

use futures_util::future::LocalBoxFuture;

use super::{
    command::Command,
    found::LookUp,
    named::Named,
    once::Same,
    road::Road,
    run::{Playbook, Run, Step},
    subject::Subject,
    target::look_up_with,
};
use crate::{
    error::Error,
    guard::{About, Guard},
    outcome::Outcome,
    request::{Takes, TargetType},
};

/// A command and the guard that it passes.
pub struct Guarded<T: 'static, G> {
    command: Command<T>,
    /// Or why there is none.
    guard: Result<G, Error>,
}

impl<T: Named> Command<T> {
    /// The command behind `guard`: the only way to run it.
    pub fn guarded<G: Guard>(self, guard: G) -> Guarded<T, G> {
        self.guarded_or(Ok(guard))
    }

    /// The same where the guard may have failed to be built: then each request is answered with that.
    pub fn guarded_or<G: Guard>(self, guard: Result<G, Error>) -> Guarded<T, G> {
        Guarded { command: self, guard }
    }
}

impl<T: Named, G: Guard> Playbook for Guarded<T, G> {
    fn name(&self) -> &'static str {
        self.command.name
    }

    fn target_type(&self) -> TargetType {
        T::TYPE
    }

    fn mutating(&self) -> bool {
        true
    }

    fn takes_findings(&self) -> bool {
        self.command.contains
    }

    fn takes(&self) -> Takes {
        self.command.takes
    }

    fn ready(&self) -> Result<(), Error> {
        self.guard.as_ref().map(drop).map_err(Clone::clone)
    }

    fn warm_up(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(async {
            if let Ok(guard) = &self.guard {
                guard.warm_up().await;
            }
        })
    }

    fn prepare<'a>(&'a self, run: &'a Run<'a>) -> LocalBoxFuture<'a, Result<Step<'a>, Error>> {
        Box::pin(async move {
            let guard = self.guard.as_ref().map_err(Clone::clone)?;
            let reader = run.session.reader();
            let read = async |subject: &Subject<'_, T>| {
                let (playbook, organization) = (self.command.name, run.info.organization.as_ref());
                let time_left = reader.time_left();
                guard.read(&About { playbook, organization, target_type: T::TYPE, id: subject.id, time_left }).await
            };
            let (found, known) = match look_up_with::<T, _>(reader, run.target, read).await? {
                (LookUp::One(found), Some(known)) => (found, known),
                (not_one, _) => return Err(not_one.as_error(run.target)),
            };
            let step: Step<'a> = Box::pin(async move {
                let road = Road { command: &self.command, guard, session: run.session, found: &found, info: run.info };
                let (organization, dry_run) = (run.info.organization.clone(), run.session.dry_run());
                let same = Same { organization, id: found.id.clone(), dry_run };
                let outcome = run.once.act(same, Box::pin(road.go(known))).await?;
                Ok(Outcome { target: Some(found.target), ..outcome })
            });
            Ok(step)
        })
    }
}
