//! JumpCloud's API, as far as the playbooks need it: its calls, each beside the object that it is about.
//!
//! Names are JumpCloud's: a host is a `system`, a user a `systemuser`. Knows nothing of Lambda, environment variables,
//! Secrets Manager and playbooks.
//! API v1: <https://docs.jumpcloud.com/api/1.0/index.html>, v2: <https://docs.jumpcloud.com/api/2.0/index.html>.

mod apple_mdm;
mod client;
mod credentials;
mod filter;
mod graph;
mod insights;
mod list;
mod model;
mod objects;
mod queue;
mod retry;
mod send;
mod system;
mod systemuser;

pub use self::{
    apple_mdm::MdmDevice,
    client::{Client, Reader, Session, Traffic, Writer},
    credentials::{Credential, Credentials},
    graph::{Binding, GraphObject, Listing},
    insights::{Event, LoggedInUser},
    list::Listed,
    model::Object,
    objects::Found,
    system::{OsKind, System},
    systemuser::{SystemUser, UserState},
};
