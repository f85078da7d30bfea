//! What the v1 changes do to a user or a device.

use serde_json::{Value, json};

/// The fields that `PUT /systemusers/{id}` takes, by type. What it does not know it ignores.
const TEXTS: [&str; 17] = [
    "username",
    "email",
    "firstname",
    "middlename",
    "lastname",
    "displayname",
    "department",
    "description",
    "company",
    "location",
    "jobTitle",
    "costCenter",
    "employeeType",
    "employeeIdentifier",
    "manager",
    "alternateEmail",
    "public_key",
];
const FLAGS: [&str; 7] = [
    "sudo",
    "passwordless_sudo",
    "password_never_expires",
    "ldap_binding_user",
    "samba_service_user",
    "enable_user_portal_multifactor",
    "allow_public_key",
];
const LISTS: [&str; 3] = ["attributes", "addresses", "phoneNumbers"];
/// The same of `PUT /systems/{id}`.
const SYSTEM_FLAGS: [&str; 4] = [
    "allowMultiFactorAuthentication",
    "allowPublicKeyAuthentication",
    "allowSshPasswordAuthentication",
    "allowSshRootLogin",
];

/// `PUT /systemusers/{id}`: changes only what is sent, and all of it or nothing. The error is the 400's message.
pub(crate) fn put_user(user: &mut Value, body: &Value) -> Result<(), String> {
    let fields = body.as_object().ok_or("the body is not an object")?;
    let state = match &body["state"] {
        Value::Null => None,
        Value::String(state) if matches!(state.as_str(), "ACTIVATED" | "SUSPENDED") => Some(state == "SUSPENDED"),
        _ => return Err("state must be one of ACTIVATED, SUSPENDED".to_owned()),
    };
    let suspended = flag(body, "suspended")?;
    if let (Some(state), Some(suspended)) = (state, suspended)
        && state != suspended
    {
        return Err("Cannot save conflicting state and suspended fields.".to_owned());
    }
    let locked = flag(body, "account_locked")?;
    let mut changed = user.clone();
    for (name, value) in fields {
        let name = name.as_str();
        let fits = match name {
            name if TEXTS.contains(&name) => value.is_string() || value.is_null(),
            name if FLAGS.contains(&name) => value.is_boolean(),
            name if LISTS.contains(&name) => value.is_array(),
            "password" if value.is_string() => {
                changed["password_expired"] = json!(false);
                continue; // never shown
            }
            "password" => false,
            _ => continue,
        };
        if !fits {
            return Err(format!("{name} is of another type"));
        }
        changed[name] = value.clone();
    }
    if let Some(suspended) = state.or(suspended) {
        changed["state"] = json!(if suspended { "SUSPENDED" } else { "ACTIVATED" });
        changed["suspended"] = json!(suspended);
    }
    if let Some(locked) = locked {
        changed["account_locked"] = json!(locked);
        changed["account_locked_date"] = if locked { json!("2026-11-24T12:00:00.000Z") } else { Value::Null };
    }
    *user = changed;
    Ok(())
}

/// `PUT /systems/{id}`.
pub(crate) fn put_system(system: &mut Value, body: &Value) -> Result<(), String> {
    let mut changed = system.clone();
    for (name, value) in body.as_object().ok_or("the body is not an object")? {
        let fits = match name.as_str() {
            "displayName" | "description" => value.is_string(),
            name if SYSTEM_FLAGS.contains(&name) => value.is_boolean(),
            _ => continue,
        };
        if !fits {
            return Err(format!("{name} is of another type"));
        }
        changed[name] = value.clone();
    }
    *system = changed;
    Ok(())
}

/// `POST /systemusers/{id}/...`: whether there is such a change and the user can take it.
pub(crate) fn post_user(user: &mut Value, what: &[&str], body: &Value) -> Option<Result<(), &'static str>> {
    match what {
        ["state", "activate"] if user["state"] == "STAGED" => user["state"] = json!("ACTIVATED"),
        ["state", "activate"] => return Some(Err("user is not staged")),
        ["state", "suspend"] => {
            user["state"] = json!("SUSPENDED");
            user["suspended"] = json!(true);
        }
        ["expire"] => user["password_expired"] = json!(true),
        ["unlock"] => {
            user["account_locked"] = json!(false);
            user["account_locked_date"] = Value::Null;
        }
        ["resetmfa"] => {
            let until = body.get("exclusionUntil").filter(|_| body["exclusion"] == true);
            user["mfa"] = json!({"exclusion": until.is_some(), "configured": false});
            if let Some(until) = until {
                user["mfa"]["exclusionUntil"] = until.clone();
            }
        }
        _ => return None,
    }
    Some(Ok(()))
}

fn flag(body: &Value, name: &str) -> Result<Option<bool>, String> {
    match &body[name] {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(*flag)),
        _ => Err(format!("{name} is of another type")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_put_changes_what_it_knows_or_nothing() {
        let before = json!({"state": "ACTIVATED", "suspended": false, "department": "IT", "sudo": false});
        let put = |body: Value| {
            let mut user = before.clone();
            put_user(&mut user, &body).map(|()| user)
        };
        let changed = put(json!({"department": "HR", "sudo": true, "account_locked": true, "nonsense": 1})).unwrap();
        assert_eq!((&changed["department"], &changed["sudo"]), (&json!("HR"), &json!(true)));
        assert_eq!((&changed["account_locked"], changed.get("nonsense")), (&json!(true), None));
        for refused in [
            json!({"state": "STAGED"}),
            json!({"state": "SUSPENDED", "suspended": false}),
            json!({"department": "HR", "sudo": "yes"}),
            json!({"suspended": "true"}),
            json!([]),
        ] {
            assert!(put(refused.clone()).is_err(), "{refused}");
        }
    }
}
