//! JumpCloud's v1 search and lists: `POST /search/systemusers`, `GET /systemusers`, and the same for `systems`.

use serde_json::{Map, Value, json};

use crate::{
    filter::{passes, text_passes},
    query::Query,
};

/// What search and lists select their page by.
struct Page<'a> {
    sort: &'a str,
    skip: usize,
    limit: usize,
    fields: &'a Value,
}

/// The page of `objects` that the search body asks for, or what is wrong with it. `show` is how search shows an object
/// that passed; what it adds cannot be filtered by.
pub(crate) fn search(objects: &[Value], body: &Value, show: impl Fn(&Value) -> Value) -> Result<Value, String> {
    let mut matching = Vec::new();
    for object in objects {
        if passes(object, &body["filter"])? && searched(object, &body["searchFilter"])? {
            matching.push(object);
        }
    }
    let number = |name: &str, default| body[name].as_u64().and_then(|n| n.try_into().ok()).unwrap_or(default);
    Ok(page(
        matching,
        &Page {
            sort: body["sort"].as_str().unwrap_or("_id"),
            skip: number("skip", 0),
            limit: number("limit", 10).min(100), // JumpCloud's own module asks for 1,000 here and is not refused
            fields: &body["fields"],
        },
        show,
    ))
}

/// The page of `objects` that the query of a list asks for, or what is wrong with it.
pub(crate) fn list(objects: &[Value], query: &Query) -> Result<Value, String> {
    let limit = query.limit()?;
    let mut matching = Vec::new();
    for object in objects {
        let mut met = true;
        let mut any_of = None;
        for (name, text) in query.starting("filter") {
            let passes = text_passes(object, text)?;
            if name.starts_with("filter[or]") {
                any_of = Some(any_of.unwrap_or(false) || passes);
            } else {
                met &= passes;
            }
        }
        if met && any_of.unwrap_or(true) {
            matching.push(object);
        }
    }
    let fields = query.get("fields").map_or(Value::Null, Value::from);
    let page_of = Page { sort: query.get("sort").unwrap_or("_id"), skip: query.skip(), limit, fields: &fields };
    Ok(page(matching, &page_of, Value::clone))
}

fn page(mut matching: Vec<&Value>, page: &Page<'_>, show: impl Fn(&Value) -> Value) -> Value {
    let (field, descending) = page.sort.strip_prefix('-').map_or((page.sort, false), |field| (field, true));
    matching.sort_by_key(|object| object[field].to_string());
    if descending {
        matching.reverse();
    }
    let shown = matching.iter().skip(page.skip).take(page.limit).map(|object| project(&show(object), page.fields));
    let results: Vec<Value> = shown.collect();
    json!({"totalCount": matching.len(), "results": results})
}

/// A partial match of any term in any field.
fn searched(object: &Value, search: &Value) -> Result<bool, String> {
    if search.is_null() {
        return Ok(true);
    }
    let terms: Vec<String> = match &search["searchTerm"] {
        Value::String(term) => vec![term.to_lowercase()],
        Value::Array(terms) => terms.iter().filter_map(Value::as_str).map(str::to_lowercase).collect(),
        _ => return Err("searchTerm is missing".to_owned()),
    };
    let fields = search["fields"].as_array().ok_or("fields is missing")?;
    let values = fields.iter().filter_map(|field| object[field.as_str()?].as_str()).map(str::to_lowercase);
    Ok(values.into_iter().any(|value| terms.iter().any(|term| value.contains(term))))
}

/// `fields`: text with spaces between, or an array; ids always stay. An empty text is as none.
fn project(object: &Value, fields: &Value) -> Value {
    let names: Vec<&str> = match fields {
        Value::String(names) if !names.is_empty() => names.split_whitespace().collect(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => return object.clone(),
    };
    let kept = object
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| names.contains(&name.as_str()) || matches!(name.as_str(), "_id" | "id"));
    Value::from(kept.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects() -> Vec<Value> {
        [("2", "Bob", true), ("1", "alice", false), ("3", "al", true)]
            .map(|(id, n, b)| json!({"_id": id, "n": n, "b": b}))
            .into()
    }

    fn names(found: &Value) -> Vec<&str> {
        found["results"].as_array().unwrap().iter().filter_map(|object| object["n"].as_str()).collect()
    }

    #[test]
    fn filters_work_as_documented() {
        for (body, expected) in [
            (json!({}), vec!["alice", "Bob", "al"]),
            (json!({"filter": {"and": [{"n": "bob"}]}}), vec![]),
            (json!({"filter": {"or": [{"n": "Bob"}, {"n": {"$regex": "(?i)(^AL$)"}}]}}), vec!["Bob", "al"]),
            (json!({"filter": {"and": [{"n": {"$regex": "al"}}, {"_id": {"$gt": "1"}}]}}), vec!["al"]),
            (json!({"searchFilter": {"searchTerm": "AL", "fields": ["n"]}, "limit": 1, "skip": 1}), vec!["al"]),
            (json!({"filter": "n:$eq:al"}), vec!["al"]),
            (json!({"filter": ["n:$ne:al", "b:$eq:true"]}), vec!["Bob"]),
            (json!({"filter": {"or": ["n:$eq:al", "_id:$eq:2"]}}), vec!["Bob", "al"]),
            (json!({"filter": {"or": [{"_id": {"$eq": "2"}}]}}), vec!["Bob"]),
            (json!({"filter": {"or": [{"_id": "2"}]}}), vec![]),
            (json!({"fields": "", "limit": 1}), vec!["alice"]),
            (json!({"fields": "b", "limit": 1}), vec![]),
        ] {
            assert_eq!(names(&search(&objects(), &body, Value::clone).unwrap()), expected, "{body}");
        }
        assert!(search(&objects(), &json!({"filter": {"or": [{"n": {"$where": "1"}}]}}), Value::clone).is_err());
    }

    #[test]
    fn lists_take_filters_in_the_query() {
        let listed = |query: &str| list(&objects(), &Query::parse(query));
        for (query, expected) in [
            ("", vec!["alice", "Bob", "al"]),
            ("filter=n:$eq:al", vec!["al"]),
            ("filter=n%3Aeq%3Aal&sort=_id&limit=100&skip=0", vec!["al"]),
            ("filter[0]=b:$eq:true&filter[1]=n:$ne:al", vec!["Bob"]),
            ("filter[or][0]=n:$eq:Bob&filter[or][1]=n:$eq:al", vec!["Bob", "al"]),
            ("sort=-_id&limit=1", vec!["al"]),
        ] {
            assert_eq!(names(&listed(query).unwrap()), expected, "{query}");
        }
        assert_eq!(listed("limit=101").unwrap_err(), "request parameter \"limit\" exceeds maximum value of 100");
    }
}
