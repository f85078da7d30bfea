//! The ways in which the tenant misbehaves when a test orders it.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response},
};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    authorize,
    replies::{error, json_reply, page, reply},
    serve::{Cut, Opened},
    tenant::{Recorded, Shared, lock},
};

/// One misbehaviour.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status, with JumpCloud's error body; with `Retry-After` where given.
    Status(u16, Option<String>),
    /// A 307 to this place, which asks for the same request again.
    Redirect(String),
    /// A 200 that is a page of HTML.
    HtmlPage,
    /// Any other answer: status, content type, body.
    Answer(u16, &'static str, String),
    /// The right answer, so much later.
    Slow(Duration),
    /// The right answer, once so many requests have arrived in all.
    Until(usize),
    /// The connection is cut before the request had any effect.
    CutBefore,
    /// The request has its effect, and the connection is cut instead of an answer.
    CutAfter,
    /// The request has its effect, and the answer is this status with an error body.
    StatusAfter(u16),
    /// This status, or a cut connection, at once; the request has its effect so much later.
    Late(Option<u16>, Duration),
    /// A JSON answer that breaks off.
    Malformed,
    /// A JSON answer of more than 8 MiB.
    Oversized,
    /// The request is answered as if it had had its effect, and has none.
    Ignored,
}

impl Fault {
    /// This status and no `Retry-After`.
    pub fn status(status: u16) -> Self {
        Self::Status(status, None)
    }
}

/// A fault for the next `times` requests of this method whose path contains `path`.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) fault: Fault,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) times: usize,
}

impl Order {
    /// The fault for this request, if it is one of those ordered.
    pub(crate) fn take(orders: &mut [Order], method: &str, path: &str) -> Option<Fault> {
        let order =
            orders.iter_mut().find(|order| order.times > 0 && order.method == method && path.contains(&order.path))?;
        order.times -= 1;
        Some(order.fault.clone())
    }
}

/// The tenant's answer, or what was ordered instead.
pub(crate) async fn answer(shared: Arc<Shared>, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
    let died = *lock(&shared.connections_died);
    if let (Some(Opened(opened)), Some(died)) = (request.extensions().get(), died)
        && *opened < died
    {
        return Err(Cut);
    }
    let after = lock(&shared.answered).clone();
    let recorded = Recorded {
        after,
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers: request.headers().clone(),
        body: request.body().clone(),
    };
    let number = {
        let mut requests = lock(&shared.requests);
        requests.push(recorded.clone());
        requests.len()
    };
    if recorded.method != "HEAD" {
        shared.arrived.send_modify(|arrived| *arrived += 1);
    }
    let mut answer = answer_as_ordered(&shared, recorded, number).await;
    let ahead = *lock(&shared.ahead);
    if let (Ok(answer), 1..) = (&mut answer, ahead.unsigned_abs()) {
        let date = chrono::Utc::now() + chrono::TimeDelta::seconds(ahead);
        let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        answer.headers_mut().insert("date", date.parse().expect("a header value"));
    }
    lock(&shared.answered).push(number - 1);
    answer
}

async fn answer_as_ordered(shared: &Arc<Shared>, recorded: Recorded, number: usize) -> Result<Response<Body>, Cut> {
    let ordered = Order::take(&mut lock(&shared.orders), &recorded.method, &recorded.path);
    let fault = ordered.or_else(|| cut(number, *lock(&shared.cut_every)));
    match fault {
        None => Ok(authorize::answer(shared, &recorded)),
        Some(Fault::Status(status, retry_after)) => {
            let mut response = error(status, "ordered by a test");
            if let Some(value) = retry_after {
                response.headers_mut().insert("retry-after", value.parse().expect("a header value"));
            }
            Ok(response)
        }
        Some(Fault::Redirect(location)) => {
            let redirect = Response::builder().status(307).header("location", location);
            Ok(redirect.body(Body::empty()).expect("a valid answer"))
        }
        Some(Fault::HtmlPage) => Ok(page()),
        Some(Fault::Answer(status, content_type, body)) => Ok(reply(status, content_type, body)),
        Some(Fault::Slow(delay)) => {
            sleep(delay).await;
            Ok(authorize::answer(shared, &recorded))
        }
        Some(Fault::Until(arrived)) => {
            shared.arrived.subscribe().wait_for(|now| *now >= arrived).await.map_err(|_| Cut)?;
            Ok(authorize::answer(shared, &recorded))
        }
        Some(Fault::CutBefore) => Err(Cut),
        Some(Fault::CutAfter) => {
            authorize::answer(shared, &recorded);
            Err(Cut)
        }
        Some(Fault::StatusAfter(status)) => {
            authorize::answer(shared, &recorded);
            Ok(error(status, "ordered by a test"))
        }
        Some(Fault::Late(status, delay)) => {
            let shared = shared.clone();
            tokio::spawn(async move {
                sleep(delay).await;
                authorize::answer(&shared, &recorded);
            });
            status.map(|status| error(status, "ordered by a test")).ok_or(Cut)
        }
        Some(Fault::Malformed) => Ok(reply(200, "application/json", "{\"results\": [{\"_id\": ".to_owned())),
        Some(Fault::Oversized) => {
            let padding = "x".repeat(9 << 20);
            Ok(json_reply(200, &json!({"results": [], "totalCount": 0, "padding": padding})))
        }
        Some(Fault::Ignored) => Ok(reply(200, "text/plain; charset=utf-8", "OK".to_owned())),
    }
}

/// The fault of the `number`th request when every so many are cut.
fn cut(number: usize, every: usize) -> Option<Fault> {
    match every {
        0 => None,
        every if number.is_multiple_of(2 * every) => Some(Fault::CutBefore),
        every if number.is_multiple_of(every) => Some(Fault::CutAfter),
        _ => None,
    }
}
