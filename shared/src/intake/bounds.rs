//! How much an event may hold, and what of it may be shown.
//!
//! The bounds are checked before anything is looked for, so that reading takes time in proportion to the event.

use serde_json::{Value, json};

use super::work::{Todo, Work};
use crate::{
    error::{Error, ErrorType::InvalidInput},
    request::RequestInfo,
    text::{has_unsafe, mark_value, marked, shortened},
};

/// The longest correlation, in bytes of JSON.
const MAX_CORRELATION: usize = 4096;
/// The longest id, source or path, in bytes.
const MAX_NAME: usize = 512;
/// The largest alert, in bytes: what SQS takes at most. EventBridge and SNS take less.
const MAX_BYTES: usize = 1 << 20;
/// The most entries that a list in an alert may have, and so the most names at one place. Findings of real products have
/// tens.
const MAX_ENTRIES: usize = 500;
/// The most fields of one object.
const MAX_FIELDS: usize = 2000;

/// Refuses an alert that no AWS service delivers.
pub(super) fn bytes(bytes: usize) -> Result<(), Error> {
    if bytes > MAX_BYTES {
        return Err(InvalidInput.error(format!(
            "the alert has {bytes} bytes, more than {MAX_BYTES}, which is what SQS takes; nothing was done"
        )));
    }
    Ok(())
}

/// Refuses an alert with more names than a finding has.
pub(super) fn entries(alert: &Value) -> Result<(), Error> {
    count(alert).map(drop)
}

/// The number of values that were looked at.
fn count(value: &Value) -> Result<usize, Error> {
    let refused = |what: &str, most: usize| {
        Err(InvalidInput.error(format!(
            "the alert has {what} with more than {most} entries; nothing was done; send one finding per event"
        )))
    };
    match value {
        Value::Array(items) if items.len() > MAX_ENTRIES => refused("a list", MAX_ENTRIES),
        Value::Object(fields) if fields.len() > MAX_FIELDS => refused("an object", MAX_FIELDS),
        Value::Array(items) => items.iter().try_fold(1, |sum, item| Ok(sum + count(item)?)),
        Value::Object(fields) => fields.values().try_fold(1, |sum, field| Ok(sum + count(field)?)),
        _ => Ok(1),
    }
}

/// Refuses a correlation that would not fit into outcomes and logs.
pub(super) fn correlation(correlation: &Value) -> Result<(), Error> {
    let bytes = correlation.to_string().len();
    if bytes > MAX_CORRELATION {
        return Err(InvalidInput.error(format!(
            "`correlation` has {bytes} bytes, more than {MAX_CORRELATION}; nothing was done; give a reference instead of the thing itself"
        )));
    }
    Ok(())
}

/// The same work, with nothing in it that could not stand in a log, a mail or a ticket. Its target is not repaired: one that
/// holds an unsafe character is refused.
pub(super) fn safe(work: Work) -> Work {
    let Work { info, todo } = work;
    let todo = match todo {
        Ok(Todo::Run(target)) if target.names().chain(&target.bound_to).any(|name| has_unsafe(&name.text)) => {
            Err(InvalidInput.error(
                "the target's name holds control characters, or characters that cannot be seen; nothing was done",
            ))
        }
        Ok(Todo::Run(mut target)) => {
            for given in std::iter::once(&mut target.name).chain(&mut target.also).chain(&mut target.bound_to) {
                given.source = given.source.as_deref().map(name);
            }
            Ok(Todo::Run(target))
        }
        other => other,
    };
    Work { info: safe_info(info), todo }
}

/// The same of what an outcome repeats of its request.
pub(super) fn safe_info(mut info: RequestInfo) -> RequestInfo {
    info.reason = info.reason.as_deref().map(|reason| marked(reason).into_owned());
    info.event_source = name(&info.event_source);
    info.event_id = info.event_id.as_deref().map(name);
    if let Some(given) = &mut info.correlation {
        mark_value(given);
        // A finding's, which is no reason to let it pass, or one of an event that was refused for it.
        if let Err(error) = correlation(given) {
            let finding_id = given.get("finding_id").and_then(Value::as_str).map(name);
            *given = json!({"left_out": error.message});
            if let Some(id) = finding_id {
                given["finding_id"] = json!(id);
            }
        }
    }
    info
}

