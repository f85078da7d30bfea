//! The entries for targets that automation must not touch.

use jumpcloud_playbooks::{
    guard::{Asks, Named, Subject},
    ids::ObjectId,
    request::TargetType,
    vars::{self, Var, Vars, misconfigured},
};

use crate::items::{Item, text_of};

/// What an entry names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A user: id, user name or address.
    User,
    /// A host: id or name.
    Host,
    /// A JumpCloud group of either, by its id.
    Group,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(crate) kind: Kind,
    /// In lower case.
    pub(crate) name: String,
    /// Whether a person's consent is enough.
    pub(crate) ask: bool,
    /// Where it is written, and why, in words.
    pub(crate) source: String,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::User, Self::Host, Self::Group];

    /// As entries are written.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Host => "host",
            Self::Group => "group",
        }
    }
}

/// What the entries say of a target.
#[derive(Debug, PartialEq, Eq)]
pub enum Protected {
    /// Nothing.
    No,
    /// A person must have seen the plan.
    Ask(String),
    /// Automation may not touch it.
    Never(String),
}

impl Entry {
    /// `user:ceo@company.com`, `host:dc-01=ask`, `group:<id>`.
    fn parse(text: &str, source: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let (name, ask) = match rest.rsplit_once('=') {
            None => (rest, false),
            Some((name, "never")) => (name, false),
            Some((name, "ask")) => (name, true),
            Some(_) => return None,
        };
        Self::new(kind, name, ask, source.to_owned())
    }

    pub(crate) fn new(kind: &str, name: &str, ask: bool, source: String) -> Option<Self> {
        let name = name.trim().to_lowercase();
        let kind = Kind::ALL.into_iter().find(|known| known.word() == kind.trim())?;
        let valid = !name.is_empty() && (kind != Kind::Group || ObjectId::parse(&name).is_some());
        valid.then_some(Self { kind, name, ask, source })
    }

    /// Of the table; `None` where it makes no sense, so that the list is not whole.
    pub fn from_item(item: &Item) -> Option<Self> {
        let (kind, name) = text_of(item, "sk")?.split_once('#')?;
        let ask = match text_of(item, "as")? {
            "never" => false,
            "ask" => true,
            _ => return None,
        };
        let word = |name| text_of(item, name).unwrap_or("not said");
        Self::new(kind, name, ask, format!("an entry by {} at {}: {}", word("who"), word("at"), word("why")))
    }

    /// The sort key of its item.
    pub(crate) fn sk(&self) -> String {
        format!("{}#{}", self.kind.word(), self.name)
    }

    fn names(&self, kind: Kind, named: &Named) -> bool {
        match self.kind {
            Kind::Group => named.groups.iter().any(|group| group.eq_ignore_ascii_case(&self.name)),
            own => own == kind && named.names.iter().any(|name| self.is(name)),
        }
    }

    fn is(&self, name: &str) -> bool {
        let short = |name: &str| name.trim_end_matches('.').strip_suffix(".local").map(str::to_owned);
        let name = name.to_lowercase();
        name == self.name
            || self.kind == Kind::Host && (short(&name).as_ref() == Some(&self.name) || short(&self.name) == Some(name))
    }
}

/// The entries of the environment: `PROTECTED`, and the automation's own account.
pub fn of_vars(vars: &Vars<'_>) -> Result<Vec<Entry>, jumpcloud_playbooks::error::Error> {
    let parse = |var: &Var, text: &str, source: &str| {
        Entry::parse(text, source).ok_or_else(|| misconfigured(var.name, &format!("must be {}", var.must_be)))
    };
    let listed = vars.list(&vars::PROTECTED);
    let listed = listed.iter().map(|text| parse(&vars::PROTECTED, text, "the function's PROTECTED"));
    let own = vars.list(&vars::JUMPCLOUD_SELF);
    let own = own.iter().filter_map(|name| {
        Entry::new("user", name, false, "the automation's own account (JUMPCLOUD_SELF)".to_owned()).map(Ok)
    });
    listed.chain(own).collect()
}

/// What `entries` need to know beside the target itself.
pub fn asks(entries: &[Entry], max_users: Option<usize>, target_type: TargetType) -> Asks {
    let any = |kind| entries.iter().any(|entry| entry.kind == kind);
    let host = target_type == TargetType::Host;
    let people = entries.iter().any(|entry| entry.kind == Kind::User && !entry.source.contains("JUMPCLOUD_SELF"));
    Asks { groups: any(Kind::Group), users: host && (people || any(Kind::Group) || max_users.is_some()) }
}

/// What `entries` say of `subject`; `never` before `ask`.
pub fn judge(entries: &[Entry], max_users: Option<usize>, subject: &Subject, target_type: TargetType) -> Protected {
    let kind = if target_type == TargetType::User { Kind::User } else { Kind::Host };
    let mut asks = None;
    for entry in entries {
        let through = || subject.users.iter().find(|user| entry.names(Kind::User, user));
        let why = if entry.names(kind, &subject.target) {
            format!("the {} is protected by {}", target_type.word(), entry.source)
        } else if let Some(user) = through() {
            let name = user.names.get(1).or(user.names.first()).map_or("somebody", String::as_str);
            format!("the host is {name}'s, who is protected by {}", entry.source)
        } else {
            continue;
        };
        if !entry.ask {
            return Protected::Never(why);
        }
        asks.get_or_insert(why);
    }
    if let Some(most) = max_users.filter(|most| subject.bound > *most) {
        let why = format!("{} users are bound to the host, more than MAX_USERS_OF_HOST ({most})", subject.bound);
        asks.get_or_insert(why);
    }
    asks.map_or(Protected::No, Protected::Ask)
}
