//! A stand-in for Secrets Manager that knows one call: `GetSecretValue`.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::serve::{Cut, Listeners, serve_on};

/// A running stand-in. Ends when dropped.
pub struct Secrets {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

struct State {
    secret: String,
    error: Option<&'static str>,
    silent: bool,
    answer: Option<String>,
    /// Beside the one that is there from the start.
    others: HashMap<String, String>,
    reads: Vec<String>,
}

/// The name of the secret that is there from the start.
pub const SECRET_ID: &str = "jumpcloud/api-key";

impl Secrets {
    /// Starts the stand-in on a free loopback port.
    pub async fn start(secret: &str) -> Self {
        let listeners = Listeners::bind(Ipv4Addr::LOCALHOST.into(), 0).await.expect("a free loopback port");
        Self::start_on(listeners, secret)
    }

    /// The same on these ports.
    pub fn start_on(listeners: Listeners, secret: &str) -> Self {
        let state = Arc::new(Mutex::new(State {
            secret: secret.to_owned(),
            error: None,
            silent: false,
            answer: None,
            others: HashMap::new(),
            reads: Vec::new(),
        }));
        let shared = state.clone();
        let address = listeners.address();
        let task = serve_on(listeners, move |request| answer(shared.clone(), request));
        Self { address, state, task }
    }

    /// Answers a request that came another way than through [`Secrets::url`], such as over TLS.
    pub async fn answer(&self, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
        answer(self.state.clone(), request).await
    }

    /// For `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Replaces the secret's value.
    pub fn set(&self, secret: &str) {
        self.state.lock().expect("no panic under the lock").secret = secret.to_owned();
    }

    /// Sets the value of another secret.
    pub fn put(&self, name: &str, secret: &str) {
        self.state.lock().expect("no panic under the lock").others.insert(name.to_owned(), secret.to_owned());
    }

    /// From now on every read fails with this error, or, with `None`, succeeds again.
    pub fn fail(&self, error: Option<&'static str>) {
        self.state.lock().expect("no panic under the lock").error = error;
    }

    /// From now on no read is answered.
    pub fn fall_silent(&self) {
        self.state.lock().expect("no panic under the lock").silent = true;
    }

    /// From now on every read is answered with this, whatever it is.
    pub fn answer_with(&self, body: &str) {
        self.state.lock().expect("no panic under the lock").answer = Some(body.to_owned());
    }

    /// How often a secret was asked for.
    pub fn reads(&self) -> usize {
        self.read().len()
    }

    /// The names that were asked for.
    pub fn read(&self) -> Vec<String> {
        self.state.lock().expect("no panic under the lock").reads.clone()
    }

    /// The variables that lead a function here.
    pub fn env(&self) -> [(&'static str, String); 5] {
        [
            ("JUMPCLOUD_SECRET_ID", SECRET_ID.to_owned()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.url()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIAREHEARSAL".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "rehearsal".to_owned()),
        ]
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(state: Arc<Mutex<State>>, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
    let wanted: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let (status, body, silent) = {
        let mut state = state.lock().expect("no panic under the lock");
        let name = wanted["SecretId"].as_str().unwrap_or_default();
        state.reads.push(name.to_owned());
        let secret = if name == SECRET_ID { Some(&state.secret) } else { state.others.get(name) };
        let (status, body) = match (state.error, secret) {
            (Some(code), _) => (400, json!({"__type": code, "Message": "ordered by a test"})),
            (None, None) => (400, json!({"__type": "ResourceNotFoundException", "Message": "no such secret"})),
            (None, Some(secret)) => (
                200,
                json!({"Name": name, "SecretString": secret, "VersionId": "00000000-0000-0000-0000-000000000001"}),
            ),
        };
        (status, state.answer.clone().unwrap_or_else(|| body.to_string()), state.silent)
    };
    if silent {
        std::future::pending::<()>().await;
    }
    let answer = Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    Ok(answer.body(Body::from(body)).expect("a valid answer"))
}
