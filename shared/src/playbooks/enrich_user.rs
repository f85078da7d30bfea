//! Enrich User: what JumpCloud knows about a user.

use serde_json::{Value, json};

use super::{
    devices::{self, with_binding},
    groups,
    named::Named,
    question::{Facet, Part, Question},
    words::{counted, label, shown},
};
use crate::{
    error::Error,
    ids::ObjectId,
    jumpcloud::{Object, Reader, SystemUser},
    outcome::AdvisoryCode,
};

/// A user's facts, with devices and groups.
pub const ENRICH_USER: Question<SystemUser> = Question {
    name: "enrich-user",
    about,
    facets: &[
        Facet {
            name: "devices",
            what: "The user's devices",
            unknown: AdvisoryCode::DevicesUnknown,
            read: |reader, id| Box::pin(devices(reader, id)),
        },
        Facet {
            name: "groups",
            what: "The groups",
            unknown: AdvisoryCode::GroupsUnknown,
            read: |reader, id| Box::pin(groups::part(reader, reader.user_memberof(id))),
        },
        Facet {
            name: "scheduled_state_changes",
            what: "The scheduled changes of state",
            unknown: AdvisoryCode::StateChangesUnknown,
            read: |reader, id| Box::pin(state_changes(reader, id)),
        },
    ],
    finish: |_| {},
};

fn about(user: &SystemUser) -> (Value, Vec<String>) {
    let mut facts = serde_json::to_value(user).unwrap_or_default();
    facts["state"] = json!(user.state());
    let mut words = vec![format!("{} is {}", label(user), shown(user.state().as_ref()))];
    words.extend((user.account_locked == Some(true)).then(|| "locked".to_owned()));
    words.extend((user.password_expired == Some(true)).then(|| "password expired".to_owned()));
    words.extend(user.admin.is_some().then(|| "linked to an administrator".to_owned()));
    (facts, words)
}

async fn devices(reader: &Reader<'_>, id: &ObjectId) -> Result<Part, Error> {
    let devices = devices::read(reader, id).await?;
    Ok(Part {
        words: Some(counted(devices.systems.len(), "device")),
        value: devices
            .systems
            .iter()
            .map(|host| with_binding(host.brief(), host.id().ok(), &devices.bindings))
            .collect(),
        advisories: devices.problem.into_iter().collect(),
    })
}

async fn state_changes(reader: &Reader<'_>, id: &ObjectId) -> Result<Part, Error> {
    let changes = reader.state_changes(id).await?;
    let words = (!changes.is_empty()).then(|| counted(changes.len(), "scheduled state change"));
    Ok(Part { words, value: json!(changes), advisories: Vec::new() })
}
