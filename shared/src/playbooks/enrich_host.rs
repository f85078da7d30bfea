//! Enrich Host: what JumpCloud knows about a device.

use serde_json::{Value, json};

use super::{
    channel,
    devices::{resolve, with_binding},
    events, groups,
    question::{Facet, Part, Question},
    sessions,
    subject::Subject,
    words::counted,
};
use crate::{
    error::Error,
    ids::ObjectId,
    jumpcloud::{Object, Reader, System, SystemUser},
    outcome::{Advisory, AdvisoryCode},
    request::Include,
};

/// A host's facts, with its users and groups.
pub const ENRICH_HOST: Question<System> = Question {
    name: "enrich-host",
    about,
    facets: &[
        Facet {
            name: "users",
            what: "The host's users",
            unknown: AdvisoryCode::UsersUnknown,
            only_with: None,
            read: |host, _| Box::pin(users(host.reader, host.id)),
        },
        Facet {
            name: "groups",
            what: "The groups",
            unknown: AdvisoryCode::GroupsUnknown,
            only_with: None,
            read: |host, _| Box::pin(groups::part(host.reader, host.reader.system_memberof(host.id))),
        },
        Facet {
            name: "shutdown",
            what: "The ways to shut the host down",
            unknown: AdvisoryCode::ShutdownUnknown,
            only_with: None,
            read: |host, _| Box::pin(shutdown(host)),
        },
        Facet {
            name: "events",
            what: "The events",
            unknown: AdvisoryCode::EventsUnknown,
            only_with: Some(Include::Events),
            read: |host, info| Box::pin(events::of_host(host, info)),
        },
        Facet {
            name: "sessions",
            what: "The sessions",
            unknown: AdvisoryCode::SessionsUnknown,
            only_with: Some(Include::Sessions),
            read: |host, _| Box::pin(sessions::of_host(host)),
        },
    ],
    include: &[Include::Events, Include::Sessions],
    by_default: &[],
    finish: name_the_owner,
    advise: |_| Vec::new(),
    access: |_, _| Vec::new(),
};

fn about(host: &System) -> (Value, Vec<String>) {
    let online = match host.active {
        Some(true) => "online",
        Some(false) => "offline",
        None => "of unknown connection",
    };
    let os = [host.os.as_deref(), host.version.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let os = if os.is_empty() { os } else { format!(" ({os})") };
    let words = vec![format!("{}{os} is {online}", host.name())];
    let mut facts = serde_json::to_value(host).unwrap_or_default();
    if let Some(owner) = host.owner() {
        facts["owner"] = json!(owner);
    }
    if let Some(administrators) = host.local_administrators() {
        facts["local_administrators"] = json!(administrators);
    }
    (facts, words)
}

async fn users(reader: &Reader<'_>, id: &ObjectId) -> Result<Part, Error> {
    let listing = reader.system_users(id).await?;
    let (users, complete) = resolve::<SystemUser>(reader, &listing).await?;
    let bindings = listing.bindings();
    let incomplete = (!complete).then(|| Advisory::new(AdvisoryCode::UsersIncomplete, "Not all users of the host are listed here: there are more than 1,000, or the key may not see them; see the Admin Portal."));
    let brief = |user: &SystemUser| {
        let brief = json!({
            "id": user.id().ok(),
            "username": user.username,
            "email": user.email,
            "state": user.state(),
            "global_sudo": user.sudo,
        });
        with_binding(brief, user.id().ok(), &bindings)
    };
    Ok(Part {
        words: Some(counted(users.len(), "user")),
        advisories: incomplete.into_iter().collect(),
        truncated: listing.truncated,
        ..Part::new(users.iter().map(brief).collect())
    })
}

/// Which way a shutdown would take. Only about a Mac is there anything to read.
async fn shutdown(host: &Subject<'_, System>) -> Result<Part, Error> {
    match host.object().await? {
        Some(system) => Ok(Part::new(channel::find(host.reader, system).await?.fact())),
        None => Ok(Part::new(Value::Null)), // nobody will read it: there is no such host
    }
}

/// The host gives its owner's id only; where the owner is one of its users, the rest is known.
fn name_the_owner(facts: &mut Value) {
    let owner = facts["users"].as_array().into_iter().flatten().find(|user| user["id"] == facts["owner"]["id"]);
    if let Some(owner) = owner.cloned().filter(|owner| !owner["id"].is_null()) {
        facts["owner"] = owner;
    }
}
