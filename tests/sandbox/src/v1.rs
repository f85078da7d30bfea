//! API v1: users, devices, search and organizations.

use axum::{body::Body, http::Response};
use serde_json::{Value, json};

use crate::{
    change::{post_user, put_system, put_user},
    org::Org,
    query::Query,
    replies::{bad_request, empty, error, json_reply, not_found, ok, reply},
    search::{list, search},
    tenant::ORG_ID,
};

/// What `GET` of an id that does not exist is answered with. Sources disagree.
#[derive(Clone, Copy, Debug, Default)]
pub enum UnknownId {
    /// 404 with an error body.
    #[default]
    NotFound,
    /// 200 without a body.
    Empty,
    /// 200 and `null`.
    Null,
    /// 204.
    NoContent,
    /// 400 `invalid object id`.
    BadRequest,
}

impl UnknownId {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::NotFound, Self::Empty, Self::Null, Self::NoContent, Self::BadRequest];

    fn answer(self, id: &str) -> Response<Body> {
        match self {
            Self::NotFound => not_found(),
            Self::Empty => empty(200),
            Self::Null => reply(200, "application/json; charset=utf-8", "null".to_owned()),
            Self::NoContent => empty(204),
            Self::BadRequest => bad_id(id),
        }
    }
}

/// The objection to an id that is none.
pub(crate) fn bad_id(id: &str) -> Response<Body> {
    bad_request(&format!("invalid object id \"{id}\""))
}

pub(crate) fn is_id(id: &str) -> bool {
    id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What is asked of the tenant.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    /// The path below the API's base.
    pub(crate) parts: &'a [&'a str],
    pub(crate) query: &'a Query,
    pub(crate) body: &'a Value,
}

pub(crate) fn route(org: &mut Org, unknown: UnknownId, asked: &Asked<'_>) -> Response<Body> {
    let Asked { method, parts, query, body } = *asked;
    match (method, parts) {
        ("POST", ["search", collection @ ("systemusers" | "systems")]) => {
            found(search(org.collection(collection), body, |object| org.as_search_shows(object)))
        }
        ("GET", [collection @ ("systemusers" | "systems")]) => found(list(org.collection(collection), query)),
        ("GET", ["organizations"]) => found(list(&[organization()], query)),
        ("GET", ["organizations", id]) if *id == ORG_ID => json_reply(200, &organization()),
        (_, [collection @ ("systemusers" | "systems"), id, rest @ ..]) => {
            if !is_id(id) {
                return bad_id(id);
            }
            if org.object(collection, id).is_none() {
                return if method == "GET" && rest.is_empty() { unknown.answer(id) } else { not_found() };
            }
            match *collection {
                "systemusers" => user_route(org, id, &Asked { parts: rest, ..*asked }),
                _ => system_route(org, id, &Asked { parts: rest, ..*asked }),
            }
        }
        _ => not_found(),
    }
}

fn found(page: Result<Value, String>) -> Response<Body> {
    match page {
        Ok(page) => json_reply(200, &page),
        Err(why) => bad_request(&why),
    }
}

fn organization() -> Value {
    json!({"_id": ORG_ID, "id": ORG_ID, "displayName": null, "logoUrl": null, "created": "2021-02-12T17:45:14.000Z"})
}

fn user_route(org: &mut Org, id: &str, asked: &Asked<'_>) -> Response<Body> {
    let Asked { method, parts: rest, body, .. } = *asked;
    let taken = |field: &str| {
        let wanted = body[field].as_str();
        wanted.is_some() && org.users.iter().any(|user| user[field].as_str() == wanted && user["_id"] != id)
    };
    let taken = taken("username") || taken("email");
    let user = org.object("systemusers", id).expect("checked by the caller");
    match (method, rest) {
        ("GET", []) => json_reply(200, user),
        ("PUT", []) if taken => error(409, "Already Exists"),
        ("PUT", []) => match put_user(user, body) {
            Ok(()) => json_reply(200, user),
            // The one body that is documented with all of these fields.
            Err(why) => {
                json_reply(400, &json!({"code": 400, "message": why, "status": "INVALID_ARGUMENT", "details": []}))
            }
        },
        ("POST", what) => match post_user(user, what, body) {
            Some(Ok(())) => ok(),
            Some(Err(why)) => bad_request(why),
            None => not_found(),
        },
        _ => not_found(),
    }
}

fn system_route(org: &mut Org, id: &str, asked: &Asked<'_>) -> Response<Body> {
    let Asked { method, parts: rest, body, .. } = *asked;
    let system = org.object("systems", id).expect("checked by the caller");
    match (method, rest) {
        ("GET", []) => json_reply(200, system),
        ("PUT", []) => match put_system(system, body) {
            Ok(()) => json_reply(200, system),
            Err(why) => bad_request(&why),
        },
        ("POST", ["command", "builtin", command @ ("erase" | "lock" | "restart" | "shutdown")]) => {
            org.queue.push(((*command).to_owned(), id.to_owned()));
            empty(201)
        }
        _ => not_found(),
    }
}
