//! What a scenario's phrase means, exactly.

use std::fmt;

use serde_json::{Value, json};

const USER: &str = "6026bec6b8207255280d5981";
const HOST: &str = "633f3f295482343ff32add41";

/// What one run of a scenario led to.
pub(crate) struct Run {
    pub(crate) answer: Result<Value, Value>,
    /// The changes that it asked for.
    pub(crate) writes: Vec<String>,
    /// What JumpCloud would have objected to.
    pub(crate) objections: Vec<String>,
    pub(crate) logs: String,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.answer {
            Ok(outcome) => write!(f, "{outcome} after {:?}", self.writes),
            Err(error) => write!(f, "{error} after {:?}", self.writes),
        }
    }
}

impl Run {
    /// A field of the outcome; null where there is none, and where the run failed.
    fn at(&self, pointer: &str) -> &Value {
        self.answer.as_ref().ok().and_then(|outcome| outcome.pointer(pointer)).unwrap_or(&Value::Null)
    }

    fn error(&self) -> &str {
        self.answer.as_ref().err().and_then(|error| error["errorType"].as_str()).unwrap_or("no error")
    }

    fn codes(&self) -> Vec<&str> {
        let advisories = self.at("/advisories").as_array().into_iter().flatten();
        advisories.filter_map(|advisory| advisory["code"].as_str()).collect()
    }

    fn text(&self) -> String {
        format!("{}{}", self.answer.as_ref().unwrap_or_else(|error| error), self.logs)
    }
}

/// Whether `runs` ended as `phrase` says; else how they did not.
pub(crate) fn check(id: &str, phrase: &str, runs: &[Run]) -> Result<(), String> {
    for run in runs {
        let (objections, text) = (&run.objections, run.text());
        holds(objections.is_empty(), || format!("JumpCloud would object: {objections:?}"))?;
        holds(!text.contains("SECRET"), || "a secret is shown".to_owned())?;
        holds(run.error() != "OutcomeUnknown" || !text.contains("othing was "), || {
            "unknown is called undone".to_owned()
        })?;
    }
    match phrase {
        "accepted" => all(runs, |run| run.at("/status") == "accepted" && run.writes.len() == 1),
        "succeeded verified" => all(runs, |run| state(run) == json!(["succeeded", true, true])),
        "changed, not read back" => {
            all(runs, |run| state(run) == json!(["succeeded", true, null]) && run.codes().contains(&"NOT_READ_BACK"))
        }
        "the right errorType" => {
            let (expected, write) = expected_error(id)?;
            all(runs, |run| run.error() == expected && run.writes.is_empty() != write)
        }
        "nothing acted on" => all(runs, |run| run.error() == "UnexpectedResponse" && run.writes.is_empty()),
        "refused" => all(runs, |run| {
            run.error() == "UnexpectedResponse" && run.writes.is_empty() && run.text().contains("organization")
        }),
        "Protected in all three" => {
            holds(runs.len() == 3, || "not three runs".to_owned())?;
            all(runs, |run| run.error() == "Protected" && run.writes.is_empty())
        }
        "not_found / UserNotFound / HostNotFound" => {
            let ended = |run: &Run| run.at("/status").as_str().unwrap_or_else(|| run.error()).to_owned();
            let ends: Vec<String> = runs.iter().map(ended).collect();
            all(runs, |run| run.writes.is_empty())?;
            holds(ends == ["not_found", "UserNotFound", "not_found", "HostNotFound"], || format!("{ends:?}"))
        }
        "found, or named as a candidate" => all(runs, |run| {
            let found = run.at("/status") == "succeeded" && run.at("/target/id").is_string();
            found || run.at("/candidates/0/id").is_string()
        }),
        "DEVICES_UNKNOWN" => {
            all(runs, |run| run.at("/status") == "succeeded" && run.codes().contains(&"DEVICES_UNKNOWN"))
        }
        "devices known" => {
            holds(runs[0].at("/user/devices/0/id") == HOST, || "the device is not listed".to_owned())?;
            holds(runs[1].at("/status") == "dry_run", || "no dry run".to_owned())?;
            all(runs, |run| !run.codes().iter().any(|code| code.starts_with("DEVICES_")))
        }
        "secrets absent" => {
            // That they are absent was checked above; here that there was something to show.
            holds(runs[0].at("/status") == "succeeded" && runs[0].at("/host/serial_number").is_string(), || {
                "no facts".to_owned()
            })?;
            let (mac, shut_down) = (runs[0].at("/host/os") == "Mac OS X", &runs[1]);
            holds(if mac { shut_down.error() == "Unsupported" } else { shut_down.at("/status") == "dry_run" }, || {
                "the shutdown".to_owned()
            })
        }
        "succeeded; groups My Test Group, All Users" => {
            let names = |run: &Run| json!([run.at("/user/groups/0/name"), run.at("/user/groups/1/name")]);
            all(&runs[..2], |run| {
                run.at("/status") == "succeeded" && names(run) == json!(["My Test Group", "All Users"])
            })?;
            all(&runs[2..], |run| run.at("/status") == "dry_run")
        }
        "state from suspended" => {
            holds(runs[0].at("/user/state") == "ACTIVATED", || "no state".to_owned())?;
            holds(runs[1].at("/before/state") == "ACTIVATED", || "no state before".to_owned())
        }
        "same advisories by name and by id" => {
            for (pair, code) in runs.chunks(2).zip(["", "DIRECTORY_CAN_UNDO", "PASSWORD_OWNED_BY_DIRECTORY"]) {
                holds(pair[0].codes() == pair[1].codes(), || "they differ".to_owned())?;
                holds(code.is_empty() || pair[0].codes().contains(&code), || format!("no {code}"))?;
            }
            all(&runs[..2], |run| run.at("/user/delegated_authority/name") == "ActiveDirectory")
        }
        "owner and sudo known" => all(runs, |run| {
            run.at("/host/owner/id") == USER
                && run.at("/host/owner/username") == "testuser"
                && says(run.at("/host/users/0"), "sudo", &json!(true))
        }),
        "device, direct/indirect, sudo" => all(runs, |run| {
            let device = run.at("/user/devices/0");
            device["id"] == HOST && says(device, "sudo", &json!(true)) && says(device, "direct", &json!(false))
        }),
        "works; empty or advisory" => {
            let part = |run: &Run, pointer, code| *run.at(pointer) == json!([]) || run.codes().contains(&code);
            let ok = |run: &Run, status| run.at("/status") == status;
            holds(ok(&runs[0], "succeeded") && ok(&runs[1], "succeeded") && ok(&runs[2], "dry_run"), || {
                "a failure".to_owned()
            })?;
            holds(part(&runs[0], "/user/devices", "DEVICES_UNKNOWN"), || "devices".to_owned())?;
            holds(part(&runs[0], "/user/groups", "GROUPS_UNKNOWN"), || "the user's groups".to_owned())?;
            holds(part(&runs[1], "/host/users", "USERS_UNKNOWN"), || "users".to_owned())?;
            holds(part(&runs[1], "/host/groups", "GROUPS_UNKNOWN"), || "the host's groups".to_owned())
        }
        other => Err(format!("the phrase {other:?} has no check")),
    }
}

