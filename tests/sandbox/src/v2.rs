//! API v2: groups and the graph.

use axum::{body::Body, http::Response};
use serde_json::{Value, json};

use crate::{
    apple_mdm,
    filter::text_passes,
    graph::Kind,
    insights,
    org::Org,
    query::Query,
    replies::{bad_request, empty, error, json_reply, not_found},
    v1::{Asked, bad_id, is_id},
};

/// `asked.parts` is the path below `/api/v2`.
pub(crate) fn route(org: &mut Org, asked: &Asked<'_>) -> Response<Body> {
    let Asked { method, parts, query, body } = *asked;
    match (method, parts) {
        ("GET", ["bulk", "userstates"]) => return user_states(org, query),
        (_, ["applemdms", rest @ ..]) => return apple_mdm::route(org, method, rest, query),
        ("GET", ["systeminsights", "logged_in_users"]) => return insights::logged_in_users(org, query),
        ("GET", ["queuedcommand", "workflows"]) => return workflows(org, query),
        ("DELETE", ["commandqueue", id]) => return cancel(org, id),
        _ => {}
    }
    let Some(kind) = parts.first().and_then(|collection| Kind::in_path(collection)) else { return not_found() };
    let group = matches!(kind, Kind::UserGroup | Kind::SystemGroup);
    let (id, rest) = match parts {
        [_] if method == "GET" && group => return groups(org, kind, query),
        [_, id, rest @ ..] => (*id, rest),
        _ => return not_found(),
    };
    if !is_id(id) {
        return bad_id(id);
    }
    if org.kind(id) != Some(kind) {
        return error(404, "not found");
    }
    match (method, rest) {
        ("GET", []) if group => json_reply(200, &org.group(kind, id).expect("found above")),
        ("GET", ["systems"]) if matches!(kind, Kind::User | Kind::UserGroup) => {
            page(&org.traverse(id, Kind::System), query)
        }
        ("GET", ["users"]) if matches!(kind, Kind::System | Kind::SystemGroup) => {
            page(&org.traverse(id, Kind::User), query)
        }
        ("GET", ["memberof"]) if !group => page(&org.memberof(id), query),
        ("GET", ["associations"]) => {
            let targets = query.starting("targets").flat_map(|(_, names)| names.split(',')).filter_map(Kind::of);
            match targets.collect::<Vec<_>>().as_slice() {
                [] => bad_request("targets is required"),
                targets => page(&org.associations(id, targets), query),
            }
        }
        ("POST", ["associations"]) => associate(org, (kind, id), body),
        ("GET", ["members"]) if group => page(&members(org, kind, id), query),
        ("POST", ["members"]) if group => change_members(org, id, body),
        ("GET", ["policystatuses"]) if kind == Kind::System => page(&policy_statuses(org, id), query),
        _ => not_found(),
    }
}

/// A bare list, with the number of all in a header.
fn page(all: &[Value], query: &Query) -> Response<Body> {
    page_of(all, query, query.limit())
}

/// The same with the page's size, or the objection to it.
pub(crate) fn page_of(all: &[Value], query: &Query, limit: Result<usize, String>) -> Response<Body> {
    let limit = match limit {
        Ok(limit) => limit,
        Err(why) => return bad_request(&why),
    };
    let page: Vec<&Value> = all.iter().skip(query.skip()).take(limit).collect();
    let mut response = json_reply(200, &json!(page));
    response.headers_mut().insert("x-total-count", all.len().into());
    response
}

/// `GET /usergroups` and `GET /systemgroups`, which cannot be sorted by id.
fn groups(org: &Org, kind: Kind, query: &Query) -> Response<Body> {
    if let Some(field @ ("id" | "_id")) = query.get("sort") {
        return bad_request(&format!("invalid sort field: {field}"));
    }
    let ids = org.groups.iter().filter_map(|group| group["id"].as_str());
    match filtered(ids.filter_map(|id| org.group(kind, id)).collect(), query) {
        Ok(groups) => page(&groups, query),
        Err(why) => bad_request(&why),
    }
}

/// What passes every filter: several stand in one parameter with commas between.
pub(crate) fn filtered(mut all: Vec<Value>, query: &Query) -> Result<Vec<Value>, String> {
    for filter in query.starting("filter").flat_map(|(_, filters)| filters.split(',')) {
        let passing: Vec<bool> = all.iter().map(|object| text_passes(object, filter)).collect::<Result<_, _>>()?;
        let mut passing = passing.into_iter();
        all.retain(|_| passing.next() == Some(true));
    }
    Ok(all)
}

