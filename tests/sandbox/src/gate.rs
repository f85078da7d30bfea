//! The passage from one environment to the tenant and to DynamoDB: each request is counted, can be held until a test lets it
//! through, and can meet its fate there.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response},
};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
};

use crate::{
    rehearsal::Rehearsal,
    serve::{Cut, serve},
};

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The process is killed before the request has any effect.
    KilledBefore,
    /// The process is killed when the request had its effect, before the answer.
    KilledAfter,
    /// The connection is cut before the request has any effect.
    CutBefore,
    /// The connection is cut when the request had its effect.
    CutAfter,
    /// The connection is cut, and the request has its effect when [`Gate::late`] is called.
    Late,
}

impl Fate {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::KilledBefore, Self::KilledAfter, Self::CutBefore, Self::CutAfter, Self::Late];
}

#[derive(Default)]
struct State {
    armed: bool,
    held: bool,
    /// The requests since it was armed, in short.
    passed: Vec<String>,
    fate: Option<(usize, Fate)>,
    waiting: Vec<(String, oneshot::Sender<()>)>,
    answered: usize,
    late: Vec<(String, Request<Bytes>)>,
}

struct Shared {
    upstreams: [String; 2],
    http: reqwest::Client,
    state: Mutex<State>,
    changed: Notify,
    killed: Notify,
}

/// A passage. Ends when dropped.
pub struct Gate {
    shared: Arc<Shared>,
    urls: [String; 2],
    tasks: Vec<JoinHandle<()>>,
}

impl Gate {
    /// To the tenant and the DynamoDB of `rehearsal`; open.
    pub async fn start(rehearsal: &Rehearsal) -> Self {
        let tenant = rehearsal.tenant.url().trim_end_matches("/api").to_owned();
        #[expect(clippy::disallowed_methods, reason = "to loopback")]
        let http = reqwest::Client::new();
        let upstreams = [tenant, rehearsal.dynamo.url()];
        let (state, changed, killed) = Default::default();
        let shared = Arc::new(Shared { upstreams, http, state, changed, killed });
        let (mut urls, mut tasks) = (Vec::new(), Vec::new());
        for index in 0..2 {
            let state = shared.clone();
            let (address, task) = serve(0, move |request| pass(state.clone(), index, request)).await;
            urls.push(format!("http://{address}"));
            tasks.push(task);
        }
        let urls = urls.try_into().expect("two of them");
        Self { shared, urls, tasks }
    }

    /// The variables that lead a function through here.
    pub fn env(&self) -> [(&'static str, String); 2] {
        [("JUMPCLOUD_API_URL", format!("{}/api", self.urls[0])), ("AWS_ENDPOINT_URL_DYNAMODB", self.urls[1].clone())]
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("no panic under the lock")
    }

    /// From now on requests are counted, from 0, and the one of this number meets its fate; with `held`, each waits for
    /// [`Gate::step`].
    pub fn arm(&self, held: bool, fate: Option<(usize, Fate)>) {
        *self.state() = State { armed: true, held, fate, ..State::default() };
    }

    /// Everything goes through again, what waits included.
    pub fn open(&self) {
        let waiting = {
            let mut state = self.state();
            (state.armed, state.held) = (false, false);
            std::mem::take(&mut state.waiting)
        };
        for (_, go) in waiting {
            let _ = go.send(());
        }
    }

    /// The requests since it was armed.
    pub fn passed(&self) -> Vec<String> {
        self.state().passed.clone()
    }

    /// Until the process is to be killed.
    pub async fn killed(&self) {
        self.shared.killed.notified().await;
    }

    /// Until a request waits.
    pub async fn waiting(&self) {
        loop {
            let changed = self.shared.changed.notified();
            if !self.state().waiting.is_empty() {
                return;
            }
            changed.await;
        }
    }

    /// Lets one request through, the first by name of those that wait, until it is answered.
    pub async fn step(&self) {
        let (go, answered) = {
            let mut state = self.state();
            let names = state.waiting.iter().enumerate().min_by_key(|(_, (name, _))| name.clone());
            let first = names.map(|(index, _)| index).expect("a request that waits");
            (state.waiting.remove(first).1, state.answered)
        };
        let _ = go.send(());
        loop {
            let changed = self.shared.changed.notified();
            if self.state().answered > answered {
                return;
            }
            changed.await;
        }
    }

    /// What was held back has its effect now.
    pub async fn late(&self) {
        let late = std::mem::take(&mut self.state().late);
        for (upstream, request) in late {
            let _ = forward(&self.shared, &upstream, request).await;
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn pass(shared: Arc<Shared>, index: usize, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
    let upstream = shared.upstreams[index].clone();
    let operation = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()?.rsplit('.').next());
    let name = match operation {
        Some(operation) => operation.to_owned(),
        None => crate::tenant::call(request.method().as_str(), request.uri().path()),
    };
    let Some(Entered { number, wait, fate }) = enter(&shared, name) else {
        return forward(&shared, &upstream, request).await;
    };
    shared.changed.notify_waiters();
    if let Some(wait) = wait {
        let _ = wait.await;
    }
    let fate = fate.filter(|(of, _)| *of == number).map(|(_, fate)| fate);
    let answer = match fate {
        None => forward(&shared, &upstream, request).await,
        Some(Fate::CutBefore) => Err(Cut),
        Some(Fate::CutAfter) => forward(&shared, &upstream, request).await.and(Err(Cut)),
        Some(Fate::Late) => {
            shared.state.lock().expect("no panic under the lock").late.push((upstream, request));
            Err(Cut)
        }
        Some(Fate::KilledBefore) => killed(&shared).await,
        Some(Fate::KilledAfter) => {
            let _ = forward(&shared, &upstream, request).await;
            killed(&shared).await
        }
    };
    shared.state.lock().expect("no panic under the lock").answered += 1;
    shared.changed.notify_waiters();
    answer
}

/// A request that is counted.
struct Entered {
    number: usize,
    /// Until it may go on.
    wait: Option<oneshot::Receiver<()>>,
    /// What was ordered, for whichever request.
    fate: Option<(usize, Fate)>,
}

/// `None` where the gate is open.
fn enter(shared: &Shared, name: String) -> Option<Entered> {
    let mut state = shared.state.lock().expect("no panic under the lock");
    if !state.armed {
        return None;
    }
    let number = state.passed.len();
    let wait = state.held.then(|| {
        let (go, wait) = oneshot::channel();
        state.waiting.push((name.clone(), go));
        wait
    });
    state.passed.push(name);
    Some(Entered { number, wait, fate: state.fate })
}

/// Whoever waits for it kills the process; the request is never answered.
async fn killed(shared: &Shared) -> Result<Response<Body>, Cut> {
    shared.state.lock().expect("no panic under the lock").answered += 1;
    shared.changed.notify_waiters();
    shared.killed.notify_one();
    std::future::pending().await
}

/// The answer of `upstream`.
async fn forward(shared: &Shared, upstream: &str, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
    let (mut head, body) = request.into_parts();
    head.headers.remove("host");
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let request = shared.http.request(head.method, format!("{upstream}{path}")).headers(head.headers).body(body);
    let response = request.send().await.map_err(|_| Cut)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut answer = Response::new(Body::from(response.bytes().await.map_err(|_| Cut)?));
    (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
    Ok(answer)
}
