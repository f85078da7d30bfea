//! The road of everything that only asks: look up, and read the facets concurrently.

use futures_util::future::{LocalBoxFuture, join_all};
use serde_json::Value;

use super::{
    access::Basis,
    found::LookUp,
    named::Named,
    run::{Playbook, Run, Step},
    subject::Subject,
    target::look_up_with,
};
use crate::{
    error::{Error, ErrorType},
    outcome::{Access, Advisory, AdvisoryCode, Missing, Outcome, Truncated},
    request::{Include, RequestInfo, Takes, TargetType},
};

/// A playbook that asks, as data.
#[derive(Clone, Copy)]
pub struct Question<T: 'static> {
    /// Its name in outcomes, on the command line and as a binary.
    pub name: &'static str,
    /// The facts of the object itself, and the words that a summary begins with.
    pub about: fn(&T) -> (Value, Vec<String>),
    /// What is read besides.
    pub facets: &'static [Facet<T>],
    /// What `include` may name, and what it names where an event does not say.
    pub include: &'static [Include],
    /// See `include`.
    pub by_default: &'static [Include],
    /// What follows from the facts all together.
    pub finish: fn(&mut Value),
    /// What else to know, from the object alone.
    pub advise: fn(&T) -> Vec<Advisory>,
    /// The ways in, from the object and what was read besides, by the facets' names.
    pub access: fn(&T, Vec<Based>) -> Vec<Access>,
}

/// A part of the answer that is read on its own and may fail alone.
pub struct Facet<T: 'static> {
    /// The fact's name.
    pub name: &'static str,
    /// What it is in words: "the user's devices".
    pub what: &'static str,
    /// Said where it could not be read.
    pub unknown: AdvisoryCode,
    /// Where it is read only if `include` names this.
    pub only_with: Option<Include>,
    /// Reads it.
    pub read: ReadFn<T>,
}

/// A facet's name, and its basis or why there is none.
pub type Based = (&'static str, Result<Basis, ErrorType>);

/// Reads a facet.
pub type ReadFn<T> = for<'a> fn(&'a Subject<'a, T>, &'a RequestInfo) -> LocalBoxFuture<'a, Result<Part, Error>>;

/// What a facet found.
pub struct Part {
    pub(super) value: Value,
    /// For the summary; `None` where it need not say anything.
    pub(super) words: Option<String>,
    pub(super) advisories: Vec<Advisory>,
    /// What it says about the ways in.
    pub(super) basis: Option<Basis>,
    /// Whether there is more than was read.
    pub(super) truncated: bool,
}

impl Part {
    /// A part with nothing to be said about it.
    pub(super) fn new(value: Value) -> Self {
        Self { value, words: None, advisories: Vec::new(), basis: None, truncated: false }
    }
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

    fn takes(&self) -> Takes {
        Takes { include: self.include, ..Takes::NONE }
    }

    /// There is nothing to wait for: what is read besides is read while the target is.
    fn prepare<'a>(&'a self, run: &'a Run<'a>) -> LocalBoxFuture<'a, Result<Step<'a>, Error>> {
        let step: Step<'a> = Box::pin(async move {
            let reader = run.session.reader();
            let include = run.info.include.as_deref().unwrap_or(self.by_default);
            let wanted = |facet: &&Facet<T>| facet.only_with.is_none_or(|part| include.contains(&part));
            let facets: Vec<&Facet<T>> = self.facets.iter().filter(wanted).collect();
            let read = async |subject: &Subject<'_, T>| {
                join_all(facets.iter().map(|facet| (facet.read)(subject, run.info))).await
            };
            let (found, parts) = match look_up_with::<T, _>(reader, run.target, read).await? {
                (LookUp::One(found), parts) => (found, parts),
                (not_one, _) => return Ok(not_one.not_one(run.target)),
            };
            let (mut facts, mut words) = (self.about)(&found.object);
            let (mut advisories, mut missing, mut truncated) = (Vec::new(), Vec::new(), Vec::new());
            let mut based = Vec::new();
            for (facet, part) in facets.iter().zip(parts.into_iter().flatten()) {
                match part {
                    Ok(part) => {
                        if part.truncated {
                            let shown = part.value.as_array().map_or(0, Vec::len);
                            let list = format!("{}.{}", T::TYPE.word(), facet.name);
                            truncated.push(Truncated { list, shown, total: None });
                        }
                        facts[facet.name] = part.value;
                        words.extend(part.words);
                        advisories.extend(part.advisories);
                        based.extend(part.basis.map(|basis| (facet.name, Ok(basis))));
                    }
                    Err(error) => {
                        let message = format!(
                            "{} could not be read ({}); what is said here about them is missing.",
                            facet.what, error.error_type
                        );
                        advisories.push(Advisory::new(facet.unknown, message));
                        based.push((facet.name, Err(error.error_type)));
                        missing.push(Missing { part: facet.name, error: error.error_type, why: error.message });
                    }
                }
            }
            (self.finish)(&mut facts);
            let summary = format!("{}.", words.join(", "));
            let outcome = Outcome::new(found.target, summary).with_facts(T::TYPE, facts);
            advisories.extend((self.advise)(&found.object));
            let access = (self.access)(&found.object, based);
            Ok(Outcome { advisories, access, missing, truncated, ..outcome })
        });
        Box::pin(async move { Ok(step) })
    }
}
