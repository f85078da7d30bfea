//! The devices of a user.

use std::collections::HashMap;

use futures_util::future::{LocalBoxFuture, ready};
use serde_json::Value;

use crate::{
    error::{Error, ErrorType},
    ids::ObjectId,
    jumpcloud::{Binding, Listing, Object, OsKind, Reader, System},
    outcome::{Advisory, AdvisoryCode},
};

/// A user's devices, resolved. For a command they only inform: a failure to read them never fails it.
#[derive(Default)]
pub struct Devices {
    pub(super) systems: Vec<System>,
    /// How the user is bound to them, by their ids.
    pub(super) bindings: HashMap<ObjectId, Binding>,
    /// What could not be read.
    pub(super) problem: Option<Advisory>,
}

/// The devices that the user may log in on, for a command's advisories.
pub(super) fn of_user<'a>(reader: &'a Reader<'a>, id: &'a ObjectId) -> LocalBoxFuture<'a, Devices> {
    Box::pin(async {
        match read(reader, id).await {
            Ok(devices) => devices,
            Err(error) => Devices::unread(error.error_type),
        }
    })
}

/// For commands whose advisories are about no devices.
pub(super) fn none<'a>(_: &'a Reader<'a>, _: &'a ObjectId) -> LocalBoxFuture<'a, Devices> {
    Box::pin(ready(Devices::default()))
}

/// The devices that the user may log in on.
pub(super) async fn read(reader: &Reader<'_>, id: &ObjectId) -> Result<Devices, Error> {
    let listing = reader.user_systems(id).await?;
    let (systems, complete) = resolve::<System>(reader, &listing).await?;
    Ok(Devices { systems, bindings: listing.bindings(), problem: incomplete(complete) })
}

pub(super) fn incomplete(complete: bool) -> Option<Advisory> {
    (!complete).then(|| Advisory::new(AdvisoryCode::DevicesIncomplete, "Not all devices of the user are listed here: there are more than 1,000, or the key may not see them; see the Admin Portal."))
}

/// The objects behind a listing's ids, and whether these are all.
pub(super) async fn resolve<T: Object>(reader: &Reader<'_>, listing: &Listing) -> Result<(Vec<T>, bool), Error> {
    let ids = listing.ids();
    let objects: Vec<T> = reader.get_many(&ids).await?;
    let named = listing.objects.iter().all(|object| object.id.as_deref().and_then(ObjectId::parse).is_some());
    let complete = !listing.truncated && named && objects.len() == ids.len();
    Ok((objects, complete))
}

/// `brief` with how it is bound.
pub(super) fn with_binding(mut brief: Value, id: Option<ObjectId>, bindings: &HashMap<ObjectId, Binding>) -> Value {
    let binding = id.and_then(|id| bindings.get(&id)).and_then(|binding| serde_json::to_value(binding).ok());
    if let (Value::Object(brief), Some(Value::Object(binding))) = (&mut brief, binding) {
        brief.extend(binding);
    }
    brief
}

impl Devices {
    /// For a list that could not be read.
    pub(super) fn unread(error: ErrorType) -> Self {
        let message =
            format!("The user's devices could not be read ({error}); what is said about devices here is missing.");
        Self { problem: Some(Advisory::new(AdvisoryCode::DevicesUnknown, message)), ..Self::default() }
    }

    /// An advisory about each device that `applies` to.
    pub(super) fn advise(
        &self,
        code: AdvisoryCode,
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
