//! A rehearsal for the playbooks on one machine: a JumpCloud tenant, Secrets Manager, DynamoDB and Lambda's Runtime API, all
//! on loopback. The functions under it are the real binaries.

pub mod binaries;
pub mod dynamo;
pub mod faults;
pub mod gate;
pub mod invoke_api;
pub mod lambda;
mod org;
pub mod playbooks;
pub mod rehearsal;
mod search;
pub mod secrets;
pub mod serve;
pub mod tenant;
