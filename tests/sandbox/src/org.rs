//! The organization that the tenant plays: its objects and how calls change them.

use serde_json::{Value, json};

/// Where the seed stands.
const SEED: &str = include_str!("seed.json");

/// Users, devices, groups and the commands in the queue.
#[derive(Debug)]
pub(crate) struct Org {
    pub(crate) users: Vec<Value>,
    pub(crate) systems: Vec<Value>,
    groups: Vec<Value>,
    /// `[user id, system id]`.
    pub(crate) bindings: Vec<[String; 2]>,
    /// Ids of the devices that a shutdown was queued for, in order.
    pub(crate) shutdowns: Vec<String>,
}

impl Org {
    pub(crate) fn seeded() -> Self {
        let seed: Value = serde_json::from_str(SEED).expect("seed.json is valid");
        let objects = |kind: &str, defaults: &str| -> Vec<Value> {
            let merge = |object: &Value| {
                let mut merged = seed[defaults].clone();
                for (name, value) in object.as_object().expect("an object") {
                    merged[name] = value.clone();
                }
                merged["id"] = merged["_id"].clone();
                if let Some(state) = merged["state"].as_str().map(str::to_owned) {
                    merged["suspended"] = json!(state == "SUSPENDED");
                }
                merged
            };
            seed[kind].as_array().expect("a list").iter().map(merge).collect()
        };
        let bindings = seed["bindings"].as_array().expect("a list").iter();
        Self {
            users: objects("systemusers", "systemuser_defaults"),
            systems: objects("systems", "system_defaults"),
            groups: seed["groups"].as_array().expect("a list").clone(),
            bindings: bindings.map(|pair| [0, 1].map(|i| pair[i].as_str().expect("an id").to_owned())).collect(),
            shutdowns: Vec::new(),
        }
    }

    pub(crate) fn collection(&mut self, name: &str) -> Option<&mut Vec<Value>> {
        match name {
            "systemusers" => Some(&mut self.users),
            "systems" => Some(&mut self.systems),
            _ => None,
        }
    }

    pub(crate) fn object(&mut self, collection: &str, id: &str) -> Option<&mut Value> {
        self.collection(collection)?.iter_mut().find(|object| object["_id"] == id)
    }

    /// A group as v2 shows it on its own.
    pub(crate) fn group(&self, id: &str) -> Option<Value> {
        let group = self.groups.iter().find(|group| group["id"] == id)?;
        Some(json!({"id": group["id"], "name": group["name"], "type": group["type"]}))
    }

    /// A v2 traversal: `memberof`, and `systems` of a user or `users` of a system.
    pub(crate) fn traverse(&self, from: &str, id: &str, what: &str) -> Vec<Value> {
        let (own, other, kind) = if from == "users" { (0, 1, "system") } else { (1, 0, "user") };
        if what == "memberof" {
            let member = |group: &&Value| {
                group["members"].as_array().is_some_and(|members| members.iter().any(|member| member == id))
            };
            return self
                .groups
                .iter()
                .filter(member)
                .map(|group| {
                    let attributes = &group["attributes"];
                    node(&group["id"], &group["type"], attributes, 1)
                })
                .collect();
        }
        let bound = self.bindings.iter().filter(|pair| pair[own] == id);
        bound.map(|pair| node(&json!(pair[other]), &json!(kind), &json!({}), 1)).collect()
    }
}

fn node(id: &Value, kind: &Value, attributes: &Value, hops: usize) -> Value {
    let hop = json!({"attributes": {}, "to": {"attributes": {}, "id": id, "type": kind}});
    json!({"id": id, "type": kind, "compiledAttributes": attributes, "paths": [vec![hop; hops]]})
}

/// `PUT /systemusers/{id}`: changes only what is sent. The error is the 400's message.
pub(crate) fn put_user(user: &mut Value, body: &Value) -> Result<(), String> {
    let state = match &body["state"] {
        Value::Null => None,
        Value::String(state) if matches!(state.as_str(), "ACTIVATED" | "SUSPENDED") => Some(state == "SUSPENDED"),
        _ => return Err("state must be one of ACTIVATED, SUSPENDED".to_owned()),
    };
    let suspended = body["suspended"].as_bool();
    if let (Some(state), Some(suspended)) = (state, suspended)
        && state != suspended
    {
        return Err("Cannot save conflicting state and suspended fields.".to_owned());
    }
    if let Some(suspended) = state.or(suspended) {
        user["state"] = json!(if suspended { "SUSPENDED" } else { "ACTIVATED" });
        user["suspended"] = json!(suspended);
    }
    Ok(())
}
