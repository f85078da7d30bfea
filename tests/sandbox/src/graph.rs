//! API v2's graph: what is bound to what, directly and through groups.

use serde_json::{Value, json};

use crate::org::Org;

/// The kinds of nodes that the tenant has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    User,
    UserGroup,
    System,
    SystemGroup,
}

impl Kind {
    /// By its name in answers and in `targets`.
    pub(crate) fn of(name: &str) -> Option<Self> {
        [Self::User, Self::UserGroup, Self::System, Self::SystemGroup].into_iter().find(|kind| kind.name() == name)
    }

    /// By the collection in v2 paths.
    pub(crate) fn in_path(collection: &str) -> Option<Self> {
        match collection {
            "users" => Some(Self::User),
            "usergroups" => Some(Self::UserGroup),
            "systems" => Some(Self::System),
            "systemgroups" => Some(Self::SystemGroup),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::UserGroup => "user_group",
            Self::System => "system",
            Self::SystemGroup => "system_group",
        }
    }
}

/// An association: from a user or user group to a device or device group.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) from: (Kind, String),
    pub(crate) to: (Kind, String),
    /// Such as `{"sudo": {"enabled": true, "withoutPassword": false}}`; null where there are none.
    pub(crate) attributes: Value,
}

impl Edge {
    /// The other end, seen from `id`.
    fn other(&self, id: &str) -> Option<&(Kind, String)> {
        match id {
            id if self.from.1 == id => Some(&self.to),
            id if self.to.1 == id => Some(&self.from),
            _ => None,
        }
    }
}

impl Org {
    /// `GET /users/{id}/systems` and `GET /systems/{id}/users`: each node with every path that leads to it.
    pub(crate) fn traverse(&self, id: &str, to: Kind) -> Vec<Value> {
        let mut starts = vec![(id.to_owned(), Vec::new())];
        starts.extend(self.groups_of(id).map(|group| {
            let hop = hop(&Value::Null, &group["id"], &group["type"], &group["attributes"]);
            (group["id"].as_str().expect("an id").to_owned(), vec![hop])
        }));
        let mut nodes: Vec<(String, Vec<Vec<Value>>)> = Vec::new();
        for (start, hops) in &starts {
            for edge in &self.edges {
                let Some((kind, end)) = edge.other(start) else { continue };
                let group = self.groups.iter().find(|group| group["id"] == **end);
                let attributes = group.map_or(&Value::Null, |group| &group["attributes"]);
                let mut hops = hops.clone();
                hops.push(hop(&edge.attributes, &json!(end), &json!(kind.name()), attributes));
                let members = group.and_then(|group| group["members"].as_array());
                for member in members.into_iter().flatten().filter_map(Value::as_str) {
                    let last = hop(&Value::Null, &json!(member), &json!(to.name()), &Value::Null);
                    reach(&mut nodes, member, [hops.clone(), vec![last]].concat());
                }
                if *kind == to {
                    reach(&mut nodes, end, hops);
                }
            }
        }
        nodes.into_iter().map(|(id, paths)| node(&json!(id), &json!(to.name()), paths)).collect()
    }

    /// `GET .../memberof`.
    pub(crate) fn memberof(&self, id: &str) -> Vec<Value> {
        let shown = |group: &Value| {
            let hop = hop(&Value::Null, &group["id"], &group["type"], &group["attributes"]);
            node(&group["id"], &group["type"], vec![vec![hop]])
        };
        self.groups_of(id).map(shown).collect()
    }

    /// `GET .../associations?targets=...`: direct ones only, in another shape.
    pub(crate) fn associations(&self, id: &str, targets: &[Kind]) -> Vec<Value> {
        let ends = self.edges.iter().filter_map(|edge| Some((edge.other(id)?, &edge.attributes)));
        let wanted = ends.filter(|((kind, _), _)| targets.contains(kind));
        wanted.map(|((kind, id), attributes)| json!({"attributes": attributes, "to": {"attributes": null, "id": id, "type": kind.name()}})).collect()
    }
}

fn reach(nodes: &mut Vec<(String, Vec<Vec<Value>>)>, id: &str, path: Vec<Value>) {
    match nodes.iter_mut().find(|(known, _)| known == id) {
        Some((_, paths)) => paths.push(path),
        None => nodes.push((id.to_owned(), vec![path])),
    }
}

/// One step: the attributes of the association, and the node that it leads to with the node's own.
fn hop(association: &Value, id: &Value, kind: &Value, node: &Value) -> Value {
    json!({"attributes": association, "to": {"attributes": node, "id": id, "type": kind}})
}

/// A node with the attributes of all of its paths together; null where there are none.
fn node(id: &Value, kind: &Value, paths: Vec<Vec<Value>>) -> Value {
    let mut compiled = Value::Null;
    for hop in paths.iter().flatten() {
        for attributes in [&hop["attributes"], &hop["to"]["attributes"]] {
            for (name, value) in attributes.as_object().into_iter().flatten() {
                compiled[name] = value.clone();
            }
        }
    }
    json!({"id": id, "type": kind, "compiledAttributes": compiled, "paths": paths})
}
