//! JumpCloud response playbooks for AWS Lambda.
//!
//! The way of an event: [`runtime`] receives it, [`intake`] makes work of it, [`playbooks`] do it through the [`jumpcloud`]
//! client behind a [`guard`], and an [`outcome::Outcome`] or an [`error::Error`] goes back. Each module imports only those
//! after it in this list, and files of one folder import each other in no circle: `tests/layers.rs` checks both.

#[cfg(test)]
mod docs;
#[cfg(test)]
mod schemas;

pub mod runtime;

pub mod intake;
mod markdown;
pub mod playbooks;

pub mod guard;
pub mod holds;
pub mod outcome;
pub mod request;

pub mod credentials;
pub mod jumpcloud;

pub mod http;
pub mod organizations;
pub mod vars;

pub mod checks;
pub mod error;
pub mod ids;

pub mod text;
