//! A rehearsal for the playbooks on one machine: a JumpCloud tenant, Secrets Manager, DynamoDB and Lambda's Runtime API, all
//! on loopback. The functions under it are the real binaries.

mod apple_mdm;
mod authorize;
pub mod binaries;
mod change;
pub mod contract;
pub mod dynamo;
pub mod events;
mod events_api;
pub mod faults;
mod filter;
pub mod gate;
mod graph;
mod insights;
pub mod invoke_api;
pub mod lambda;
mod org;
pub mod playbooks;
mod query;
pub mod raw;
pub mod rehearsal;
mod replies;
mod scopes;
mod search;
pub mod secrets;
pub mod seed;
pub mod serve;
pub mod settings;
pub mod tenant;
pub mod terminal;
pub mod v1;
mod v2;
