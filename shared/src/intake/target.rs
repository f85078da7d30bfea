//! Whom or what a finding is about: every name that it gives, and which of them count.

use std::collections::{HashSet, VecDeque};

use serde_json::Value;

use super::{
    direct,
    finding::{first, opened},
    names::{self, Login},
    places::{Field, Holds, Place, Places},
    principal::{self, Principal},
    trust::{Standing, Trust},
};
use crate::{
    error::{
        Error,
        ErrorType::{InvalidInput, Unsupported},
    },
    ids::ObjectId,
    request::{By, Name, Target, TargetType},
};

/// So many different names are looked up in one search.
const MAX_NAMES: usize = 50;

/// What is looked for in findings, where, and whose names count.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) target_type: TargetType,
    pub(super) places: Places<'a>,
    pub(super) trust: &'a Trust,
}

/// The one target of `finding`, its names with their sources below `path`; `None` where it names nobody.
///
/// # Errors
/// `Unsupported` where no name of it counts. `InvalidInput` where a name cannot be read.
pub(super) fn whom(finding: &Value, path: &str, wanted: Wanted<'_>) -> Result<Option<Target>, Error> {
    let Wanted { target_type, places, trust } = wanted;
    let finding = &*opened(finding);
    let hosts = Hosts::read(finding, path, places.hosts)?;
    if target_type == TargetType::Host {
        return target(hosts.names, path);
    }
    let users = Users { finding, path, places, trust, hosts, found: Vec::new() }.read()?;
    let Users { hosts, mut found, .. } = users;
    // Shown is a name that counts.
    found.sort_by_key(|(_, standing)| match standing {
        Standing::Counts => 0,
        Standing::IfBound => 1,
        Standing::Untrusted(_) => 2,
    });
    let bound_to = match found.first() {
        None => return Ok(None),
        Some((_, Standing::Counts)) => Vec::new(),
        Some((_, Standing::IfBound)) => {
            target(hosts.names, path)?.map(|host| host.names().cloned().collect()).unwrap_or_default()
        }
        Some((name, Standing::Untrusted(why))) => {
            return Err(Unsupported.error(format!(
                "{why} ({}); nothing was done; name the user by e-mail address or id, or trust the source of the name",
                name.source.as_deref().unwrap_or_default()
            )));
        }
    };
    let target = target(found.into_iter().map(|(name, _)| name), path)?;
    Ok(target.map(|target| Target { bound_to, ..target }))
}

/// Whether two findings give their targets a name in common: then they are about the same one, or about nobody.
pub(super) fn share_a_name(one: &Target, other: &Target) -> bool {
    one.names().any(|name| other.names().any(|other| same(name, other)))
}

/// Both targets as one: all names of both must lead to it.
pub(super) fn merge(one: &mut Target, other: Target) {
    if other.bound_to.is_empty() {
        one.bound_to.clear();
    } else if !one.bound_to.is_empty() {
        one.bound_to.extend(other.bound_to);
    }
    for name in std::iter::once(other.name).chain(other.also) {
        if !one.names().any(|known| same(known, &name)) {
            one.also.push(name);
        }
    }
}

/// The target of these names, each once.
fn target(names: impl IntoIterator<Item = Name>, path: &str) -> Result<Option<Target>, Error> {
    let mut seen = HashSet::new();
    let mut names: VecDeque<Name> =
        names.into_iter().filter(|name| seen.insert((name.by, name.text.to_lowercase()))).collect();
    if names.len() > MAX_NAMES {
        return Err(InvalidInput.error(format!(
            "the finding at `{path}` gives {} names for its target, more than {MAX_NAMES}; nothing was done; set TARGET_PATHS to those that count",
            names.len()
        )));
    }
    Ok(names.pop_front().map(|name| Target { also: names.into(), ..Target::from(name) }))
}

fn same(one: &Name, other: &Name) -> bool {
    one.by == other.by && one.text.to_lowercase() == other.text.to_lowercase()
}

