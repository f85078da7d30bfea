//! The table in DynamoDB: calls that are repeated until they are answered or the time is up.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Config, Credentials, Region, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, KeysAndAttributes, TransactWriteItem},
};
use jumpcloud_playbooks::{
    error::{Error, ErrorType::GuardUnavailable},
    http::for_aws,
    vars::{self, Vars},
};
use tokio::time::{Instant, sleep, timeout_at};

use crate::items::{Item, Step, When, on_condition, text};

/// One request. A lost one is sent again, so waiting longer gains nothing.
const ATTEMPT: Duration = Duration::from_secs(2);
/// Full jitter below this, doubled with each try up to the second.
const BACKOFF: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(400)];

/// The table.
#[derive(Clone, Debug)]
pub struct Table {
    client: Client,
    /// Its name.
    pub name: String,
}

/// Why a request had no effect that is known.
pub enum Trouble {
    /// Surely none; it may succeed later.
    Again,
    /// No answer: it may have had its effect, or have it later.
    Lost,
    /// Surely none, and it will not succeed.
    Fatal(Error),
}

/// What a transaction came to.
pub enum Written {
    /// All of it.
    Done,
    /// Nothing; one reason per step.
    Cancelled(Vec<CancellationReason>),
}

impl Table {
    /// `name` in the region and with the credentials that Lambda gives.
    ///
    /// # Errors
    /// `Internal` where `AWS_ENDPOINT_URL_DYNAMODB` is no URL that may be used.
    pub fn from_vars(vars: &Vars<'_>, http: reqwest::Client, name: String) -> Result<Self, Error> {
        let [id, secret, token] = vars::AWS_CREDENTIALS.map(|name| vars.named(name));
        let credentials =
            Credentials::new(id.unwrap_or_default(), secret.unwrap_or_default(), token, None, "LambdaEnvironment");
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(for_aws(http))
            .region(vars.named(vars::AWS_REGION).map(Region::new))
            .retry_config(RetryConfig::disabled()) // whoever calls knows what a lost answer means
            .credentials_provider(credentials);
        config.set_endpoint_url(vars.url(&vars::AWS_ENDPOINT_URL_DYNAMODB)?.map(Into::into));
        Ok(Self { client: Client::from_conf(config.build()), name })
    }

    /// All items of a partition.
    pub async fn query(&self, pk: &str, until: Instant) -> Result<Vec<Item>, Error> {
        let mut items = Vec::new();
        let mut from: Option<Item> = None;
        loop {
            let page = retried(until, async || {
                let query = self.client.query().table_name(&self.name).consistent_read(true);
                let query = query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", text(pk));
                let sent = Box::pin(query.set_exclusive_start_key(from.clone()).send()); // boxed: 6 KB otherwise in every future around it
                sent.await.map_err(|error| trouble(&error))
            });
            let page = page.await?;
            items.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                return Ok(items);
            }
        }
    }

    /// The items of `keys` that there are, as they are now.
    pub async fn get(&self, keys: &[Item], until: Instant) -> Result<Vec<Item>, Error> {
        let mut items = Vec::new();
        let mut left = keys.to_vec();
        let mut tries = 0;
        while !left.is_empty() {
            let answer = retried(until, async || {
                let wanted = KeysAndAttributes::builder().set_keys(Some(left.clone())).consistent_read(true).build();
                let wanted = wanted.map_err(|_| Trouble::Fatal(unavailable("a key could not be built")))?;
                let get = self.client.batch_get_item().request_items(&self.name, wanted);
                Box::pin(get.send()).await.map_err(|error| trouble(&error))
            });
            let answer = answer.await?;
            items.extend(answer.responses.unwrap_or_default().remove(&self.name).unwrap_or_default());
            left = answer
                .unprocessed_keys
                .unwrap_or_default()
                .remove(&self.name)
                .map(|keys| keys.keys)
                .unwrap_or_default();
            if !left.is_empty() {
                backoff(tries, until).await?;
                tries += 1;
            }
        }
        Ok(items)
    }

    /// Whether an item could be read: `None`, or the error that says that none can.
    pub async fn refusal(&self, key: &Item, until: Instant) -> Result<Option<String>, Error> {
        retried(until, async || {
            let get = self.client.get_item().table_name(&self.name).set_key(Some(key.clone())).consistent_read(true);
            match get.send().await {
                Ok(_) => Ok(None),
                Err(error) => match (trouble(&error), error.code()) {
                    (Trouble::Fatal(_), Some(code)) => Ok(Some(code.to_owned())),
                    (trouble, _) => Err(trouble),
                },
            }
        })
        .await
    }

    /// Sends a transaction once.
    pub async fn transact(&self, steps: Vec<TransactWriteItem>, until: Instant) -> Result<Written, Trouble> {
        let sent = Box::pin(self.client.transact_write_items().set_transact_items(Some(steps)).send());
        let error = match timeout_at(until.min(Instant::now() + ATTEMPT), sent).await {
            Ok(Ok(_)) => return Ok(Written::Done),
            Ok(Err(error)) => error,
            Err(_) => return Err(Trouble::Lost),
        };
        if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() {
            let reasons = cancelled.cancellation_reasons().to_vec();
            let code = |reason: &CancellationReason| reason.code().unwrap_or_default().to_owned();
            let known = ["None", "ConditionalCheckFailed"];
            let codes: Vec<String> = reasons.iter().map(code).filter(|code| !known.contains(&code.as_str())).collect();
            let again =
                |code: &String| code == "TransactionConflict" || code.contains("Thrott") || code.contains("Throughput");
            if let Some(code) = codes.iter().find(|code| !again(code)) {
                return Err(Trouble::Fatal(unavailable(&format!("the transaction was refused: {code}"))));
            }
            return Ok(Written::Cancelled(reasons));
        }
        Err(trouble(&error))
    }

    /// A conditional write that is not needed for a decision: where it fails, that is logged.
    #[expect(clippy::too_many_arguments, reason = "the parts of DynamoDB's conditional update, and until when")]
    pub async fn update(&self, key: &Item, update: &str, when: &When<'_>, until: Instant) {
        let written = retried(until, async || {
            let step = on_condition(&self.name, key, Step::Update(update.to_owned()), when);
            let step = step.map_err(|_| Trouble::Fatal(unavailable("an update could not be built")))?;
            match self.transact(vec![step], until).await? {
                Written::Cancelled(reasons) if reasons.iter().any(is_conflict) => Err(Trouble::Again),
                Written::Cancelled(_) | Written::Done => Ok(()),
            }
        });
        if let Err(error) = written.await {
            tracing::warn!(error = error.message, update, "the guard table could not be updated");
        }
    }
}

