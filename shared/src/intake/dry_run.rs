//! Whether a dry run is asked for, wherever and however somebody wrote it.

use serde_json::Value;

/// Whether `value` asks for a dry run at any depth. Whoever adds such a field to an alert may put it beside the detail, into
/// one of the findings or into a message attribute, and spell it as their language does. Only a clear no is none.
pub(super) fn asked(value: &Value) -> bool {
    match value {
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| if is_name(name) { !is_no(value) } else { asked(value) })
        }
        Value::Array(items) => items.iter().any(asked),
        _ => false,
    }
}

fn is_name(name: &str) -> bool {
    let letters = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    letters.eq("dryrun".chars())
}

/// `false`, in a message attribute too, which is an object with a type and a value.
fn is_no(value: &Value) -> bool {
    match value {
        Value::Bool(asked) => !asked,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => matches!(text.trim().to_lowercase().as_str(), "false" | "no" | "off" | "0"),
        Value::Object(attribute) => {
            let values = ["Value", "stringValue", "StringValue"].into_iter().filter_map(|name| attribute.get(name));
            let values: Vec<&Value> = values.filter(|value| value.is_string()).collect();
            !values.is_empty() && values.into_iter().all(is_no)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn any_spelling_at_any_depth_is_one_and_only_a_clear_no_is_none() {
        for value in [
            json!({"dry_run": true}),
            json!({"dryRun": true}),
            json!({"DryRun": true}),
            json!({"DRY_RUN": "TRUE"}),
            json!({"dry-run": "true"}),
            json!({"dry run": 1}),
            json!({"dryrun": "yes"}),
            json!({"dry_run": null}),
            json!({"dry_run": ""}),
            json!({"dry_run": "maybe"}),
            json!({"dry_run": {}}),
            json!({"dry_run": {"Type": "String", "Value": "true"}}),
            json!({"messageAttributes": {"dryRun": {"stringValue": "1", "dataType": "String"}}}),
            json!({"dryRun": {"binaryValue": "AA==", "dataType": "Binary"}}),
            json!({"findings": [{}, {"a": [{"dry_run": true}]}]}),
            json!({"dry_run": false, "detail": {"dryRun": true}}),
        ] {
            assert!(asked(&value), "{value}");
        }
        for value in [
            json!({"dry_run": false}),
            json!({"dryRun": "False"}),
            json!({"dry_run": 0}),
            json!({"dry_run": {"Type": "String", "Value": "false"}}),
            json!({"reason": "dry_run", "tags": ["dry_run"]}),
            json!({"dry_runs": true}),
            json!("dry_run"),
        ] {
            assert!(!asked(&value), "{value}");
        }
    }
}
