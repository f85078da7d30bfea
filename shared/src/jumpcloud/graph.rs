//! What users and systems are bound to and members of: API v2's graph.

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use serde_with::apply;

use super::{
    client::Reader,
    model::{PAGE, lenient},
    send::Read,
};
use crate::{
    error::{Error, ErrorType::UnexpectedResponse},
    ids::ObjectId,
};

/// A list is read up to here: an outcome with more could not be returned by Lambda (6 MB).
const MAX_LISTED: usize = 1000;

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
    #[serde(rename(deserialize = "compiledAttributes"))]
    compiled_attributes: Option<Value>,
    /// The ways that lead to it, each a list of steps.
    #[serde(skip_serializing)]
    paths: Option<Vec<Vec<Value>>>,
}

impl GraphObject {
    /// A group's name, where LDAP exports it.
    pub fn ldap_name(&self) -> Option<&str> {
        self.compiled_attributes.as_ref()?.pointer("/ldapGroups/0/name")?.as_str()
    }

    /// Whether it is bound itself, not through a group. One whose paths are not said counts as bound.
    pub fn is_direct(&self) -> bool {
        self.paths.as_ref().is_none_or(|paths| paths.iter().any(|steps| steps.len() <= 1))
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
}

impl Reader<'_> {
    /// `GET /v2/usergroups/{id}` and `GET /v2/systemgroups/{id}`: the name of a group, where it can be read. Lists
    /// carry it only for groups that LDAP exports.
    pub async fn group_name(&self, group: &GraphObject) -> Option<String> {
        #[derive(Deserialize)]
        struct Group {
            name: Option<String>,
        }
        if let Some(name) = group.ldap_name() {
            return Some(name.to_owned());
        }
        let collection = match group.object_type.as_deref() {
            Some("user_group") => "usergroups",
            Some("system_group") => "systemgroups",
            _ => return None,
        };
        let id = ObjectId::parse(group.id.as_deref()?)?;
        let path = format!("/v2/{collection}/{}", id.as_str());
        match self.read::<Group>(Method::GET, path, None).await.ok()? {
            Read::Found(group) => group.name,
            Read::Empty | Read::NotFound => None,
        }
    }

    /// Pages until one is short: neither `x-total-count` nor `Link` is on every answer. No content is no entry.
    pub(super) async fn list(&self, path: &str) -> Result<Listing, Error> {
        let mut objects: Vec<GraphObject> = Vec::new();
        while objects.len() < MAX_LISTED {
            let path = format!("{path}?limit={PAGE}&skip={}", objects.len());
            let page: Vec<GraphObject> = match self.read(Method::GET, path, None).await? {
                Read::Found(page) => page,
                Read::Empty => Vec::new(),
                Read::NotFound => {
                    return Err(UnexpectedResponse
                        .error("JumpCloud does not know the target, or the list, any more (status 404)"));
                }
            };
            let last = page.len() < PAGE;
            objects.extend(page);
            if last {
                return Ok(Listing { objects, truncated: false });
            }
        }
        Ok(Listing { objects, truncated: true })
    }
}
