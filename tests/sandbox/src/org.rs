//! The organization that the tenant plays: its objects, and how search shows them.

use serde_json::{Value, json};

use crate::{
    graph::{Edge, Kind},
    tenant::ORG_ID,
};

/// Where the seed stands.
const SEED: &str = include_str!("seed.json");

/// Users, devices, groups, what is bound to what, and the commands in the queue.
#[derive(Debug)]
pub(crate) struct Org {
    pub(crate) users: Vec<Value>,
    pub(crate) systems: Vec<Value>,
    pub(crate) groups: Vec<Value>,
    pub(crate) edges: Vec<Edge>,
    /// Command and device id of what was queued, in order.
    pub(crate) queue: Vec<(String, String)>,
    /// Apple MDMs, and the devices of each.
    pub(crate) mdms: Vec<Value>,
    pub(crate) mdm_devices: Vec<Value>,
    /// What System Insights knows of who is logged in.
    pub(crate) logged_in_users: Vec<Value>,
    /// Scheduled changes of state.
    pub(crate) userstates: Vec<Value>,
    /// What the queue of commands shows. Whether the commands in `queue` are among it is not documented: here they are not.
    pub(crate) workflows: Vec<Value>,
    /// What Directory Insights recorded, the oldest first.
    pub(crate) events: Vec<Value>,
}

impl Org {
    /// The same users and devices, with the same ids, whatever the organization's id.
    pub(crate) fn seeded(id: &str) -> Self {
        let seed: Value = serde_json::from_str(&SEED.replace(ORG_ID, id)).expect("seed.json is valid");
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
        let list = |name: &str| seed[name].as_array().expect("a list").clone();
        let mut org = Self {
            users: objects("systemusers", "systemuser_defaults"),
            systems: objects("systems", "system_defaults"),
            groups: seed["groups"].as_array().expect("a list").clone(),
            edges: Vec::new(),
            queue: Vec::new(),
            mdms: list("applemdms"),
            mdm_devices: list("mdm_devices"),
            logged_in_users: list("logged_in_users"),
            userstates: Vec::new(),
            workflows: Vec::new(),
            events: Vec::new(),
        };
        for edge in seed["bindings"].as_array().expect("a list") {
            let id = |end: usize| edge[end].as_str().expect("an id");
            org.bind(id(0), id(1), edge.get(2).cloned().unwrap_or_default());
        }
        org
    }

    /// A user as JumpCloud stores it.
    pub(crate) fn user(&self, username: &str) -> Value {
        self.users.iter().find(|user| user["username"] == username).cloned().unwrap_or_default()
    }

    /// `systemusers`, else `systems`.
    pub(crate) fn collection(&self, name: &str) -> &[Value] {
        if name == "systemusers" { &self.users } else { &self.systems }
    }

    /// Those and the others, to change.
    pub(crate) fn collection_mut(&mut self, name: &str) -> &mut Vec<Value> {
        match name {
            "systemusers" => &mut self.users,
            "systems" => &mut self.systems,
            "groups" => &mut self.groups,
            "applemdms" => &mut self.mdms,
            "mdm_devices" => &mut self.mdm_devices,
            "logged_in_users" => &mut self.logged_in_users,
            "userstates" => &mut self.userstates,
            "workflows" => &mut self.workflows,
            "events" => &mut self.events,
            _ => panic!("the tenant has no {name}"),
        }
    }

    pub(crate) fn object(&mut self, collection: &str, id: &str) -> Option<&mut Value> {
        self.collection_mut(collection).iter_mut().find(|object| object["_id"] == id || object["id"] == id)
    }

    /// What an id belongs to.
    pub(crate) fn kind(&self, id: &str) -> Option<Kind> {
        let user = || self.users.iter().any(|user| user["_id"] == id).then_some(Kind::User);
        let system = || self.systems.iter().any(|system| system["_id"] == id).then_some(Kind::System);
        let group = || Kind::of(self.groups.iter().find(|group| group["id"] == id)?["type"].as_str()?);
        user().or_else(system).or_else(group)
    }

    /// Binds a user or user group to a device or device group. An end that is not there counts as a device: a
    /// test may bind what the key cannot see.
    pub(crate) fn bind(&mut self, from: &str, to: &str, attributes: Value) {
        let kind = |id: &str| self.kind(id).unwrap_or(Kind::System);
        let edge = Edge { from: (kind(from), from.to_owned()), to: (kind(to), to.to_owned()), attributes };
        self.edges.push(edge);
    }

    /// A group as v2 shows it.
    pub(crate) fn group(&self, kind: Kind, id: &str) -> Option<Value> {
        let group = self.groups.iter().find(|group| group["id"] == id && group["type"] == kind.name())?;
        Some(json!({
            "id": group["id"], "name": group["name"], "type": group["type"], "attributes": group["attributes"],
            "description": "", "email": "",
        }))
    }

    /// A user or device as `POST /search/...` shows it, which is not as `GET` does: a user without `delegatedAuthority`, a
    /// device with its owner in dotted fields, both with their groups.
    pub(crate) fn as_search_shows(&self, object: &Value) -> Value {
        let mut shown = object.clone();
        let id = object["_id"].as_str().unwrap_or_default();
        shown["memberof"] = self.groups_of(id).map(|group| group["id"].clone()).collect();
        let fields = shown.as_object_mut().expect("an object");
        fields.remove("delegatedAuthority");
        if let Some(owner) = fields.remove("primarySystemUser") {
            let owner = self.users.iter().find(|user| user["_id"] == owner["id"]);
            for field in ["_id", "email", "state", "department", "jobTitle", "manager"] {
                let value = owner.and_then(|owner| owner.get(field)).cloned();
                fields.insert(format!("primarySystemUser.{field}"), value.unwrap_or_default());
            }
        }
        shown
    }

    /// The groups that `id` is a member of.
    pub(crate) fn groups_of(&self, id: &str) -> impl Iterator<Item = &Value> {
        let member = move |group: &&Value| {
            group["members"].as_array().is_some_and(|members| members.iter().any(|member| member == id))
        };
        self.groups.iter().filter(member)
    }
}
