//! An embedded DynamoDB with the guard's table, and what can go wrong on the way to it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response},
};
use dynoxide::{Database, server};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};

use crate::serve::{Cut, Listeners, serve_on};

/// The name of the table.
pub const TABLE: &str = "guard";
const DEFINITION: &str = include_str!("../../../ledger/table.json");

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// The transaction is cancelled: somebody else is at work on an item.
    Conflict,
    /// This error.
    Error(&'static str),
    /// The connection is cut, and the request has no effect.
    CutBefore,
    /// The request has its effect, and the connection is cut instead of an answer.
    CutAfter,
    /// The request has its effect, and the answer comes so much later.
    Late(Duration),
}

struct Order {
    trouble: Trouble,
    operation: String,
    times: usize,
}

struct Shared {
    inner: String,
    http: reqwest::Client,
    orders: Mutex<Vec<Order>>,
    /// One transaction of so many meets a conflict; 0 for none.
    conflict_every: Mutex<usize>,
    requests: Mutex<Vec<String>>,
}

/// A running DynamoDB. Ends when dropped.
pub struct Dynamo {
    address: SocketAddr,
    database: Database,
    shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 2],
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic under the lock")
}

impl Dynamo {
    /// An empty table on a free loopback port.
    pub async fn start() -> Self {
        Self::start_on(Listeners::bind(Ipv4Addr::LOCALHOST.into(), 0).await.expect("a free loopback port")).await
    }

    /// The same on these ports.
    pub async fn start_on(listeners: Listeners) -> Self {
        let database = Database::memory().expect("SQLite in memory");
        let definition = serde_json::from_str(DEFINITION).expect("a CreateTable request");
        database.create_table(definition).expect("an empty database");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free loopback port");
        let inner = format!("http://{}", listener.local_addr().expect("a bound address"));
        let serving = tokio::spawn(server::serve_on(listener, database.clone()));
        #[expect(clippy::disallowed_methods, reason = "to loopback")]
        let http = reqwest::Client::new();
        let (orders, conflict_every, requests) = Default::default();
        let shared = Arc::new(Shared { inner, http, orders, conflict_every, requests });
        let state = shared.clone();
        let address = listeners.address();
        let task = serve_on(listeners, move |request| answer(state.clone(), request));
        Self { address, database, shared, tasks: [serving, task] }
    }

    /// For `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The variables that lead a function here.
    pub fn env(&self) -> [(&'static str, String); 2] {
        [("GUARD_TABLE", TABLE.to_owned()), ("AWS_ENDPOINT_URL_DYNAMODB", self.url())]
    }

    /// The next `times` requests of this operation (`TransactWriteItems`, or a part of a name) meet `trouble`.
    pub fn order(&self, trouble: Trouble, operation: &str, times: usize) {
        lock(&self.shared.orders).push(Order { trouble, operation: operation.to_owned(), times });
    }

    /// From now on every `n`th transaction meets a conflict.
    pub fn conflict_every(&self, n: usize) {
        *lock(&self.shared.conflict_every) = n;
    }

    /// The answer to a request that came in by another way.
    ///
    /// # Errors
    /// Where the connection is to be cut.
    pub async fn answer(&self, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
        answer(self.shared.clone(), request).await
    }

    /// The operations so far.
    pub fn operations(&self) -> Vec<String> {
        lock(&self.shared.requests).clone()
    }

    /// Writes an item, in DynamoDB's JSON.
    pub fn put(&self, item: Value) {
        let request = serde_json::from_value(json!({"TableName": TABLE, "Item": item})).expect("a PutItem request");
        self.database.put_item(request).expect("a valid item");
    }

    /// Deletes an item.
    pub fn delete(&self, pk: &str, sk: &str) {
        let key = json!({"pk": {"S": pk}, "sk": {"S": sk}});
        let request = serde_json::from_value(json!({"TableName": TABLE, "Key": key})).expect("a DeleteItem request");
        self.database.delete_item(request).expect("a valid key");
    }

    /// The items of a partition, in DynamoDB's JSON.
    pub fn items(&self, pk: &str) -> Vec<Value> {
        let values = json!({":pk": {"S": pk}});
        let request =
            json!({"TableName": TABLE, "KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": values});
        let request = serde_json::from_value(request).expect("a Query request");
        let answer = serde_json::to_value(self.database.query(request).expect("a valid query")).expect("JSON");
        answer["Items"].as_array().cloned().unwrap_or_default()
    }

    /// Takes the table away.
    pub fn drop_table(&self) {
        let request = serde_json::from_value(json!({"TableName": TABLE})).expect("a DeleteTable request");
        self.database.delete_table(request).expect("a table");
    }
}

impl Drop for Dynamo {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let number = {
        let mut requests = lock(&shared.requests);
        requests.push(operation.clone());
        requests.iter().filter(|operation| *operation == "TransactWriteItems").count()
    };
    match trouble(&shared, &operation, number) {
        Some(Trouble::Conflict) => Ok(conflict(request.body())),
        Some(Trouble::Error(code)) => Ok(error(code, json!({}))),
        Some(Trouble::CutBefore) => Err(Cut),
        Some(Trouble::CutAfter) => {
            forward(&shared, request).await?;
            Err(Cut)
        }
        Some(Trouble::Late(delay)) => {
            let response = forward(&shared, request).await;
            sleep(delay).await;
            response
        }
        None => forward(&shared, request).await,
    }
}

fn trouble(shared: &Shared, operation: &str, number: usize) -> Option<Trouble> {
    let mut orders = lock(&shared.orders);
    if let Some(order) = orders.iter_mut().find(|order| order.times > 0 && operation.contains(&order.operation)) {
        order.times -= 1;
        return Some(order.trouble.clone());
    }
    let every = *lock(&shared.conflict_every);
    (operation == "TransactWriteItems" && every > 0 && number.is_multiple_of(every)).then_some(Trouble::Conflict)
}

async fn forward(shared: &Shared, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
    let (mut head, body) = request.into_parts();
    head.headers.remove("host");
    let url = format!("{}{}", shared.inner, head.uri.path());
    let response = shared.http.request(head.method, url).headers(head.headers).body(body).send().await;
    let response = response.map_err(|_| Cut)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut answer = Response::new(Body::from(response.bytes().await.map_err(|_| Cut)?));
    (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
    Ok(answer)
}

/// As DynamoDB cancels a transaction whose last item somebody else is at work on.
fn conflict(request: &[u8]) -> Response<Body> {
    let request: Value = serde_json::from_slice(request).unwrap_or_default();
    let steps = request["TransactItems"].as_array().map_or(1, Vec::len);
    let mut reasons = vec![json!({"Code": "None"}); steps];
    reasons[steps - 1] = json!({"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"});
    error("TransactionCanceledException", json!({"CancellationReasons": reasons}))
}

fn error(code: &str, mut body: Value) -> Response<Body> {
    body["__type"] = json!(format!("com.amazonaws.dynamodb.v20120810#{code}"));
    body["message"] = json!("ordered by a test");
    let status = if code == "InternalServerError" { 500 } else { 400 };
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    response.body(Body::from(body.to_string())).expect("a valid answer")
}
