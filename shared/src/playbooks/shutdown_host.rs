//! Shutdown Host: sends a device the shutdown command, through JumpCloud's agent or, for a Mac, through Apple MDM.

use serde_json::json;

use super::{
    channel::{self, Channel, Way},
    command::{Command, Plan},
    devices,
    found::Resolved,
    verify::Answer,
    words::counted,
};
use crate::{
    error::{Error, ErrorType::Unsupported},
    guard::Sighting,
    ids::ObjectId,
    jumpcloud::{OsKind, QueuedCommand, Reader, System},
    outcome::{Advisory, AdvisoryCode, Ignored},
    request::{Offline, RequestInfo, Takes},
};

/// At most this many of the commands that wait are named.
const MAX_NAMED: usize = 5;

/// Shuts a host down. `accepted` at best: JumpCloud takes the command and does not say whether it was carried out. Cannot be
/// undone: JumpCloud documents no way to call the command back.
pub const SHUTDOWN_HOST: Command<System> = Command {
    name: "shutdown-host",
    contains: true,
    takes: Takes { offline: true, ..Takes::NONE },
    plan: |reader, found, info| Box::pin(plan(reader, found, info)),
    apply: |writer, found, channel| {
        Box::pin(async move {
            match channel {
                Some(Channel::AppleMdm(device)) => writer.shutdown_by_mdm(device).await?,
                Some(Channel::Queue(commands)) => {
                    for command in commands {
                        writer.call_back(command).await?;
                    }
                    return Ok(Answer::Tried);
                }
                Some(Channel::Agent) | None => writer.shutdown(&found.id).await?,
            }
            Ok(Answer::Accepted)
        })
    },
    shows: None,
    sighting: Some(|host| Sighting { online: host.active == Some(true), last_contact: host.last_contact.clone() }),
    state: |host| json!({"online": host.active, "last_contact": host.last_contact}),
    devices: devices::none,
    advise: |host, _, _| queued_until_online(host).into_iter().collect(),
    access: |_, _, _| Vec::new(),
};

async fn plan(reader: &Reader<'_>, found: &Resolved<System>, info: &RequestInfo) -> Result<Plan, Error> {
    let host = &found.object;
    let (name, online) = (host.name(), host.active == Some(true));
    let contact = host.last_contact.as_deref().unwrap_or("not known");
    if let Some(Way::None(why)) = channel::known(host) {
        return Err(refused(host, &why));
    }
    if !online && info.offline == Some(Offline::Skip) {
        let is = if host.active.is_none() { "is not known to be online" } else { "is offline" };
        let summary =
            format!("Nothing was sent: {name} {is} (last contact: {contact}), and the event says to skip it then.");
        return Ok(Plan::Skip(Ignored::HostOffline, summary));
    }
    if info.offline == Some(Offline::Cancel) {
        return call_back(reader, found).await;
    }
    let channel = channel(reader, host).await?;
    let queue = match &channel {
        Channel::Agent if !online => waiting(reader, &found.id).await,
        _ => String::new(),
    };
    let when = match host.active {
        Some(true) => "The host is online".to_owned(),
        Some(false) => format!(
            "The host is offline (last contact: {contact}): the command waits in the queue until it is back{queue}"
        ),
        None => format!("JumpCloud does not say whether the host is online (last contact: {contact}){queue}"),
    };
    let by = match &channel {
        Channel::Agent | Channel::Queue(_) => "",
        Channel::AppleMdm(device) if device.dep_registered == Some(true) => " through Apple MDM",
        Channel::AppleMdm(_) => {
            " through Apple MDM (which documents it for Macs of Automated Device Enrollment, and this one is not known to be one)"
        }
    };
    Ok(Plan::Change {
        would: format!("send the shutdown command to {name}{by}. {when}"),
        did: format!("JumpCloud accepted the shutdown of {name}{by}. {when}."),
        undo: None,
        channel: Some(channel),
    })
}

