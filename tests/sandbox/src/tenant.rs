//! The rehearsal tenant: JumpCloud's API v1 and v2 as far as the playbooks use it, with JumpCloud's own oddities.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Request, Response},
};
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    faults::{Fault, Order},
    org::{Org, put_user},
    search::search,
    serve::{Cut, Listeners, Opened, serve_on},
};

/// The key that the tenant accepts when it starts.
pub const API_KEY: &str = "jca_rehearsal_0123456789abcdef";
/// The tenant's organization id.
pub const ORG_ID: &str = "60259a2ad81e1a474d4e7c83";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// `GET`, `POST`, `PUT`.
    pub method: String,
    /// Without the query, starting with `/api`.
    pub path: String,
    /// After the question mark.
    pub query: String,
    /// As sent.
    pub headers: HeaderMap,
    /// As sent.
    pub body: Bytes,
}

impl Recorded {
    /// Whether it asks for a change: anything but GET, HEAD and the searches.
    pub fn is_write(&self) -> bool {
        !(self.method == "GET" || self.method == "HEAD" || self.path.starts_with("/api/search/"))
    }
}

/// A request in short, its ids left out: `PUT /systemusers/{id}`. `path` starts with `/api`.
pub fn call(method: &str, path: &str) -> String {
    let shorten = |part: &'_ str| if part.len() == 24 { "{id}".to_owned() } else { part.to_owned() };
    format!("{method} /{}", path.split('/').skip(2).map(shorten).collect::<Vec<_>>().join("/"))
}

/// A running tenant. Ends when dropped.
pub struct Tenant {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    org: Mutex<Org>,
    orders: Mutex<Vec<Order>>,
    requests: Mutex<Vec<Recorded>>,
    key: Mutex<String>,
    multi_tenant: Mutex<bool>,
    /// Every so many requests one is cut; 0 for none.
    cut_every: Mutex<usize>,
    /// What comes on a connection from before does not arrive.
    connections_died: Mutex<Option<Instant>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
            org: Mutex::new(Org::seeded()),
            orders: Mutex::default(),
            requests: Mutex::default(),
            key: Mutex::new(API_KEY.to_owned()),
            multi_tenant: Mutex::new(false),
            cut_every: Mutex::new(0),
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
    pub fn order(&self, fault: Fault, method: &'static str, path: &str, times: usize) {
        lock(&self.shared.orders).push(Order { fault, method, path: path.to_owned(), times });
    }

    /// From now on the connection of every `n`th request is cut, in turn before and after the request had its effect.
    pub fn cut_every(&self, n: usize) {
        *lock(&self.shared.cut_every) = n;
    }

    /// The connections that are open now are dead, as after a long freeze: whoever sends something on them sees it then.
    pub fn kill_connections(&self) {
        *lock(&self.shared.connections_died) = Some(Instant::now());
    }

    /// Every request so far but the one that only opens the connection.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.shared.requests).iter().filter(|request| request.method != "HEAD").cloned().collect()
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

    /// From now on a call needs `x-org-id`, as for the administrator of several organizations.
    pub fn require_org(&self) {
        *lock(&self.shared.multi_tenant) = true;
    }

    /// A user as JumpCloud stores it.
    pub fn user(&self, username: &str) -> Value {
        let org = lock(&self.shared.org);
        org.users.iter().find(|user| user["username"] == username).cloned().unwrap_or_default()
    }

    /// A device as JumpCloud stores it; the first of several with that name.
    pub fn system(&self, hostname: &str) -> Value {
        let org = lock(&self.shared.org);
        org.systems.iter().find(|system| system["hostname"] == hostname).cloned().unwrap_or_default()
    }

    /// Changes or adds fields of a user or device; a null takes the field away.
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

    /// Adds a user or a device; `object` needs `_id`.
    pub fn add(&self, collection: &str, object: Value) {
        lock(&self.shared.org).collection(collection).expect("a collection").push(object);
    }

    /// Binds a user to a device.
    pub fn bind(&self, user_id: &str, system_id: &str) {
        lock(&self.shared.org).bindings.push([user_id.to_owned(), system_id.to_owned()]);
    }

