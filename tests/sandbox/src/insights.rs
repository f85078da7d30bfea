//! System Insights: tables that the agents fill.

use axum::{body::Body, http::Response};

use crate::{
    org::Org,
    query::Query,
    replies::bad_request,
    v2::{filtered, page_of},
};

/// `GET /systeminsights/logged_in_users`: nothing of a device whose insights are off.
pub(crate) fn logged_in_users(org: &Org, query: &Query) -> Response<Body> {
    let known = |filter: &str| {
        let mut parts = filter.splitn(3, ':');
        matches!(parts.next(), Some("system_id" | "user")) && matches!(parts.next(), Some("eq" | "in"))
    };
    if let Some((_, filter)) = query.starting("filter").find(|(_, filter)| !filter.split(',').all(known)) {
        return bad_request(&format!("invalid filter: {filter}"));
    }
    let rows = org.logged_in_users.iter().filter(|row| {
        let system = org.systems.iter().find(|system| system["_id"] == row["system_id"]);
        system.is_none_or(|system| system["systemInsights"]["state"] == "enabled")
    });
    match filtered(rows.cloned().collect(), query) {
        Ok(rows) => page_of(&rows, query, query.limit_of(10, 10_000)),
        Err(why) => bad_request(&why),
    }
}
