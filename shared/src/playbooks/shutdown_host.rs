//! Shutdown Host: queues JumpCloud's shutdown command for a device.

use serde_json::json;

use super::{Action, Playbook, devices, target::Resolved};
use crate::{
    error::{Error, ErrorType::Unsupported},
    jumpcloud::{OsKind, Session, System},
    outcome::{Advisory, Outcome, Status},
};

/// Shuts a Windows or Linux host down. `accepted` at best: JumpCloud queues the command and does not say whether
/// it was carried out. Cannot be undone: a queued command can be neither listed nor called back.
pub const SHUTDOWN_HOST: Playbook =
    Playbook { name: "shutdown-host", action: Action::Host(|session, found| Box::pin(shutdown(session, found))) };

async fn shutdown(session: &Session<'_>, found: Resolved<System>) -> Result<Outcome, Error> {
    let Resolved { object: host, id, target } = found;
    check_supported(&host)?;
    let name = host.name().to_owned();
    let (when, advisory) = match host.active {
        Some(true) => ("The host is online", None),
        Some(false) => (
            "The host is offline: the command waits in the queue until it is back",
            Some(Advisory::new(
                "QUEUED_UNTIL_ONLINE",
                "The command does not expire, and JumpCloud documents no way to call it back: the host shuts down whenever it comes online again, be it in weeks.",
            )),
        ),
        None => (
            "JumpCloud does not say whether the host is online",
            Some(Advisory::new(
                "QUEUED_UNTIL_ONLINE",
                "If the host is offline, the command waits in the queue. It does not expire, and JumpCloud documents no way to call it back.",
            )),
        ),
    };
    let outcome = |summary: String| Outcome {
        before: Some(json!({"online": host.active, "last_contact": host.last_contact})),
        host: Some(devices::brief(&host)),
        advisories: advisory.into_iter().collect(),
        ..Outcome::new(target, summary)
    };
    if session.dry_run() {
        return Ok(Outcome {
            status: Status::DryRun,
            ..outcome(format!("Dry run: would send the shutdown command to {name}. {when}."))
        });
    }
    session.shutdown(&id).await?;
    Ok(Outcome {
        status: Status::Accepted,
        changed: true,
        ..outcome(format!("JumpCloud accepted the shutdown of {name}. {when}."))
    })
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