/// Whether a reason says no more than that somebody else was at work on the item.
pub fn is_conflict(reason: &CancellationReason) -> bool {
    !matches!(reason.code(), None | Some("None" | "ConditionalCheckFailed"))
}

/// Waits a little, or says that the time is up.
pub async fn backoff(tries: u32, until: Instant) -> Result<(), Error> {
    let most = BACKOFF[1].min(BACKOFF[0] * 2u32.saturating_pow(tries.min(8)));
    let wait = most.mul_f64(fastrand::f64());
    if Instant::now() + wait >= until {
        return Err(unavailable("it did not answer in time"));
    }
    sleep(wait).await;
    Ok(())
}

/// A read, or a write whose repetition does no harm.
pub async fn retried<T>(until: Instant, call: impl AsyncFn() -> Result<T, Trouble>) -> Result<T, Error> {
    let mut tries = 0;
    loop {
        match timeout_at(until.min(Instant::now() + ATTEMPT), call()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(Trouble::Fatal(error))) => return Err(error),
            Ok(Err(Trouble::Again | Trouble::Lost)) | Err(_) => backoff(tries, until).await?,
        }
        tries += 1;
    }
}

/// What an error means. Never with its source: that may be a whole answer.
pub fn trouble<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Trouble {
    match (error, error.code()) {
        (SdkError::ServiceError(_), Some("InternalServerError" | "ServiceUnavailable" | "InternalFailure")) => {
            Trouble::Lost
        }
        (SdkError::ServiceError(_), Some(code)) => {
            tracing::debug!(code, "DynamoDB refused a request");
            let again = ["Throttl", "Throughput", "RequestLimit", "TransactionInProgress", "TransactionConflict"];
            if again.iter().any(|part| code.contains(part)) {
                return Trouble::Again;
            }
            Trouble::Fatal(unavailable(&format!("{code}; {}", advice(code))))
        }
        (SdkError::ConstructionFailure(_), _) => {
            Trouble::Fatal(unavailable("the request could not be built; check AWS_REGION and the credentials"))
        }
        // No code: an answer of something in between, or none.
        _ => Trouble::Lost,
    }
}

pub(crate) fn advice(code: &str) -> &'static str {
    match code {
        "ResourceNotFoundException" => "check GUARD_TABLE and the region",
        "AccessDeniedException" => "the function's role needs the guard table's permissions, see template.yaml",
        "ValidationException" => "the table must have the key `pk`, `sk`",
        _ => "check the table and the function's role",
    }
}

/// Why the guard cannot be judged.
pub fn unavailable(why: &str) -> Error {
    GuardUnavailable.error(format!("the guard table in GUARD_TABLE cannot be used: {why}; nothing was done"))
}
