//! Directory Insights: `POST /insights/directory/v1/events`.

use axum::{body::Body, http::Response};
use serde_json::{Value, json};

use crate::{
    org::Org,
    replies::{bad_request, json_reply, not_found},
};

/// What `service` may name.
const SERVICES: [&str; 16] = [
    "access_management",
    "alerts",
    "all",
    "asset_management",
    "directory",
    "ldap",
    "mdm",
    "notifications",
    "object_storage",
    "password_manager",
    "radius",
    "reports",
    "saas_app_management",
    "software",
    "sso",
    "systems",
];
const FIELDS: [&str; 11] = [
    "service",
    "start_time",
    "end_time",
    "limit",
    "sort",
    "fields",
    "search_term",
    "search_after",
    "q",
    "exact_match",
    "skip",
];

/// `path` is what follows the base.
pub(crate) fn route(org: &Org, method: &str, path: &str, body: &Value) -> Response<Body> {
    if (method, path) != ("POST", "events") {
        return not_found();
    }
    match found(org, body) {
        Ok((page, limit, next)) => {
            let mut response = json_reply(200, &json!(page));
            let headers = response.headers_mut();
            headers.insert("x-result-count", page.len().into());
            headers.insert("x-limit", limit.into());
            if let Some(next) = next {
                headers.insert("x-search_after", next.to_string().parse().expect("a header value"));
            }
            response
        }
        Err(why) => bad_request(&why),
    }
}

/// A page, its limit, and where the next begins. `sort` is accepted and ignored.
fn found<'a>(org: &'a Org, body: &Value) -> Result<(Vec<&'a Value>, usize, Option<Value>), String> {
    let fields = body.as_object().ok_or("the body must be an object")?;
    if let Some(name) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(format!("unknown field {name}"));
    }
    let services = body["service"].as_array().ok_or("service is required")?;
    if services.is_empty() || !services.iter().all(|service| SERVICES.iter().any(|known| service == known)) {
        return Err("service is invalid".to_owned());
    }
    let start = time(&body["start_time"]).ok_or("start_time is required, in RFC 3339")?;
    let end =
        if body["end_time"].is_null() { None } else { Some(time(&body["end_time"]).ok_or("end_time is invalid")?) };
    let limit = body["limit"].as_u64().unwrap_or(1000);
    let limit = usize::try_from(limit).ok().filter(|limit| (1..=10_000).contains(limit)).ok_or("limit is invalid")?;
    let after = body["search_after"][0].as_u64().map_or(0, |after| after as usize + 1);
    let mut page = Vec::new();
    let mut last = None;
    for (index, event) in org.events.iter().enumerate().skip(after) {
        let at = time(&event["timestamp"]).ok_or("an event of the tenant has no time")?;
        let asked = services.iter().any(|service| service == "all" || *service == event["service"]);
        let in_time = at >= start && end.is_none_or(|end| at < end);
        if asked && in_time && passes(event, &body["search_term"])? {
            if page.len() == limit {
                break;
            }
            page.push(event);
            last = Some(json!([index, event["id"]]));
        }
    }
    Ok((page, limit, last))
}

fn time(value: &Value) -> Option<chrono::DateTime<chrono::Utc>> {
    value.as_str()?.parse().ok()
}

/// Values are stored in lower case, terms are compared as they are.
fn passes(event: &Value, term: &Value) -> Result<bool, String> {
    let one = |expression: &Value| -> Result<bool, String> {
        let fields = expression.as_object().ok_or("a search term must be an object")?;
        Ok(fields.iter().all(|(name, wanted)| {
            let value = name.split('.').fold(event, |value, part| &value[part]);
            let stored = value.as_str().map(|text| json!(text.to_lowercase())).unwrap_or_else(|| value.clone());
            wanted.as_array().map_or(stored == *wanted, |several| several.contains(&stored))
        }))
    };
    let list = |name: &str| term[name].as_array();
    match (term, list("and"), list("or")) {
        (Value::Null, ..) => Ok(true),
        (_, Some(all), None) => all.iter().try_fold(true, |met, each| Ok(met && one(each)?)),
        (_, None, Some(any)) => any.iter().try_fold(false, |met, each| Ok(met || one(each)?)),
        _ => Err("search_term must hold either and or or".to_owned()),
    }
}
