//! JumpCloud's API, as far as the playbooks need it: fourteen calls.
//!
//! Names are JumpCloud's: a host is a `system`, a user a `systemuser`. Knows nothing of Lambda and of playbooks.
//! API v1: <https://docs.jumpcloud.com/api/1.0/index.html>, v2: <https://docs.jumpcloud.com/api/2.0/index.html>.

mod http;
mod model;
mod retry;
mod system;
mod systemuser;

use std::collections::HashSet;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use self::http::{Effect, Request};
pub use self::{
    http::{Client, Session, Traffic},
    model::{GraphObject, Object, ObjectId},
    system::{OsKind, System},
    systemuser::SystemUser,
};
use crate::error::{Error, ErrorType::UnexpectedResponse};

/// The most that one page holds; JumpCloud's default is 10.
const PAGE: usize = 100;
/// A list is read up to here: an outcome with more could not be returned by Lambda (6 MB).
const MAX_LISTED: usize = 1000;

/// The answer to a search. `complete` when every match is in `results`.
#[derive(Debug)]
pub struct Found<T> {
    /// The page that was asked for.
    pub results: Vec<T>,
    /// Whether there are no more matches than these.
    pub complete: bool,
}

/// What a user or system is bound to or a member of.
#[derive(Debug)]
pub struct Listing {
    /// The nodes, at most 1,000.
    pub objects: Vec<GraphObject>,
    /// Whether there are more.
    pub truncated: bool,
}

