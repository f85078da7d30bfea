//! All playbooks, for tests: a function holds the code of one.

use super::{
    disable_user::DISABLE_USER, enable_user::ENABLE_USER, enrich_host::ENRICH_HOST, enrich_user::ENRICH_USER,
    reset_password::RESET_PASSWORD, run::Playbook, shutdown_host::SHUTDOWN_HOST,
};
use crate::guard::Guard;

/// All of them, the commands with `guard`.
pub fn all<G: Guard + Clone + 'static>(guard: &G) -> Vec<Box<dyn Playbook>> {
    vec![
        Box::new(ENRICH_HOST),
        Box::new(ENRICH_USER),
        Box::new(ENABLE_USER.guarded(guard.clone())),
        Box::new(DISABLE_USER.guarded(guard.clone())),
        Box::new(RESET_PASSWORD.guarded(guard.clone())),
        Box::new(SHUTDOWN_HOST.guarded(guard.clone())),
    ]
}
