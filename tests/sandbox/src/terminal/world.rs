//! What the functions run against: a rehearsal, or JumpCloud itself.

use std::{env, net::Ipv4Addr};

use crate::{
    dynamo::Dynamo,
    playbooks::Playbook,
    secrets::Secrets,
    serve::Listeners,
    settings::passed_on,
    tenant::{API_KEY, Tenant},
};

/// What the stand-in for Secrets Manager says of itself.
const OF_THE_SECRET: [&str; 2] = ["JUMPCLOUD_SECRET_ID", "AWS_ENDPOINT_URL_SECRETS_MANAGER"];

/// What the functions run against, and the variables that lead them there.
pub struct World {
    env: Vec<(&'static str, String)>,
    _tenant: Option<Tenant>,
    _secrets: Option<Secrets>,
    _dynamo: Option<Dynamo>,
}

impl World {
    /// A rehearsal on free ports.
    ///
    /// # Errors
    /// In words, where no port is free.
    pub async fn rehearsal() -> Result<Self, String> {
        let listen = || Listeners::bind(Ipv4Addr::LOCALHOST.into(), 0);
        Ok(Self::rehearsal_on(listen().await?, listen().await?, listen().await?).await)
    }

    /// A tenant, Secrets Manager and DynamoDB on these ports.
    pub async fn rehearsal_on(tenant: Listeners, secrets: Listeners, dynamo: Listeners) -> Self {
        let (tenant, secrets) = (Tenant::start_on(tenant), Secrets::start_on(secrets, API_KEY));
        let dynamo = Dynamo::start_on(dynamo).await;
        // A sample event is as old as its file; in a rehearsal that is no reason to refuse it.
        let mut env = vec![("MAX_EVENT_AGE_SECONDS", u32::MAX.to_string())];
        env.extend(passed_on(false));
        env.push(("JUMPCLOUD_API_URL", tenant.url()));
        env.extend(secrets.env());
        env.extend(dynamo.env());
        Self { env, _tenant: Some(tenant), _secrets: Some(secrets), _dynamo: Some(dynamo) }
    }

    /// JumpCloud itself. What changes something there does so behind the guard table, or without one on purpose.
    ///
    /// # Errors
    /// In words, where a variable is missing.
    pub async fn live(playbook: &Playbook) -> Result<Self, String> {
        let world = Self::live_read_only(playbook.calls_jumpcloud()).await?;
        if playbook.changes && !is_set("GUARD_TABLE") {
            return Err("--live needs the guard table for what changes something: set GUARD_TABLE to its name (with AWS credentials in the environment), or to none to act without one.".to_owned());
        }
        Ok(world)
    }

    /// The same for what changes nothing, and needs no table.
    ///
    /// # Errors
    /// As [`World::live`].
    pub async fn live_read_only(needs_key: bool) -> Result<Self, String> {
        let key = env::var("JUMPCLOUD_API_KEY").ok().filter(|_| is_set("JUMPCLOUD_API_KEY"));
        let secrets = match key {
            _ if !needs_key => None,
            Some(key) => Some(Secrets::start(&key).await),
            None if is_set("JUMPCLOUD_SECRET_ID") => None,
            None => return Err("--live needs the key: set JUMPCLOUD_API_KEY to it, or JUMPCLOUD_SECRET_ID to its name in Secrets Manager (with AWS credentials in the environment).".to_owned()),
        };
        let mut env: Vec<_> = secrets.iter().flat_map(Secrets::env).collect();
        // After the stand-in's credentials: the guard table needs the real ones.
        env.extend(passed_on(true).into_iter().filter(|(name, _)| secrets.is_none() || !OF_THE_SECRET.contains(name)));
        Ok(Self { env, _tenant: None, _secrets: secrets, _dynamo: None })
    }

    /// The variables of a function, with `changes`.
    pub fn env<'a>(&self, changes: &[(&'a str, &str)]) -> Vec<(&'a str, String)> {
        let own = self.env.iter().map(|(name, value)| (*name, value.clone()));
        own.chain(changes.iter().map(|(name, value)| (*name, (*value).to_owned()))).collect()
    }

    /// Whether it is JumpCloud itself.
    pub fn is_live(&self) -> bool {
        self._tenant.is_none()
    }
}

/// Whether a variable of this process says something.
pub fn is_set(name: &str) -> bool {
    env::var(name).is_ok_and(|value| !value.trim().is_empty())
}
