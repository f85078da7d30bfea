//! A batch, a line a record: its answer names only those that SQS keeps.

use serde_json::Value;

use super::{
    print::{status_word, text},
    style::Page,
};

/// What became of one target of an event, from the line of its run.
#[derive(Clone, Debug)]
pub struct Run(Value);

/// The runs in a function's log, in the order in which they ended.
pub fn runs(logs: &str) -> Vec<Run> {
    let lines = logs.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["_aws"].is_object()).map(Run).collect()
}

impl Run {
    /// Its status or `errorType`.
    pub fn result(&self) -> &str {
        text(&self.0["Outcome"])
    }

    /// Why it failed.
    pub fn error(&self) -> Option<&str> {
        self.0["error"].as_str()
    }

    /// The invocation's id.
    pub fn request_id(&self) -> &str {
        text(&self.0["request_id"])
    }

    /// `ignored`'s code.
    pub fn ignored(&self) -> Option<&str> {
        self.0["audit"]["ignored"].as_str()
    }

    /// When the alert was raised.
    pub fn event_time(&self) -> Option<&str> {
        self.0["audit"]["request"]["event_time"].as_str()
    }

    /// Whom or what it was about, as JumpCloud spells it, else as it was asked for.
    pub fn target(&self) -> &str {
        let audit = &self.0["audit"];
        let name = audit["target"]["name"].as_str().or(audit["asked"]["name"].as_str());
        name.or(self.0["target_id"].as_str()).unwrap_or_default()
    }

    /// The type and id of the target; `None` where none was found.
    pub fn found(&self) -> Option<(&str, &str)> {
        let target = &self.0["audit"]["target"];
        target["type"].as_str().zip(target["id"].as_str())
    }

    fn event_id(&self) -> &str {
        text(&self.0["event_id"])
    }

    fn words(&self) -> String {
        let state = |when: &str| self.0["audit"][when]["state"].as_str();
        match (self.error(), state("before"), state("after")) {
            (Some(error), ..) => format!("{}: {error}", self.result()),
            (None, Some(before), Some(after)) if before != after => {
                format!("{}: was {before}, is {after}.", self.target())
            }
            (None, Some(state), _) => format!("{} is {state}.", self.target()),
            _ => match (self.ignored(), self.target()) {
                (Some(code), _) => format!("Nothing to act on: {code}."),
                (None, "") => format!("{}.", self.result()),
                (None, target) => format!("{target}."),
            },
        }
    }
}

/// The records of an SQS event.
pub fn of(event: &Value) -> Option<&Vec<Value>> {
    event["Records"]
        .as_array()
        .filter(|records| records.first().is_some_and(|record| record["eventSource"] == "aws:sqs"))
}

/// Prints what became of each record of a batch, and says whether one failed.
pub fn print(page: &mut Page, records: &[Value], (answer, runs): (&Result<Value, Value>, &[Run])) -> bool {
    let kept: Vec<&str> = answer.as_ref().map_or_else(
        |_| Vec::new(),
        |answer| {
            answer["batchItemFailures"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|kept| text(&kept["itemIdentifier"]))
                .collect()
        },
    );
    let mut left: Vec<&Run> = runs.iter().collect();
    for record in records {
        let id = text(&record["messageId"]);
        let in_queue = if kept.contains(&id) { "stays in the queue" } else { "leaves the queue" };
        let own = of_record(record, records, &mut left);
        for run in &own {
            let (tone, word) = status_word(run.result());
            page.headed(tone, word, &format!("{}: {} ({in_queue})", id, run.words()));
        }
        if own.is_empty() {
            let (tone, word) = status_word("");
            page.headed(tone, word, &format!("{}: not begun ({in_queue}).", id));
        }
    }
    !kept.is_empty() || runs.iter().any(|run| run.error().is_some())
}

/// Takes out of `left` what belongs to `record`: those runs whose alert's id the record holds. Several records may hold the same
/// alert; then each gets its share, in order.
fn of_record<'a>(record: &Value, records: &[Value], left: &mut Vec<&'a Run>) -> Vec<&'a Run> {
    let holds = |record: &Value, id: &str| !id.is_empty() && record.to_string().contains(id);
    let own: Vec<&Run> = left.iter().copied().filter(|run| holds(record, run.event_id())).collect();
    let Some(first) = own.first() else { return own };
    let position = records.iter().position(|other| std::ptr::eq(other, record)).unwrap_or_default();
    let same = records[position..].iter().filter(|other| holds(other, first.event_id())).count().max(1);
    let own: Vec<&Run> = own[..own.len().div_ceil(same)].to_vec();
    left.retain(|run| !own.iter().any(|taken| std::ptr::eq(*taken, *run)));
    own
}
