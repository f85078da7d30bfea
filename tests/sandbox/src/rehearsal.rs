//! A tenant with a secret that leads to it and a guard table, and functions that run against them.

use std::{collections::HashMap, path::PathBuf, sync::LazyLock, time::Duration};

use serde_json::Value;

use crate::{
    binaries,
    dynamo::Dynamo,
    lambda::Function,
    playbooks,
    secrets::Secrets,
    tenant::{API_KEY, Tenant},
};

/// All binaries, built once per process.
static BINARIES: LazyLock<HashMap<String, PathBuf>> = LazyLock::new(|| binaries::functions(&playbooks::names()));

/// The timeout that functions are invoked with where a test does not care.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// A tenant, Secrets Manager and the guard table.
pub struct Rehearsal {
    /// JumpCloud.
    pub tenant: Tenant,
    /// Secrets Manager, holding the tenant's key.
    pub secrets: Secrets,
    /// DynamoDB, with the guard table.
    pub dynamo: Dynamo,
}

impl Rehearsal {
    /// A freshly seeded tenant.
    pub async fn start() -> Self {
        let (tenant, secrets) = (Tenant::start().await, Secrets::start(API_KEY).await);
        Self { tenant, secrets, dynamo: Dynamo::start().await }
    }

    /// The variables that lead a function here.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let mut env = Vec::from(self.secrets.env());
        env.push(("JUMPCLOUD_API_URL", self.tenant.url()));
        env.extend(self.dynamo.env());
        env
    }

    /// A cold function with `changes` to its variables; an empty value counts as unset.
    pub async fn function(&self, name: &str, changes: &[(&'static str, &str)]) -> Function {
        let mut env = self.env();
        env.extend(changes.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Function::start(&BINARIES[name], env, false).await.checked()
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
