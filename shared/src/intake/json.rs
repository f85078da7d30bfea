//! JSON that remembers whether a field was given twice.
//!
//! Parsers differ on which of the two counts. Whoever approved an event may have read the other one.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::{
    error::{Error, ErrorType::InvalidInput},
    request::RequestInfo,
};

/// Any JSON; a field that is given twice is noticed on the way, at any depth.
pub(super) struct Json {
    value: Value,
    ambiguous: bool,
}

impl Json {
    /// # Errors
    /// `InvalidInput` for text that is no JSON, nests deeper than 127 levels, or holds a number or half a character that
    /// cannot be represented.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|_| {
            InvalidInput.error("the event cannot be read: it must be JSON of at most 127 levels, with whole characters and numbers of usual size; nothing was done")
        })
    }

    /// The value, unless a field in it was given twice.
    pub(super) fn unambiguous(self) -> Result<Value, Error> {
        if self.ambiguous {
            return Err(InvalidInput.error("a field is given twice in one object; nothing was done; give it once"));
        }
        Ok(self.value)
    }

    /// The value, which may be ambiguous.
    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// What a log query finds the event by, whether or not it can be read: what asked for it, and the alert's id and source.
    pub(super) fn origin(&self) -> RequestInfo {
        let detail = self.value.get("detail");
        let correlation = detail.unwrap_or(&self.value).get("correlation").cloned();
        let event_id = self.value.get("id").and_then(Value::as_str).filter(|_| detail.is_some()).map(str::to_owned);
        let source = match detail {
            Some(_) => self.value.get("source"),
            None => self.value.pointer("/Records/0/EventSource"),
        };
        let event_source = source.and_then(Value::as_str).unwrap_or_default().to_owned();
        RequestInfo { correlation, event_id, event_source, ..RequestInfo::default() }
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self { value, ambiguous: false }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Value::Null.into())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Value::from(value).into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Value::from(value).into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Value::from(value).into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Value::from(value).into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Value::from(value).into())
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Value::from(value).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let (mut values, mut ambiguous) = (Vec::new(), false);
        while let Some(item) = items.next_element::<Json>()? {
            ambiguous |= item.ambiguous;
            values.push(item.value);
        }
        Ok(Json { value: Value::Array(values), ambiguous })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Json, A::Error> {
        let (mut map, mut ambiguous) = (Map::new(), false);
        while let Some((name, field)) = fields.next_entry::<String, Json>()? {
            ambiguous |= field.ambiguous | map.insert(name, field.value).is_some();
        }
        Ok(Json { value: Value::Object(map), ambiguous })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_field_that_is_given_twice_is_noticed_at_any_depth() {
        let read = |text: &str| serde_json::from_str::<Json>(text).unwrap().unambiguous();
        for text in [r#"{"a": 1, "a": 1}"#, r#"[{"a": {"b": [{"c": 1, "d": 2, "c": 3}]}}]"#, r#"{"a": 1, "\u0061": 2}"#]
        {
            assert_eq!(read(text).unwrap_err().error_type, InvalidInput, "{text}");
        }
        assert!(read(r#"{"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}"#).is_ok());
    }

    proptest! {
        /// Everything else reads as serde_json reads it.
        #[test]
        fn it_reads_what_serde_json_reads(text in r#"(\[|\{"a":|[0-9.eE+-]{1,6}|"[^"\\]*"|null|true|,|\]|\}){0,8}"#) {
            let ours = serde_json::from_str::<Json>(&text).ok().map(|json| json.value);
            prop_assert_eq!(ours, serde_json::from_str::<Value>(&text).ok());
        }
    }
}
