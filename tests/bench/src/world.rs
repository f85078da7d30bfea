//! What a function talks to: the rehearsal tenant, the guard table and Secrets Manager behind TLS, with a delay and a limit where
//! wanted.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use sandbox::{
    dynamo::{Dynamo, TABLE},
    secrets::Secrets,
    seed::COMPUTER123,
    serve::{Cut, connection},
    tenant::{API_KEY, Tenant, call},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, pem::PemObject},
    },
};

/// Where distributions keep their roots. A function on Lambda reads such a bundle too, so the measured ones do.
const SYSTEM_ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// A freshly seeded tenant. Ends when dropped.
pub(crate) struct World {
    pub(crate) tenant: Arc<Tenant>,
    front: Arc<Front>,
    env: Vec<(&'static str, String)>,
    /// The variables that lead it to the guard table.
    table: [(&'static str, String); 2],
    servers: [JoinHandle<()>; 3],
}

/// What stands before the tenant.
#[derive(Default)]
struct Front {
    delay: Duration,
    limit: Option<Mutex<Bucket>>,
    calls: Mutex<Vec<Call>>,
}

/// A call as the tenant saw it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Ids and queries left out: `POST /search/systemusers`. Of the guard table, DynamoDB's operation.
    pub(crate) name: String,
    pub(crate) from: Instant,
    pub(crate) to: Instant,
    /// Answered with 429.
    pub(crate) throttled: bool,
}

/// So many requests per second, with a burst of one second's, empty at first.
#[derive(Debug)]
struct Bucket {
    per_second: f64,
    tokens: f64,
    filled: Option<Instant>,
}

impl Front {
    fn note(&self, call: Call) {
        self.calls.lock().expect("no panic under the lock").push(call);
    }
}

impl Bucket {
    fn take(&mut self) -> bool {
        let now = Instant::now();
        let since = self.filled.replace(now).map_or(Duration::ZERO, |filled| now - filled);
        self.tokens = (self.tokens + since.as_secs_f64() * self.per_second).min(self.per_second);
        let there = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(there));
        there
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Duration::ZERO, None).await
    }

    /// A tenant that answers `delay` later and, with `limit`, not more than so many requests per second.
    pub(crate) async fn with(delay: Duration, limit: Option<f64>) -> Self {
        let bucket = limit.map(|per_second| Mutex::new(Bucket { per_second, tokens: 0.0, filled: None }));
        let front = Arc::new(Front { delay, limit: bucket, calls: Mutex::default() });
        let tenant = Arc::new(Tenant::start().await);
        let secrets = Arc::new(Secrets::start(API_KEY).await);
        let (tls, root) = certificate();
        let mut env = Vec::from(secrets.env());
        let (for_tenant, for_front) = (tenant.clone(), front.clone());
        let (port, jumpcloud) =
            serve(tls.clone(), move |request| pass(for_front.clone(), for_tenant.clone(), request)).await;
        env.push(("JUMPCLOUD_API_URL", format!("https://localhost:{port}/api")));
        let (dynamo, for_front) = (Arc::new(Dynamo::start().await), front.clone());
        let (port, guard_table) =
            serve(tls.clone(), move |request| consult(for_front.clone(), dynamo.clone(), request)).await;
        let table =
            [("GUARD_TABLE", TABLE.to_owned()), ("AWS_ENDPOINT_URL_DYNAMODB", format!("https://localhost:{port}"))];
        env.push(("GUARD_TABLE", "none".to_owned())); // unless it is asked for
        let (port, secrets_manager) = serve(tls, move |request| {
            let secrets = secrets.clone();
            async move { secrets.answer(request).await }
        })
        .await;
        env.retain(|(name, _)| *name != "AWS_ENDPOINT_URL_SECRETS_MANAGER");
        // By another name, as it has in the world: a TLS session with one is not continued with the other.
        env.push(("AWS_ENDPOINT_URL_SECRETS_MANAGER", format!("https://127.0.0.1:{port}")));
        let bundle = bundle(&root).display().to_string();
        env.push(("AWS_DEFAULT_REGION", "us-east-1".to_owned())); // Lambda sets both; boto3 reads this one
        // The last two are boto3's and requests' names for the same.
        for name in ["SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"] {
            env.push((name, bundle.clone()));
        }
        Self { tenant, front, env, table, servers: [jumpcloud, guard_table, secrets_manager] }
    }

