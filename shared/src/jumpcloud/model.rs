//! What JumpCloud's objects have in common, and which parts of them may leave a playbook.
//!
//! What is not modelled here is never read: real answers carry `systemToken`, SSH keys, addresses and more. Every
//! field is optional, and one of an unexpected type counts as absent, so that a change in a field that a
//! playbook does not need cannot keep it from acting. Serialized, an object is the facts of an outcome.
//!
//! Texts are marked before they come here, in [`decode`], and a long one is cut by [`lenient`].

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

use crate::{
    error::{Error, ErrorType::UnexpectedResponse},
    ids::ObjectId,
    text,
};

/// The most that one page holds; JumpCloud's default is 10, and more is an error.
pub(super) const PAGE: usize = 100;
/// The longest text of an object that is kept, in bytes.
const MAX_TEXT: usize = 512;
/// The longest id that is put into a path. What ids of other things than objects look like is not documented.
const MAX_ID: usize = 64;

/// What users and systems have in common.
pub trait Object: DeserializeOwned {
    /// The collection's name in v1 paths.
    const COLLECTION: &'static str;
    /// The object's id, under either of its two names.
    fn id(&self) -> Result<ObjectId, Error>;
}

/// An id of `what` that can stand in a path.
pub(super) fn checked<'a>(id: Option<&'a str>, what: &str) -> Result<&'a str, Error> {
    let harmless = |id: &&str| {
        (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    id.filter(harmless).ok_or_else(|| {
        UnexpectedResponse
            .error(format!("JumpCloud answered with {what} that has no valid id; nothing was done with it"))
    })
}

pub(super) fn object_id(ids: [&Option<String>; 2], collection: &str) -> Result<ObjectId, Error> {
    let id = ids.into_iter().flatten().next();
    id.and_then(|id| ObjectId::parse(id)).ok_or_else(|| {
        UnexpectedResponse.error(format!(
            "JumpCloud answered with one of {collection} that has no valid id; nothing was done with it"
        ))
    })
}

/// The way of every object and list that JumpCloud answers.
pub(super) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_str(&text::marked_json(body))
}

/// `None` for a field of another type than its documentation says, and for the empty text that stands for "not set".
///
/// It is compiled for each type of field, so all that does not depend on the type is in [`kept`].
pub(super) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = <&RawValue>::deserialize(deserializer)?.get(); // borrowed: JumpCloud's answers are in memory
    Ok(kept(text).and_then(|text| serde_json::from_str(&text).ok()))
}

/// What is kept of the JSON of a field.
fn kept(text: &str) -> Option<Cow<'_, str>> {
    if text == "\"\"" {
        return None;
    }
    if !text.starts_with('"') || text.len() <= MAX_TEXT {
        return Some(text.into());
    }
    let whole: String = serde_json::from_str(text).ok()?;
    Some(Value::from(text::shortened(&whole, MAX_TEXT)).to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Deserialize)]
    struct Named {
        #[serde(default, deserialize_with = "lenient")]
        name: Option<String>,
        #[serde(default, deserialize_with = "lenient")]
        others: Option<Vec<String>>,
    }

    #[test]
    fn every_text_of_an_answer_is_marked() {
        let body = r#"{"name": "dc01\n\u202e", "others": ["a\u0000b", "ü", 1]}"#;
        assert_eq!(decode::<Named>(body.as_bytes()).unwrap().name.as_deref(), Some("dc01\u{fffd}\u{fffd}"));
        let body = "{\"name\": \"a\u{2066}b\", \"others\": [\"a\\u0000b\", \"ü\"]}";
        let named: Named = decode(body.as_bytes()).unwrap();
        assert_eq!(
            (named.name.unwrap().as_str(), named.others.unwrap()),
            ("a\u{fffd}b", vec!["a\u{fffd}b".into(), "ü".into()])
        );
    }

    #[test]
    fn a_long_text_is_cut() {
        for (length, kept) in [(MAX_TEXT, MAX_TEXT), (MAX_TEXT + 1, MAX_TEXT), (100_000, MAX_TEXT)] {
            let named: Named = decode(json!({"name": "x".repeat(length)}).to_string().as_bytes()).unwrap();
            assert_eq!(named.name.unwrap().len(), kept);
        }
    }
}
