//! Filters of both API versions, as objects and as text.

use regex::Regex;
use serde_json::Value;

/// Whether `object` passes the filter of a search: an object with `and` or `or`, a list, or text.
pub(crate) fn passes(object: &Value, filter: &Value) -> Result<bool, String> {
    match filter {
        Value::Null => Ok(true),
        Value::Array(expressions) => all(object, expressions),
        Value::String(_) => expression(object, filter),
        Value::Object(fields) => match (fields.get("and"), fields.get("or")) {
            (Some(Value::Array(expressions)), None) => all(object, expressions),
            (None, Some(Value::Array(expressions))) => any(object, expressions),
            _ => Err("filter must hold either and or or".to_owned()),
        },
        _ => Err("filter must be an object".to_owned()),
    }
}

fn all(object: &Value, expressions: &[Value]) -> Result<bool, String> {
    expressions.iter().try_fold(true, |met, each| Ok(met && expression(object, each)?))
}

fn any(object: &Value, expressions: &[Value]) -> Result<bool, String> {
    expressions.iter().try_fold(false, |met, each| Ok(met || expression(object, each)?))
}

/// One expression: `"field:$op:value"`, or an object of which every field must match. Values are case-sensitive.
fn expression(object: &Value, expression: &Value) -> Result<bool, String> {
    if let Value::String(text) = expression {
        return text_passes(object, text);
    }
    let fields = expression.as_object().ok_or("a query expression must be an object or text")?;
    for (name, wanted) in fields {
        let value = at(object, name);
        let met = match wanted {
            Value::Object(operators) => operators
                .iter()
                .try_fold(true, |met, (op, operand)| Ok::<_, String>(met && compare(value, op, operand)?))?,
            // An id in the form of text is not an id: only an operator's operand is read as one.
            _ if name == "_id" => false,
            literal => value == literal,
        };
        if !met {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `field:$op:value`. API v2 and some clients leave the `$` out.
pub(crate) fn text_passes(object: &Value, text: &str) -> Result<bool, String> {
    let mut parts = text.splitn(3, ':');
    let (Some(name), Some(op), Some(operand)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("a filter has the form field:operator:value".to_owned());
    };
    let op = format!("${}", op.trim_start_matches('$'));
    let value = at(object, name);
    // The operand is text, the value may be a number or a boolean.
    let shown = if value.is_string() || value.is_null() { value.clone() } else { Value::from(value.to_string()) };
    compare(&shown, &op, &Value::from(operand))
}

/// The field `name`, which may be one of a field: `recoveryEmail.address`.
fn at<'a>(object: &'a Value, name: &str) -> &'a Value {
    name.split('.').fold(object, |value, part| &value[part])
}

fn compare(value: &Value, operator: &str, operand: &Value) -> Result<bool, String> {
    let order = || Some(value.as_str()?.cmp(operand.as_str()?));
    Ok(match operator {
        "$regex" => {
            let regex = Regex::new(operand.as_str().ok_or("$regex must be text")?).map_err(|_| "invalid $regex")?;
            value.as_str().is_some_and(|text| regex.is_match(text))
        }
        "$eq" => value == operand,
        "$ne" => value != operand,
        "$gt" => order().is_some_and(std::cmp::Ordering::is_gt),
        "$gte" | "$ge" => order().is_some_and(std::cmp::Ordering::is_ge),
        "$lt" => order().is_some_and(std::cmp::Ordering::is_lt),
        "$lte" | "$le" => order().is_some_and(std::cmp::Ordering::is_le),
        "$in" => operand.as_str().is_some_and(|list| list.split('|').any(|one| value == one)),
        _ => return Err(format!("unknown operator {operator}")),
    })
}
