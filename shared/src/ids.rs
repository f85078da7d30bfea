//! Ids that are checked before they get into a URL.

use serde::Serialize;

/// The id of a user, system or group: 24 hex digits. Only ids that are checked get into a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ObjectId(#[cfg_attr(test, schemars(regex(pattern = "^[0-9a-f]{24}$")))] String);

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
