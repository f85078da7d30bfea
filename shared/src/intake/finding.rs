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

/// The first of `pointers` that is there.
pub(super) fn first<'a>(finding: &'a Value, pointers: &[&str]) -> Option<&'a Value> {
    pointers.iter().find_map(|pointer| finding.pointer(pointer).filter(|value| !value.is_null()))
}
