//! The one endpoint that moto's state machines call: Lambda invocations go to the real binaries, the rest back to moto.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::net::TcpListener;

use crate::world::{StandIn, World};

/// Who answers for whom: a function `<world>-<playbook>` belongs to that world.
pub(crate) struct Forwarder {
    http: reqwest::Client,
    moto: String,
    worlds: Mutex<HashMap<String, Arc<World>>>,
}

impl Forwarder {
    /// Starts on a free loopback port, which is returned too.
    pub(crate) async fn start(http: reqwest::Client, moto: String) -> (Arc<Self>, u16) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free loopback port");
        let port = listener.local_addr().expect("a bound address").port();
        let forwarder = Arc::new(Self { http, moto, worlds: Mutex::default() });
        let router = Router::new().fallback(forward).with_state(forwarder.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (forwarder, port)
    }

    /// From now on this world's functions can be invoked.
    pub(crate) fn add(&self, name: &str, world: Arc<World>) {
        self.worlds.lock().expect("no panic under the lock").insert(name.to_owned(), world);
    }

    /// The world and the playbook of `/2015-03-31/functions/arn:aws:lambda:...:function:<world>-<playbook>:live/...`.
    fn function(&self, path: &str) -> Option<(Arc<World>, String)> {
        let path = path.replace("%3A", ":");
        let (_, rest) = path.split_once(":function:")?;
        let (world, playbook) = rest.split(':').next()?.split_once('-')?;
        let world = self.worlds.lock().expect("no panic under the lock").get(world)?.clone();
        Some((world, playbook.to_owned()))
    }

    /// What was ordered for a call of another service, which names a state machine `<world>-<name>`.
    fn service(&self, headers: &HeaderMap, body: &Bytes) -> Option<StandIn> {
        let text = String::from_utf8_lossy(body);
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let service = ["PutMetricData", "DescribeExecution"]
            .into_iter()
            .find(|action| target.ends_with(action) || text.contains(&format!("Action={action}")))?;
        let worlds = self.worlds.lock().expect("no panic under the lock");
        let (_, world) = worlds.iter().find(|(id, _)| text.contains(&format!("{id}-contain-")))?;
        world.stand_in(service)
    }
}

fn answered(stand_in: StandIn) -> Response {
    match stand_in {
        StandIn::Outcome(outcome) => Json(outcome).into_response(),
        StandIn::Service(error) => {
            // One protocol of AWS names the error in the header, another in the body.
            let said = Json(json!({"__type": error, "message": "The service says so."}));
            (StatusCode::BAD_REQUEST, [("x-amzn-errortype", error), ("x-amzn-requestid", "r1")], said).into_response()
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "axum hands each part of a request over by itself")]
async fn forward(
    State(forwarder): State<Arc<Forwarder>>,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some((world, playbook)) = forwarder.function(uri.path()) {
        if let Some(stand_in) = world.stand_in(&playbook) {
            return answered(stand_in);
        }
        let payload = serde_json::from_slice(&body).expect("Step Functions sends JSON");
        return match world.invoke(&playbook, payload).await {
            Ok(outcome) => Json(outcome).into_response(),
            Err(error) => ([("x-amz-function-error", "Unhandled")], Json(error)).into_response(),
        };
    }
    if let Some(stand_in) = forwarder.service(&headers, &body) {
        return answered(stand_in);
    }
    let url = format!("{}{}", forwarder.moto, uri.path_and_query().map_or("/", |path| path.as_str()));
    for name in ["host", "content-length"] {
        headers.remove(name);
    }
    match forwarder.http.request(method, url).headers(headers).body(body).send().await {
        Ok(answer) => {
            let (status, mut headers) = (answer.status(), answer.headers().clone());
            for name in ["transfer-encoding", "content-length", "connection"] {
                headers.remove(name);
            }
            (status, headers, answer.bytes().await.unwrap_or_default()).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
