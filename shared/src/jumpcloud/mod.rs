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
mod hosts;
mod insights;
mod list;
mod model;
mod oauth;
mod objects;
mod probe;
mod queue;
mod retry;
mod send;
mod system;
mod systemuser;

pub use self::{
    apple_mdm::MdmDevice,
    client::{Client, Reader, Session, SuspendWith, Traffic, Writer},
    credentials::{Credential, Credentials, Organization},
    graph::{Binding, GraphObject, Listing},
    hosts::{Hosts, Region},
    insights::{Event, LoggedInUser},
    list::Listed,
    model::Object,
    oauth::{ServiceAccount, Token},
    objects::Found,
    probe::{About, Probe, Probed, Refusal},
    queue::QueuedCommand,
    system::{LocalAccount, OsKind, System},
    systemuser::{StateChange, SystemUser, UserState},
};
