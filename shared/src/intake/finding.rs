//! Reading in a finding.

use std::borrow::Cow;

use serde_json::Value;

use super::json::Json;

/// `finding` with the JSON texts opened in which Security Lake carries what a resource is.
pub(super) fn opened(finding: &Value) -> Cow<'_, Value> {
    let text =
        |resource: &Value| resource.get("data")?.as_str().and_then(|text| Json::parse(text).ok()?.unambiguous().ok());
    let resources = finding.get("resources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<Option<Value>> = resources.iter().map(text).collect();
    if texts.iter().all(Option::is_none) {
        return Cow::Borrowed(finding);
    }
    let mut opened = finding.clone();
    for (index, data) in texts.into_iter().enumerate() {
        if let Some(data) = data {
            opened["resources"][index]["data"] = data;
        }
    }
    Cow::Owned(opened)
}

/// What `pointer` leads to. The same as [`Value::pointer`], which copies each part of it twice to unescape it: the places of
/// a finding's format are many, and none has an escape.
pub(super) fn at<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    if pointer.is_empty() || pointer.contains('~') {
        return value.pointer(pointer);
    }
    pointer.strip_prefix('/')?.split('/').try_fold(value, |value, part| match value {
        Value::Object(fields) => fields.get(part),
        Value::Array(_) => value.pointer(&format!("/{part}")),
        _ => None,
    })
}

/// The first of `pointers` that is there.
pub(super) fn first<'a>(finding: &'a Value, pointers: &[&str]) -> Option<&'a Value> {
    pointers.iter().find_map(|pointer| at(finding, pointer).filter(|value| !value.is_null()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    proptest! {
        #[test]
        fn it_leads_where_a_json_pointer_leads(pointer in "(/(a|b|0|1|-|00|~0|~1|)){0,4}|a|~") {
            let value = json!({"a": {"b": [{"a": 1}, [2]], "": 3, "0": 4}, "~": {"a": 5}, "/": 6, "b": null});
            prop_assert_eq!(at(&value, &pointer), value.pointer(&pointer));
        }
    }
}
