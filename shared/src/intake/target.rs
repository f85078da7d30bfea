//! Whom or what a finding is about.

use serde_json::Value;
use serde_json_path::JsonPath;

use super::direct;
use crate::{
    error::{Error, ErrorType::InvalidInput},
    request::{By, Target, TargetType},
};

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

    fn nodes<'a>(&self, finding: &'a Value) -> Vec<(String, &'a Value)> {
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

/// Where a target may be named: the nodes of `at`, and in each the first of `fields` that names somebody.
pub(super) struct Place {
    pub(super) at: Path,
    /// Empty: the node itself is the name.
    pub(super) fields: &'static [(&'static str, By)],
}

/// One mention of a target: the name to look for, and every name that the same object gives it.
struct Mention {
    target: Target,
    names: Vec<String>,
    place: usize,
}

/// The distinct targets that `finding` names, each with its source below `path`.
///
/// Two places that name different targets are an error: one of them is the wrong one, and which is not for us to
/// guess. Several targets at one place are several targets. One that is named twice is one.
pub(super) fn targets(
    finding: &Value,
    path: &str,
    places: &[Place],
    target_type: TargetType,
) -> Result<Vec<Target>, Error> {
    let mut distinct: Vec<Mention> = Vec::new();
    for (index, place) in places.iter().enumerate() {
        for (pointer, node) in place.at.nodes(finding) {
            let Some(mention) = mention(node, &format!("{path}{pointer}"), place, index, target_type)? else {
                continue;
            };
            if let Some(same) =
                distinct.iter_mut().find(|known| known.names.iter().any(|name| mention.names.contains(name)))
            {
                same.names.extend(mention.names);
            } else {
                distinct.push(mention);
            }
        }
    }
    let first = distinct.first().map(|mention| mention.place);
    if let Some(other) = distinct.iter().find(|mention| Some(mention.place) != first) {
        let source = |mention: &Mention| mention.target.source.clone().unwrap_or_default();
        return Err(InvalidInput.error(format!(
            "{} and {} name different targets; nothing was done; set TARGET_PATHS to the one that counts",
            source(&distinct[0]),
            source(other)
        )));
    }
    Ok(distinct.into_iter().map(|mention| mention.target).collect())
}

/// For the message when there is none: where was looked.
pub(super) fn looked_at(places: &[Place]) -> String {
    let shown = |place: &Place| match place.fields {
        [] => place.at.text.clone(),
        fields => {
            format!("{} ({})", place.at.text, fields.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "))
        }
    };
    places.iter().map(shown).collect::<Vec<_>>().join("; ")
}

fn mention(
    node: &Value,
    pointer: &str,
    place: &Place,
    index: usize,
    target_type: TargetType,
) -> Result<Option<Mention>, Error> {
    let own = target_type.by_name();
    let mut candidates = Vec::new();
    if place.fields.is_empty() {
        if !node.is_null() {
            candidates.push((pointer.to_owned(), node, own));
        }
    } else {
        for (field, by) in place.fields {
            if let Some(value) = node.get(field).filter(|value| !value.is_null()) {
                candidates.push((format!("{pointer}/{field}"), value, *by));
            }
        }
    }
    let mut found: Option<Mention> = None;
    for (pointer, value, by) in candidates {
        let text =
            direct::text(&pointer, value).or_else(|error| if value == "" { Ok(String::new()) } else { Err(error) })?;
        let Some(name) = normalise(&text, target_type) else { continue };
        // A field that should hold an id or an address and holds something else is read as a name.
        let by = match by {
            By::Email if !name.contains('@') => own,
            by => by,
        };
        let target = direct::target(&pointer, &name, by)?;
        let key = name.to_lowercase();
        match &mut found {
            Some(mention) => mention.names.push(key),
            None => {
                found =
                    Some(Mention { target: Target { source: Some(pointer), ..target }, names: vec![key], place: index })
            }
        }
    }
    Ok(found)
}

/// Accounts that belong to a machine or a service on any system.
const MACHINE_ACCOUNTS: [&str; 12] = [
    "root",
    "system",
    "localsystem",
    "local service",
    "network service",
    "localservice",
    "networkservice",
    "anonymous logon",
    "anonymous",
    "nobody",
    "daemon",
    "hidden_due_to_security_reasons",
];
/// Domains whose accounts are all Windows' own.
const MACHINE_DOMAINS: [&str; 5] = ["nt authority", "nt service", "window manager", "font driver host", "iis apppool"];

/// A name as alerts write it, as JumpCloud knows it; `None` where it is nobody's.
///
/// White space around it goes. Of a user's name, `DOMAIN\user` keeps `user`, and `user@host` where the host has no
/// dot keeps `user` (with a dot it is an e-mail address or a user name with one, and stays). Of a host's name the
/// root dot at the end goes; its domain stays. Case is left to the look-up, which ignores it. Machine accounts,
/// service roles, ARNs and placeholders are nobody. Nothing else is changed, and nothing is guessed.
fn normalise(text: &str, target_type: TargetType) -> Option<String> {
    let text = text.trim();
    if matches!(text, "" | "-" | "N/A" | "n/a" | "null" | "unknown" | "(unknown)") {
        return None;
    }
    if target_type == TargetType::Host {
        return Some(text.strip_suffix('.').unwrap_or(text).to_owned());
    }
    let (domain, name) = text.rsplit_once('\\').unwrap_or(("", text));
    let name = match name.split_once('@') {
        Some((user, host)) if !host.contains('.') && !host.contains('@') => user,
        _ => name,
    }
    .trim();
    let lower = name.to_lowercase();
    let machine = name.is_empty()
        || name.ends_with('$')
        || MACHINE_ACCOUNTS.contains(&lower.as_str())
        || MACHINE_DOMAINS.contains(&domain.to_lowercase().as_str())
        || lower.starts_with("awsservicerole")
        || lower.starts_with("arn:")
        || lower.ends_with(".amazonaws.com")
        || lower.starts_with("dwm-")
        || lower.starts_with("umfd-");
    (!machine).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_by_the_stated_rules() {
        let user = |text| normalise(text, TargetType::User);
        for (text, expected) in [
            (" jsmith ", "jsmith"),
            ("CORP\\jsmith", "jsmith"),
            ("corp.local\\JSmith", "JSmith"),
            ("jsmith@build-07", "jsmith"),
            ("jsmith@company.com", "jsmith@company.com"),
            ("CORP\\jsmith@company.com", "jsmith@company.com"),
            ("j.smith", "j.smith"),
        ] {
            assert_eq!(user(text).as_deref(), Some(expected), "{text}");
        }
        for nobody in [
            "",
            "-",
            "root",
            "ROOT",
            "root@build-07",
            "SYSTEM",
            "NT AUTHORITY\\LOCAL SERVICE",
            "NT AUTHORITY\\iusr",
            "NT SERVICE\\MSSQL",
            "COMPUTER123$",
            "CORP\\COMPUTER123$",
            "AWSServiceRoleForSupport",
            "arn:aws:sts::123456789012:assumed-role/x/y",
            "ec2.amazonaws.com",
            "Window Manager\\DWM-1",
            "DWM-3",
            "@host",
            "CORP\\",
        ] {
            assert_eq!(user(nobody), None, "{nobody}");
        }
        let host = |text| normalise(text, TargetType::Host);
        assert_eq!(host(" Computer123. ").as_deref(), Some("Computer123"));
        assert_eq!(host("computer123.corp.example.com").as_deref(), Some("computer123.corp.example.com"));
        assert_eq!(host("N/A"), None);
    }
}