/// Of the commands that wait for the host only what is a shutdown of this host alone: the others are somebody else's.
async fn call_back(reader: &Reader<'_>, found: &Resolved<System>) -> Result<Plan, Error> {
    let name = found.object.name();
    if found.object.os_kind() == OsKind::MacOs {
        return Err(Unsupported.error(format!(
            "a shutdown of {name}, a Mac, cannot be called back: it waits at Apple, and no call for that is documented; nothing was done"
        )));
    }
    let queue = reader.queued_commands(&found.id).await?;
    let (shutdowns, others): (Vec<_>, Vec<_>) = queue.items.into_iter().partition(QueuedCommand::is_shutdown);
    let ids = shutdowns.iter().map(QueuedCommand::workflow).collect::<Result<Vec<_>, _>>()?.join(", ");
    if shutdowns.is_empty() {
        let others = if others.is_empty() { String::new() } else { format!(" (of {} others)", others.len()) };
        return Ok(Plan::Skip(
            Ignored::NothingQueued,
            format!(
                "Nothing was called back: JumpCloud's list of queued commands shows no shutdown of {name}{others}. Whether it shows one that waits is not documented: it may still be carried out."
            ),
        ));
    }
    let what = format!("call back the shutdown of {name} that waits in JumpCloud's queue ({ids})");
    Ok(Plan::Change {
        would: format!("{what}. Whether that ends it is not documented: it may still be carried out"),
        did: String::new(), // it is never known to be done
        undo: None,
        channel: Some(Channel::Queue(shutdowns)),
    })
}

/// The way that there is, or the refusal. Where an MDM did not answer for now, the same request may succeed later, and the
/// error keeps its name; any other that cannot be read is no way.
async fn channel(reader: &Reader<'_>, host: &System) -> Result<Channel, Error> {
    match channel::find(reader, host).await {
        Ok(Way::By(channel)) => Ok(channel),
        Ok(Way::None(why)) => Err(refused(host, &why)),
        Err(error) if error.error_type.retry_helps() => Err(error),
        Err(error) => {
            let why = format!(
                "it runs macOS, which is shut down through Apple MDM, and that could not be read ({}); the key's role needs to read it",
                error.message
            );
            Err(refused(host, &why).caused_by(error.error_type))
        }
    }
}

fn refused(host: &System, why: &str) -> Error {
    Unsupported.error(format!("{} cannot be shut down through JumpCloud: {why}; nothing was done", host.name()))
}

/// What JumpCloud's queue shows for the host before this command, as the end of a sentence. That it cannot be read keeps
/// nothing from being sent.
async fn waiting(reader: &Reader<'_>, id: &ObjectId) -> String {
    match reader.queued_commands(id).await {
        Err(error) => format!("; what waits there already could not be read ({})", error.error_type),
        Ok(queue) if queue.items.is_empty() => {
            "; JumpCloud's list of queued commands names none for it (whether it shows a shutdown is not documented)"
                .to_owned()
        }
        Ok(queue) => {
            let ids: Vec<&str> =
                queue.items.iter().filter_map(|command| command.workflow().ok()).take(MAX_NAMED).collect();
            format!("; already waiting there: {} ({})", counted(queue.items.len(), "command"), ids.join(", "))
        }
    }
}

fn queued_until_online(host: &System) -> Option<Advisory> {
    let message = match (host.active, host.os_kind()) {
        (Some(true), _) => return None,
        (_, OsKind::MacOs) => {
            "A Mac that is offline gets the command from Apple when it is back. How long Apple keeps it is not documented, and neither is a way to call it back."
        }
        (Some(false), _) => {
            "The command does not expire, and JumpCloud documents no way to call it back: the host shuts down whenever it comes online again, be it in weeks."
        }
        (None, _) => {
            "If the host is offline, the command waits in the queue. It does not expire, and JumpCloud documents no way to call it back."
        }
    };
    Some(Advisory::new(AdvisoryCode::QueuedUntilOnline, message))
}
