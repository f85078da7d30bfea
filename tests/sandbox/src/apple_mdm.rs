//! API v2's Apple MDM: configurations, their devices, and the commands to those.

use axum::{body::Body, http::Response};
use serde_json::Value;

use crate::{
    org::Org,
    query::Query,
    replies::{bad_request, empty, error, not_found},
    v2::{filtered, page_of},
};

/// What devices can be filtered by.
const FILTERS: [&str; 7] = ["createdAt", "depRegistered", "enrolled", "id", "osVersion", "serialNumber", "udid"];

/// `parts` is the path below `/applemdms`. A single configuration cannot be read: 404 on every tenant.
pub(crate) fn route(org: &mut Org, method: &str, parts: &[&str], query: &Query) -> Response<Body> {
    match (method, parts) {
        // The default is one.
        ("GET", []) => page_of(&org.mdms, query, query.limit_of(1, 100)),
        ("GET", [mdm, "devices"]) if known(org, mdm) => {
            let known = |name: &str| FILTERS.iter().any(|field| name.split(':').next() == Some(*field));
            if let Some((_, filter)) = query.starting("filter").find(|(_, filter)| !filter.split(',').all(known)) {
                return bad_request(&format!("invalid filter: {filter}"));
            }
            match filtered(devices(org, mdm), query) {
                Ok(devices) => page_of(&devices, query, query.limit()),
                Err(why) => bad_request(&why),
            }
        }
        ("POST", [mdm, "devices", device, "shutdown"]) => {
            match devices(org, mdm).into_iter().find(|known| known["id"] == **device) {
                None => error(404, "not found"),
                Some(known) if known["enrolled"] != true => error(400, "device is not enrolled"),
                Some(_) => {
                    org.queue.push(("mdm-shutdown".to_owned(), (*device).to_owned()));
                    empty(204)
                }
            }
        }
        _ => not_found(),
    }
}

fn known(org: &Org, mdm: &str) -> bool {
    org.mdms.iter().any(|known| known["id"] == mdm)
}

fn devices(org: &Org, mdm: &str) -> Vec<Value> {
    org.mdm_devices.iter().filter(|device| device["appleMdmId"] == mdm).cloned().collect()
}
