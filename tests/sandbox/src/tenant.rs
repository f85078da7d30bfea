//! The rehearsal tenant: JumpCloud's API v1 and v2 as far as the playbooks use it, with JumpCloud's own oddities.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Request, Response},
};
use serde_json::Value;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    authorize::Account,
    faults::{Fault, Order, answer},
    org::Org,
    serve::{Cut, Listeners, serve_on},
    v1::UnknownId,
};

/// The key that the tenant accepts when it starts.
pub const API_KEY: &str = "jca_rehearsal_0123456789abcdef";
/// The tenant's organization id.
pub const ORG_ID: &str = "60259a2ad81e1a474d4e7c83";
/// Id and secret of the service account that `/oauth2/token` gives a token to.
pub const SERVICE_ACCOUNT: [&str; 2] = ["sa_rehearsal", "rehearsal_secret_0123456789"];

/// How the service account's tokens begin.
pub const TOKEN: &str = "rehearsal_token_0123456789";
/// Where a token is asked for.
pub const TOKEN_PATH: &str = "/oauth2/token";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// `GET`, `POST`, `PUT`.
    pub method: String,
    /// Without the query, starting with `/api` or `/insights`.
    pub path: String,
    /// After the question mark.
    pub query: String,
    /// As sent.
    pub headers: HeaderMap,
    /// As sent.
    pub body: Bytes,
    /// The numbers of the requests that were answered when it arrived: those that it may have waited for.
    pub after: Vec<usize>,
}

impl Recorded {
    /// Whether it asks for a change: anything but GET, HEAD, the searches and a token.
    pub fn is_write(&self) -> bool {
        let asks =
            ["/api/search/", "/insights/"].iter().any(|path| self.path.starts_with(path)) || self.path == TOKEN_PATH;
        !(self.method == "GET" || self.method == "HEAD" || asks)
    }
}

/// A request in short, its ids left out: `PUT /systemusers/{id}`. The `/api` that `path` may start with, too.
pub fn call(method: &str, path: &str) -> String {
    let shorten = |part: &'_ str| if part.len() == 24 { "{id}".to_owned() } else { part.to_owned() };
    let path = path.strip_prefix("/api").unwrap_or(path);
    format!("{method} {}", path.split('/').map(shorten).collect::<Vec<_>>().join("/"))
}

/// A running tenant. Ends when dropped.
pub struct Tenant {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

pub(crate) struct Shared {
    /// The organization's id.
    pub(crate) id: Mutex<String>,
    pub(crate) org: Mutex<Org>,
    /// By their ids: the other organizations of the administrator of several.
    pub(crate) others: Mutex<HashMap<String, Org>>,
    pub(crate) orders: Mutex<Vec<Order>>,
    pub(crate) requests: Mutex<Vec<Recorded>>,
    /// The numbers of those that were answered.
    pub(crate) answered: Mutex<Vec<usize>>,
    /// How many came that ask for something.
    pub(crate) arrived: watch::Sender<usize>,
    pub(crate) key: Mutex<String>,
    pub(crate) account: Mutex<Account>,
    /// Who may do less than everything, and what.
    pub(crate) scopes: Mutex<HashMap<String, Vec<&'static str>>>,
    pub(crate) multi_tenant: Mutex<bool>,
    pub(crate) unknown_id: Mutex<UnknownId>,
    /// Every so many requests one is cut; 0 for none.
    pub(crate) cut_every: Mutex<usize>,
    /// By how many seconds its clock is ahead.
    pub(crate) ahead: Mutex<i64>,
    /// What comes on a connection from before does not arrive.
    pub(crate) connections_died: Mutex<Option<Instant>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics while it holds the tenant")
}

impl Tenant {
    /// Starts a freshly seeded tenant on a free loopback port.
    pub async fn start() -> Self {
        let listeners = Listeners::bind(Ipv4Addr::LOCALHOST.into(), 0).await.expect("a free loopback port");
        Self::start_on(listeners)
    }

