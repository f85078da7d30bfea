//! The records of an SQS event, concurrently, each with an end of its own.

use std::{cell::Cell, collections::HashMap, panic::AssertUnwindSafe};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use futures_util::{FutureExt, StreamExt, stream};

use crate::{
    error::{
        Effect, Error,
        ErrorType::{LimitReached, SwitchedOff},
    },
    intake::Record,
};

/// Whether SQS should keep a record that ended so: to deliver it again where that may help, or in the dead-letter queue until a
/// person has put right what is not the alert's fault (the key, the role, a switch, a limit). Other refusals would be the same
/// each time, and what may have been sent is not to be sent again: those are acknowledged, and their line in the log and
/// `RefusedAlerts` tell of them.
pub(super) fn is_worth_redelivery(error: &Error) -> bool {
    let kind = error.error_type;
    error.done == Effect::Nothing
        && (kind.retry_helps() || kind.is_unexpected() || matches!(kind, SwitchedOff | LimitReached))
}

/// Runs `act` on each record, at most `concurrency` at a time, and answers with exactly those that `act` is not done with: SQS
/// deletes the others and delivers these again, up to its dead-letter queue. Within a message group the order is
/// kept, and after the first such record the rest of the group is reported as failed without being touched. So is whatever
/// has not begun when it is no longer `in_time`: a line in the log for each would take longer than is left.
pub(super) async fn process<F, R>(
    records: Vec<Record>,
    concurrency: usize,
    in_time: impl Fn() -> bool,
    act: F,
) -> SqsBatchResponse
where
    F: Fn(Record) -> R,
    R: Future<Output = bool>,
{
    // A lane is worked off in order: a group, or a record that belongs to none.
    let mut lanes: Vec<Vec<Record>> = Vec::new();
    let mut groups: HashMap<String, usize> = HashMap::new();
    for record in records {
        match &record.group {
            Some(group) => {
                let lane = *groups.entry(group.clone()).or_insert(lanes.len());
                if lane == lanes.len() {
                    lanes.push(Vec::new());
                }
                lanes[lane].push(record);
            }
            None => lanes.push(vec![record]),
        }
    }
    let late = Cell::new(0);
    let begin = || {
        in_time() || {
            late.set(late.get() + 1);
            false
        }
    };
    let work = lanes.into_iter().map(|lane| work_off(lane, &begin, &act));
    let failed = stream::iter(work).buffer_unordered(concurrency).concat().await;
    if late.get() > 0 {
        tracing::warn!(records = late.get(), "the time ran out; these were reported as failed and not touched");
    }
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed.into_iter().map(failure).collect();
    response
}

/// The message ids of the records that failed.
async fn work_off<R: Future<Output = bool>>(
    lane: Vec<Record>,
    begin: &impl Fn() -> bool,
    act: &impl Fn(Record) -> R,
) -> Vec<String> {
    let mut failed: Vec<String> = Vec::new();
    for record in lane {
        let message_id = record.message_id.clone();
        let act = AssertUnwindSafe(async { act(record).await });
        let done = failed.is_empty() && begin() && act.catch_unwind().await.unwrap_or(false);
        if !done {
            failed.push(message_id);
        }
    }
    failed
}

fn failure(message_id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message_id;
    failure
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::error::ErrorType;

    fn records(list: &[(&str, Option<&str>)]) -> Vec<Record> {
        let record = |(id, group): &(&str, Option<&str>)| Record {
            message_id: (*id).to_owned(),
            group: group.map(str::to_owned),
            work: Vec::new(),
        };
        list.iter().map(record).collect()
    }

    /// The failed ones and those that were touched, both in order.
    async fn outcome(list: &[(&str, Option<&str>)], concurrency: usize) -> (Vec<String>, Vec<String>) {
        let touched = Mutex::new(Vec::new());
        let response = process(
            records(list),
            concurrency,
            || true,
            |record| {
                touched.lock().unwrap().push(record.message_id.clone());
                async move {
                    tokio::task::yield_now().await;
                    assert!(!record.message_id.contains("panic"), "on purpose");
                    !record.message_id.contains("bad")
                }
            },
        )
        .await;
        let mut failed: Vec<String> =
            response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        failed.sort();
        (failed, touched.into_inner().unwrap())
    }

    #[test]
    fn what_a_person_can_put_right_stays_in_the_queue_and_what_would_be_the_same_each_time_does_not() {
        let kept: Vec<_> = ErrorType::ALL.iter().filter(|kind| is_worth_redelivery(&kind.error(""))).collect();
        let names = kept.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" ");
        let expected = "LimitReached SwitchedOff Unauthorized Forbidden SecretUnavailable GuardUnavailable InProgress \
                        RateLimited JumpCloudUnavailable DeadlineExceeded UnexpectedResponse Internal";
        assert_eq!(names, expected);
        assert!(!is_worth_redelivery(&ErrorType::Internal.error("a panic").with_unknown_effect()));
    }

    #[tokio::test]
    async fn one_failure_or_panic_touches_no_other() {
        let list = [("a", None), ("bad-b", None), ("c", None), ("panic-d", None), ("e", None)];
        for concurrency in [1, 2, 8] {
            let (failed, touched) = outcome(&list, concurrency).await;
            assert_eq!(failed, ["bad-b", "panic-d"]);
            assert_eq!(touched.len(), 5);
        }
    }

    #[tokio::test]
    async fn a_group_stops_at_its_first_failure_and_others_go_on() {
        let list = [
            ("a1", Some("a")),
            ("b1", Some("b")),
            ("bad-a2", Some("a")),
            ("b2", Some("b")),
            ("a3", Some("a")),
            ("c1", None),
            ("a4", Some("a")),
        ];
        let (failed, touched) = outcome(&list, 8).await;
        assert_eq!(failed, ["a3", "a4", "bad-a2"]);
        assert!(!touched.contains(&"a3".to_owned()) && !touched.contains(&"a4".to_owned()));
        let of_b: Vec<_> = touched.iter().filter(|id| id.starts_with('b') && !id.starts_with("bad")).collect();
        assert_eq!(of_b, ["b1", "b2"]);
    }

    #[tokio::test]
    async fn what_has_not_begun_in_time_is_reported_and_not_touched() {
        let list: Vec<Record> = (0..10_000)
            .map(|number| Record { message_id: number.to_string(), group: None, work: Vec::new() })
            .collect();
        // Time for a hundred: no clock, no waiting.
        let (left, touched) = (Cell::new(100_usize), Cell::new(0));
        let in_time = || left.replace(left.get().saturating_sub(1)) > 0;
        let response = process(list, 8, in_time, |_| {
            touched.set(touched.get() + 1);
            async {
                tokio::task::yield_now().await;
                true
            }
        })
        .await;
        assert_eq!((touched.get(), response.batch_item_failures.len()), (100, 9_900));
        // In a group, too.
        let in_time = || touched.replace(0) > 0;
        let response = process(records(&[("a1", Some("a")), ("a2", Some("a"))]), 8, in_time, |_| async { true }).await;
        assert_eq!(response.batch_item_failures.len(), 1);
    }
}
