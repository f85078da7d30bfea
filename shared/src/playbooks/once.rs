//! Once per target and invocation, however often and by whatever names it is asked for.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc};

use futures_util::{FutureExt, future::LocalBoxFuture};
use tokio::sync::{Mutex, OnceCell};

use crate::{
    error::{Error, ErrorType::Internal},
    ids::ObjectId,
    organizations::Alias,
    outcome::Outcome,
};

/// What was already done in this invocation: a second request for the same target gets the first one's result, so that
/// two alerts in one batch do not shut a host down twice.
#[derive(Default)]
pub struct Once(Mutex<HashMap<Same, Acted>>);

/// What makes two requests one: the target, which is another one in another organization, and whether it is a dry run.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Same {
    pub(super) organization: Option<Alias>,
    pub(super) id: ObjectId,
    pub(super) dry_run: bool,
}

/// Empty while the first request is at work; the second waits for it.
type Acted = Arc<OnceCell<Result<Outcome, Error>>>;

impl Once {
    /// Runs `act`, or gives the result of the one before. A panic is a result, too: what panicked may have acted. Boxed, because
    /// it would be held four times over on the way through the cell: 180 KB and as many instructions.
    pub(super) async fn act(
        &self,
        same: Same,
        act: LocalBoxFuture<'_, Result<Outcome, Error>>,
    ) -> Result<Outcome, Error> {
        let cell = self.0.lock().await.entry(same).or_default().clone();
        let caught = async { AssertUnwindSafe(act).catch_unwind().await.unwrap_or_else(|_| Err(defect())) };
        cell.get_or_init(|| caught).await.clone()
    }
}

/// What a panic is answered with.
pub(crate) fn defect() -> Error {
    Internal
        .error("the function hit a defect of its own; what it was about to do may or may not have been done; look at the target and report the log")
        .with_unknown_effect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(organization: Option<&str>) -> Same {
        let id = ObjectId::parse("633f3f295482343ff32add41").unwrap();
        Same { organization: organization.and_then(Alias::parse), id, dry_run: false }
    }

    #[tokio::test]
    async fn after_a_panic_nothing_runs_again() {
        let once = Once::default();
        let first = once.act(same(None), Box::pin(async { panic!("on purpose") })).await.unwrap_err();
        assert_eq!(first, defect());
        let second = once.act(same(None), Box::pin(async { unreachable!("the first may have acted") })).await;
        assert_eq!(second.unwrap_err(), first);
    }

    #[tokio::test]
    async fn one_id_in_two_organizations_is_two_targets() {
        let (once, acted) = (Once::default(), std::cell::Cell::new(0));
        for organization in [None, Some("acme"), Some("globex"), Some("acme"), None] {
            let act = async {
                acted.set(acted.get() + 1);
                Ok(Outcome::new(None, "done"))
            };
            once.act(same(organization), Box::pin(act)).await.unwrap();
        }
        assert_eq!(acted.get(), 3);
    }
}
