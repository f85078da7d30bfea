//! One number for what would be done to whom.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{jumpcloud::Object, outcome::OutcomeTarget};

use super::devices::Devices;

/// SHA-256 of playbook, organization, target, state and devices, in hex. `None` where not all devices are known: the
/// number would stand for less than what happens.
pub(super) fn plan_hash(
    playbook: &str,
    organization: Option<&str>,
    target: &OutcomeTarget,
    state: &Value,
    devices: &Devices,
) -> Option<String> {
    if devices.problem.is_some() {
        return None;
    }
    let mut ids: Vec<String> =
        devices.systems.iter().filter_map(|system| Some(system.id().ok()?.as_str().to_owned())).collect();
    ids.sort();
    let mut state = state.clone();
    // Moves on while nothing else does.
    if let Some(state) = state.as_object_mut() {
        state.remove("last_contact");
    }
    let plan = json!([playbook, organization, target.id, state, ids]).to_string();
    Some(Sha256::digest(plan).iter().map(|byte| format!("{byte:02x}")).collect())
}
