//! What AWS wraps around an alert: EventBridge, SNS and SQS, in each other too.

use aws_lambda_events::{
    eventbridge::EventBridgeEvent,
    sns::{SnsMessage, SnsRecord},
    sqs::SqsMessage,
};
use serde_json::Value;

use super::{dry_run, json::Json, time::Times};
use crate::error::{Error, ErrorType::InvalidInput};

/// SQS around SNS around EventBridge is three.
const MAX_DEPTH: usize = 4;
const CUSTOM_ACTION: &str = "Security Hub Findings - Custom Action";

/// An event, told apart by its shape.
pub(super) enum Envelope {
    /// No envelope.
    Direct(Value),
    /// One alert.
    Alert(Alert),
    /// An SQS event, its `Records` still closed.
    Batch(Value),
}

/// What was inside the envelopes, and what they said about it.
#[derive(Default)]
pub(super) struct Alert {
    /// The innermost JSON: a finding, or a plain detail.
    pub(super) body: Value,
    /// Where that stood, as a JSON Pointer that goes on inside of JSON text.
    pub(super) path: String,
    /// What sent it: EventBridge's `source`, else `aws:sns` or `aws:sqs`. The innermost envelope counts.
    pub(super) source: String,
    pub(super) id: Option<String>,
    /// When each envelope says that it was made.
    pub(super) times: Times,
    /// Whether any of the envelopes, or what is inside, asks for a dry run.
    pub(super) dry_run: bool,
    /// A person started a custom action of Security Hub on a finding, however old that is.
    pub(super) is_click: bool,
}

/// The AWS account of an event of EventBridge, as it invokes a function: AWS sets it, and nobody else if it is not in anything.
pub(super) fn account(event: &Value) -> Option<&str> {
    event.get("account").filter(|_| is_eventbridge(event)).and_then(Value::as_str)
}

/// Opens what surrounds `event`, but not yet the records of a batch.
pub(super) fn open(event: Value) -> Result<Envelope, Error> {
    if event.get("alarmData").is_some() || event.get("alarmArn").is_some() {
        return Err(alarm());
    }
    if is_eventbridge(&event) {
        return Alert { body: event, ..Alert::default() }.unwrap().map(Envelope::Alert);
    }
    let Some(records) = event.get("Records").and_then(Value::as_array) else { return Ok(Envelope::Direct(event)) };
    let source = records.first().and_then(|record| record.get("eventSource").or(record.get("EventSource")));
    match (source.and_then(Value::as_str), records.as_slice()) {
        (Some("aws:sqs"), _) => Ok(Envelope::Batch(event)),
        (Some("aws:sns"), [record]) => {
            let dry_run = dry_run::asked(&event);
            let record: SnsRecord = typed(record, "SNS event")?;
            let alert = notification(record.sns, "/Records/0/Sns")?;
            Alert { dry_run, ..alert }.unwrap().map(Envelope::Alert)
        }
        (Some("aws:sns"), _) => {
            Err(InvalidInput.error("an SNS event with more than one record; SNS sends one; nothing was done"))
        }
        _ => Err(InvalidInput.error("the event's records come neither from SNS nor from SQS; nothing was done")),
    }
}

/// Opens the `index`th record of a batch.
pub(super) fn open_message(index: usize, message: SqsMessage) -> Result<Alert, Error> {
    let mut times = Times::default();
    times.add(message.attributes.get("SentTimestamp").map(|sent| Value::from(sent.as_str())).as_ref());
    let alert = Alert {
        body: json(message.body.as_deref().unwrap_or_default(), "the SQS body")?,
        path: format!("/Records/{index}/body"),
        source: "aws:sqs".to_owned(),
        id: message.message_id,
        times,
        ..Alert::default()
    };
    alert.unwrap()
}

impl Alert {
    /// Takes off what AWS put around the body on its way.
    fn unwrap(mut self) -> Result<Self, Error> {
        for _ in 0..MAX_DEPTH {
            self.dry_run |= dry_run::asked(&self.body);
            if is_eventbridge(&self.body) {
                // Read here, in any form: one that cannot be read makes the alert stale.
                let time = self.body["time"].take();
                let event: EventBridgeEvent = typed(&self.body, "EventBridge event")?;
                if event.source == "aws.cloudwatch" && event.detail_type.contains("Alarm") {
                    return Err(alarm());
                }
                self.path.push_str("/detail");
                self.is_click = event.source == "aws.securityhub" && event.detail_type == CUSTOM_ACTION;
                self.source = event.source;
                self.id = event.id.or(self.id);
                self.times.add(Some(&time));
                self.body = event.detail;
            } else if self.body["Type"] == "Notification" && self.body["Message"].is_string() {
                let (outer, dry_run) = (self.times, self.dry_run);
                let message: SnsMessage = typed(&self.body, "SNS notification")?;
                self = Self { dry_run, ..notification(message, &self.path)? };
                self.times.extend(&outer);
            } else if self.body.get("AlarmName").is_some() && self.body.get("NewStateValue").is_some() {
                return Err(alarm());
            } else {
                return Ok(self);
            }
        }
        Err(InvalidInput.error("the alert is wrapped in more envelopes than AWS would use; nothing was done"))
    }
}

fn notification(message: SnsMessage, path: &str) -> Result<Alert, Error> {
    let mut times = Times::default();
    times.add(Some(&Value::from(message.timestamp.to_rfc3339())));
    Ok(Alert {
        body: json(&message.message, "the SNS message")?,
        path: format!("{path}/Message"),
        source: "aws:sns".to_owned(),
        id: Some(message.message_id),
        times,
        ..Alert::default()
    })
}

fn is_eventbridge(event: &Value) -> bool {
    event["detail-type"].is_string() && event["source"].is_string() && event.get("detail").is_some()
}

/// The parser's own message would repeat values.
fn typed<T: serde::de::DeserializeOwned>(value: &Value, what: &str) -> Result<T, Error> {
    T::deserialize(value).map_err(|_| {
        InvalidInput
            .error(format!("this looks like an {what} and lacks a part that AWS always sends; nothing was done"))
    })
}

fn json(text: &str, what: &str) -> Result<Value, Error> {
    let json: Json = serde_json::from_str(text)
        .map_err(|_| InvalidInput.error(format!("{what} is not JSON; nothing was done; send the finding as JSON")))?;
    json.unambiguous()
}

fn alarm() -> Error {
    InvalidInput.error("a CloudWatch alarm is about a metric and names no user and no host; nothing was done; attach the playbook to findings instead")
}
