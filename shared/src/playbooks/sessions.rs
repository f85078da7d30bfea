//! Who is logged in, as the agents last saw it: System Insights.

use serde_json::{Value, json};

use super::{access::Basis, question::Part, subject::Subject, words::counted};
use crate::{
    error::{Error, ErrorType::Unsupported},
    ids::ObjectId,
    jumpcloud::{LoggedInUser, Object, System, SystemUser},
    outcome::{Advisory, AdvisoryCode},
};

/// Everybody on the host.
pub(super) async fn of_host(host: &Subject<'_, System>) -> Result<Part, Error> {
    let (rows, object) = tokio::join!(host.reader.logged_in_users(std::slice::from_ref(host.id)), host.object());
    let rows = rows?;
    // Nobody, or nobody looked: the answer is the same.
    if rows.items.is_empty() && object?.is_some_and(|host| !has_insights(host)) {
        return Err(Unsupported.error("System Insights is not enabled on the host, so who is logged in is not known"));
    }
    let words = Some(counted(rows.items.len(), "session"));
    Ok(Part { words, truncated: rows.truncated, ..Part::new(json!(rows.items)) })
}

/// The user, on each of the user's devices.
pub(super) async fn of_user(user: &Subject<'_, SystemUser>) -> Result<Part, Error> {
    let listing = user.listing().await?;
    let ids = listing.ids();
    let (rows, object, systems) = tokio::join!(user.reader.logged_in_users(&ids), user.object(), user.systems());
    let (rows, object) = (rows?, object?);
    let names: Vec<&str> =
        object.iter().flat_map(|user| [user.username.as_deref(), user.system_username.as_deref()]).flatten().collect();
    let own = |row: &&LoggedInUser| {
        // Windows says `DOMAIN\name`.
        let account = row.user.as_deref().and_then(|user| user.rsplit('\\').next()).unwrap_or_default();
        names.iter().any(|name| name.eq_ignore_ascii_case(account))
    };
    let shown = |row: &LoggedInUser| {
        let mut shown = json!(row);
        let of = |system: &&System| system.id().is_ok_and(|id| row.system_id.as_deref() == Some(id.as_str()));
        if let Some(system) = systems.as_ref().ok().and_then(|(systems, _)| systems.iter().find(of)) {
            shown["hostname"] = json!(system.hostname);
        }
        shown
    };
    let on = rows.items.iter().filter(own).filter_map(|row| ObjectId::parse(row.system_id.as_deref()?));
    let basis = Some(Basis::Sessions(on.collect()));
    let sessions: Vec<Value> = rows.items.iter().filter(own).map(shown).collect();
    let without = match &systems {
        Ok((systems, _)) => ids.len() - systems.iter().filter(|system| has_insights(system)).count().min(ids.len()),
        Err(_) => ids.len(),
    };
    if !ids.is_empty() && without == ids.len() && rows.items.is_empty() {
        return Err(Unsupported.error("System Insights is not known to be enabled on any of the user's devices, so where the user is logged in is not known"));
    }
    let incomplete = (without > 0).then(|| {
        Advisory::new(
            AdvisoryCode::SessionsIncomplete,
            format!("System Insights is not known to be enabled on {without} of the user's {}: whether the user is logged in there is not known.", counted(ids.len(), "device")),
        )
    });
    Ok(Part {
        words: Some(counted(sessions.len(), "session")),
        advisories: incomplete.into_iter().collect(),
        basis,
        truncated: rows.truncated || listing.truncated,
        ..Part::new(json!(sessions))
    })
}

fn has_insights(host: &System) -> bool {
    host.system_insights.as_ref().is_some_and(|insights| insights.state.as_deref() == Some("enabled"))
}
