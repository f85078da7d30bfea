//! JumpCloud's v1 search: `POST /search/systemusers` and `/search/systems`.

use regex::Regex;
use serde_json::{Map, Value, json};

/// The page of `objects` that the search body asks for, or what is wrong with it.
pub(crate) fn search<'a>(objects: impl Iterator<Item = &'a Value>, body: &Value) -> Result<Value, String> {
    let mut matching: Vec<&Value> = Vec::new();
    for object in objects {
        if filtered(object, &body["filter"])? && searched(object, &body["searchFilter"])? {
            matching.push(object);
        }
    }
    let sort = body["sort"].as_str().unwrap_or("_id");
    let (field, descending) = sort.strip_prefix('-').map_or((sort, false), |field| (field, true));
    matching.sort_by_key(|object| object[field].to_string());
    if descending {
        matching.reverse();
    }
    let skip = body["skip"].as_u64().unwrap_or(0) as usize;
    let limit = body["limit"].as_u64().unwrap_or(10).min(100) as usize;
    let page: Vec<Value> =
        matching.iter().skip(skip).take(limit).map(|object| project(object, &body["fields"])).collect();
    Ok(json!({"totalCount": matching.len(), "results": page}))
}

fn filtered(object: &Value, filter: &Value) -> Result<bool, String> {
    let all = |expressions: &[Value]| {
        expressions.iter().try_fold(true, |met, e| Ok::<_, String>(met && expression(object, e)?))
    };
    let any = |expressions: &[Value]| {
        expressions.iter().try_fold(false, |met, e| Ok::<_, String>(met || expression(object, e)?))
    };
    match filter {
        Value::Null => Ok(true),
        Value::Array(expressions) => all(expressions),
        Value::Object(fields) => match (fields.get("and"), fields.get("or")) {
            (Some(Value::Array(expressions)), None) => all(expressions),
            (None, Some(Value::Array(expressions))) => any(expressions),
            _ => Err("filter must hold either and or or".to_owned()),
        },
        _ => Err("filter must be an object".to_owned()),
    }
}

/// One expression: every field of it must match; values are case-sensitive.
fn expression(object: &Value, expression: &Value) -> Result<bool, String> {
    let fields = expression.as_object().ok_or("a query expression must be an object")?;
    for (name, wanted) in fields {
        let value = name.split('.').fold(object, |value, part| &value[part]);
        let met = match wanted {
            Value::Object(operators) => operators
                .iter()
                .try_fold(true, |met, (op, operand)| Ok::<_, String>(met && operator(value, op, operand)?))?,
            literal => value == literal,
        };
        if !met {
            return Ok(false);
        }
    }
    Ok(true)
}

fn operator(value: &Value, operator: &str, operand: &Value) -> Result<bool, String> {
    let order = || Some(value.as_str()?.cmp(operand.as_str()?));
    Ok(match operator {
        "$regex" => {
            let regex = Regex::new(operand.as_str().ok_or("$regex must be text")?).map_err(|_| "invalid $regex")?;
            value.as_str().is_some_and(|text| regex.is_match(text))
        }
        "$eq" => value == operand,
        "$ne" => value != operand,
        "$gt" => order().is_some_and(std::cmp::Ordering::is_gt),
        "$gte" => order().is_some_and(std::cmp::Ordering::is_ge),
        "$lt" => order().is_some_and(std::cmp::Ordering::is_lt),
        "$lte" => order().is_some_and(std::cmp::Ordering::is_le),
        _ => return Err(format!("unknown operator {operator}")),
    })
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

/// `fields`: text with spaces between, or an array; ids always stay.
fn project(object: &Value, fields: &Value) -> Value {
    let names: Vec<&str> = match fields {
        Value::String(names) => names.split_whitespace().collect(),
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

    fn names(body: Value) -> Vec<String> {
        let objects =
            [json!({"_id": "2", "n": "Bob"}), json!({"_id": "1", "n": "alice"}), json!({"_id": "3", "n": "al"})];
        let found = search(objects.iter(), &body).unwrap();
        found["results"].as_array().unwrap().iter().map(|object| object["n"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn filters_work_as_documented() {
        assert_eq!(names(json!({})), ["alice", "Bob", "al"]);
        assert_eq!(names(json!({"filter": {"and": [{"n": "bob"}]}})), [""; 0]);
        assert_eq!(names(json!({"filter": {"or": [{"n": "Bob"}, {"n": {"$regex": "(?i)(^AL$)"}}]}})), ["Bob", "al"]);
        assert_eq!(names(json!({"filter": {"and": [{"n": {"$regex": "al"}}, {"_id": {"$gt": "1"}}]}})), ["al"]);
        assert_eq!(
            names(json!({"searchFilter": {"searchTerm": "AL", "fields": ["n"]}, "limit": 1, "skip": 1})),
            ["al"]
        );
        assert!(search([json!({})].iter(), &json!({"filter": {"or": [{"n": {"$where": "1"}}]}})).is_err());
    }
}
