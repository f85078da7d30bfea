//! A tenant with a secret that leads to it, and functions that run against both.

use std::{collections::HashMap, path::PathBuf, sync::LazyLock, time::Duration};

use serde_json::Value;

use crate::{
    binaries,
    lambda::Function,
    playbooks,
    secrets::Secrets,
    tenant::{API_KEY, Tenant},
};

/// All binaries, built once per process.
static BINARIES: LazyLock<HashMap<String, PathBuf>> = LazyLock::new(|| binaries::functions(&playbooks::names()));

/// The timeout that functions are invoked with where a test does not care.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// A tenant and Secrets Manager.
pub struct Rehearsal {
    /// JumpCloud.
    pub tenant: Tenant,
    /// Secrets Manager, holding the tenant's key.
    pub secrets: Secrets,
}

impl Rehearsal {
    /// A freshly seeded tenant.
    pub async fn start() -> Self {
        Self { tenant: Tenant::start().await, secrets: Secrets::start(API_KEY).await }
    }

    /// The variables that lead a function here.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let mut env = Vec::from(self.secrets.env());
        env.push(("JUMPCLOUD_API_URL", self.tenant.url()));
        env
    }

    /// A cold function with `changes` to its variables; an empty value counts as unset.
    pub async fn function(&self, name: &str, changes: &[(&'static str, &str)]) -> Function {
        let mut env = self.env();
        env.extend(changes.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Function::start(&BINARIES[name], env, false).await
    }

    /// One event of any bytes to a cold function: `response` or `error`, the answer, and all that was logged.
    pub async fn raw(&self, name: &str, event: Vec<u8>) -> (String, String, String) {
        crate::raw::invoke(&BINARIES[name], self.env(), event).await
    }

    /// One invocation of a cold function.
    pub async fn run(&self, name: &str, event: Value) -> Result<Value, Value> {
        self.function(name, &[]).await.invoke(event, TIMEOUT).await
    }
}
