//! Where past alerts come from: a file, a folder of files, or standard input.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use serde_json::{Deserializer, Map, Value, json};

/// The alerts of `source`, each as a function is invoked with it: JSON values behind each other (one a line, or over several
/// lines), lists of them, what `aws sqs receive-message` prints, and whole events, whose batches are taken apart.
///
/// # Errors
/// In words, with the place of what is not JSON.
pub fn alerts(source: &str) -> Result<Vec<Value>, String> {
    let source = source.strip_prefix('@').unwrap_or(source);
    let mut alerts = Vec::new();
    if source == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(|error| format!("Standard input cannot be read: {error}."))?;
        read("standard input", &text, &mut alerts)?;
    } else if Path::new(source).is_dir() {
        let unreadable = |error: io::Error| format!("The folder {source} cannot be read: {error}.");
        let entries = fs::read_dir(source).map_err(unreadable)?;
        let mut paths =
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        paths.retain(|path| path.extension().is_some_and(|end| end == "json" || end == "jsonl"));
        paths.sort();
        for path in paths {
            read_file(&path, &mut alerts)?;
        }
    } else {
        read_file(Path::new(source), &mut alerts)?;
    }
    if alerts.is_empty() {
        return Err(format!("There is no event in {source}. A file holds one JSON object a line, or a list of them."));
    }
    Ok(alerts)
}

fn read_file(path: &Path, alerts: &mut Vec<Value>) -> Result<(), String> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| format!("{name} cannot be read: {error}."))?;
    read(&name, &text, alerts)
}

fn read(name: &str, text: &str, alerts: &mut Vec<Value>) -> Result<(), String> {
    for value in Deserializer::from_str(text).into_iter::<Value>() {
        take_apart(value.map_err(|error| format!("{name} is not JSON: {error}. Nothing was replayed."))?, alerts);
    }
    Ok(())
}

fn take_apart(value: Value, alerts: &mut Vec<Value>) {
    match value {
        Value::Array(values) => values.into_iter().for_each(|value| take_apart(value, alerts)),
        Value::Object(fields) if fields.get("Messages").is_some_and(Value::is_array) => {
            let messages = fields["Messages"].as_array().into_iter().flatten();
            alerts.extend(messages.map(|message| json!({"Records": [record(message)]})));
        }
        Value::Object(fields) => match fields.get("Records").and_then(Value::as_array) {
            Some(records) => alerts.extend(records.iter().map(|record| with_record(&fields, record))),
            None => alerts.push(Value::Object(fields)),
        },
        other => alerts.push(other),
    }
}

/// The event with this record only, and with what stands beside its records.
fn with_record(event: &Map<String, Value>, record: &Value) -> Value {
    let mut event = event.clone();
    event.insert("Records".to_owned(), json!([record]));
    Value::Object(event)
}

/// A message of `aws sqs receive-message` as Lambda would deliver it.
fn record(message: &Value) -> Value {
    json!({
        "messageId": message["MessageId"],
        "body": message["Body"],
        "attributes": message.get("Attributes").cloned().unwrap_or_else(|| json!({})),
        "eventSource": "aws:sqs",
        "eventSourceARN": "",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_dump_gives_its_alerts_one_by_one() {
        let count = |text: &str| {
            let mut alerts = Vec::new();
            read("test", text, &mut alerts).map(|()| alerts)
        };
        assert_eq!(count("{\"a\":1}\n{\"a\":2}\n").unwrap().len(), 2);
        assert_eq!(count("[{\"a\":1},\n{\"a\":2}]").unwrap().len(), 2);
        assert_eq!(count("{\n\"a\":1\n}").unwrap(), [json!({"a": 1})]);
        let dump = json!({"Messages": [{"MessageId": "m-1", "Body": "{}", "Attributes": {"SentTimestamp": "1"}}]});
        let records = count(&dump.to_string()).unwrap();
        assert_eq!(records[0]["Records"][0]["messageId"], "m-1");
        assert_eq!(records[0]["Records"][0]["attributes"]["SentTimestamp"], "1");
        let batch = json!({"Records": [{"messageId": "1"}, {"messageId": "2"}], "dry_run": true});
        let apart = count(&batch.to_string()).unwrap();
        assert_eq!(apart[1], json!({"Records": [{"messageId": "2"}], "dry_run": true}));
        assert!(count("{\"a\":1}\nnot JSON").unwrap_err().contains("line 2"));
    }
}
