//! Checks the traffic between the functions and the tenant against JumpCloud's published description.
//!
//! Started by `cargo xtask conformance`, which installs the validating proxy: three of them (v1, v2, insights) stand between
//! the real binaries and the tenant, and every request and response that they object to is listed.

use std::{
    env,
    net::TcpListener,
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response, response::Builder},
};
use sandbox::{
    playbooks,
    rehearsal::Rehearsal,
    seed::{JSMITH, JSMITH_LAPTOP},
    serve::{Cut, serve},
    v1::UnknownId,
};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep},
};

/// What the proxy objects to although JumpCloud documents it or is known to answer so: method, end of the path, part of
/// the objection. The second is a 200 without a body, which the description's language cannot say beside one with a body.
const KNOWN_DEFECTS: [[&str; 3]; 2] =
    [["POST", "/state/activate", "email"], ["GET", "/ffffffffffffffffffffffff", "received media type \\\"\\\""]];

/// Besides the event of each playbook's own: every call that the playbooks make, for each state of a user and each kind
/// of host, by name and by id. (Not a host that does not exist: the description knows no other answer than 200 there.)
const RUNS: [(&str, &str); 16] = [
    (
        "enrich-user",
        r#"{"user_id": "5f0c1b2a3d4e5f6071829301", "include": ["events", "sessions", "scheduled"], "hours": 48}"#,
    ),
    ("enrich-host", r#"{"host_id": "633f3f295482343ff32add41", "include": ["events", "sessions"]}"#),
    ("enrich-host", r#"{"host": "MacBook-Ana"}"#),
    ("shutdown-host", r#"{"host": "MacBook-Ana"}"#),
    ("enrich-host", r#"{"host_id": "633f3f295482343ff32add41"}"#),
    ("enrich-host", r#"{"host": "LAPTOP-7"}"#),
    ("enrich-user", r#"{"user_id": "5f0c1b2a3d4e5f6071829302"}"#),
    ("enrich-user", r#"{"email": "adunn@company.com"}"#),
    ("enrich-user", r#"{"user": "nobody"}"#),
    ("disable-user", r#"{"username": "pnew", "dry_run": true}"#),
    ("enable-user", r#"{"username": "jsmith"}"#),
    ("enable-user", r#"{"username": "pnew"}"#),
    ("reset-password", r#"{"email": "jsmith@company.com"}"#),
    ("shutdown-host", r#"{"host": "jsmith-laptop"}"#),
    ("shutdown-host", r#"{"host_id": "6140aa10bb20cc30dd40ee02"}"#),
    ("shutdown-host", r#"{"host": "jsmith-laptop", "offline": "cancel"}"#),
];

/// The same with an id that does not exist, in every form in which that is said.
const UNKNOWN: [(&str, &str); 2] = [
    ("enrich-user", r#"{"user_id": "ffffffffffffffffffffffff"}"#),
    ("enrich-host", r#"{"host_id": "ffffffffffffffffffffffff"}"#),
];

/// The path of Directory Insights.
const INSIGHTS: &str = "/insights/directory/v1";

/// Adds what the seed has not: a scheduled change, a command that waits, a group without an LDAP name more.
fn fill(rehearsal: &Rehearsal) {
    let tenant = &rehearsal.tenant;
    tenant.add("userstates", json!({"scheduledJobId": "j-1", "systemUserId": JSMITH, "state": "SUSPENDED", "scheduledDate": "2027-01-01T00:00:00Z"}));
    tenant.add("workflows", json!({"id": "wf-1", "command": "61c0ffee", "system": JSMITH_LAPTOP, "pendingCount": 1}));
    tenant.add("workflows", json!({"id": "wf-2", "command": "shutdown", "system": JSMITH_LAPTOP, "pendingCount": 1}));
    tenant.add("groups", json!({"id": "60f1e2d3c4b5a69788796a09", "name": "On call", "type": "user_group", "attributes": null, "members": [JSMITH]}));
}

#[derive(Default)]
struct Report {
    checked: usize,
    objections: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let [_, proxy, v1, v2, insights] = arguments.as_slice() else {
        eprintln!(
            "usage: conformance <prism> <description of v1> <description of v2> <description of Directory Insights>"
        );
        return ExitCode::from(2);
    };
    let rehearsal = Rehearsal::start().await;
    let (_v1, v1_url) = start_proxy(proxy, v1, &rehearsal.tenant.url()).await;
    let (_v2, v2_url) = start_proxy(proxy, v2, &format!("{}/v2", rehearsal.tenant.url())).await;
    let beside = rehearsal.tenant.url().replace("/api", INSIGHTS);
    let (_insights, insights_url) = start_proxy(proxy, insights, &beside).await;
    fill(&rehearsal);
    let urls = [v1_url, v2_url, insights_url];
    let report = Arc::new(Mutex::new(Report::default()));
    #[expect(clippy::disallowed_methods, reason = "a test's client, to loopback")]
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let shared = report.clone();
    let (front, _task) = serve(0, move |request| forward(client.clone(), urls.clone(), shared.clone(), request)).await;

    let mut failed = 0;
    let parsed = |(playbook, event): (&'static str, &str)| (playbook, serde_json::from_str(event).expect("valid JSON"));
    let own = playbooks::all().iter().map(|playbook| (playbook.name.as_str(), playbook.event.clone()));
    let known = own.chain(RUNS.map(parsed)).map(|run| (None, run));
    let unknown = UnknownId::ALL.into_iter().flat_map(|form| UNKNOWN.map(|run| (Some(form), parsed(run))));
    for (form, (playbook, event)) in known.chain(unknown) {
        if let Some(form) = form {
            rehearsal.tenant.unknown_ids(form);
        }
        let function = rehearsal.function(playbook, &[("JUMPCLOUD_API_URL", &format!("http://{front}/api"))]).await;
        if let Err(error) = function.invoke(event.clone(), Duration::from_secs(60)).await {
            println!("{playbook} {event}: {error}");
            failed += 1;
        }
    }
    let report = report.lock().expect("no panic under the lock");
    for objection in &report.objections {
        println!("{objection}");
    }
    println!(
        "{} requests and their answers checked, {} objections, {failed} failed runs",
        report.checked,
        report.objections.len()
    );
    if report.checked >= 40 && report.objections.is_empty() && failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A validating proxy on a free loopback port, as soon as it listens.
async fn start_proxy(proxy: &str, description: &str, upstream: &str) -> (Child, String) {
    let port =
        TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a free port").port();
    let child = Command::new(proxy)
        .args([
            "proxy",
            "--host",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--verboseLevel",
            "fatal",
            description,
            upstream,
        ])
        .kill_on_drop(true)
        .spawn()
        .expect("the proxy starts");
    let end = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(Instant::now() < end, "the proxy did not come up");
        sleep(Duration::from_millis(100)).await; // waits for another program, which has no other signal
    }
    (child, format!("http://127.0.0.1:{port}"))
}

async fn forward(
    client: reqwest::Client,
    [v1, v2, insights]: [String; 3],
    report: Arc<Mutex<Report>>,
    request: Request<Bytes>,
) -> Result<Response<Body>, Cut> {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("", |path| path.as_str());
    let below = path.strip_prefix("/api").unwrap_or(path);
    let url = match below.strip_prefix("/v2/") {
        Some(below) => format!("{v2}/{below}"),
        None => match below.strip_prefix(INSIGHTS) {
            Some(below) => format!("{insights}{below}"),
            None => format!("{v1}{below}"),
        },
    };
    if head.method == "HEAD" {
        return Builder::new().status(302).body(Body::empty()).map_err(|_| Cut); // opens the connection, asks nothing
    }
    let mut headers = head.headers.clone();
    headers.remove("host");
    let answer = client.request(head.method.clone(), url).headers(headers).body(body).send().await.map_err(|_| Cut)?;
    let violations = answer.headers().get("sl-violations").and_then(|value| value.to_str().ok()).unwrap_or("[]");
    let violations: Value = serde_json::from_str(violations).unwrap_or_else(|_| json!([{"message": violations}]));
    {
        let mut report = report.lock().expect("no panic under the lock");
        report.checked += 1;
        for violation in violations.as_array().into_iter().flatten() {
            let text = violation.to_string();
            let known =
                |[method, end, part]: &[&str; 3]| head.method == *method && below.ends_with(end) && text.contains(part);
            if !KNOWN_DEFECTS.iter().any(known) {
                report.objections.push(format!("{} {below}: {text}", head.method));
            }
        }
    }
    let mut builder = Builder::new().status(answer.status());
    for name in ["content-type", "x-search_after"] {
        if let Some(value) = answer.headers().get(name) {
            builder = builder.header(name, value);
        }
    }
    let body = answer.bytes().await.map_err(|_| Cut)?;
    builder.body(Body::from(body)).map_err(|_| Cut)
}
