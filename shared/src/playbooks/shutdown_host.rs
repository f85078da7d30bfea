//! Shutdown Host: queues JumpCloud's shutdown command for a device.

use serde_json::json;

use super::{
    command::{Command, Plan},
    devices,
    found::Resolved,
    verify::Answer,
};
use crate::{
    error::{Error, ErrorType::Unsupported},
    guard::Sighting,
    jumpcloud::{OsKind, System},
    outcome::{Advisory, AdvisoryCode},
};

/// Shuts a Windows or Linux host down. `accepted` at best: JumpCloud queues the command and does not say whether it was
/// carried out. Cannot be undone: JumpCloud documents no way to list a queued command or to call it back.
pub const SHUTDOWN_HOST: Command<System> = Command {
    name: "shutdown-host",
    contains: true,
    plan: |_, found| Box::pin(async { plan(found) }),
    apply: |writer, found| Box::pin(async { writer.shutdown(&found.id).await.map(|()| Answer::Accepted) }),
    shows: None,
    sighting: Some(|host| Sighting { online: host.active == Some(true), last_contact: host.last_contact.clone() }),
    state: |host| json!({"online": host.active, "last_contact": host.last_contact}),
    devices: devices::none,
    advise: |host, _, _| queued_until_online(host).into_iter().collect(),
};

fn plan(found: &Resolved<System>) -> Result<Plan, Error> {
    check_supported(&found.object)?;
    let name = found.object.name();
    let when = match found.object.active {
        Some(true) => "The host is online",
        Some(false) => "The host is offline: the command waits in the queue until it is back",
        None => "JumpCloud does not say whether the host is online",
    };
    Ok(Plan::Change {
        would: format!("send the shutdown command to {name}. {when}"),
        did: format!("JumpCloud accepted the shutdown of {name}. {when}."),
        undo: None,
    })
}

fn queued_until_online(host: &System) -> Option<Advisory> {
    let message = match host.active {
        Some(true) => return None,
        Some(false) => {
            "The command does not expire, and JumpCloud documents no way to call it back: the host shuts down whenever it comes online again, be it in weeks."
        }
        None => {
            "If the host is offline, the command waits in the queue. It does not expire, and JumpCloud documents no way to call it back."
        }
    };
    Some(Advisory::new(AdvisoryCode::QueuedUntilOnline, message))
}

/// JumpCloud documents the command for Windows and Linux only. A device says in `builtInCommands` what it takes;
/// where it does not say, the operating system decides.
fn check_supported(host: &System) -> Result<(), Error> {
    let refused = |why: &str| {
        Err(Unsupported
            .error(format!("{} cannot be shut down by JumpCloud's command: {why}; nothing was done", host.name())))
    };
    match (host.os_kind(), &host.built_in_commands) {
        (OsKind::MacOs, _) => refused("it runs macOS; use the Apple MDM command in the Admin Portal"),
        (_, Some(offered)) if offered.iter().any(|command| command.name.as_deref() == Some("shutdown")) => Ok(()),
        (_, Some(_)) => refused("the device does not offer it (builtInCommands); check its agent"),
        (OsKind::Windows | OsKind::Linux, None) => Ok(()),
        (OsKind::Other, None) => refused("it runs neither Windows nor Linux, as far as JumpCloud says"),
    }
}
