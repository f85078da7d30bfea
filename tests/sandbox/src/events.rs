//! Events as AWS delivers them.

use serde_json::{Value, json};

/// The record of an SQS event, sent now.
pub fn record(message_id: &str, body: impl ToString) -> Value {
    let sent = chrono::Utc::now().timestamp_millis().to_string();
    json!({"messageId": message_id, "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:findings",
           "attributes": {"SentTimestamp": sent}, "body": body.to_string()})
}

/// An SQS event.
pub fn batch(records: impl IntoIterator<Item = Value>) -> Value {
    json!({"Records": records.into_iter().collect::<Vec<_>>()})
}
