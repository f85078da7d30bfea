//! `cargo playbook` as a person or an SDK uses it.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Output, Stdio},
};

use serde_json::{Value, json};

fn playbook(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_playbook"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["JUMPCLOUD_API_KEY", "JUMPCLOUD_SECRET_ID", "JUMPCLOUD_API_URL", "GUARD_TABLE"] {
        command.env_remove(name);
    }
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, Value, String) {
    let Output { status, stdout, stderr } = playbook(arguments).output().expect("the command runs");
    (status.code(), serde_json::from_slice(&stdout).unwrap_or_default(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn an_outcome_is_json_on_stdout_and_words_on_stderr() {
    let (code, outcome, words) = run(&["disable-user", r#"{"username":"jsmith"}"#]);
    assert_eq!((code, &outcome["status"]), (Some(0), &json!("succeeded")));
    assert!(words.contains("Suspended jsmith"), "{words}");
}

#[test]
fn a_failure_is_lambdas_error_and_exit_code_1() {
    let (code, error, _) = run(&["disable-user", r#"{"username":"nobody"}"#]);
    assert_eq!((code, &error["errorType"]), (Some(1), &json!("UserNotFound")));
}

#[test]
fn an_event_comes_from_a_file_or_from_standard_input() {
    let file = std::env::temp_dir().join(format!("event-{}.json", std::process::id()));
    std::fs::write(&file, r#"{"host":"Computer123"}"#).unwrap();
    let (code, outcome, _) = run(&["shutdown-host", &format!("@{}", file.display())]);
    std::fs::remove_file(file).unwrap();
    assert_eq!((code, &outcome["status"]), (Some(0), &json!("accepted")));

    let mut child = playbook(&["enrich-user", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(br#"{"email":"jsmith@company.com"}"#).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["user"]["username"], "jsmith");
}

#[test]
fn live_needs_a_key_and_a_yes() {
    let (code, _, words) = run(&["--live", "disable-user", r#"{"username":"jsmith"}"#]);
    assert_eq!(code, Some(2));
    assert!(words.contains("--yes"), "{words}");
    let (code, _, words) = run(&["--live", "--yes", "disable-user", r#"{"username":"jsmith"}"#]);
    assert_eq!(code, Some(2));
    assert!(words.contains("JUMPCLOUD_API_KEY"), "{words}");
    // And the guard table, or the word that there is none.
    let changing = |table: &str| {
        playbook(&["--live", "--yes", "disable-user", r#"{"username":"jsmith"}"#])
            .env("JUMPCLOUD_API_KEY", "jca_mine")
            .env("JUMPCLOUD_API_URL", "http://127.0.0.1:1/api")
            .env("XDG_STATE_HOME", std::env::temp_dir())
            .env("GUARD_TABLE", table)
            .output()
            .unwrap()
    };
    let output = changing("");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("GUARD_TABLE"));
    let output = changing("none");
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["errorType"], "JumpCloudUnavailable");
    // With a key the function gets it as its secret. Nothing listens on port 1.
    let output = playbook(&["--live", "enrich-user", r#"{"username":"jsmith"}"#])
        .env("JUMPCLOUD_API_KEY", "jca_mine")
        .env("JUMPCLOUD_API_URL", "http://127.0.0.1:1/api")
        .output()
        .unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["errorType"], "JumpCloudUnavailable");
}

#[test]
fn the_list_names_all_eight() {
    let output = playbook(&["list"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 8);
}

#[tokio::test]
async fn serve_speaks_lambdas_invoke_api() {
    let server = Server::start(&["--port", "0"]);
    let answer = server.invoke("disable-user", json!({"username": "jsmith"})).await;
    assert_eq!((answer.status().as_u16(), answer.headers().get("x-amz-function-error")), (200, None));
    // The next call sees what the first one did, under an ARN with a qualifier too.
    let enrich = "arn:aws:lambda:us-east-1:123456789012:function:enrich-user:live";
    let answer = server.invoke(enrich, json!({"username": "jsmith"})).await;
    assert_eq!(answer.json::<Value>().await.unwrap()["user"]["state"], "SUSPENDED");
    let answer = server.invoke("disable-user", json!({"username": "nobody"})).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["x-amz-function-error"].to_str().unwrap()),
        (200, "Unhandled")
    );
    assert_eq!(answer.json::<Value>().await.unwrap()["errorType"], "UserNotFound");
    assert_eq!(server.invoke("delete-user", json!({})).await.status().as_u16(), 404);
    // By the name that it is deployed under, too.
    let answer = server.invoke("jumpcloud-playbooks-enrich-user", json!({"username": "jsmith"})).await;
    assert_eq!(answer.json::<Value>().await.unwrap()["user"]["state"], "SUSPENDED");
    // It says what it serves, and then one line for each invocation.
    assert!(
        sandbox::playbooks::names().iter().all(|name| server.words.contains(&format!("\n  {name} "))),
        "{}",
        server.words
    );
    for said in [
        "disable-user  succeeded: Suspended jsmith",
        "enrich-user  succeeded: jsmith",
        "disable-user  UserNotFound: ",
        "enrich-user  ",
    ] {
        let line = server.said.recv_timeout(std::time::Duration::from_secs(5)).expect("a line for each invocation");
        assert!(line.contains(said), "{line}");
    }
    assert!(!server.words.contains("WARNING"), "{}", server.words);
}

#[tokio::test]
async fn serve_listens_on_another_address_only_when_it_is_named() {
    let everything_on = |ip: &'static str, server: &Server| {
        let urls = [server.url("Invoke API on "), server.url("JUMPCLOUD_API_URL="), server.url("SECRETS_MANAGER=")];
        let addresses = urls.map(|url| url["http://".len()..].split('/').next().unwrap().replace("127.0.0.1", ip));
        addresses.map(|address| std::net::TcpStream::connect(address).is_ok())
    };
    let server = Server::start(&["--port", "0"]);
    assert_eq!(everything_on("127.0.0.1", &server), [true; 3]);
    assert_eq!(everything_on("127.0.0.2", &server), [false; 3]);
    let server = Server::start(&["--port", "0", "--listen", "127.0.0.2"]);
    assert_eq!(everything_on("127.0.0.1", &server), [true; 3]);
    assert_eq!(everything_on("127.0.0.2", &server), [true; 3]);
    // The functions work as without it.
    let answer = server.invoke("enrich-user", json!({"username": "jsmith"})).await;
    assert_eq!(answer.json::<Value>().await.unwrap()["status"], "succeeded");
}

#[test]
fn a_port_that_is_taken_and_an_unknown_address_are_errors_in_words() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let refused = |arguments: &[&str], why: &str| {
        let mut server = Server::start(arguments);
        assert!(server.words.contains(why) && server.words.lines().count() == 1, "{}", server.words);
        assert_eq!(server.process.wait().unwrap().code(), Some(2));
    };
    refused(&["--port", &port.to_string()], &format!("Another process listens on 127.0.0.1:{port}."));
    refused(&["--port", &(port - 1).to_string()], "Another process listens on 127.0.0.1:"); // the tenant's
    refused(&["--port", "0", "--listen", "203.0.113.7"], "no address 203.0.113.7");
}

/// `cargo playbook serve`. Ends with the test, however that ends.
struct Server {
    process: Child,
    /// What it said until it was ready or ended.
    words: String,
    /// What it says after that.
    said: std::sync::mpsc::Receiver<String>,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut process = playbook(&[&["serve"], arguments].concat()).spawn().expect("the command runs");
        let mut lines = BufReader::new(process.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let mut words = String::new();
        for line in lines.by_ref() {
            words.push_str(&line);
            words.push('\n');
            if line.starts_with("Ready") {
                break;
            }
        }
        let (say, said) = std::sync::mpsc::channel();
        // To the end, whoever listens: a full pipe would stop the process.
        std::thread::spawn(move || lines.for_each(|line| drop(say.send(line))));
        Self { process, words, said }
    }

    /// The URL that the words give after `label`.
    fn url(&self, label: &str) -> String {
        let (_, rest) = self.words.split_once(label).unwrap_or_else(|| panic!("no {label} in {}", self.words));
        rest.split([';', '\n']).next().unwrap_or_default().to_owned()
    }

    async fn invoke(&self, name: &str, event: Value) -> reqwest::Response {
        #[expect(clippy::disallowed_methods, reason = "a test's client, to loopback")]
        let client = reqwest::Client::new();
        let url = format!("{}/2015-03-31/functions/{name}/invocations", self.url("Invoke API on "));
        client.post(url).body(event.to_string()).send().await.expect("an answer")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
