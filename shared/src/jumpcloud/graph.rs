//! What users and systems are bound to and members of: API v2's graph.

use std::collections::HashMap;

use futures_util::future::join_all;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_with::apply;

use super::{
    client::Reader,
    list::Listed,
    model::{PAGE, lenient},
    send::Read,
};
use crate::{error::Error, ids::ObjectId};

/// A node of API v2's graph: something that a user or system is bound to or a member of.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient")],
)]
#[derive(Clone, Debug, Default, Deserialize)]
pub struct GraphObject {
    /// As JumpCloud gives it, not checked.
    pub id: Option<String>,
    /// `system`, `user`, `user_group`, `system_group`, ...
    #[serde(rename(deserialize = "type"))]
    pub object_type: Option<String>,
    /// What all its ways together give.
    #[serde(rename(deserialize = "compiledAttributes"))]
    compiled_attributes: Option<Attributes>,
    /// The ways that lead to it.
    paths: Option<Vec<Vec<Hop>>>,
}

/// One step of a way.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient")],
)]
#[derive(Clone, Debug, Default, Deserialize)]
struct Hop {
    to: Option<Node>,
    attributes: Option<Attributes>,
}

#[apply(
    Option => #[serde(default, deserialize_with = "lenient")],
)]
#[derive(Clone, Debug, Default, Deserialize)]
struct Node {
    id: Option<String>,
    #[serde(rename(deserialize = "type"))]
    object_type: Option<String>,
}

#[apply(
    Option => #[serde(default, deserialize_with = "lenient")],
)]
#[derive(Clone, Debug, Default, Deserialize)]
struct Attributes {
    sudo: Option<Sudo>,
    #[serde(rename(deserialize = "ldapGroups"))]
    ldap_groups: Option<Vec<Group>>,
}

#[apply(
    Option => #[serde(default, deserialize_with = "lenient")],
)]
#[derive(Clone, Debug, Default, Deserialize)]
struct Sudo {
    enabled: Option<bool>,
    #[serde(rename(deserialize = "withoutPassword"))]
    without_password: Option<bool>,
}

#[apply(
    Option => #[serde(default, deserialize_with = "lenient")],
)]
#[derive(Clone, Debug, Default, Deserialize)]
struct Group {
    id: Option<String>,
    name: Option<String>,
}

/// How a user and a device are bound, and what the user may do there by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Binding {
    /// Whether they are bound to each other, and not only through a group. `None` where JumpCloud gives no way.
    pub direct: Option<bool>,
    /// The ids of the groups that the others of its ways lead through.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub through_groups: Vec<String>,
    /// Administrator on the device by this binding. A user's own `sudo` counts on every device besides.
    pub sudo: Option<bool>,
    /// The same without being asked for a password.
    pub sudo_without_password: Option<bool>,
}

impl GraphObject {
    /// A group's name, where LDAP exports it.
    pub fn ldap_name(&self) -> Option<&str> {
        self.compiled_attributes.as_ref()?.ldap_groups.as_ref()?.first()?.name.as_deref()
    }

    /// The collection that a group is in.
    fn collection(&self) -> Option<&'static str> {
        match self.object_type.as_deref()? {
            "user_group" => Some("usergroups"),
            "system_group" => Some("systemgroups"),
            _ => None,
        }
    }

    /// How it is bound to what was asked for.
    pub fn binding(&self) -> Binding {
        let ways = self.paths.as_deref().unwrap_or_default();
        let is_group = |node: &&Node| node.object_type.as_deref().is_some_and(|kind| kind.ends_with("_group"));
        let nodes = ways.iter().flatten().filter_map(|hop| hop.to.as_ref());
        let mut through_groups: Vec<String> = nodes.filter(is_group).filter_map(|group| group.id.clone()).collect();
        through_groups.sort();
        through_groups.dedup();
        // Of all ways together, or where that is missing of any of them.
        let hops = ways.iter().flatten().filter_map(|hop| hop.attributes.as_ref());
        let given: Vec<&Sudo> = match self.compiled_attributes.as_ref().and_then(|attributes| attributes.sudo.as_ref())
        {
            Some(sudo) => vec![sudo],
            None => hops.filter_map(|attributes| attributes.sudo.as_ref()).collect(),
        };
        let any =
            |of: fn(&Sudo) -> Option<bool>| given.iter().filter_map(|sudo| of(sudo)).reduce(|one, other| one | other);
        Binding {
            direct: (!ways.is_empty()).then(|| ways.iter().any(|way| way.len() == 1)),
            through_groups,
            sudo: any(|sudo| sudo.enabled),
            sudo_without_password: any(|sudo| sudo.without_password),
        }
    }
}