/// The names of the finding's host.
struct Hosts {
    names: Vec<Name>,
    /// Whether it has a host at all, also under a name that leads nowhere.
    any: bool,
}

impl Hosts {
    fn read(finding: &Value, path: &str, places: &[Place]) -> Result<Self, Error> {
        let mut hosts = Self { names: Vec::new(), any: false };
        for (source, value, holds) in fields(finding, path, places) {
            let Some(text) = text(&source, value)? else { continue };
            let (by, name) = match holds {
                Holds::HostId => (By::HostId, Some(id(&source, &text)?)),
                Holds::Instance => (By::InstanceId, names::instance_id(&text).map(str::to_owned)),
                _ => (By::Reported, names::host(&text).map(str::to_owned)),
            };
            let Some(name) = name else { continue };
            hosts.any = true;
            if by != By::Reported || !names::is_private_address(&name) {
                hosts.names.push(Name { by, text: name, source: Some(source) });
            }
        }
        Ok(hosts)
    }
}

/// The users of a finding, while they are read.
struct Users<'a> {
    finding: &'a Value,
    path: &'a str,
    places: Places<'a>,
    trust: &'a Trust,
    hosts: Hosts,
    found: Vec<(Name, Standing)>,
}

impl Users<'_> {
    fn read(mut self) -> Result<Self, Error> {
        for place in self.places.users {
            for (pointer, node) in place.at.nodes(self.finding) {
                let issuer = pointer.rsplit_once('/').map(|(parent, _)| format!("{parent}/session/issuer"));
                let issuer = issuer.and_then(|issuer| self.finding.pointer(&issuer)?.as_str());
                let principal = principal::read(node, issuer);
                let pointer = format!("{}{pointer}", self.path);
                if place.fields.is_empty() && !node.is_object() {
                    self.named(&pointer, node)?;
                    continue;
                }
                if let Some(Principal::Person(names)) = &principal {
                    for (field, name) in names {
                        self.person(format!("{pointer}/{field}"), name);
                    }
                }
                let iam: &[Field] = &[("userName", Holds::Principal)];
                let fields = if place.fields.is_empty() { iam } else { place.fields };
                let domain = fields.iter().filter(|(_, holds)| *holds == Holds::Domain);
                let domain = domain.filter_map(|(field, _)| node.get(field)?.as_str()).next();
                for (field, holds) in fields {
                    if let Some(value) = node.get(field) {
                        self.field(format!("{pointer}/{field}"), value, *holds, principal.as_ref(), domain)?;
                    }
                }
            }
        }
        Ok(self)
    }

    /// A field of a node that may describe a principal of AWS.
    #[expect(clippy::too_many_arguments, reason = "the field, and what the fields beside it say of it")]
    fn field(
        &mut self,
        source: String,
        value: &Value,
        holds: Holds,
        principal: Option<&Principal>,
        domain: Option<&str>,
    ) -> Result<(), Error> {
        if holds == Holds::Domain {
            return Ok(());
        }
        let Some(text) = text(&source, value)? else { return Ok(()) };
        match (holds, principal) {
            (Holds::UserId, _) => {
                let text = id(&source, &text)?;
                self.found.push((Name { by: By::UserId, text, source: Some(source) }, Standing::Counts));
            }
            (Holds::Email, _) if text.contains('@') => self.login(source, Login::parse(&text, None), By::Email),
            // The name of a role, or of nobody.
            (_, Some(Principal::Person(_) | Principal::Nobody)) => {}
            (_, Some(Principal::IamUser { accounts })) => self.iam_user(source, &text, accounts),
            // A place for AWS's own that does not say what it is.
            (Holds::Principal, None) => self.iam_user(source, &text, &[]),
            (_, None) => self.login(source, Login::parse(&text, domain), By::User),
        }
        Ok(())
    }

    /// A node that is a name itself, at one of `TARGET_PATHS`.
    fn named(&mut self, pointer: &str, node: &Value) -> Result<(), Error> {
        let Some(text) = text(pointer, node)? else { return Ok(()) };
        let as_node = serde_json::json!({"arn": text});
        match principal::read(&as_node, None) {
            Some(Principal::Person(names)) => names.iter().for_each(|(_, name)| self.person(pointer.to_owned(), name)),
            Some(_) => {}
            None => self.login(pointer.to_owned(), Login::parse(&text, None), By::User),
        }
        Ok(())
    }

    /// The name of a session that the identity provider opened.
    fn person(&mut self, source: String, name: &str) {
        let by = if name.contains('@') { By::Email } else { By::Username };
        self.found.push((Name { by, text: name.to_owned(), source: Some(source) }, Standing::Counts));
    }

    fn iam_user(&mut self, source: String, text: &str, accounts: &[String]) {
        let Some(login) = Login::parse(text, None) else { return };
        let of_finding = first(self.finding, self.places.accounts).and_then(Value::as_str).map(str::to_owned);
        let of_finding: Vec<String> = of_finding.into_iter().collect();
        let standing = self.trust.iam_user(text, if accounts.is_empty() { &of_finding } else { accounts });
        let by = if login.name.contains('@') { By::User } else { By::Username };
        self.found.push((Name { by, text: login.name, source: Some(source) }, standing));
    }

    /// A login name. `by` is what it is where it is an address.
    fn login(&mut self, source: String, login: Option<Login>, by: By) {
        let Some(login) = login else { return };
        let standing = self.standing(&login);
        let by = if login.name.contains('@') { by } else { By::Username };
        self.found.push((Name { by, text: login.name, source: Some(source) }, standing));
    }

    fn standing(&self, Login { name, domain }: &Login) -> Standing {
        let hosts = &self.hosts;
        match domain {
            Some(domain) if self.trust.has_domain(domain) => Standing::Counts,
            Some(domain) => {
                let own = |host: &Name| host.by == By::Reported && names::is_domain_of(&host.text, domain);
                if hosts.names.iter().any(own) {
                    Standing::IfBound
                } else {
                    Standing::Untrusted(format!(
                        "{name} is named with the domain {domain}, which is neither in TRUSTED_DOMAINS nor the finding's own host"
                    ))
                }
            }
            None if name.contains('@') => Standing::Counts,
            None if !self.places.endpoint && !hosts.any => Standing::Counts,
            None if !self.trust.require_binding => Standing::Counts,
            None if hosts.names.is_empty() => Standing::Untrusted(format!(
                "{name} is a login name of a host, and the finding names no host that JumpCloud could know it by"
            )),
            None => Standing::IfBound,
        }
    }
}

/// The fields of all `places` that are there, with their sources.
fn fields<'a>(finding: &'a Value, path: &str, places: &[Place]) -> Vec<(String, &'a Value, Holds)> {
    let mut found = Vec::new();
    for place in places {
        for (pointer, node) in place.at.nodes(finding) {
            if place.fields.is_empty() {
                found.push((format!("{path}{pointer}"), node, Holds::Hostname));
            }
            for (field, holds) in place.fields {
                if let Some(value) = node.get(field) {
                    found.push((format!("{path}{pointer}/{field}"), value, *holds));
                }
            }
        }
    }
    found
}

/// The text of a field; `None` where it holds nothing.
fn text(source: &str, value: &Value) -> Result<Option<String>, Error> {
    if value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()) {
        return Ok(None);
    }
    direct::text(source, value).map(Some)
}

/// A field that holds ids must hold one.
fn id(source: &str, text: &str) -> Result<String, Error> {
    ObjectId::parse(text).map(|id| id.as_str().to_owned()).ok_or_else(|| {
        InvalidInput.error(format!("`{source}` must be a JumpCloud id: 24 hex digits; nothing was done"))
    })
}