impl Session<'_> {
    /// `POST /search/systemusers` and `POST /search/systems`: the objects that match `filter`, at most `limit`
    /// (100 at most). A search that does not answer in the documented shape is an error, never "no match".
    pub async fn search<T: Object>(&self, filter: Value, limit: usize) -> Result<Found<T>, Error> {
        #[derive(Deserialize)]
        struct Page<T> {
            results: Vec<T>,
            #[serde(rename = "totalCount")]
            total_count: Option<usize>,
        }
        let path = format!("/search/{}", T::COLLECTION);
        // In the body: JumpCloud ignored them in the query for some time. `_id` keeps the order stable.
        let body = json!({"filter": filter, "limit": limit, "skip": 0, "sort": "_id"});
        let page: Option<Page<T>> = self.read(Method::POST, path, Some(body)).await?;
        let page = page.ok_or_else(|| {
            UnexpectedResponse.error("JumpCloud has no search at JUMPCLOUD_API_URL, or does not know the organization (status 404); check both")
        })?;
        let complete = match page.total_count {
            Some(total) => total <= page.results.len(),
            None => page.results.len() < limit,
        };
        Ok(Found { results: page.results, complete })
    }

    /// `GET /systemusers/{id}` and `GET /systems/{id}`; `None` when there is no such object.
    ///
    /// What else answers 404 (an unknown organization, a wrong base URL) is not documented, so a search confirms it.
    pub async fn get<T: Object>(&self, id: &ObjectId) -> Result<Option<T>, Error> {
        let path = format!("/{}/{}", T::COLLECTION, id.as_str());
        match self.read::<T>(Method::GET, path, None).await? {
            Some(object) if object.id()? == *id => Ok(Some(object)),
            Some(_) => Err(UnexpectedResponse.error(
                "JumpCloud answered with another object than the one asked for; nothing was changed by this call",
            )),
            None => {
                let found: Found<T> = self.search(json!({"and": [{"_id": id}]}), 2).await?;
                let contradicts = found.results.iter().any(|object| object.id().is_ok_and(|found| found == *id));
                if contradicts || !found.complete {
                    return Err(UnexpectedResponse.error("JumpCloud finds the id in a search and denies it when asked for it; nothing was changed by this call"));
                }
                Ok(None)
            }
        }
    }

    /// The objects of `ids`, in no particular order; those that JumpCloud does not know or show are left out.
    pub async fn get_many<T: Object>(&self, ids: &[ObjectId]) -> Result<Vec<T>, Error> {
        let pages = ids.chunks(PAGE).map(|page| {
            let filter = json!({"or": page.iter().map(|id| json!({"_id": id})).collect::<Vec<_>>()});
            self.search::<T>(filter, PAGE)
        });
        let pages = futures_util::future::try_join_all(pages).await?;
        let wanted: HashSet<&ObjectId> = ids.iter().collect(); // up to 1,000 of 1,000
        let objects = pages.into_iter().flat_map(|page| page.results);
        Ok(objects.filter(|object| object.id().is_ok_and(|id| wanted.contains(&id))).collect())
    }

    /// `PUT /systemusers/{id}` with `state` and the older `suspended`, as JumpCloud's own module does. The
    /// user as JumpCloud returns it, where it does.
    pub async fn put_state(&self, id: &ObjectId, state: &str) -> Result<Option<SystemUser>, Error> {
        let body = json!({"state": state, "suspended": state == "SUSPENDED"});
        let answer =
            self.change(Method::PUT, format!("/systemusers/{}", id.as_str()), Some(body), Effect::Repeatable).await?;
        Ok(serde_json::from_slice(&answer).ok())
    }

    /// `POST /systemusers/{id}/state/activate`: STAGED to ACTIVATED, without the activation mail (an empty body
    /// would send one, and one more for each repetition).
    pub async fn activate(&self, id: &ObjectId) -> Result<(), Error> {
        let path = format!("/systemusers/{}/state/activate", id.as_str());
        self.change(Method::POST, path, Some(json!({"email": false})), Effect::Repeatable).await.map(drop)
    }

    /// `POST /systemusers/{id}/expire`: the password expires at once.
    pub async fn expire(&self, id: &ObjectId) -> Result<(), Error> {
        self.change(Method::POST, format!("/systemusers/{}/expire", id.as_str()), None, Effect::Repeatable)
            .await
            .map(drop)
    }

    /// `POST /systems/{id}/command/builtin/shutdown`: queues the command, which never expires and cannot be
    /// called back. Sent again only when it surely did not arrive.
    pub async fn shutdown(&self, id: &ObjectId) -> Result<(), Error> {
        let path = format!("/systems/{}/command/builtin/shutdown", id.as_str());
        self.change(Method::POST, path, None, Effect::Once).await.map(drop)
    }

    async fn change(
        &self,
        method: Method,
        path: String,
        body: Option<Value>,
        effect: Effect,
    ) -> Result<Vec<u8>, Error> {
        let answer = self.send(&Request { method, path, body, effect }).await?;
        answer.ok_or_else(|| {
            UnexpectedResponse.error("JumpCloud no longer knows the target (status 404); nothing was changed by this call; look whether it was deleted")
        })
    }

    /// `GET /v2/users/{id}/systems`: bound directly or through groups; entitled to, not logged in on.
    pub async fn user_systems(&self, id: &ObjectId) -> Result<Listing, Error> {
        self.list(&format!("/v2/users/{}/systems", id.as_str())).await
    }

    /// `GET /v2/users/{id}/memberof`: the user's groups.
    pub async fn user_memberof(&self, id: &ObjectId) -> Result<Listing, Error> {
        self.list(&format!("/v2/users/{}/memberof", id.as_str())).await
    }

    /// `GET /v2/systems/{id}/users`: who may log in on the device.
    pub async fn system_users(&self, id: &ObjectId) -> Result<Listing, Error> {
        self.list(&format!("/v2/systems/{}/users", id.as_str())).await
    }

    /// `GET /v2/systems/{id}/memberof`: the device's groups.
    pub async fn system_memberof(&self, id: &ObjectId) -> Result<Listing, Error> {
        self.list(&format!("/v2/systems/{}/memberof", id.as_str())).await
    }

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
        self.read::<Group>(Method::GET, path, None).await.ok()??.name
    }

    /// Pages until one is short: neither `x-total-count` nor `Link` is on every answer.
    async fn list(&self, path: &str) -> Result<Listing, Error> {
        let mut objects: Vec<GraphObject> = Vec::new();
        while objects.len() < MAX_LISTED {
            let page = self.read(Method::GET, format!("{path}?limit={PAGE}&skip={}", objects.len()), None).await?;
            let page: Vec<GraphObject> = page.ok_or_else(|| {
                UnexpectedResponse.error("JumpCloud does not know the target, or the list, any more (status 404)")
            })?;
            let last = page.len() < PAGE;
            objects.extend(page);
            if last {
                return Ok(Listing { objects, truncated: false });
            }
        }
        Ok(Listing { objects, truncated: true })
    }
}
