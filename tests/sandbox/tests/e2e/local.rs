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
fn the_list_names_all_six() {
    let output = playbook(&["list"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 6);
}

#[tokio::test]
async fn serve_speaks_lambdas_invoke_api() {
    let mut server = Server(playbook(&["serve", "--port", "0"]).spawn().unwrap());
    let mut lines = BufReader::new(server.0.stderr.take().unwrap()).lines();
    let address = lines
        .find_map(|line| Some(line.unwrap().split_once("http://")?.1.split(';').next().unwrap().to_owned()))
        .unwrap();
    tokio::task::spawn_blocking(move || lines.for_each(drop));
    #[expect(clippy::disallowed_methods, reason = "a test's client, to loopback")]
    let client = reqwest::Client::new();
    let invoke = |name: &str, event: Value| {
        client.post(format!("http://{address}/2015-03-31/functions/{name}/invocations")).body(event.to_string()).send()
    };
    let answer = invoke("disable-user", json!({"username": "jsmith"})).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().get("x-amz-function-error")), (200, None));
    // The next call sees what the first one did, under an ARN with a qualifier too.
    let answer =
        invoke("arn:aws:lambda:us-east-1:123456789012:function:enrich-user:live", json!({"username": "jsmith"}))
            .await
            .unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["user"]["state"], "SUSPENDED");
    let answer = invoke("disable-user", json!({"username": "nobody"})).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["x-amz-function-error"].to_str().unwrap()),
        (200, "Unhandled")
    );
    assert_eq!(answer.json::<Value>().await.unwrap()["errorType"], "UserNotFound");
    assert_eq!(invoke("delete-user", json!({})).await.unwrap().status().as_u16(), 404);
}

/// Ends with the test, however that ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