    /// The variables that lead a function here.
    pub(crate) fn env(&self) -> &[(&'static str, String)] {
        &self.env
    }

    /// The same with the guard table, empty at first.
    pub(crate) fn env_with_table(&self) -> Vec<(&'static str, String)> {
        [self.env(), &self.table].concat()
    }

    /// The same, with no other roots of trust than the one needed.
    pub(crate) fn env_with_one_root(&self) -> Vec<(&'static str, String)> {
        let mut env = self.env.clone();
        env.push(("SSL_CERT_FILE", scratch().join("root.pem").display().to_string()));
        env
    }

    /// The calls since the last time this was asked; the one that only opens the connection is left out.
    pub(crate) fn take_calls(&self) -> Vec<Call> {
        let mut calls = std::mem::take(&mut *self.front.calls.lock().expect("no panic under the lock"));
        calls.retain(|call| !call.name.starts_with("HEAD"));
        calls.sort_by_key(|call| call.from);
        calls
    }

    /// Adds `count` active users, each with one device, and says what they are called.
    pub(crate) fn add_users(&self, count: usize) -> Vec<(String, String)> {
        let model = self.tenant.user("jsmith");
        let user = |index: usize| {
            let (id, name) = (format!("6f0c1b2a3d4e5f60{index:08x}"), format!("user-{index}"));
            let mut user = model.clone();
            user["_id"] = json!(id);
            user["id"] = json!(id);
            user["username"] = json!(name);
            user["email"] = json!(format!("{name}@company.com"));
            self.tenant.add("systemusers", user);
            self.tenant.bind(&id, COMPUTER123);
            (name, id)
        };
        (0..count).map(user).collect()
    }

    /// Adds `count` devices of one user.
    pub(crate) fn add_devices(&self, user_id: &str, count: usize) {
        let model = self.tenant.system("Computer123");
        for index in 0..count {
            let id = format!("7140aa10bb20cc30{index:08x}");
            let mut system = model.clone();
            system["_id"] = json!(id);
            system["id"] = json!(id);
            system["hostname"] = json!(format!("host-{index}"));
            self.tenant.add("systems", system);
            self.tenant.bind(user_id, &id);
        }
    }

    /// Puts a user into a state.
    pub(crate) fn set_state(&self, user_id: &str, state: &str) {
        let fields: Value = json!({"state": state, "suspended": state == "SUSPENDED"});
        self.tenant.set("systemusers", user_id, fields);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}

async fn pass(front: Arc<Front>, tenant: Arc<Tenant>, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
    let from = Instant::now();
    let name = call(request.method().as_str(), request.uri().path());
    let opens_connection = request.method() == "HEAD";
    let throttled = !opens_connection
        && front.limit.as_ref().is_some_and(|bucket| !bucket.lock().expect("no panic under the lock").take());
    if !opens_connection && !front.delay.is_zero() {
        sleep(front.delay).await;
    }
    let answer = if throttled {
        let body = json!({"code": 429, "message": "too many requests", "status": "ERROR"}).to_string();
        Ok(Response::builder().status(429).header("content-type", "application/json").body(body.into()).expect("valid"))
    } else {
        tenant.answer(request).await
    };
    front.note(Call { name, from, to: Instant::now(), throttled });
    answer
}

async fn consult(front: Arc<Front>, table: Arc<Dynamo>, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
    let from = Instant::now();
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let name = target.rsplit('.').next().unwrap_or_default().to_owned();
    sleep(front.delay).await;
    let answer = table.answer(request).await;
    front.note(Call { name, from, to: Instant::now(), throttled: false });
    answer
}

async fn serve<F, R>(tls: TlsAcceptor, handler: F) -> (u16, JoinHandle<()>)
where
    F: Fn(Request<Bytes>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free loopback port");
    let port = listener.local_addr().expect("a bound address").port();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true); // or a delayed acknowledgement is measured
            let (tls, handler) = (tls.clone(), handler.clone());
            tokio::spawn(async move {
                if let Ok(stream) = tls.accept(stream).await {
                    connection(stream, handler).await;
                }
            });
        }
    });
    (port, task)
}

/// A server's end of TLS for loopback, by a certificate authority made for it, and that authority.
fn certificate() -> (TlsAcceptor, String) {
    let key = || KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, key()).expect("a certificate authority");
    let leaf_key = key();
    let mut leaf = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("a name");
    leaf.distinguished_name.push(DnType::CommonName, "localhost"); // the same name as its issuer's means self-signed
    let leaf = leaf.signed_by(&leaf_key, &authority).expect("a certificate");
    let private = PrivateKeyDer::from_pem_slice(leaf_key.serialize_pem().as_bytes()).expect("the key just made");
    // Named, because the local Lambda brings a second provider into this process.
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("the provider has them").with_no_client_auth();
    let config = config.with_single_cert(vec![leaf.der().clone()], private);
    (TlsAcceptor::from(Arc::new(config.expect("they fit"))), authority.pem())
}

/// A file of the system's roots and `root`.
fn bundle(root: &str) -> PathBuf {
    let system = SYSTEM_ROOTS.iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    let path = scratch().join("roots.pem");
    // Each world has an authority of its own, and there is one world at a time.
    fs::write(scratch().join("root.pem"), root).expect("a writable temporary folder");
    fs::write(&path, format!("{root}\n{system}")).expect("a writable temporary folder");
    path
}

/// How many roots the measured functions read.
pub(crate) fn roots() -> usize {
    let bundle = fs::read_to_string(scratch().join("roots.pem")).unwrap_or_default();
    bundle.matches("BEGIN CERTIFICATE").count()
}

/// A folder for what this run leaves behind.
pub(crate) fn scratch() -> PathBuf {
    let path = std::env::temp_dir().join(format!("bench-{}", std::process::id()));
    fs::create_dir_all(&path).expect("a writable temporary folder");
    path
}
