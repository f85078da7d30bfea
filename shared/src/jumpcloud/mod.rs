//! JumpCloud's API, as far as the playbooks need it: fifteen calls, each beside the object that it is about.
//!
//! Names are JumpCloud's: a host is a `system`, a user a `systemuser`. Knows nothing of Lambda, environment variables,
//! Secrets Manager and playbooks.
//! API v1: <https://docs.jumpcloud.com/api/1.0/index.html>, v2: <https://docs.jumpcloud.com/api/2.0/index.html>.

mod client;
mod credentials;
mod filter;
mod graph;
mod hosts;
mod model;
mod oauth;
mod objects;
mod retry;
mod send;
mod system;
mod systemuser;

pub use self::{
    client::{Client, Reader, Session, SuspendWith, Traffic, Writer},
    credentials::{Credential, Credentials, Organization},
    graph::{Binding, GraphObject, Listing},
    hosts::{Hosts, Region},
    model::Object,
    oauth::{ServiceAccount, Token},
    objects::Found,
    system::{OsKind, System},
    systemuser::{SystemUser, UserState},
};
