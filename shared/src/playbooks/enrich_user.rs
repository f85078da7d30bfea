//! Enrich User: what JumpCloud knows about a user.

use serde_json::{Value, json};

use super::{
    access::{self, Basis, Besides},
    access_devices::{Reading, When},
    devices::{self, Devices, with_binding},
    events, groups,
    named::Named,
    question::{Based, Facet, Part, Question},
    sessions,
    subject::Subject,
    words::{counted, label, shown},
};
use crate::{
    error::{Error, ErrorType},
    ids::ObjectId,
    jumpcloud::{Object, Reader, SystemUser, UserState},
    outcome::{Access, Advisory, AdvisoryCode},
    request::Include,
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
            only_with: None,
            read: |user, _| Box::pin(devices(user)),
        },
        Facet {
            name: "groups",
            what: "The groups",
            unknown: AdvisoryCode::GroupsUnknown,
            only_with: None,
            read: |user, _| Box::pin(groups::part(user.reader, user.reader.user_memberof(user.id))),
        },
        Facet {
            name: "scheduled_state_changes",
            what: "The scheduled changes of state",
            unknown: AdvisoryCode::StateChangesUnknown,
            only_with: Some(Include::Scheduled),
            read: |user, _| Box::pin(state_changes(user.reader, user.id)),
        },
        Facet {
            name: "events",
            what: "The events",
            unknown: AdvisoryCode::EventsUnknown,
            only_with: Some(Include::Events),
            read: |user, info| Box::pin(events::of_user(user, info)),
        },
        Facet {
            name: "sessions",
            what: "The sessions",
            unknown: AdvisoryCode::SessionsUnknown,
            only_with: Some(Include::Sessions),
            read: |user, _| Box::pin(sessions::of_user(user)),
        },
    ],
    include: &[Include::Events, Include::Sessions, Include::Scheduled],
    by_default: &[Include::Scheduled],
    finish: |_| {},
    advise: |user| holds_not_shown(user).into_iter().collect(),
    access,
};

/// A question holds no code of the guard table, and its function may not read it.
fn holds_not_shown(user: &SystemUser) -> Option<Advisory> {
    (user.state() == Some(UserState::Suspended)).then(|| {
        Advisory::new(
            AdvisoryCode::HoldsNotShown,
            "Who wants the user suspended, and until when, is in the guard table, which Enrich may not read. Ask guard-rails with `show`, or Disable User in a dry run.",
        )
    })
}

fn about(user: &SystemUser) -> (Value, Vec<String>) {
    let mut facts = serde_json::to_value(user).unwrap_or_default();
    facts["state"] = json!(user.state());
    let mut words = vec![format!("{} is {}", label(user), shown(user.state().as_ref()))];
    words.extend((user.account_locked == Some(true)).then(|| "locked".to_owned()));
    words.extend((user.password_expired == Some(true)).then(|| "password expired".to_owned()));
    words.extend(user.admin.is_some().then(|| "linked to an administrator".to_owned()));
    (facts, words)
}

async fn devices(user: &Subject<'_, SystemUser>) -> Result<Part, Error> {
    let listing = user.listing().await?;
    let (systems, complete) = user.systems().await?;
    let bindings = listing.bindings();
    let value = systems.iter().map(|host| with_binding(host.brief(), host.id().ok(), &bindings)).collect();
    let problem = devices::incomplete(*complete);
    Ok(Part {
        words: Some(counted(systems.len(), "device")),
        advisories: problem.clone().into_iter().collect(),
        basis: Some(Basis::Devices(Devices { systems: systems.clone(), bindings, problem })),
        truncated: listing.truncated,
        ..Part::new(value)
    })
}

async fn state_changes(reader: &Reader<'_>, id: &ObjectId) -> Result<Part, Error> {
    let changes = reader.state_changes(id).await?;
    let words = (!changes.items.is_empty()).then(|| counted(changes.items.len(), "scheduled state change"));
    let (truncated, value) = (changes.truncated, json!(changes.items));
    Ok(Part { words, truncated, basis: Some(Basis::Changes(changes)), ..Part::new(value) })
}

/// What a facet did not read is not known. The names are those of the facets above.
fn access(user: &SystemUser, based: Vec<Based>) -> Vec<Access> {
    let (mut devices, mut besides) = (Devices::unread(ErrorType::Internal), Besides::default());
    for part in based {
        match part {
            (_, Ok(Basis::Devices(read))) => devices = read,
            (_, Ok(Basis::Groups(read))) => besides.groups = Reading::Read(read),
            (_, Ok(Basis::Sessions(read))) => besides.sessions = Reading::Read(read),
            (_, Ok(Basis::Changes(read))) => besides.changes = Reading::Read(read),
            ("devices", Err(error)) => devices = Devices::unread(error),
            ("groups", Err(error)) => besides.groups = Reading::Failed(error),
            ("sessions", Err(error)) => besides.sessions = Reading::Failed(error),
            ("scheduled_state_changes", Err(error)) => besides.changes = Reading::Failed(error),
            (_, Err(_)) => {}
        }
    }
    access::of_user(When::Found, user, &devices, &besides)
}
