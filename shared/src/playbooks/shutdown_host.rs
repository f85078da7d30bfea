//! Shutdown Host: queues JumpCloud's shutdown command for a device.

use serde_json::json;

use super::{
    Playbook, devices,
    target::{Resolved, require},
};
use crate::{
    error::{Error, ErrorType::Unsupported},
    jumpcloud::{OsKind, Session, System},
    outcome::{Advisory, Outcome, Status},
    request::{Target, TargetType},
};

/// Shuts a Windows or Linux host down. `accepted` at best: JumpCloud queues the command and does not say whether
/// it was carried out. Cannot be undone: a queued command can be neither listed nor called back.
pub const SHUTDOWN_HOST: Playbook = Playbook {
    name: "shutdown-host",
    target_type: TargetType::Host,
    mutating: true,
    action: |session, target| Box::pin(shutdown(session, target)),
};

async fn shutdown(session: &Session<'_>, target: &Target) -> Result<Outcome, Error> {
    let Resolved { object: host, id, target } = require::<System>(session, target).await?;
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
