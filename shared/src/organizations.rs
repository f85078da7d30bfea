//! Whom a deployment works for: one organization, or several by their aliases.
//!
//! Nothing that an alert says chooses one. It is where AWS says that the alert comes from, or what a direct event names.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::{
    error::{
        Error,
        ErrorType::{Internal, InvalidInput, Unsupported},
    },
    vars::{self, Var, Vars, misconfigured},
};

/// Stands for the alias in the secret's name.
const PLACE: &str = "{organization}";
/// The most aliases that a message names.
const MAX_NAMED: usize = 20;

/// What an organization is called in events, keys, secrets and log lines: `[a-z0-9][a-z0-9-]{0,62}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("pattern" = "^[a-z0-9][a-z0-9-]{0,62}$")))]
pub struct Alias(String);

impl Alias {
    /// `None` for what is none. `default` is what the ledger calls an organization without a name.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let valid = (1..=63).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('-');
        (valid && text != "default").then(|| Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where AWS says that an event comes from.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// EventBridge invoked the function with an event of this AWS account.
    Account(&'a str),
    /// A queue, by its ARN.
    Queue(&'a str),
    /// Neither.
    Elsewhere,
}

/// The organizations of a deployment.
#[derive(Clone, Debug)]
pub struct Organizations {
    served: Served,
    /// `ORGANIZATION_OF_ACCOUNT`.
    of: BTreeMap<String, Alias>,
}

#[derive(Clone, Debug)]
enum Served {
    One,
    /// Those that have a secret: IAM bounds which.
    WithSecret,
    /// With the ids that calls are made for.
    Listed(BTreeMap<Alias, Option<String>>),
}

impl Organizations {
    /// From a function's environment.
    ///
    /// # Errors
    /// `Internal` for a variable that makes no sense, or contradicts another.
    pub fn from_vars(vars: &Vars<'_>) -> Result<Self, Error> {
        let pattern = vars.text(&vars::JUMPCLOUD_SECRET_ID).is_some_and(|id| id.contains(PLACE));
        let listed = pairs(vars, &vars::JUMPCLOUD_ORGS)?.map(|pairs| listed(pairs, pattern)).transpose()?;
        let of = pairs(vars, &vars::ORGANIZATION_OF_ACCOUNT)?;
        let served = match listed {
            Some(listed) => Served::Listed(listed),
            None if pattern => Served::WithSecret,
            None => Served::One,
        };
        let organizations = Self { served, of: BTreeMap::new() };
        if !organizations.are_several() {
            let why = "needs several organizations: JUMPCLOUD_ORGS, or {organization} in JUMPCLOUD_SECRET_ID";
            return match of {
                Some(_) => Err(misconfigured(vars::ORGANIZATION_OF_ACCOUNT.name, why)),
                None => Ok(organizations),
            };
        }
        if vars.text(&vars::JUMPCLOUD_ORG_ID).is_some() {
            let why = "is the id of one organization, and the function serves several; give it in JUMPCLOUD_ORGS or in the organization's secret";
            return Err(misconfigured(vars::JUMPCLOUD_ORG_ID.name, why));
        }
        let of = of.unwrap_or_default().into_iter().map(|(source, alias)| organizations.owner(source, alias));
        let of = unique(of.collect::<Result<_, _>>()?, &vars::ORGANIZATION_OF_ACCOUNT)?;
        Ok(Self { of, ..organizations })
    }

    /// An entry of `ORGANIZATION_OF_ACCOUNT`.
    fn owner(&self, source: String, alias: Option<String>) -> Result<(String, Alias), Error> {
        let name = vars::ORGANIZATION_OF_ACCOUNT.name;
        let alias = alias.as_deref().and_then(Alias::parse);
        let (true, Some(alias)) = (is_account(&source) || is_queue(&source), alias) else {
            return Err(misconfigured(name, &format!("must be {}", vars::ORGANIZATION_OF_ACCOUNT.must_be)));
        };
        match self.allows(&alias) {
            true => Ok((source, alias)),
            false => Err(misconfigured(name, &format!("names {alias}, which is not in JUMPCLOUD_ORGS"))),
        }
    }

    /// Whether events have to say, or AWS has to, whose they are.
    pub fn are_several(&self) -> bool {
        !matches!(self.served, Served::One)
    }

    fn allows(&self, alias: &Alias) -> bool {
        match &self.served {
            Served::One => false,
            Served::WithSecret => true,
            Served::Listed(listed) => listed.contains_key(alias),
        }
    }

    /// Those that the configuration names: not each that there may be where secrets alone decide.
    pub fn named(&self) -> Vec<&Alias> {
        let mut named: Vec<&Alias> = match &self.served {
            Served::Listed(listed) => listed.keys().collect(),
            Served::One | Served::WithSecret => self.of.values().collect(),
        };
        named.sort();
        named.dedup();
        named
    }

    /// The id in `JUMPCLOUD_ORGS`.
    pub fn id(&self, alias: &Alias) -> Option<&str> {
        let Served::Listed(listed) = &self.served else { return None };
        listed.get(alias)?.as_deref()
    }

    /// The organization that a direct event names. `None` where the function serves one.
    ///
    /// # Errors
    /// `InvalidInput` where it must not be named, or has to be, or is none that is served.
    pub fn asked(&self, name: Option<&str>) -> Result<Option<Alias>, Error> {
        let refused = |what: &str| Err(InvalidInput.error(format!("{what}; nothing was done")));
        match (self.are_several(), name) {
            (false, None) => Ok(None),
            (false, Some(_)) => refused("`organization` is not for this function, which serves one organization"),
            (true, None) => {
                refused(&format!("`organization` is missing, and this function serves several: {}", self.choice()))
            }
            (true, Some(name)) => match Alias::parse(name).filter(|alias| self.allows(alias)) {
                Some(alias) => Ok(Some(alias)),
                None => refused(&format!("`organization` is none that this function serves: {}", self.choice())),
            },
        }
    }

    /// The organization of an alert. `None` where the function serves one.
    ///
    /// # Errors
    /// `Unsupported` where AWS does not say where it comes from, or it is from nowhere that is known.
    pub fn of(&self, origin: Origin<'_>) -> Result<Option<Alias>, Error> {
        let known = match origin {
            Origin::Account(id) if is_account(id) => self.of.get(id),
            Origin::Queue(arn) if is_queue(arn) => self.of.get(arn),
            _ => None,
        };
        if known.is_some() || !self.are_several() {
            return Ok(known.cloned());
        }
        let why = match origin {
            Origin::Account(id) if is_account(id) => {
                format!("it is of the AWS account {id}, which is not in ORGANIZATION_OF_ACCOUNT; add {id}=<alias> to it")
            }
            Origin::Queue(arn) if is_queue(arn) => {
                format!("it is from the queue {arn}, which is not in ORGANIZATION_OF_ACCOUNT; add {arn}=<alias> to it")
            }
            _ => "only the AWS account of an EventBridge event that invokes the function directly, or the ARN of a queue, says whose an alert is; send it by one of them, and name that in ORGANIZATION_OF_ACCOUNT".to_owned(),
        };
        Err(Unsupported.error(format!("whose alert this is, is not known: {why}; nothing was done")))
    }

    /// What may be named.
    fn choice(&self) -> String {
        match &self.served {
            Served::Listed(listed) => {
                let names: Vec<String> = listed.keys().take(MAX_NAMED).map(|alias| format!("`{alias}`")).collect();
                let more = if listed.len() > MAX_NAMED { ", ..." } else { "" };
                format!("give one of {}{more}", names.join(", "))
            }
            Served::One | Served::WithSecret => {
                "give its alias as it is in the name of its secret: lower-case letters, digits and hyphens".to_owned()
            }
        }
    }
}

/// Where intake let something pass that it must not: an organization is never guessed.
pub fn undecided() -> Error {
    Internal.error("it was not decided which organization this is about; nothing was done; report the log")
}

/// The secret of an organization.
pub fn secret_id(pattern: &str, alias: &Alias) -> String {
    pattern.replace(PLACE, alias.as_str())
}

/// `key=value`, or `key` alone.
type Pair = (String, Option<String>);

/// Those of a variable; `None` where it is not set.
fn pairs(vars: &Vars<'_>, var: &Var) -> Result<Option<Vec<Pair>>, Error> {
    vars.parsed(var, |text| {
        let entry = |entry: &str| {
            let (key, value) = entry.split_once('=').map_or((entry, None), |(key, value)| (key, Some(value)));
            let value = value.map(|value| value.trim().to_owned());
            (!key.trim().is_empty()).then(|| (key.trim().to_owned(), value))
        };
        text.split(',').map(entry).collect()
    })
}

/// `JUMPCLOUD_ORGS`.
fn listed(pairs: Vec<Pair>, pattern: bool) -> Result<BTreeMap<Alias, Option<String>>, Error> {
    let var = &vars::JUMPCLOUD_ORGS;
    let read = |(alias, id): Pair| {
        let is_id =
            |id: &String| !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (Some(alias), true) = (Alias::parse(&alias), id.as_ref().is_none_or(is_id)) else {
            let why = format!("must be {}; an alias has lower-case letters, digits and hyphens", var.must_be);
            return Err(misconfigured(var.name, &why));
        };
        if id.is_none() && !pattern {
            let why = format!(
                "names {alias} without an id, which one key for several needs; give {alias}=<id>, or each its own secret with {PLACE} in JUMPCLOUD_SECRET_ID"
            );
            return Err(misconfigured(var.name, &why));
        }
        Ok((alias, id.map(|id| id.to_ascii_lowercase())))
    };
    let listed = unique(pairs.into_iter().map(read).collect::<Result<_, _>>()?, var)?;
    let mut ids: Vec<&String> = listed.values().flatten().collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    match ids.len() == count {
        true => Ok(listed),
        false => Err(misconfigured(var.name, "gives one organization two names, so that limits would count it twice")),
    }
}

fn unique<K: Ord, V>(pairs: Vec<(K, V)>, var: &Var) -> Result<BTreeMap<K, V>, Error> {
    let count = pairs.len();
    let map: BTreeMap<K, V> = pairs.into_iter().collect();
    if map.len() == count { Ok(map) } else { Err(misconfigured(var.name, "names something twice")) }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `arn:aws:sqs:us-east-1:123456789012:findings`.
fn is_queue(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let is_word = |text: &&str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    text.len() <= 256
        && matches!(parts[..], ["arn", partition, "sqs", _, account, _] if partition.starts_with("aws") && is_account(account))
        && parts.iter().all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "633f3f295482343ff32add41";
    const OTHER: &str = "60259a2ad81e1a474d4e7c83";
    const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:Findings.fifo";

    fn read(vars: &[(&str, &str)]) -> Result<Organizations, Error> {
        let var = |name: &str| Some(vars.iter().find(|(key, _)| *key == name)?.1.to_owned());
        Organizations::from_vars(&Vars(&var))
    }

    #[test]
    fn an_alias_cannot_be_mistaken_for_another_key() {
        for text in ["a", "acme", "4-you", "a-", &"a".repeat(63)] {
            assert!(Alias::parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            "-a",
            "Acme",
            "a_b",
            "a#b",
            "a/b",
            "*",
            "default",
            "ä",
            "a b",
            "a\n",
            "{organization}",
            &"a".repeat(64),
        ] {
            assert!(Alias::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn one_organization_is_never_named() {
        let one = read(&[("JUMPCLOUD_SECRET_ID", "jumpcloud/key"), ("JUMPCLOUD_ORG_ID", ID)]).unwrap();
        assert!(!one.are_several() && one.asked(None).unwrap().is_none());
        assert!(one.asked(Some("acme")).unwrap_err().message.contains("serves one organization"));
        for origin in [Origin::Account("123456789012"), Origin::Queue(QUEUE), Origin::Elsewhere] {
            assert!(one.of(origin).unwrap().is_none());
        }
    }

    #[test]
    fn a_list_bounds_who_is_served_and_secrets_do_without_one() {
        let listed = read(&[("JUMPCLOUD_ORGS", &format!("acme={ID}, globex={OTHER}"))]).unwrap();
        let acme = listed.asked(Some("acme")).unwrap().unwrap();
        assert_eq!((listed.id(&acme), listed.named().len()), (Some(ID), 2));
        for name in [None, Some("initech"), Some("ACME"), Some("*"), Some("a\r\nb")] {
            let error = listed.asked(name).unwrap_err();
            assert!(error.error_type == InvalidInput && error.message.contains("`acme`, `globex`"), "{error}");
            assert!(!error.message.contains("initech"), "{error}");
        }
        let many: Vec<String> = (0..40).map(|number| format!("o{number:02}={number:024}")).collect();
        let error = read(&[("JUMPCLOUD_ORGS", &many.join(","))]).unwrap().asked(None).unwrap_err();
        assert!(error.message.contains("`o19`, ...") && !error.message.contains("o20"), "{error}");
        let pattern = read(&[("JUMPCLOUD_SECRET_ID", "jumpcloud/{organization}/key")]).unwrap();
        let alias = pattern.asked(Some("initech")).unwrap().unwrap();
        assert_eq!(secret_id("jumpcloud/{organization}/key", &alias), "jumpcloud/initech/key");
        assert!(pattern.asked(Some("../x")).is_err() && pattern.asked(None).is_err());
    }

    #[test]
    fn an_alert_is_whose_account_or_queue_it_comes_from() {
        let of = format!("123456789012=acme,{QUEUE}=globex");
        let both = read(&[("JUMPCLOUD_SECRET_ID", "{organization}"), ("ORGANIZATION_OF_ACCOUNT", &of)]).unwrap();
        let of = |origin| both.of(origin).map(|alias| alias.unwrap().to_string());
        assert_eq!(of(Origin::Account("123456789012")).unwrap(), "acme");
        assert_eq!(of(Origin::Queue(QUEUE)).unwrap(), "globex");
        for origin in [
            Origin::Account("123456789013"),
            Origin::Account("x\n"),
            Origin::Queue("arn:aws:sqs:us-east-1:123456789012:findings.fifo"),
            Origin::Queue("123456789012"),
            Origin::Account(QUEUE),
            Origin::Queue(""),
            Origin::Elsewhere,
        ] {
            let error = of(origin).unwrap_err();
            assert!(error.error_type == Unsupported && error.message.contains("ORGANIZATION_OF_ACCOUNT"), "{error}");
        }
    }

    #[test]
    fn what_makes_no_sense_stops_the_function() {
        let pattern = ("JUMPCLOUD_SECRET_ID", "jumpcloud/{organization}/key");
        let orgs = format!("acme={ID}");
        let twice = format!("acme={ID},globex={ID}");
        for vars in [
            &[("JUMPCLOUD_ORGS", "acme")][..],
            &[("JUMPCLOUD_ORGS", "acme=")],
            &[("JUMPCLOUD_ORGS", "Acme=1")],
            &[("JUMPCLOUD_ORGS", "default=1")],
            &[("JUMPCLOUD_ORGS", "*=1")],
            &[("JUMPCLOUD_ORGS", "acme=1,,b=2")],
            &[("JUMPCLOUD_ORGS", "acme=1,acme=2")],
            &[("JUMPCLOUD_ORGS", "acme=a b")],
            &[("JUMPCLOUD_ORGS", &twice)],
            &[("JUMPCLOUD_ORGS", &orgs), ("JUMPCLOUD_ORG_ID", ID)],
            &[pattern, ("JUMPCLOUD_ORG_ID", ID)],
            &[("ORGANIZATION_OF_ACCOUNT", "123456789012=acme")],
            &[("JUMPCLOUD_ORGS", &orgs), ("ORGANIZATION_OF_ACCOUNT", "123456789012=globex")],
            &[pattern, ("ORGANIZATION_OF_ACCOUNT", "123456789012")],
            &[pattern, ("ORGANIZATION_OF_ACCOUNT", "1234=acme")],
            &[pattern, ("ORGANIZATION_OF_ACCOUNT", "arn:aws:sns:us-east-1:123456789012:findings=acme")],
            &[pattern, ("ORGANIZATION_OF_ACCOUNT", "arn:aws:sqs:us-east-1:123456789012:*=acme")],
            &[pattern, ("ORGANIZATION_OF_ACCOUNT", "123456789012=acme,123456789012=globex")],
        ] {
            assert_eq!(read(vars).err().map(|error| error.error_type), Some(Internal), "{vars:?}");
        }
        assert!(read(&[pattern, ("JUMPCLOUD_ORGS", "acme,globex")]).is_ok());
    }
}
