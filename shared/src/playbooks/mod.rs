//! The six playbooks: from a checked request to an [`Outcome`](crate::outcome::Outcome).
//!
//! One file each, which holds only what is its own. `road` is that of each [`command`], which changes something, [`question`] of
//! those that ask. They speak JumpCloud through a [`Session`](crate::jumpcloud::Session) and know nothing of events and
//! Lambda.

mod access;
mod access_devices;
pub mod actions;
mod advisories;
pub mod channel;
pub mod command;
pub mod connection;
mod devices;
pub mod disable_user;
pub mod enable_user;
pub mod enrich_host;
pub mod enrich_user;
mod events;
mod found;
mod groups;
mod guarded;
mod holding;
mod named;
mod once;
mod plan_hash;
mod protect;
pub mod question;
pub mod reset_password;
mod road;
mod run;
mod sessions;
pub mod shutdown_host;
mod spelling;
mod subject;
mod target;
mod verify;
mod words;

pub(crate) use self::once::defect;
pub use self::{
    found::Resolved,
    named::Named,
    once::Once,
    run::{Playbook, Run, Step},
    subject::Subject,
};

use crate::guard::Guard;

/// All of them, the commands with `guard`: for tests, since a function holds the code of one.
pub fn all<G: Guard + Clone + 'static>(guard: &G) -> Vec<Box<dyn Playbook>> {
    vec![
        Box::new(enrich_host::ENRICH_HOST),
        Box::new(enrich_user::ENRICH_USER),
        Box::new(enable_user::ENABLE_USER.guarded(guard.clone())),
        Box::new(disable_user::DISABLE_USER.guarded(guard.clone())),
        Box::new(reset_password::RESET_PASSWORD.guarded(guard.clone())),
        Box::new(shutdown_host::SHUTDOWN_HOST.guarded(guard.clone())),
    ]
}
