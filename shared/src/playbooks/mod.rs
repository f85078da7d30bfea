//! The six playbooks: from a checked request to an [`Outcome`](crate::outcome::Outcome).
//!
//! One file each, which holds only what is its own. [`command`] owns the road of those that change something, [`question`] of
//! those that ask. They speak JumpCloud through a [`Session`](crate::jumpcloud::Session) and know nothing of events and
//! Lambda.

mod advisories;
mod all;
pub mod command;
mod devices;
pub mod disable_user;
pub mod enable_user;
pub mod enrich_host;
pub mod enrich_user;
mod groups;
mod once;
mod plan_hash;
mod protect;
pub mod question;
pub mod reset_password;
mod run;
pub mod shutdown_host;
mod target;
mod verify;
mod words;

pub(crate) use self::once::defect;
pub use self::{
    all::all,
    once::Once,
    run::{Playbook, Run},
    target::{Named, Resolved},
};