fn user_states(org: &Org, query: &Query) -> Response<Body> {
    let of = |state: &&Value| query.get("userid").is_none_or(|id| state["systemUserId"] == id);
    page(&org.userstates.iter().filter(of).cloned().collect::<Vec<_>>(), query)
}

/// The one list of v2 that is not bare.
fn workflows(org: &Org, query: &Query) -> Response<Body> {
    let page = query.limit().and_then(|limit| {
        let all = filtered(org.workflows.clone(), query)?;
        let page: Vec<&Value> = all.iter().skip(query.skip()).take(limit).collect();
        Ok(json!({"results": page, "totalCount": all.len()}))
    });
    match page {
        Ok(page) => json_reply(200, &page),
        Err(why) => bad_request(&why),
    }
}

fn cancel(org: &mut Org, id: &str) -> Response<Body> {
    let before = org.workflows.len();
    org.workflows.retain(|workflow| workflow["id"] != id);
    if org.workflows.len() < before { empty(204) } else { error(404, "not found") }
}

fn members(org: &Org, kind: Kind, id: &str) -> Vec<Value> {
    let group = org.groups.iter().find(|group| group["id"] == id);
    let members = group.and_then(|group| group["members"].as_array()).into_iter().flatten();
    let member = if kind == Kind::UserGroup { "user" } else { "system" };
    members.map(|id| json!({"attributes": null, "to": {"attributes": null, "id": id, "type": member}})).collect()
}

fn change_members(org: &mut Org, id: &str, body: &Value) -> Response<Body> {
    let Some(member) = body["id"].as_str().filter(|id| is_id(id)) else { return bad_id("") };
    if org.kind(member).is_none() {
        return error(404, "not found");
    }
    let group = org.groups.iter_mut().find(|group| group["id"] == id).expect("found by the caller");
    let members = group["members"].as_array_mut().expect("a list");
    let there = members.iter().position(|known| known == member);
    match (body["op"].as_str(), there) {
        (Some("add"), None) => members.push(json!(member)),
        (Some("add"), Some(_)) => return error(409, "Already Exists"),
        (Some("remove"), Some(index)) => drop(members.remove(index)),
        (Some("remove"), None) => return error(404, "not found"),
        _ => return bad_request("op must be one of add, remove, update"),
    }
    empty(204)
}

fn associate(org: &mut Org, (kind, id): (Kind, &str), body: &Value) -> Response<Body> {
    let other = body["type"].as_str().and_then(Kind::of);
    let (Some(other_kind), Some(other)) = (other, body["id"].as_str().filter(|id| is_id(id))) else {
        return bad_request("type or id is invalid");
    };
    if org.kind(other) != Some(other_kind) {
        return error(404, "not found");
    }
    let from_user = matches!(kind, Kind::User | Kind::UserGroup);
    let (from, to) = if from_user { (id, other) } else { (other, id) };
    let there = org.edges.iter().position(|edge| edge.from.1 == from && edge.to.1 == to);
    match (body["op"].as_str(), there) {
        (Some("add"), None) => org.bind(from, to, body["attributes"].clone()),
        (Some("add"), Some(_)) => return error(409, "Already Exists"),
        (Some("update"), Some(index)) => org.edges[index].attributes = body["attributes"].clone(),
        (Some("remove"), Some(index)) => drop(org.edges.remove(index)),
        (Some("update" | "remove"), None) => return error(404, "not found"),
        _ => return bad_request("op must be one of add, remove, update"),
    }
    empty(204)
}

/// One status for each policy that the device counts.
fn policy_statuses(org: &mut Org, id: &str) -> Vec<Value> {
    let stats = org.object("systems", id).map(|system| system["policyStats"].clone()).unwrap_or_default();
    let count = |name: &str| stats[name].as_u64().unwrap_or(0);
    let one = |number: u64, success: bool| {
        json!({
            "id": format!("{number:024x}"), "policyID": format!("{:024x}", number + 4096), "systemID": id,
            "state": if success { "applied" } else { "failed" }, "success": success, "exitStatus": i32::from(!success),
            "startedAt": "2026-11-23T20:00:00Z", "endedAt": "2026-11-23T20:00:01Z", "detail": "", "stdErr": "", "stdOut": "",
        })
    };
    let success = count("success");
    (0..success + count("failed")).map(|number| one(number, number < success)).collect()
}
