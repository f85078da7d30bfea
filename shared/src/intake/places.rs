//! Where a finding may name its target.

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::request::TargetType;

/// A path into a finding, as the table or `TARGET_PATHS` gives it.
pub(super) struct Path {
    text: String,
    query: Query,
}

enum Query {
    Pointer,
    Json(JsonPath),
}

impl Path {
    /// A JSON Pointer (starts with `/`) or an RFC 9535 JSONPath (starts with `$`).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let query = if text.starts_with('/') { Query::Pointer } else { Query::Json(JsonPath::parse(text).ok()?) };
        Some(Self { text: text.to_owned(), query })
    }

    pub(super) fn nodes<'a>(&self, finding: &'a Value) -> Vec<(String, &'a Value)> {
        match &self.query {
            Query::Pointer => finding.pointer(&self.text).map(|value| (self.text.clone(), value)).into_iter().collect(),
            Query::Json(path) => path
                .query_located(finding)
                .iter()
                .map(|node| (node.location().to_json_pointer(), node.node()))
                .collect(),
        }
    }
}

/// What a field holds. Only two of them hold ids: a name that looks like an id is a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// JumpCloud's id of the user.
    UserId,
    /// An e-mail address.
    Email,
    /// A login name, with or without a domain.
    Login,
    /// The domain of the login names beside it.
    Domain,
    /// The name of a principal of AWS: an IAM user, or a role.
    Principal,
    /// JumpCloud's id of the host.
    HostId,
    /// What the host calls itself.
    Hostname,
    /// The id or the ARN of an EC2 instance; of another cloud's it is nobody's name.
    Instance,
}

/// A field of a node, and what it holds.
pub(super) type Field = (&'static str, Holds);

/// Where a target may be named: fields of the nodes of `at`.
pub(super) struct Place {
    pub(super) at: Path,
    /// Empty: the node itself is the name, or a principal of AWS.
    pub(super) fields: &'static [Field],
}

/// Where to look in a finding.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) users: &'a [Place],
    pub(super) hosts: &'a [Place],
    /// JSON Pointers to the AWS account that the finding is about.
    pub(super) accounts: &'a [&'a str],
    /// Whether it watches hosts: then a login name is a local account, even where it does not say of which host.
    pub(super) endpoint: bool,
}

impl Places<'_> {
    /// For the message when nobody is named: where was looked.
    pub(super) fn looked_at(self, target_type: TargetType) -> String {
        let places = match target_type {
            TargetType::User => self.users,
            TargetType::Host => self.hosts,
        };
        let shown = |place: &Place| match place.fields {
            [] => place.at.text.clone(),
            fields => {
                format!("{} ({})", place.at.text, fields.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "))
            }
        };
        places.iter().map(shown).collect::<Vec<_>>().join("; ")
    }
}
