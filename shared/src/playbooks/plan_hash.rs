//! One number for what would be done to whom.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{jumpcloud::Object, outcome::OutcomeTarget};

use super::devices::Devices;

/// What would be done, to whom, and from which state.
pub(super) struct Planned<'a> {
    pub(super) playbook: &'a str,
    pub(super) organization: Option<&'a str>,
    pub(super) target: &'a OutcomeTarget,
    pub(super) state: &'a Value,
}

/// SHA-256 of the plan and the devices, in hex. `None` where not all devices are known: the number would stand for less than
/// what happens.
pub(super) fn plan_hash(planned: &Planned<'_>, devices: &Devices) -> Option<String> {
    if devices.problem.is_some() {
        return None;
    }
    let mut ids: Vec<String> =
        devices.systems.iter().filter_map(|system| Some(system.id().ok()?.as_str().to_owned())).collect();
    ids.sort();
    let mut state = planned.state.clone();
    // Moves on while nothing else does.
    if let Some(state) = state.as_object_mut() {
        state.remove("last_contact");
    }
    let plan = json!([planned.playbook, planned.organization, planned.target.id, state, ids]).to_string();
    Some(Sha256::digest(plan).iter().map(|byte| format!("{byte:02x}")).collect())
}
