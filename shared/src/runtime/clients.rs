//! The clients of a process: one for each organization, with its own key, token and connections.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    credentials::Secrets,
    error::Error,
    http,
    jumpcloud::{Client, SuspendWith},
    organizations::{Alias, Organizations},
    vars::{self, Vars},
};

/// At most this many are kept, the least recently used one goes first: whoever may invoke the function may name any alias.
const MOST: usize = 32;

/// Lent to every invocation.
pub(super) enum Clients {
    /// Of the one organization that there is: built and warmed in init.
    One(Arc<Client>),
    /// Of several: each built when it is first asked for.
    Several(Box<Several>),
}

/// What clients are built of, and those that are.
pub(super) struct Several {
    organizations: Organizations,
    secrets: Secrets,
    suspend_with: SuspendWith,
    /// The most recently used one last.
    built: Mutex<Vec<(Alias, Arc<Client>)>>,
}

impl Clients {
    pub(super) fn from_vars(vars: &Vars<'_>, http: reqwest::Client) -> Result<Self, Error> {
        let organizations = Organizations::from_vars(vars)?;
        let secrets = Secrets::from_vars(vars, http.clone())?;
        let suspend_with = vars.parsed(&vars::SUSPEND_WITH, SuspendWith::parse)?.unwrap_or_default();
        Ok(match organizations.are_several() {
            false => {
                let keys = Arc::new(secrets.of_one(http.clone()));
                Self::One(Client::new(http, keys).suspending_with(suspend_with).into())
            }
            true => Self::Several(Several { organizations, secrets, suspend_with, built: Mutex::default() }.into()),
        })
    }

    /// The client of an organization; without one, of the one that there is.
    ///
    /// # Errors
    /// `Internal` where none can be built, or it is not known which.
    pub(super) fn of(&self, organization: Option<&Alias>) -> Result<Arc<Client>, Error> {
        match (self, organization) {
            (Self::One(client), None) => Ok(client.clone()),
            (Self::Several(several), Some(alias)) => several.of(alias),
            (Self::One(_), Some(_)) | (Self::Several(_), None) => Err(crate::organizations::undecided()),
        }
    }

    /// Opens what the first invocation needs. Of several it is not known which that is.
    pub(super) async fn warm_up(&self) {
        if let Self::One(client) = self {
            client.warm_up().await;
        }
    }
}

impl Several {
    fn of(&self, alias: &Alias) -> Result<Arc<Client>, Error> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = match built.iter().position(|(known, _)| known == alias) {
            Some(index) => built.remove(index),
            None => (alias.clone(), self.build(alias)?.into()),
        };
        let client = entry.1.clone();
        if built.len() >= MOST {
            built.remove(0); // an invocation that uses it keeps it until it ends
        }
        built.push(entry);
        Ok(client)
    }

    fn build(&self, alias: &Alias) -> Result<Client, Error> {
        let http = http::client()?;
        let keys = self.secrets.of(alias, self.organizations.id(alias), http.clone());
        Ok(Client::new(http, Arc::new(keys)).suspending_with(self.suspend_with))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn clients(env: Vec<(&'static str, String)>) -> Clients {
        let env: HashMap<_, _> = env.into_iter().collect();
        Clients::from_vars(&Vars(&|name: &str| env.get(name).cloned()), http::client().unwrap()).unwrap()
    }

    fn alias(text: &str) -> Alias {
        Alias::parse(text).unwrap()
    }

    #[tokio::test]
    async fn each_organization_has_one_client_and_there_are_not_more_than_are_kept() {
        let secrets = sandbox::secrets::Secrets::start("jca_one").await;
        let mut env = Vec::from(secrets.env());
        let one = clients(env.clone());
        assert!(Arc::ptr_eq(&one.of(None).unwrap(), &one.of(None).unwrap()) && one.of(Some(&alias("acme"))).is_err());
        env.push(("JUMPCLOUD_SECRET_ID", "jumpcloud/{organization}/key".to_owned()));
        let several = clients(env);
        assert!(several.of(None).is_err());
        let acme = several.of(Some(&alias("acme"))).unwrap();
        for number in 0..3 * MOST {
            several.of(Some(&alias(&format!("o{number}")))).unwrap();
            // In use, and so never the one that goes.
            assert!(Arc::ptr_eq(&acme, &several.of(Some(&alias("acme"))).unwrap()));
        }
        let Clients::Several(several_built) = &several else { panic!("several") };
        assert_eq!(several_built.built.lock().unwrap().len(), MOST);
        assert!(!Arc::ptr_eq(&acme, &several.of(Some(&alias("globex"))).unwrap()));
    }
}
