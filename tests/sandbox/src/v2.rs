//! API v2: groups and the graph.

use axum::{body::Body, http::Response};
use serde_json::{Value, json};

use crate::{
    filter::text_passes,
    graph::Kind,
    org::Org,
    query::Query,
    replies::{bad_request, empty, error, json_reply, not_found},
    v1::{Asked, bad_id, is_id},
};

pub(crate) fn route(org: &mut Org, asked: &Asked<'_>) -> Response<Body> {
    let Asked { method, parts, query, body } = *asked;
    if let ("GET", ["bulk", "userstates"]) = (method, parts) {
        return page(&[], query); // nothing is scheduled
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
    let limit = match query.limit() {
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
    let mut groups: Vec<Value> = ids.filter_map(|id| org.group(kind, id)).collect();
    for (_, filter) in query.starting("filter") {
        let passing: Result<Vec<bool>, String> = groups.iter().map(|group| text_passes(group, filter)).collect();
        match passing {
            Ok(passing) => {
                let mut passing = passing.into_iter();
                groups.retain(|_| passing.next() == Some(true));
            }
            Err(why) => return bad_request(&why),
        }
    }
    page(&groups, query)
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
