//! The road of everything that only asks: look up, and read the facets concurrently.

use futures_util::future::{LocalBoxFuture, join_all};
use serde_json::Value;

use super::{
    found::LookUp,
    named::Named,
    run::{Playbook, Run, Step},
    target::look_up_with,
};
use crate::{
    error::Error,
    ids::ObjectId,
    jumpcloud::Reader,
    outcome::{Advisory, AdvisoryCode, Outcome},
    request::TargetType,
};

/// A playbook that asks, as data.
#[derive(Clone, Copy)]
pub struct Question<T: 'static> {
    /// Its name in outcomes, on the command line and as a binary.
    pub name: &'static str,
    /// The facts of the object itself, and the words that a summary begins with.
    pub about: fn(&T) -> (Value, Vec<String>),
    /// What is read besides.
    pub facets: &'static [Facet],
    /// What follows from the facts all together.
    pub finish: fn(&mut Value),
}

/// A part of the answer that is read on its own and may fail alone.
pub struct Facet {
    /// The fact's name.
    pub name: &'static str,
    /// What it is in words: "the user's devices".
    pub what: &'static str,
    /// Said where it could not be read.
    pub unknown: AdvisoryCode,
    /// Reads it.
    pub read: for<'a> fn(&'a Reader<'a>, &'a ObjectId) -> LocalBoxFuture<'a, Result<Part, Error>>,
}

/// What a facet found.
pub struct Part {
    pub(super) value: Value,
    /// For the summary; `None` where it need not say anything.
    pub(super) words: Option<String>,
    pub(super) advisories: Vec<Advisory>,
}

impl<T: Named> Playbook for Question<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn target_type(&self) -> TargetType {
        T::TYPE
    }

    fn mutating(&self) -> bool {
        false
    }

    /// There is nothing to wait for: what is read besides is read while the target is.
    fn prepare<'a>(&'a self, run: &'a Run<'a>) -> LocalBoxFuture<'a, Result<Step<'a>, Error>> {
        let step: Step<'a> = Box::pin(async move {
            let reader = run.session.reader();
            let read = async |id: &ObjectId| join_all(self.facets.iter().map(|facet| (facet.read)(reader, id))).await;
            let (found, parts) = match look_up_with::<T, _>(reader, run.target, read).await? {
                (LookUp::One(found), parts) => (found, parts),
                (not_one, _) => return Ok(not_one.not_one(run.target)),
            };
            let (mut facts, mut words) = (self.about)(&found.object);
            let mut advisories = Vec::new();
            for (facet, part) in self.facets.iter().zip(parts.into_iter().flatten()) {
                match part {
                    Ok(part) => {
                        facts[facet.name] = part.value;
                        words.extend(part.words);
                        advisories.extend(part.advisories);
                    }
                    Err(error) => advisories.push(Advisory::new(
                        facet.unknown,
                        format!(
                            "{} could not be read ({}); what is said here about them is missing.",
                            facet.what, error.error_type
                        ),
                    )),
                }
            }
            (self.finish)(&mut facts);
            let summary = format!("{}.", words.join(", "));
            Ok(Outcome { advisories, ..Outcome::new(found.target, summary).with_facts(T::TYPE, facts) })
        });
        Box::pin(async move { Ok(step) })
    }
}