fn name(text: &str) -> String {
    shortened(&marked(text), MAX_NAME).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        intake::{Arrival, Intake, Settings, Wants},
        request::{Takes, TargetType},
        vars::Vars,
    };

    const ODD: &str = "a\n\u{85}\u{202e}\u{2028}\u{200b}b";

    fn read(event: &str, target_type: TargetType) -> Intake {
        let settings = Settings::from_vars(&Vars(&|_| None)).unwrap();
        let arrival =
            Arrival { request_id: "r-1".to_owned(), dry_run: false, now: chrono::Utc::now(), redriven: false };
        settings.read(
            event,
            Wants { target_type, mutating: false, takes_findings: true, takes: Takes::default() },
            &arrival,
        )
    }

    fn one(event: &Value) -> Work {
        match read(&event.to_string(), TargetType::Host) {
            Intake::One(work) => *work,
            Intake::Several(_) | Intake::Batch(_) => panic!("more than one"),
        }
    }

    fn finding(names: usize) -> Value {
        let evidence = |number: usize| json!({"device": {"name": format!("h{number}")}});
        json!({"class_uid": 2004, "metadata": {"uid": "f-1"}, "evidences": (0..names).map(evidence).collect::<Vec<_>>()})
    }

    fn alert(detail: Value) -> Value {
        json!({"source": "x", "id": "e-1", "detail-type": "Finding", "detail": detail, "time": "2026-11-24T12:00:00Z"})
    }

    #[test]
    fn reading_looks_at_each_value_once_and_stops_at_the_bound() {
        let counted = |names| count(&finding(names)).unwrap();
        // Work, not time: three values for each name, whatever their number.
        assert_eq!(counted(MAX_ENTRIES) - counted(0), 3 * MAX_ENTRIES);
        for names in [MAX_ENTRIES + 1, 32_000] {
            let event = alert(finding(names));
            let error = one(&event).todo.err().unwrap();
            assert_eq!(error.error_type, InvalidInput);
            assert!(error.message.contains("more than 500 entries"), "{error}");
            let record = json!({"Records": [
                {"messageId": "m", "eventSource": "aws:sqs", "body": event.to_string()}
            ]});
            let Intake::Batch(records) = read(&record.to_string(), TargetType::Host) else { panic!("no batch") };
            assert_eq!(records[0].work[0].todo.as_ref().err(), Some(&error));
        }
        let fields: serde_json::Map<_, _> =
            (0..32_000).map(|n| (format!("f{n}"), json!({"type": "user", "username": n.to_string()}))).collect();
        assert_eq!(one(&alert(fields.into())).todo.err().unwrap().error_type, InvalidInput);
    }

    #[test]
    fn an_alert_that_no_service_delivers_is_refused() {
        let event = |bytes| alert(json!({"hostname": "Computer123", "reason": " ".repeat(bytes) + "x"}));
        assert!(one(&event(MAX_BYTES / 2)).todo.is_ok());
        assert!(one(&event(MAX_BYTES)).todo.err().unwrap().message.contains("SQS"));
        let record = json!({"Records": [
            {"messageId": "big", "eventSource": "aws:sqs", "body": event(MAX_BYTES).to_string()},
            {"messageId": "small", "eventSource": "aws:sqs", "body": event(1).to_string()}
        ]});
        let Intake::Batch(records) = read(&record.to_string(), TargetType::Host) else { panic!("no batch") };
        assert_eq!(records.iter().map(|record| record.work[0].todo.is_ok()).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn a_long_correlation_is_refused_where_it_is_written_for_us_and_left_out_of_a_finding() {
        let long = json!({"ticket": "x".repeat(MAX_CORRELATION)});
        for event in [
            json!({"hostname": "Computer123", "correlation": long}),
            alert(json!({"hostname": "Computer123", "correlation": long})),
        ] {
            let work = one(&event);
            assert!(work.todo.err().unwrap().message.contains("`correlation` has"), "{event}");
            assert!(work.info.correlation.unwrap_or_default().to_string().len() < 512);
        }
        assert!(one(&json!({"hostname": "Computer123", "correlation": "x".repeat(4000)})).todo.is_ok());
        let mut with = finding(1);
        with["correlation"] = long;
        let work = one(&alert(with));
        assert!(work.todo.is_ok());
        let correlation = work.info.correlation.unwrap();
        assert_eq!(correlation["finding_id"], "f-1");
        assert!(correlation["left_out"].as_str().unwrap().contains("more than 4096"));
    }

    #[test]
    fn nothing_of_an_event_can_break_a_line_or_turn_it_round() {
        let shown = |work: &Work| {
            let target = match &work.todo {
                Ok(Todo::Run(target)) => format!("{target:?}"),
                Ok(Todo::Answer(outcome)) => serde_json::to_string(outcome).unwrap(),
                Err(error) => error.to_string(),
            };
            format!("{} {target}", json!(work.info))
        };
        let mut title = finding(1);
        title["finding_info"] = json!({"title": ODD, "uid": ODD});
        title["correlation"] = json!({ODD: [ODD]});
        let mut named = finding(0);
        named["device"] = json!({"hostname": ODD});
        let mut envelope = alert(finding(1));
        (envelope["id"], envelope["source"]) = (json!(ODD), json!(ODD));
        for event in [
            alert(title),
            alert(named),
            envelope,
            alert(finding(2)),
            json!({"hostname": ODD}),
            json!({ODD: "x"}),
            json!({"hostname": "x", "reason": ODD}),
            json!({"hostname": "x", "correlation": {ODD: ODD}}),
            alert(json!({"event_type": ODD, "initiated_by": {}, "id": ODD, "system": {"hostname": "x"}})),
            alert(json!({"event_type": "x", "initiated_by": {}, ODD: {"type": "system", "hostname": "x"}})),
        ] {
            let shown = shown(&one(&event));
            assert!(!has_unsafe(&shown), "{event}: {shown:?}");
        }
        let work = one(&json!({"hostname": "x", "correlation": {"a": ODD}}));
        assert_eq!(work.info.correlation, Some(json!({"a": "a\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}b"})));
    }
}