    /// The ids of the devices that a shutdown was queued for, in order.
    pub fn shutdowns(&self) -> Vec<String> {
        lock(&self.shared.org).shutdowns.clone()
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
    let died = *lock(&shared.connections_died);
    if let (Some(Opened(opened)), Some(died)) = (request.extensions().get(), died)
        && *opened < died
    {
        return Err(Cut);
    }
    let recorded = Recorded {
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
    let ordered = Order::take(&mut lock(&shared.orders), &recorded.method, &recorded.path);
    let fault = ordered.or_else(|| cut(number, *lock(&shared.cut_every)));
    match fault {
        None => Ok(authorized(&shared, &recorded)),
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
            Ok(authorized(&shared, &recorded))
        }
        Some(Fault::CutBefore) => Err(Cut),
        Some(Fault::CutAfter) => {
            authorized(&shared, &recorded);
            Err(Cut)
        }
        Some(Fault::StatusAfter(status)) => {
            authorized(&shared, &recorded);
            Ok(error(status, "ordered by a test"))
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

/// Key and organization as JumpCloud checks them, then the route.
fn authorized(shared: &Shared, request: &Recorded) -> Response<Body> {
    let Some(path) = request.path.strip_prefix("/api/") else {
        return if request.path == "/login" { page() } else { login() };
    };
    let header =
        |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
    match header("x-api-key") {
        None => return login(), // not 401
        Some(key) if key != *lock(&shared.key) => {
            return json_reply(
                401,
                &json!({"error": "Unauthorized", "message": "Unauthorized: api key user not found"}),
            );
        }
        Some(_) => {}
    }
    match header("x-org-id") {
        None if *lock(&shared.multi_tenant) => {
            return json_reply(401, &json!({"message": "Unauthorized: no organization selected"}));
        }
        Some(org) if org.len() != 24 => return error(400, "malformed organization id"),
        Some(org) if org != ORG_ID => return error(404, "organization not found"),
        _ => {}
    }
    let body = if request.body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&request.body) };
    match body {
        Ok(body) => route(&mut lock(&shared.org), &request.method, path, &request.query, &body),
        Err(_) => error(400, "the body is not JSON"),
    }
}

fn route(org: &mut Org, method: &str, path: &str, query: &str, body: &Value) -> Response<Body> {
    let parts: Vec<&str> = path.split('/').collect();
    match (method, parts.as_slice()) {
        ("POST", ["search", collection @ ("systemusers" | "systems")]) => {
            let objects = org.collection(collection).expect("matched above").iter();
            match search(objects, body) {
                Ok(found) => json_reply(200, &found),
                Err(why) => error(400, &why),
            }
        }
        ("GET", ["v2", from @ ("users" | "systems"), id, what @ ("systems" | "users" | "memberof")])
            if *from != *what =>
        {
            let collection = if *from == "users" { "systemusers" } else { "systems" };
            if org.object(collection, id).is_none() {
                return error(404, "not found");
            }
            let all = org.traverse(from, id, what);
            let number = |name: &str| {
                query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<usize>().ok())
            };
            let page: Vec<&Value> =
                all.iter().skip(number("skip").unwrap_or(0)).take(number("limit").unwrap_or(10).min(100)).collect();
            let mut response = json_reply(200, &json!(page));
            response.headers_mut().insert("x-total-count", all.len().into());
            response
        }
        ("GET", ["v2", "bulk", "userstates"]) => json_reply(200, &json!([])), // nothing is scheduled
        ("GET", ["v2", "usergroups" | "systemgroups", id]) => match org.group(id) {
            Some(group) => json_reply(200, &group),
            None => error(404, "not found"),
        },
        (_, [collection @ ("systemusers" | "systems"), id, rest @ ..]) => {
            if id.len() != 24 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return error(400, "invalid id");
            }
            if org.object(collection, id).is_none() {
                return error(404, "not found");
            }
            object_route(org, method, collection, id, rest, body)
        }
        _ => error(404, "no such route"),
    }
}

fn object_route(
    org: &mut Org,
    method: &str,
    collection: &str,
    id: &str,
    rest: &[&str],
    body: &Value,
) -> Response<Body> {
    let object = org.object(collection, id).expect("checked by the caller");
    match (method, collection, rest) {
        ("GET", _, []) => json_reply(200, object),
        ("PUT", "systemusers", []) => match put_user(object, body) {
            Ok(()) => json_reply(200, object),
            Err(why) => {
                json_reply(400, &json!({"code": 400, "message": why, "status": "INVALID_ARGUMENT", "details": []}))
            }
        },
        ("POST", "systemusers", ["state", "activate"]) if object["state"] == "STAGED" => {
            object["state"] = json!("ACTIVATED");
            json_reply(200, &json!("OK"))
        }
        ("POST", "systemusers", ["state", "activate"]) => error(400, "user is not staged"),
        // Documented as JSON or text; it is text.
        ("POST", "systemusers", ["expire"]) => {
            object["password_expired"] = json!(true);
            reply(200, "text/plain; charset=utf-8", "OK".to_owned())
        }
        ("POST", "systems", ["command", "builtin", "shutdown"]) => {
            org.shutdowns.push(id.to_owned());
            Response::builder().status(201).body(Body::empty()).expect("a valid answer")
        }
        _ => error(404, "no such route"),
    }
}

fn reply(status: u16, content_type: &str, body: String) -> Response<Body> {
    Response::builder().status(status).header("content-type", content_type).body(body.into()).expect("a valid answer")
}

fn json_reply(status: u16, body: &Value) -> Response<Body> {
    reply(status, "application/json; charset=utf-8", body.to_string())
}

fn error(status: u16, message: &str) -> Response<Body> {
    json_reply(status, &json!({"code": status, "message": message, "status": "ERROR"}))
}

fn login() -> Response<Body> {
    Response::builder().status(302).header("location", "/login").body(Body::empty()).expect("a valid answer")
}

fn page() -> Response<Body> {
    reply(200, "text/html; charset=utf-8", "<!doctype html><title>JumpCloud</title>".to_owned())
}
