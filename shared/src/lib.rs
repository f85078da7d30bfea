//! JumpCloud response playbooks for AWS Lambda.
//!
//! The way of an event: [`runtime`] receives it, [`intake`] makes a [`request::Request`] of it, [`playbooks`] act
//! through the [`jumpcloud`] client, and an [`outcome::Outcome`] or an [`error::Error`] goes back. Each module
//! imports only those after it in this list.

pub mod runtime;

mod batch;

pub mod intake;
pub mod playbooks;

mod markdown;
pub mod outcome;
pub mod request;
mod telemetry;

pub mod jumpcloud;

pub mod credentials;
pub mod error;
pub mod http;
