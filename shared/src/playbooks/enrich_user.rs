//! Enrich User: what JumpCloud knows about a user.

use serde_json::{Value, json};

use super::{
    devices, groups,
    question::{Facet, Part, Question},
    target::Named,
    words::{counted, label, shown},
};
use crate::{
    error::Error,
    ids::ObjectId,
    jumpcloud::{Reader, SystemUser},
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
        words: counted(devices.systems.len(), "device"),
        value: devices.systems.iter().map(Named::brief).collect(),
        advisories: devices.problem.into_iter().collect(),
    })
}