    /// The same on these ports.
    pub fn start_on(listeners: Listeners) -> Self {
        let shared = Arc::new(Shared {
            id: Mutex::new(ORG_ID.to_owned()),
            org: Mutex::new(Org::seeded(ORG_ID)),
            others: Mutex::default(),
            orders: Mutex::default(),
            requests: Mutex::default(),
            answered: Mutex::default(),
            arrived: watch::Sender::default(),
            key: Mutex::new(API_KEY.to_owned()),
            account: Mutex::default(),
            scopes: Mutex::default(),
            multi_tenant: Mutex::new(false),
            unknown_id: Mutex::default(),
            cut_every: Mutex::new(0),
            ahead: Mutex::default(),
            connections_died: Mutex::default(),
        });
        let state = shared.clone();
        let address = listeners.address();
        let task = serve_on(listeners, move |request| answer(state.clone(), request));
        Self { address, shared, task }
    }

    /// Answers a request that came another way than through [`Tenant::url`], such as over TLS.
    pub async fn answer(&self, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
        answer(self.shared.clone(), request).await
    }

    /// The v1 base, for `JUMPCLOUD_API_URL`.
    pub fn url(&self) -> String {
        format!("http://{}/api", self.address)
    }

    /// The next `times` requests of `method` whose path contains `path` meet `fault`.
    #[expect(
        clippy::too_many_arguments,
        reason = "read as one sentence in every test: this fault, to these requests, so often"
    )]
    pub fn order(&self, fault: Fault, method: &'static str, path: &str, times: usize) {
        lock(&self.shared.orders).push(Order { fault, method, path: path.to_owned(), times });
    }

    /// What was ordered and has not come yet does not come.
    pub fn forget_orders(&self) {
        lock(&self.shared.orders).clear();
    }

    /// From now on the connection of every `n`th request is cut, in turn before and after the request had its effect.
    pub fn cut_every(&self, n: usize) {
        *lock(&self.shared.cut_every) = n;
    }

    /// From now on its clock, in the `Date` of each answer, is so many seconds ahead, or behind.
    pub fn clock_is_ahead(&self, seconds: i64) {
        *lock(&self.shared.ahead) = seconds;
    }

    /// The connections that are open now are dead, as after a long freeze: whoever sends something on them sees it then.
    pub fn kill_connections(&self) {
        *lock(&self.shared.connections_died) = Some(Instant::now());
    }

    /// Every request so far but the one that only opens the connection.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.shared.requests).iter().filter(|request| request.method != "HEAD").cloned().collect()
    }

    /// How many of the requests so far came one after another: the length of the longest chain in which each arrived when
    /// the one before was answered.
    pub fn longest_chain(&self) -> usize {
        let requests = lock(&self.shared.requests);
        let mut lengths: Vec<usize> = Vec::new();
        for request in requests.iter() {
            let before = request.after.iter().filter_map(|number| lengths.get(*number)).max().copied();
            lengths.push(before.unwrap_or(0) + usize::from(request.method != "HEAD"));
        }
        lengths.into_iter().max().unwrap_or(0)
    }

    /// Method and path of every request so far, ids and queries left out: `POST /search/systemusers`.
    pub fn calls(&self) -> Vec<String> {
        self.requests().iter().map(|request| call(&request.method, &request.path)).collect()
    }

    /// The requests that asked for a change.
    pub fn writes(&self) -> Vec<Recorded> {
        self.requests().into_iter().filter(Recorded::is_write).collect()
    }

    /// Replaces the accepted key, as a rotation does.
    pub fn set_key(&self, key: &str) {
        *lock(&self.shared.key) = key.to_owned();
    }

    /// From now on `who` may do only what one of these scopes allows: the service account, by its id, or an API key, which is
    /// accepted from now on beside the tenant's own.
    pub fn grant(&self, who: &str, scopes: &[&'static str]) {
        lock(&self.shared.scopes).insert(who.to_owned(), scopes.to_vec());
    }

    /// Replaces the service account's secret, as a rotation does. Tokens that it has stay.
    pub fn set_client_secret(&self, secret: &str) {
        lock(&self.shared.account).secret = secret.to_owned();
    }

    /// From now on a token says that it lasts so long; in fact it lasts until [`Tenant::revoke_tokens`].
    pub fn tokens_last(&self, seconds: u64) {
        lock(&self.shared.account).life_in_seconds = seconds;
    }

    /// All tokens so far are refused from now on.
    pub fn revoke_tokens(&self) {
        let mut account = lock(&self.shared.account);
        account.revoked = account.issued;
    }

    /// How many tokens were given.
    pub fn tokens(&self) -> usize {
        lock(&self.shared.account).issued
    }

    /// From now on a call needs `x-org-id`, as for the administrator of several organizations.
    pub fn require_org(&self) {
        *lock(&self.shared.multi_tenant) = true;
    }

    /// Makes it another organization, with the same users and devices, whose service account's tokens begin so.
    pub fn become_organization(&self, id: &str, token: &str) {
        id.clone_into(&mut lock(&self.shared.id));
        *lock(&self.shared.org) = Org::seeded(id);
        token.clone_into(&mut lock(&self.shared.account).token);
    }

    /// Adds an organization of the same administrator, seeded as the first: from now on a call needs `x-org-id`.
    pub fn add_organization(&self, id: &str) {
        lock(&self.shared.others).insert(id.to_owned(), Org::seeded(id));
        self.require_org();
    }

    /// A user of one of the organizations.
    pub fn user_of(&self, organization: &str, username: &str) -> Value {
        match lock(&self.shared.others).get(organization) {
            Some(org) => org.user(username),
            None => self.user(username),
        }
    }

    /// From now on `GET` of a user or device that does not exist is answered so.
    pub fn unknown_ids(&self, answer: UnknownId) {
        *lock(&self.shared.unknown_id) = answer;
    }

    /// A user as JumpCloud stores it.
    pub fn user(&self, username: &str) -> Value {
        lock(&self.shared.org).user(username)
    }

    /// A device as JumpCloud stores it; the first of several with that name.
    pub fn system(&self, hostname: &str) -> Value {
        let org = lock(&self.shared.org);
        org.systems.iter().find(|system| system["hostname"] == hostname).cloned().unwrap_or_default()
    }

    /// Changes or adds fields of a user, a device or another object with an id; a null takes the field away.
    pub fn set(&self, collection: &str, id: &str, fields: Value) {
        let mut org = lock(&self.shared.org);
        let object = org.object(collection, id).and_then(Value::as_object_mut).expect("a seeded object");
        for (name, value) in fields.as_object().expect("an object") {
            if value.is_null() {
                object.remove(name)
            } else {
                object.insert(name.clone(), value.clone())
            };
        }
    }

    /// Adds to a collection: `object` needs `_id` among users and devices.
    pub fn add(&self, collection: &str, object: Value) {
        lock(&self.shared.org).collection_mut(collection).push(object);
    }

    /// Binds a user or user group to a device or device group.
    pub fn bind(&self, from_id: &str, to_id: &str) {
        lock(&self.shared.org).bind(from_id, to_id, Value::Null);
    }

    /// The ids of the devices that a shutdown was queued for, in order.
    pub fn shutdowns(&self) -> Vec<String> {
        let org = lock(&self.shared.org);
        let shutdowns = org.queue.iter().filter(|(command, _)| command == "shutdown");
        shutdowns.map(|(_, system_id)| system_id.clone()).collect()
    }
}

impl Tenant {
    /// The ids of the Apple MDM's devices that a shutdown was sent for, in order.
    pub fn mdm_shutdowns(&self) -> Vec<String> {
        let org = lock(&self.shared.org);
        let shutdowns = org.queue.iter().filter(|(command, _)| command == "mdm-shutdown");
        shutdowns.map(|(_, device)| device.clone()).collect()
    }

    /// Takes everything out of a collection.
    pub fn clear(&self, collection: &str) {
        lock(&self.shared.org).collection_mut(collection).clear();
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        self.task.abort();
    }
}
