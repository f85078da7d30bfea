//! What stands between a plan and its first write.

use std::time::Duration;

use serde_json::Value;

use crate::{
    error::Error,
    holds::Holding,
    ids::ObjectId,
    organizations::Alias,
    outcome::{Hold, Judgement, OutcomeTarget, Pending},
    request::{RequestInfo, TargetType},
};

/// What the guard reads beside the object: what it holds about one target.
pub struct About<'a> {
    /// The playbook's name.
    pub playbook: &'static str,
    /// Of several, where the function serves several.
    pub organization: Option<&'a Alias>,
    /// User or host.
    pub target_type: TargetType,
    /// Of the target.
    pub id: &'a ObjectId,
    /// What is left of the invocation's time.
    pub time_left: Duration,
}

/// A change that is planned.
pub struct Change<'a> {
    /// The playbook's name.
    pub playbook: &'static str,
    /// Whether it takes something away from the target; giving back is not limited.
    pub contains: bool,
    /// Whether it is what was last done to the target from now on. A command that is called back stays it: whether that ends it
    /// is not known.
    pub marks: bool,
    /// Whom or what it is made to; its id is known.
    pub target: &'a OutcomeTarget,
    /// The state that was read.
    pub before: &'a Value,
    /// Where no object shows the change, so that the guard's own record decides: when the object was online.
    pub sighting: Option<Sighting>,
    /// What it does to those who want the target contained.
    pub holding: Holding,
    /// Who asked, and why.
    pub info: &'a RequestInfo,
    /// What is left of the invocation's time.
    pub time_left: Duration,
}

/// What an object says about its connection.
#[derive(Clone, Debug, Default)]
pub struct Sighting {
    /// Whether it is online now.
    pub online: bool,
    /// When it was last, as JumpCloud says it.
    pub last_contact: Option<String>,
}

/// What the entries for protected targets need to know beside the target's own id and names. Each is read only where
/// there is an entry that asks for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asks {
    /// The groups of the target.
    pub groups: bool,
    /// The users of a host, with their names.
    pub users: bool,
}

/// A person, or a host: all that an entry can name it by.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// Id, user name, e-mail address; id and host names.
    pub names: Vec<String>,
    /// The ids of its groups, direct or through other groups.
    pub groups: Vec<String>,
}

/// A target as entries for protected targets see it.
pub struct Subject {
    /// The target itself.
    pub target: Named,
    /// Of a host: those who are bound to it directly, and its primary user.
    pub users: Vec<Named>,
    /// Of a host: how many are bound to it directly.
    pub bound: usize,
}

/// Whether automation may touch a target.
pub enum Protection {
    /// It may.
    No,
    /// Only where a person has seen the plan, for this reason.
    Ask(String),
    /// It may not.
    Refused(Error),
}

/// A change of the same kind that was begun and never settled.
pub struct Unsettled {
    /// The state before it.
    pub before: Option<Value>,
    /// When and for whom it was begun, in words.
    pub when: String,
}

/// What the guards say of a change, without counting or recording anything.
#[derive(Default)]
pub struct Judged {
    /// Rule by rule.
    pub guards: Vec<Judgement>,
    /// The command that was sent before and may still be carried out.
    pub pending: Option<Pending>,
}

/// The answer to a change.
pub enum Admission<T> {
    /// It may be made. The ticket is given back with [`Guard::settle`].
    Admitted(T),
    /// It was sent before and may still be carried out: nothing is to be sent.
    Pending(Pending),
    /// Only dry runs are made at present, for this reason.
    DryRun(String),
}

/// What became of a change that was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// JumpCloud answered that it was carried out or accepted.
    Done,
    /// It was sent, and what became of it is not known.
    Unknown,
    /// Surely nothing was sent.
    NotSent,
}

/// Decides whether a change may be made. One that cannot decide refuses.
#[expect(async_fn_in_trait, reason = "used in this workspace only, on one thread")]
pub trait Guard {
    /// What is known about a target.
    type Known;
    /// What was admitted.
    type Ticket;

    /// Opens the connection, so that the first invocation finds it.
    async fn warm_up(&self) {}
    /// What is not guarded because the deployment says so.
    fn absent(&self) -> Vec<Judgement> {
        Vec::new()
    }
    /// Reads what is known; runs beside the read of the object.
    async fn read(&self, about: &About<'_>) -> Result<Self::Known, Error>;
    /// What the protected entries need.
    fn asks(&self, _: &Self::Known, _: TargetType) -> Asks {
        Asks::default()
    }
    /// Whether an entry protects the target.
    fn protection(&self, _: &Self::Known, _: &Subject, _: TargetType) -> Protection {
        Protection::No
    }
    /// A change of this playbook that was begun and never settled.
    fn unsettled(&self, _: &Self::Known, _playbook: &str) -> Option<Unsettled> {
        None
    }
    /// Who wants the target contained; `None` where the deployment has no table to keep it in.
    fn holds(&self, _: &Self::Known) -> Option<Vec<Hold>> {
        None
    }
    /// Records what `change` does to the holds of a target that is found as wanted, so that nothing is sent. The holds after
    /// it.
    async fn keep_holds(&self, _: &Self::Known, _: &Change<'_>) -> Result<Admission<Vec<Hold>>, Error> {
        Ok(Admission::Admitted(Vec::new()))
    }
    /// What [`Guard::admit`] would say, rule by rule, without counting or recording anything.
    fn judge(&self, _: &Self::Known, _: &Change<'_>) -> Judged {
        Judged::default()
    }
    /// Admits `change` before its first write, or refuses it by name.
    async fn admit(&self, known: &Self::Known, change: &Change<'_>) -> Result<Admission<Self::Ticket>, Error>;
    /// Records what became of it.
    async fn settle(&self, ticket: Self::Ticket, result: Settled, time_left: Duration);
}

/// Admits everything.
#[derive(Clone)]
pub struct Unguarded;

impl Guard for Unguarded {
    type Known = ();
    type Ticket = ();

    async fn read(&self, _: &About<'_>) -> Result<(), Error> {
        Ok(())
    }

    async fn admit(&self, (): &(), _: &Change<'_>) -> Result<Admission<()>, Error> {
        Ok(Admission::Admitted(()))
    }

    async fn settle(&self, (): (), _: Settled, _: Duration) {}
}
