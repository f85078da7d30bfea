//! Searching users and systems, and reading them by id.

use std::collections::HashSet;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    client::Reader,
    filter,
    model::{Object, PAGE},
    send::Read,
};
use crate::{
    error::{Error, ErrorType::UnexpectedResponse},
    ids::ObjectId,
};

/// The answer to a search. `complete` when every match is in `results`.
#[derive(Debug)]
pub struct Found<T> {
    /// The page that was asked for.
    pub results: Vec<T>,
    /// Whether there are no more matches than these.
    pub complete: bool,
}

impl Reader<'_> {
    /// The objects that have one of `texts` as a whole, whatever its case, in one of `fields`; at most `limit` (100 at
    /// most).
    pub async fn search<T: Object>(
        &self,
        fields: &[&str],
        texts: &[impl AsRef<str>],
        limit: usize,
    ) -> Result<Found<T>, Error> {
        self.search_for(filter::whole_text(fields, texts), limit).await
    }

    /// The objects whose name in `field` is one of `labels`, alone or before a dot.
    pub async fn search_labels<T: Object>(
        &self,
        field: &str,
        labels: &[impl AsRef<str>],
        limit: usize,
    ) -> Result<Found<T>, Error> {
        self.search_for(filter::first_label(field, labels), limit).await
    }

    /// `GET /systemusers/{id}` and `GET /systems/{id}`; `None` when there is no such object.
    ///
    /// An id that does not exist is 404, an answer without content, or 400. What else answers so (an unknown
    /// organization, a wrong base URL) is not documented, so a search confirms it.
    pub async fn get<T: Object>(&self, id: &ObjectId) -> Result<Option<T>, Error> {
        let path = format!("/{}/{}", T::COLLECTION, id.as_str());
        match self.read::<T>(Method::GET, path, None).await? {
            Read::Found(object) if object.id()? == *id => Ok(Some(object)),
            Read::Found(_) => Err(UnexpectedResponse.error(
                "JumpCloud answered with another object than the one asked for; nothing was changed by this call",
            )),
            Read::Empty | Read::NotFound => {
                let found: Found<T> = self.search_for(filter::ids(std::slice::from_ref(id)), 2).await?;
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
        let pages = ids.chunks(PAGE).map(|page| self.search_for::<T>(filter::ids(page), PAGE));
        let pages = futures_util::future::try_join_all(pages).await?;
        let wanted: HashSet<&ObjectId> = ids.iter().collect(); // up to 1,000 of 1,000
        let objects = pages.into_iter().flat_map(|page| page.results);
        Ok(objects.filter(|object| object.id().is_ok_and(|id| wanted.contains(&id))).collect())
    }

    /// `POST /search/systemusers` and `POST /search/systems`. A search that does not answer in the documented shape is
    /// an error, never "no match".
    async fn search_for<T: Object>(&self, filter: Value, limit: usize) -> Result<Found<T>, Error> {
        #[derive(Deserialize)]
        struct Page<T> {
            results: Vec<T>,
            #[serde(rename = "totalCount")]
            total_count: Option<usize>,
        }
        let path = format!("/search/{}", T::COLLECTION);
        let limit = limit.min(PAGE);
        // In the body: JumpCloud ignored them in the query for some time. `_id` keeps the order stable.
        let body = json!({"filter": filter, "limit": limit, "skip": 0, "sort": "_id"});
        let page = match self.read::<Page<T>>(Method::POST, path, Some(body)).await? {
            Read::Found(page) => page,
            Read::NotFound => {
                return Err(UnexpectedResponse.error("JumpCloud has no search at the API URL, or does not know the organization (status 404); check both"));
            }
            Read::Empty => {
                return Err(UnexpectedResponse
                    .error("JumpCloud's search answered nothing at all; nothing was changed by this call"));
            }
        };
        let complete = match page.total_count {
            Some(total) => total <= page.results.len(),
            None => page.results.len() < limit,
        };
        Ok(Found { results: page.results, complete })
    }
}
