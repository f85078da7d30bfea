//! What JumpCloud's objects have in common, and which parts of them may leave a playbook.
//!
//! What is not modelled here is never read: real answers carry `systemToken`, SSH keys, addresses and more. Every
//! field is optional, and one of an unexpected type counts as absent, so that a change in a field that a
//! playbook does not need cannot keep it from acting. Serialized, an object is the facts of an outcome.

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::error::{Error, ErrorType::UnexpectedResponse};

/// The id of a user, system or group: 24 hex digits. Only ids that are checked get into a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct ObjectId(String);

impl ObjectId {
    /// `None` where `text` is not an id. Upper case is folded: the digits are a number.
    pub fn parse(text: &str) -> Option<Self> {
        let is_id = text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The 24 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What users and systems have in common.
pub trait Object: DeserializeOwned {
    /// The collection's name in v1 paths.
    const COLLECTION: &'static str;
    /// The object's id, under either of its two names.
    fn id(&self) -> Result<ObjectId, Error>;
}

pub(super) fn object_id(ids: [&Option<String>; 2], collection: &str) -> Result<ObjectId, Error> {
    let id = ids.into_iter().flatten().next();
    id.and_then(|id| ObjectId::parse(id)).ok_or_else(|| {
        UnexpectedResponse.error(format!(
            "JumpCloud answered with one of {collection} that has no valid id; nothing was done with it"
        ))
    })
}

/// `None` for a field of another type than its documentation says, and for the empty text that stands for "not set".
pub(super) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = <&RawValue>::deserialize(deserializer)?.get(); // borrowed: JumpCloud's answers are in memory
    Ok(Some(text).filter(|text| *text != "\"\"").and_then(|text| serde_json::from_str(text).ok()))
}
