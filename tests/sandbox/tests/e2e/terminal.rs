//! `cargo playbook` on a terminal of 80 columns.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Command, Stdio},
};

use nix::pty::{Winsize, openpty};
use sandbox::{
    rehearsal::{Rehearsal, TIMEOUT},
    seed::{JSMITH, LAPTOP_7, LAPTOP_7_TOO},
    tenant::{API_KEY, Tenant},
};
use serde_json::{Value, json};

/// What the process wrote to the terminal, what it wrote to standard error where that is another place, and its exit code.
struct Shown {
    screen: String,
    errors: String,
    code: Option<i32>,
}

/// The command with nothing of this process's settings.
fn playbook(arguments: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_playbook"));
    command.args(arguments).env_remove("NO_COLOR").env("TERM", "xterm");
    for name in ["JUMPCLOUD_API_KEY", "JUMPCLOUD_SECRET_ID", "JUMPCLOUD_API_URL", "GUARD_TABLE", "DRY_RUN"] {
        command.env_remove(name);
    }
    command.envs(env.iter().copied()).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    command
}

/// A new terminal: our side and the process's.
fn terminal() -> (File, OwnedFd) {
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(Some(&size), None).expect("a pseudo-terminal");
    (File::from(pty.master), pty.slave)
}

/// Everything that comes until the other side is closed, which Linux reports as an error.
fn rest(screen: &mut File) -> String {
    let (mut all, mut part) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = screen.read(&mut part) {
        all.extend_from_slice(&part[..read]);
    }
    String::from_utf8(all).expect("UTF-8").replace("\r\n", "\n")
}

fn end(mut child: Child, screen: String) -> Shown {
    let mut errors = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_string(&mut errors).expect("UTF-8");
    }
    Shown { screen, errors, code: child.wait().expect("the process ends").code() }
}

/// Standard output is a terminal; standard error is not.
fn shown(arguments: &[&str], env: &[(&str, &str)]) -> Shown {
    let (mut screen, side) = terminal();
    let mut command = playbook(arguments, env);
    let child = command.stdin(Stdio::null()).stdout(side).stderr(Stdio::piped()).spawn().expect("the command runs");
    drop(command); // holds the process's side, too
    let screen = rest(&mut screen);
    end(child, screen)
}

/// Without colours.
fn plain(arguments: &[&str]) -> Shown {
    shown(arguments, &[("NO_COLOR", "1")])
}

fn assert_fits(screen: &str) {
    for line in screen.lines().filter(|line| !line.contains("Undo: cargo playbook")) {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
    }
    assert!(!screen.contains('\u{1b}'), "{screen}");
}