/// The error that a scenario must end with, and whether a change is sent before.
fn expected_error(id: &str) -> Result<(&'static str, bool), String> {
    let (write, name) = match (id.strip_prefix("err-read-"), id.strip_prefix("err-write-")) {
        (Some(name), _) => (false, name),
        (_, Some(name)) => (true, name),
        _ => return Err("neither a read nor a change".to_owned()),
    };
    let error = match name {
        "302" | "401-key" | "401-noorg" | "401-service-account" => "Unauthorized",
        "403-forbidden" | "403-cloudflare" => "Forbidden",
        "400-limit" | "402" | "409-exists" => "UnexpectedResponse",
        "429-json" | "429-retry-120" | "429-cloudflare-1015" => "RateLimited",
        // A change may have been carried out before the fault.
        "500-json" | "503-html" | "520" | "522" | "524" if write => "OutcomeUnknown",
        "500-json" | "503-html" | "520" | "522" | "524" => "JumpCloudUnavailable",
        _ => return Err(format!("no error type is stated for {name}")),
    };
    Ok((error, write))
}

/// Status, `changed` and `verified`.
fn state(run: &Run) -> Value {
    json!([run.at("/status"), run.at("/changed"), run.at("/verified")])
}

/// Whether `value` has, at any depth, a field of that name with `wanted` in it.
fn says(value: &Value, name: &str, wanted: &Value) -> bool {
    let inside = |value: &Value| {
        value == wanted || value.as_object().is_some_and(|fields| fields.values().any(|value| value == wanted))
    };
    match value {
        Value::Object(fields) => {
            fields.iter().any(|(key, value)| (key == name && inside(value)) || says(value, name, wanted))
        }
        Value::Array(items) => items.iter().any(|item| says(item, name, wanted)),
        _ => false,
    }
}

fn all(runs: &[Run], met: impl Fn(&Run) -> bool) -> Result<(), String> {
    match runs.iter().position(|run| !met(run)) {
        Some(index) => Err(format!("run {} ended otherwise", index + 1)),
        None => Ok(()),
    }
}

fn holds(met: bool, why: impl Fn() -> String) -> Result<(), String> {
    if met { Ok(()) } else { Err(why()) }
}
