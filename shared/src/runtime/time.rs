//! How much of an invocation's time its calls may take.

use std::time::{Duration, SystemTime};

use lambda_runtime::Context;
use tokio::time::Instant;

/// Kept back from the invocation's time to return the answer.
const TIME_TO_ANSWER: Duration = Duration::from_millis(300);
/// The same for each record of a batch: reporting 7,000 took more than a second of the clock on the CPU that 128 MB get.
const TIME_TO_ANSWER_A_RECORD: Duration = Duration::from_micros(150);
/// A record is not begun with less than this left: what begins should end.
const TIME_FOR_A_RECORD: Duration = Duration::from_secs(1);

/// When all calls must have ended.
pub(super) fn deadline(context: &Context) -> Instant {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    Instant::now() + left.saturating_sub(TIME_TO_ANSWER)
}

/// Of the time that is `left` for a batch: until when a record may begin, and when all calls must have ended. Of a short
/// time a quarter each is kept back at most.
pub(super) fn times(records: usize, left: Duration) -> (Duration, Duration) {
    let to_answer = TIME_TO_ANSWER_A_RECORD.saturating_mul(u32::try_from(records).unwrap_or(u32::MAX));
    let end = left - to_answer.min(left / 4);
    (end - TIME_FOR_A_RECORD.min(left / 4), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_keeps_time_back_for_its_records_and_its_answer() {
        let ms = Duration::from_millis;
        assert_eq!(times(10_000, ms(60_000)), (ms(57_500), ms(58_500)));
        assert_eq!(times(10, ms(60_000)).1, Duration::from_micros(59_998_500));
        assert_eq!(times(10_000, ms(400)), (ms(200), ms(300)));
        assert_eq!(times(usize::MAX, Duration::ZERO), (Duration::ZERO, Duration::ZERO));
    }
}
