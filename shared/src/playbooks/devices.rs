//! The devices of a user.

use serde_json::{Value, json};

use crate::{
    error::Error,
    jumpcloud::{Listing, Object, ObjectId, OsKind, Session, System},
    outcome::Advisory,
};

/// A user's devices, resolved. They only inform: a failure to read them never fails the playbook.
pub(super) struct Devices {
    pub(super) systems: Vec<System>,
    /// What could not be read.
    pub(super) problem: Option<Advisory>,
}

/// The devices that the user may log in on.
pub(super) async fn of_user(session: &Session<'_>, id: &ObjectId) -> Devices {
    let read = async { resolve::<System>(session, session.user_systems(id).await?).await };
    match read.await {
        Ok((systems, complete)) => {
            let problem = (!complete).then(|| Advisory::new("DEVICES_INCOMPLETE", "Not all devices of the user are listed here: there are more than 1,000, or the key may not see them; see the Admin Portal."));
            Devices { systems, problem }
        }
        Err(error) => Devices {
            systems: Vec::new(),
            problem: Some(Advisory::new(
                "DEVICES_UNKNOWN",
                format!(
                    "The user's devices could not be read ({:?}); what is said about devices here is missing.",
                    error.error_type
                ),
            )),
        },
    }
}

/// The objects behind a listing's ids, and whether these are all.
pub(super) async fn resolve<T: Object>(session: &Session<'_>, listing: Listing) -> Result<(Vec<T>, bool), Error> {
    let mut ids: Vec<ObjectId> =
        listing.objects.iter().filter_map(|object| ObjectId::parse(object.id.as_deref()?)).collect();
    ids.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    ids.dedup();
    let objects: Vec<T> = session.get_many(&ids).await?;
    let complete = !listing.truncated && objects.len() == ids.len();
    Ok((objects, complete))
}

/// One device in a few words of facts.
pub(super) fn brief(system: &System) -> Value {
    json!({
        "id": system.id().ok(),
        "hostname": system.hostname,
        "display_name": system.display_name,
        "os": system.os,
        "version": system.version,
        "online": system.active,
        "last_contact": system.last_contact,
    })
}

impl Devices {
    /// An advisory about each device that `applies` to.
    pub(super) fn advise(
        &self,
        code: &'static str,
        applies: impl Fn(&System) -> bool,
        message: impl Fn(&System) -> String,
    ) -> Vec<Advisory> {
        let advise = |system: &System| Advisory {
            code,
            message: message(system),
            host_id: system.id().ok().map(|id| id.as_str().to_owned()),
        };
        self.systems.iter().filter(|system| applies(system)).map(advise).collect()
    }

    pub(super) fn any(&self, kinds: &[OsKind]) -> bool {
        self.systems.iter().any(|system| kinds.contains(&system.os_kind()))
    }
}