/// What a user or system is bound to or a member of.
#[derive(Debug)]
pub struct Listing {
    /// The nodes, at most 1,000.
    pub objects: Vec<GraphObject>,
    /// Whether there are more.
    pub truncated: bool,
}

impl Listing {
    /// The ids of the nodes, sorted, each once.
    pub fn ids(&self) -> Vec<ObjectId> {
        let mut ids: Vec<ObjectId> =
            self.objects.iter().filter_map(|object| ObjectId::parse(object.id.as_deref()?)).collect();
        ids.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        ids.dedup();
        ids
    }

    /// How each of the nodes is bound, by its id.
    pub fn bindings(&self) -> HashMap<ObjectId, Binding> {
        let with_id = |object: &GraphObject| Some((ObjectId::parse(object.id.as_deref()?)?, object.binding()));
        self.objects.iter().filter_map(with_id).collect()
    }
}

impl Reader<'_> {
    /// `GET /v2/usergroups` and `GET /v2/systemgroups`, filtered by id: the names of groups of one kind, by id, as far as
    /// they can be read.
    pub async fn group_names(&self, groups: &[&GraphObject]) -> HashMap<String, String> {
        let Some(collection) = groups.iter().find_map(|group| group.collection()) else { return HashMap::new() };
        let ids: Vec<ObjectId> = groups.iter().filter_map(|group| ObjectId::parse(group.id.as_deref()?)).collect();
        let pages = join_all(ids.chunks(PAGE).map(async |ids| {
            let ids: Vec<&str> = ids.iter().map(ObjectId::as_str).collect();
            // One page holds them all, unless the filter was ignored.
            let path = format!("/v2/{collection}?limit={PAGE}&skip=0&filter=id:in:{}", ids.join("%7C"));
            match self.read::<Vec<Group>>(Method::GET, path, None).await {
                Ok(Read::Found(groups)) => groups,
                Ok(Read::Empty | Read::NotFound) | Err(_) => Vec::new(),
            }
        }));
        let named = |group: Group| Some((group.id?, group.name?));
        pages.await.into_iter().flatten().filter_map(named).collect()
    }

    /// `GET /v2/usergroups/{id}` and `GET /v2/systemgroups/{id}`: the name of a group, where it can be read. What somebody is
    /// a member of carries it only for groups that LDAP exports.
    pub async fn group_name(&self, group: &GraphObject) -> Option<String> {
        let collection = group.collection()?;
        let id = ObjectId::parse(group.id.as_deref()?)?;
        let path = format!("/v2/{collection}/{}", id.as_str());
        match self.read::<Group>(Method::GET, path, None).await.ok()? {
            Read::Found(group) => group.name,
            Read::Empty | Read::NotFound => None,
        }
    }

    /// The nodes of a list, to its end.
    pub(super) async fn nodes(&self, path: &str) -> Result<Listing, Error> {
        let Listed { items: objects, truncated } = self.list(path, "", PAGE).await?;
        Ok(Listing { objects, truncated })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_binding_says_which_ways_lead_to_it_and_what_it_allows() {
        let binding = |object: Value| serde_json::from_str::<GraphObject>(&object.to_string()).unwrap().binding();
        let hop =
            |kind: &str, id: &str| json!({"attributes": null, "to": {"attributes": null, "id": id, "type": kind}});
        let sudo = json!({"sudo": {"enabled": true, "withoutPassword": false}});
        let way = |hops: &[Value]| json!(hops);
        let direct = way(&[hop("user", "u")]);
        let indirect = way(&[hop("user_group", "g2"), hop("system_group", "g1"), hop("user", "u")]);
        let found = binding(json!({"id": "u", "compiledAttributes": sudo, "paths": [direct]}));
        let expected = Binding {
            direct: Some(true),
            through_groups: Vec::new(),
            sudo: Some(true),
            sudo_without_password: Some(false),
        };
        assert_eq!(found, expected);
        let found = binding(json!({"id": "u", "compiledAttributes": null, "paths": [indirect, indirect]}));
        assert_eq!((found.direct, found.sudo), (Some(false), None));
        assert_eq!(found.through_groups, ["g1", "g2"]);
        assert_eq!(binding(json!({"paths": [indirect, direct]})).direct, Some(true));
        for unknown in [json!({}), json!({"paths": null}), json!({"paths": "x"}), json!({"paths": [[7]]})] {
            assert_eq!(binding(unknown.clone()).sudo, None, "{unknown}");
        }
        assert_eq!(binding(json!({"paths": []})).direct, None);
    }
}