#[test]
fn a_change_is_its_status_its_sentence_what_else_to_know_and_the_way_back() {
    let Shown { screen, errors, code } = plain(&["disable-user", r#"{"username":"jsmith"}"#]);
    assert_eq!(code, Some(0));
    assert_fits(&screen);
    assert!(screen.starts_with(" OK  Suspended jsmith (jsmith@company.com); was ACTIVATED. Verified.\n"), "{screen}");
    assert!(screen.contains("\n  !  jsmith-laptop is offline"), "{screen}");
    // Of the ways in those that it leaves open, and who holds the user.
    assert!(screen.contains("\n     open    sudo: ") && !screen.contains("     closed "), "{screen}");
    assert!(screen.contains("\n     Held by\n     request "), "{screen}");
    assert!(
        screen.ends_with(&format!("\n     Undo: cargo playbook enable-user '{{\"user_id\":\"{JSMITH}\"}}'\n")),
        "{screen}"
    );
    // No log line, no JSON, no markdown.
    assert!(
        !errors.contains("\"audit\"") && !screen.contains('#') && !screen.contains("\"status\""),
        "{errors}{screen}"
    );
}

#[test]
fn colours_are_for_terminals_and_no_color_turns_them_off() {
    let event = r#"{"username":"jsmith","dry_run":true}"#;
    let with = shown(&["disable-user", event], &[]).screen;
    assert!(with.contains("\u{1b}[36mDRY RUN\u{1b}[0m") || with.contains("DRY RUN\u{1b}[0m"), "{with:?}");
    // Set to nothing it counts as not set: https://no-color.org
    assert_eq!(shown(&["disable-user", event], &[("NO_COLOR", "")]).screen, with);
    for off in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let without = shown(&["disable-user", event], &[off]).screen;
        assert!(
            without.starts_with("DRY RUN  Would suspend jsmith (jsmith@company.com); is ACTIVATED.\n"),
            "{without}"
        );
        assert_fits(&without);
    }
    let piped = playbook(&["disable-user", event], &[]).stdin(Stdio::null()).output().expect("the command runs");
    assert!(serde_json::from_slice::<Value>(&piped.stdout).is_ok() && !piped.stdout.contains(&0x1b));
}

#[test]
fn a_refusal_is_said_once_with_its_candidates_as_rows() {
    let Shown { screen, errors, code } = plain(&["shutdown-host", r#"{"hostname":"laptop-7"}"#]);
    assert_eq!(code, Some(1));
    assert_fits(&screen);
    assert!(screen.starts_with("REFUSED  AmbiguousHost: 2 hosts are called laptop-7; nothing was done;"), "{screen}");
    assert!(
        screen.contains(&format!(
            "     {LAPTOP_7}  LAPTOP-7  Windows 10 Pro\n     {LAPTOP_7_TOO}  laptop-7  Windows 11 Pro\n"
        )),
        "{screen}"
    );
    assert_eq!(format!("{screen}{errors}").matches("AmbiguousHost").count(), 1);
    // With --logs the line of the run comes besides, and nothing that looks like a crash.
    let logged = shown(&["--logs", "shutdown-host", r#"{"hostname":"laptop-7"}"#], &[("NO_COLOR", "1")]);
    assert_eq!(logged.errors.lines().filter(|line| line.contains("AmbiguousHost")).count(), 1, "{}", logged.errors);
    assert!(!logged.errors.contains("panic"), "{}", logged.errors);
}

#[tokio::test]
async fn the_audit_line_is_there_every_time() {
    let rehearsal = Rehearsal::start().await;
    for _ in 0..5 {
        let function = rehearsal.function("disable-user", &[]).await;
        function.invoke(json!({"username": "jsmith"}), TIMEOUT).await.expect("an outcome");
        assert_eq!(function.stop().await.matches("\"audit\":").count(), 1);
    }
    let logged = shown(&["--logs", "disable-user", r#"{"username":"jsmith"}"#], &[]);
    assert_eq!(logged.errors.matches("\"audit\":").count(), 1, "{}", logged.errors);
}

#[test]
fn facts_are_a_table() {
    let Shown { screen, .. } = plain(&["enrich-user", r#"{"username":"jsmith"}"#]);
    assert_fits(&screen);
    for line in [
        "     state                           ACTIVATED",
        "     mfa                             configured yes, exclusion no",
        "     devices (3)",
        "     closed  state changes: No change of state that lets the user in is",
        "     633f3f295482343ff32add41  Computer123    Computer123    Windows  11 Pro",
    ] {
        assert!(screen.lines().any(|shown| shown == line), "{line}\n{screen}");
    }
    assert_fits(&plain(&["enrich-host", r#"{"hostname":"Computer123"}"#]).screen);
    assert_fits(&plain(&["guard-rails", r#"{"show":true}"#]).screen);
}

#[test]
fn checks_need_no_event_and_are_a_paragraph_each() {
    let Shown { screen, code, .. } = plain(&["check-connection"]);
    assert_eq!(code, Some(0));
    assert_fits(&screen);
    assert!(screen.starts_with(" OK  Everything that can be read works"), "{screen}");
    for line in
        ["     ok      key: JumpCloud accepts the API key.", "     ok      guard table: The table guard can be read."]
    {
        assert!(screen.lines().any(|shown| shown == line), "{line}\n{screen}");
    }
    assert!(screen.contains("\n     unknown change of disable-user: "), "{screen}");
    // With the key of the real JumpCloud, here of a tenant.
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let tenant = runtime.block_on(Tenant::start());
    let url = tenant.url();
    let live = |key: &str| {
        let env =
            [("NO_COLOR", "1"), ("JUMPCLOUD_API_KEY", key), ("JUMPCLOUD_API_URL", &url), ("AWS_REGION", "us-east-1")];
        shown(&["--live", "check-connection"], &env).screen
    };
    let screen = live(API_KEY);
    assert!(screen.starts_with(" OK  No check failed; not known: guard table."), "{screen}");
    assert!(live("jca_wrong").contains("\n     failed  key: JumpCloud does not accept the API key"));
    assert!(tenant.writes().is_empty() && !tenant.requests().is_empty());
}

#[test]
fn json_and_markdown_are_given_where_they_are_asked_for() {
    let event = r#"{"username":"jsmith"}"#;
    let json = plain(&["--json", "enrich-user", event]).screen;
    assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON")["status"], "succeeded");
    let markdown = plain(&["--markdown", "enrich-user", event]).screen;
    assert!(markdown.starts_with("### enrich-user\n\njsmith"), "{markdown}");
}

#[test]
fn a_batch_is_a_line_a_record_and_fails_with_one() {
    let folder = std::env::temp_dir().join(format!("batch-{}.json", std::process::id()));
    let records = [r#"{"username":"jsmith"}"#, r#"{"username":"nobody"}"#, "no JSON", r#"{"username":"mgarcia"}"#];
    let records = records.iter().enumerate().map(|(n, body)| sandbox::events::record(&format!("m-{n}"), body));
    std::fs::write(&folder, sandbox::events::batch(records).to_string()).expect("a file");
    let argument = format!("@{}", folder.display());
    let Shown { screen, code, .. } = plain(&["disable-user", &argument]);
    std::fs::remove_file(folder).expect("a file");
    assert_eq!(code, Some(1));
    assert_fits(&screen);
    let heads = screen.lines().filter(|line| !line.starts_with("     "));
    let heads: Vec<_> = heads.map(|line| line.split(':').next().unwrap_or_default()).collect();
    assert_eq!(heads, [" OK  m-0", "REFUSED  m-1", "REFUSED  m-2", "UNCHANGED  m-3"], "{screen}");
    assert_eq!(plain(&["disable-user", "@tests/events/sqs-plain.json"]).code, Some(0));
}

#[test]
fn what_was_meant_is_said() {
    let refused = |arguments: &[&str]| {
        let Shown { screen, errors, code } = plain(arguments);
        assert_eq!((code, screen.as_str()), (Some(2), ""), "{errors}");
        errors
    };
    assert!(refused(&["check-conection"]).contains("Do you mean check-connection?"));
    assert!(refused(&["disable-usr", "{}"]).contains("Do you mean disable-user?"));
    assert!(refused(&["serv", "{}"]).contains("Do you mean serve?"));
    assert!(!refused(&["completely-else", "{}"]).contains("Do you mean"));
    assert!(
        refused(&["disable-user", "tests/events/direct-user.json"]).contains("Write @tests/events/direct-user.json")
    );
    assert!(refused(&["disable-user", "{username: jsmith}"]).contains("in single quotes"));
    assert!(refused(&["disable-user"]).contains(r#"cargo playbook disable-user '{"username":"jsmith"}'"#));
    assert!(refused(&["replay", "tests/no-such-file"]).contains("tests/no-such-file cannot be read"));
    let found = plain(&["enrich-user", r#"{"username":"jsmith"}"#]).screen;
    assert_eq!(plain(&["jumpcloud-playbooks-enrich-user:live", r#"{"username":"jsmith"}"#]).screen, found);
    let unknown = plain(&["disable-user", r#"{"username":"nobody"}"#]).screen;
    assert!(unknown.contains("rehearsal tenant") && unknown.contains("--live"), "{unknown}");
}

#[test]
fn the_help_documents_the_exit_codes() {
    let help = plain(&["--help"]).screen;
    for code in ["  0  ", "  1  ", "  2  "] {
        assert!(help.contains(code), "{help}");
    }
}

/// Types `answer` once the question is there; all is on one terminal, as for a person.
fn asked(arguments: &[&str], env: &[(&str, &str)], answer: &str) -> Shown {
    let (mut screen, side) = terminal();
    let (input, errors) = (side.try_clone().expect("a terminal"), side.try_clone().expect("a terminal"));
    let mut command = playbook(arguments, env);
    let child = command.stdin(input).stdout(side).stderr(errors).spawn().expect("the command runs");
    drop(command);
    let (mut before, mut part) = (String::new(), [0; 1024]);
    while !before.contains("[y/N] ") {
        let Ok(read @ 1..) = screen.read(&mut part) else { return end(child, before) };
        before.push_str(&String::from_utf8_lossy(&part[..read]));
    }
    screen.write_all(answer.as_bytes()).expect("a terminal");
    let after = rest(&mut screen);
    end(child, before + &after)
}

#[tokio::test]
async fn live_looks_up_first_and_then_asks_about_this_target_in_this_organization() {
    let tenant = Tenant::start().await;
    let url = tenant.url();
    let state = std::env::temp_dir().join(format!("state-{}", std::process::id()));
    let home = state.display().to_string();
    let live = |key| {
        [
            ("XDG_STATE_HOME", &*home),
            ("JUMPCLOUD_API_KEY", key),
            ("JUMPCLOUD_API_URL", &*url),
            ("GUARD_TABLE", "none"),
            ("NO_COLOR", "1"),
        ]
    };
    let asked = |key: &'static str, event: Value, answer: &'static str| {
        let (env, event) = (live(key).map(|(name, value)| (name, value.to_owned())), event.to_string());
        tokio::task::spawn_blocking(move || {
            let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
            asked(&["--live", "disable-user", &event], &env, answer)
        })
    };
    let writes = || tenant.calls().iter().filter(|call| call.starts_with("PUT")).count();
    let user = json!({"username": "jsmith"});
    let question =
        format!("Suspend jsmith (jsmith@company.com) in organization 60259a2ad81e1a474d4e7c83 ({url})? [y/N] ");

    let denied = asked(API_KEY, user.clone(), "\n").await.expect("no panic");
    assert!(denied.screen.contains(&question), "{}", denied.screen);
    assert!(denied.screen.contains("Nothing was done."), "{}", denied.screen);
    assert_eq!((denied.code, writes()), (Some(2), 0));

    // What cannot be done is not asked about: a wrong key, nobody of that name, a dry run, what is already so.
    for (key, event, code, word) in [
        ("jca_wrong", user.clone(), 1, "Unauthorized"),
        (API_KEY, json!({"username": "nobody"}), 1, "UserNotFound"),
        (API_KEY, json!({"username": "jsmith", "dry_run": true}), 0, "DRY RUN"),
        (API_KEY, json!({"username": "mgarcia"}), 0, "UNCHANGED"),
    ] {
        let shown = asked(key, event, "y\n").await.expect("no panic");
        assert!(!shown.screen.contains("[y/N]") && shown.screen.contains(word), "{}", shown.screen);
        assert_eq!((shown.code, writes()), (Some(code), 0), "{word}");
    }

    let granted = asked(API_KEY, user, "y\n").await.expect("no panic");
    assert!(granted.screen.contains(" OK  Suspended jsmith"), "{}", granted.screen);
    assert!(granted.screen.contains("Undo: cargo playbook --live enable-user"), "{}", granted.screen);
    assert_eq!((granted.code, writes()), (Some(0), 1));
    // The record of the change stays, and only that.
    let audit = std::fs::read_to_string(state.join("jumpcloud-playbooks/audit.jsonl")).expect("the audit records");
    std::fs::remove_dir_all(state).expect("a folder");
    let records: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let results: Vec<_> = records.iter().map(|record| &record["audit"]["result"]).collect();
    assert_eq!(results, ["succeeded"]);
    // Where it could not, nothing is done.
    let shown = shown_live_without_a_place(&url).await;
    assert!(shown.errors.contains("audit record cannot be written"), "{}", shown.errors);
    assert_eq!((shown.code, writes()), (Some(2), 1));
}

async fn shown_live_without_a_place(url: &str) -> Shown {
    let env = [
        ("JUMPCLOUD_API_KEY", API_KEY),
        ("JUMPCLOUD_API_URL", url),
        ("GUARD_TABLE", "none"),
        ("XDG_STATE_HOME", "/dev/null"),
    ];
    let env = env.map(|(name, value)| (name, value.to_owned()));
    let run = move || {
        let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        shown(&["--live", "--yes", "disable-user", r#"{"username":"adunn"}"#], &env)
    };
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

/// The documentation shows this table. `cargo xtask docs` writes it.
#[test]
fn a_replay_of_the_sample_events_is_the_table_that_the_documentation_shows() {
    let Shown { screen, code, errors } = plain(&["replay", "tests/events"]);
    assert_eq!(code, Some(0), "{errors}");
    assert_fits(&screen);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/terminal.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let (begin, end) = ("    cargo playbook replay tests/events\n\n```text\n", "\n```\n");
    let (head, rest) = page.split_once(begin).expect("the command, and its table below");
    let (written, tail) = rest.split_once(end).expect("the end of the table");
    let screen = screen.trim_end();
    if written != screen && std::env::var_os("WRITE_DOCS").is_some() {
        std::fs::write(path, format!("{head}{begin}{screen}{end}{tail}")).expect("writable");
    } else {
        assert_eq!(screen, written, "docs/terminal.md is behind the code: run cargo xtask docs");
    }
}

#[test]
fn a_replay_is_json_for_programs_and_changes_nothing() {
    let output = playbook(&["replay", "tests/events", "--playbook", "disable-user"], &[]).stdin(Stdio::null()).output();
    let report: Value = serde_json::from_slice(&output.expect("the command runs").stdout).expect("JSON");
    assert_eq!(report["playbooks"][0]["results"][0]["result"], "dry_run");
    assert_eq!(report["playbooks"].as_array().map(Vec::len), Some(1));
    let names: Vec<_> =
        report["playbooks"][0]["results"].as_array().into_iter().flatten().map(|r| &r["result"]).collect();
    assert!(!names.contains(&&json!("succeeded")) && !names.contains(&&json!("StaleEvent")), "{names:?}");
}
