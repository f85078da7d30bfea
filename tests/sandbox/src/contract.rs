//! What functions answer, held against the published schemas: the same that engineers who use the outcomes work with.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

static OUTCOME: LazyLock<Validator> = LazyLock::new(|| validator(include_str!("../../../schemas/outcome.json")));
static AUDIT: LazyLock<Validator> = LazyLock::new(|| validator(include_str!("../../../schemas/audit.json")));
static ERROR: LazyLock<Validator> = LazyLock::new(|| validator(include_str!("../../../schemas/error.json")));

fn validator(schema: &str) -> Validator {
    jsonschema::validator_for(&serde_json::from_str(schema).expect("a schema is JSON")).expect("a valid schema")
}

/// Ends a test whose function answered something that its contract does not allow: an outcome, several, or an error. The
/// answer to a batch is SQS's, and an error whose name has a dot is the local Lambda's.
pub(crate) fn check(answer: &Result<Value, Value>) {
    match answer {
        Ok(Value::Array(outcomes)) => outcomes.iter().for_each(|outcome| valid(&OUTCOME, outcome)),
        Ok(batch) if batch.get("batchItemFailures").is_some() => {}
        Ok(outcome) => valid(&OUTCOME, outcome),
        Err(error) if error["errorType"].as_str().is_some_and(|name| name.contains('.')) => {}
        Err(error) => valid(&ERROR, error),
    }
}

/// Ends a test whose function left an audit record that its contract does not allow.
pub fn check_audit(line: &Value) {
    if let Some(audit) = line.get("audit") {
        valid(&AUDIT, audit);
    }
}

fn valid(validator: &Validator, answer: &Value) {
    let wrong: Vec<String> =
        validator.iter_errors(answer).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "not what the schema says: {}\n{answer:#}", wrong.join("; "));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    #[should_panic(expected = "not what the schema says")]
    fn an_outcome_with_another_status_is_none() {
        check(&Ok(json!({"status": "done"})));
    }

    #[test]
    #[should_panic(expected = "not what the schema says")]
    fn an_error_of_another_name_is_none() {
        check(&Err(json!({"errorType": "Oops", "errorMessage": "why"})));
    }

    #[test]
    fn the_events_that_the_list_of_playbooks_names_fit_the_catalogue() {
        let catalogue: Value = serde_json::from_str(include_str!("../../../schemas/actions.json")).expect("JSON");
        let playbooks: Value = serde_json::from_str(include_str!("../../playbooks.json")).expect("JSON");
        for playbook in playbooks.as_array().expect("a list") {
            let actions = catalogue["actions"].as_array().expect("a list");
            let action = actions.iter().find(|action| action["name"] == playbook["name"]).expect("an action");
            assert_eq!(action["changes"].is_string(), playbook["changes"] == true, "{action}");
            let input = jsonschema::validator_for(&action["input"]).expect("a schema");
            assert!(input.is_valid(&playbook["event"]), "{playbook}");
            assert_eq!(input.is_valid(&playbook["refused"]), playbook["error"] != "InvalidInput", "{playbook}");
        }
    }
}
