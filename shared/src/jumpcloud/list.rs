//! Reading a list of API v2 to its end.

use reqwest::Method;
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};
use serde_json::value::RawValue;

use super::{client::Reader, send::Read};
use crate::error::{Error, ErrorType::UnexpectedResponse};

/// A list is read up to here: an outcome with more could not be returned by Lambda (6 MB).
const MAX_LISTED: usize = 1000;

/// The entries of a list.
#[derive(Debug)]
pub struct Listed<T> {
    /// At most 1,000.
    pub items: Vec<T>,
    /// Whether there are more.
    pub truncated: bool,
}

/// A page as documented, or in the form of API v1, which other clients accept here, too.
struct Page<T>(Vec<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Page<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wrapped<T> {
            results: Vec<T>,
        }
        let text = <&RawValue>::deserialize(deserializer)?.get();
        let wrapped = |text| serde_json::from_str(text).map(|page: Wrapped<T>| page.results);
        let page = if text.starts_with('[') { serde_json::from_str(text) } else { wrapped(text) };
        page.map(Self).map_err(D::Error::custom)
    }
}

impl Reader<'_> {
    /// Pages of `size` until one is short: neither `x-total-count` nor `Link` is on every answer. No content is no entry.
    /// `query` is what follows `limit` and `skip`, beginning with `&`, or nothing.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
        size: usize,
    ) -> Result<Listed<T>, Error> {
        let mut items: Vec<T> = Vec::new();
        while items.len() < MAX_LISTED {
            let path = format!("{path}?limit={size}&skip={}{query}", items.len());
            let page = match self.read(Method::GET, path, None).await? {
                Read::Found(Page(page)) => page,
                Read::Empty => Vec::new(),
                Read::NotFound => {
                    return Err(UnexpectedResponse
                        .error("JumpCloud does not know the target, or the list, any more (status 404)"));
                }
            };
            let last = page.len() < size;
            items.extend(page);
            if last {
                return Ok(Listed { items, truncated: false });
            }
        }
        Ok(Listed { items, truncated: true })
    }
}
