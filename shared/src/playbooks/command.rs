//! What a playbook fills in that changes something.
//!
//! Its plan gets a [`Reader`], which leads to no write; its `apply` gets a [`Writer`], which `road.rs` alone takes out of the
//! session, after a guard has admitted the change.

use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use super::{access_devices::When, channel::Channel, devices::Devices, found::Resolved, verify::Answer};
use crate::{
    error::Error,
    guard::Sighting,
    ids::ObjectId,
    jumpcloud::{Reader, Writer},
    outcome::{Access, Advisory, Ignored, Undo},
    request::{RequestInfo, Takes},
};

/// Reads, and says what is to be done.
pub type PlanFn<T> =
    for<'a> fn(&'a Reader<'a>, &'a Resolved<T>, &'a RequestInfo) -> LocalBoxFuture<'a, Result<Plan, Error>>;
/// Sends a change on the way that the plan found, and gives JumpCloud's answer.
pub type ApplyFn<T> =
    for<'a> fn(&'a Writer<'a>, &'a Resolved<T>, Option<&'a Channel>) -> LocalBoxFuture<'a, Result<Answer<T>, Error>>;

/// A playbook that changes something, as data: each function's binary names one and so holds the code of no other.
///
/// What a plan is given can read:
/// ```
/// async fn plan(reader: &jumpcloud_playbooks::jumpcloud::Reader<'_>, id: &jumpcloud_playbooks::ids::ObjectId) {
///     let _ = reader.user_systems(id).await;
/// }
/// ```
/// and does not lead to a write:
/// ```compile_fail
/// async fn plan(reader: &jumpcloud_playbooks::jumpcloud::Reader<'_>, id: &jumpcloud_playbooks::ids::ObjectId) {
///     let _ = reader.expire(id).await;
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Command<T: 'static> {
    /// Its name in outcomes, on the command line and as a binary.
    pub name: &'static str,
    /// Whether it takes something away from the target. Then protected targets are refused, and it is limited.
    pub contains: bool,
    /// The fields of a direct event that it takes and not every playbook does.
    pub takes: Takes,
    /// What is to be done to the object as it was read; cannot write.
    pub plan: PlanFn<T>,
    /// Sends the change.
    pub apply: ApplyFn<T>,
    /// Whether an object shows the new state. `None` where no object can.
    pub shows: Option<fn(&T) -> bool>,
    /// Where no object can: when it was online, from which the guard concludes whether the command still waits.
    pub sighting: Option<fn(&T) -> Sighting>,
    /// What `before` and `after` say of an object.
    pub state: fn(&T) -> Value,
    /// The devices that the advisories are about; read while the change is made.
    pub devices: for<'a> fn(&'a Reader<'a>, &'a ObjectId) -> LocalBoxFuture<'a, Devices>,
    /// What else to know, from the object before and now.
    pub advise: fn(&T, &T, &Devices) -> Vec<Advisory>,
    /// The ways in that the user has, from the object as it is now.
    pub access: fn(When, &T, &Devices) -> Vec<Access>,
}

/// What a command is about to do.
pub enum Plan {
    /// Nothing: the wanted state is there, as this sentence says.
    Unchanged(String),
    /// Nothing, because the event says so: the reason, and a sentence.
    Skip(Ignored, String),
    /// A change, in words.
    Change {
        /// After "would": "suspend jsmith; is ACTIVATED".
        would: String,
        /// A sentence for when it was done: "Suspended jsmith; was ACTIVATED."
        did: String,
        /// How to take it back, where that is possible.
        undo: Option<Undo>,
        /// The way of the command, where there are several.
        channel: Option<Channel>,
    },
}
