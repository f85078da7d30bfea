//! The way on which a shutdown reaches a host: JumpCloud's agent, or for a Mac its Apple MDM; and the one to call it back.

use serde_json::{Value, json};

use crate::{
    error::Error,
    jumpcloud::{MdmDevice, OsKind, QueuedCommand, Reader, System},
};

/// A way that exists.
#[derive(Clone, Debug)]
pub enum Channel {
    /// JumpCloud's agent on the host.
    Agent,
    /// The Apple MDM that the Mac is enrolled in.
    AppleMdm(MdmDevice),
    /// The queue, out of which these commands are called back.
    Queue(Vec<QueuedCommand>),
}

impl Channel {
    /// The name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::AppleMdm(_) => "apple-mdm",
            Self::Queue(_) => "queue",
        }
    }
}

/// Which way there is.
pub(super) enum Way {
    By(Channel),
    /// None, as this says.
    None(String),
}

impl Way {
    /// As a fact about a host.
    pub(super) fn fact(&self) -> Value {
        match self {
            Self::By(channel) => json!({"channel": channel.name()}),
            Self::None(why) => json!({"channel": null, "why": why}),
        }
    }
}

/// What is known without a call: JumpCloud documents its agent's command for Windows and Linux only. A device says in
/// `builtInCommands` what it takes; where it does not say, the operating system decides. `None` for a Mac.
pub(super) fn known(host: &System) -> Option<Way> {
    let none = |why: String| Some(Way::None(why));
    if let Some(name) = host.mobile_os() {
        return none(format!("it runs {name}, which JumpCloud has no shutdown for here"));
    }
    match (host.os_kind(), &host.built_in_commands) {
        (OsKind::MacOs, _) => None,
        (_, Some(offered)) if offered.iter().any(|command| command.name.as_deref() == Some("shutdown")) => {
            Some(Way::By(Channel::Agent))
        }
        (_, Some(_)) => none("the device does not offer it (builtInCommands); check its agent".to_owned()),
        (OsKind::Windows | OsKind::Linux, None) => Some(Way::By(Channel::Agent)),
        (OsKind::Other, None) => {
            none("it runs neither Windows nor Linux nor macOS, as far as JumpCloud says".to_owned())
        }
    }
}

/// The same for every host; asks the organization's Apple MDM about a Mac.
///
/// # Errors
/// Where the MDM could not be read.
pub(super) async fn find(reader: &Reader<'_>, host: &System) -> Result<Way, Error> {
    if let Some(known) = known(host) {
        return Ok(known);
    }
    let mac = "it runs macOS, which is shut down through Apple MDM, and";
    let Some(serial_number) = host.serial_number.as_deref().map(str::trim).filter(|number| !number.is_empty()) else {
        return Ok(Way::None(format!("{mac} JumpCloud does not know its serial number, by which the MDM knows it")));
    };
    let Some(mut devices) = reader.mdm_devices(serial_number).await? else {
        return Ok(Way::None(format!("{mac} the organization has no Apple MDM")));
    };
    Ok(match (devices.pop(), devices.len()) {
        (None, _) => Way::None(format!("{mac} it is not enrolled in the organization's Apple MDM")),
        // Also where one of them is not enrolled: which of them the Mac is now is not certain.
        (Some(_), others @ 1..) => {
            Way::None(format!("{mac} the Apple MDM has {} devices with its serial number", others + 1))
        }
        (Some(device), _) => match device.enrolled {
            Some(true) => Way::By(Channel::AppleMdm(device)),
            Some(false) => Way::None(format!("{mac} the Apple MDM knows it and it is not enrolled any more")),
            None => Way::None(format!("{mac} the Apple MDM does not say whether it is enrolled")),
        },
    })
}
