//! Principals of AWS: IAM users, and the people whom AWS shows as sessions of roles.
//!
//! JumpCloud is the identity provider of AWS IAM Identity Center, so its people appear as `AssumedRole`, with a role that
//! Identity Center made (`AWSReservedSSO_...`) and their own name as the name of the session.

use serde_json::Value;

use super::finding::at;

/// What a node says of a principal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Principal {
    /// An IAM user, with the accounts that the node names; its name stands in the node's own fields.
    IamUser { accounts: Vec<String> },
    /// A person of the identity provider: the session's name, and the field where it stood, for each place of it.
    Person(Vec<(&'static str, String)>),
    /// A role, a service or the root of an account: nobody.
    Nobody,
}

/// Where products write whether it is a user or a role.
const TYPES: [&str; 3] = ["userType", "PrincipalType", "type"];
/// Where they write the ARN or `AROA...:session`.
const IDS: [&str; 6] = ["arn", "principalId", "PrincipalId", "uid", "uid_alt", "uuid"];
/// Where they write the account.
const ACCOUNTS: [&str; 3] = ["/accountId", "/account/uid", "/account_uid"];
/// Where they write the role, in the node and beside it.
const ROLES: [&str; 6] = [
    "/userName",
    "/PrincipalName",
    "/UserName",
    "/name",
    "/sessionContext/sessionIssuer/userName",
    "/sessionContext/sessionIssuer/arn",
];
/// The types of AWS's own.
const AWS_TYPES: [&str; 11] = [
    "IAMUser",
    "AssumedRole",
    "Role",
    "Root",
    "FederatedUser",
    "SAMLUser",
    "WebIdentityUser",
    "AWSAccount",
    "AWSService",
    "Directory",
    "IdentityCenterUser",
];

const SSO_ROLE: &str = "AWSReservedSSO_";

/// The principal that `node` describes; `None` where it describes none of AWS's. `issuer` is the ARN of the role where that
/// stands beside the node.
pub(super) fn read(node: &Value, issuer: Option<&str>) -> Option<Principal> {
    let text = |field: &str| node.get(field).and_then(Value::as_str);
    let kind = TYPES.into_iter().find_map(text).unwrap_or_default();
    let ids: Vec<(&'static str, Id<'_>)> =
        IDS.into_iter().filter_map(|field| Some((field, Id::parse(text(field)?)?))).collect();
    let is = |wanted: &dyn Fn(&Id<'_>) -> bool| ids.iter().any(|(_, id)| wanted(id));
    if !AWS_TYPES.contains(&kind) && ids.is_empty() {
        return None;
    }
    if is(&|id| matches!(id, Id::Session { .. })) && !matches!(kind, "IAMUser" | "Root") {
        let stated = ROLES.into_iter().filter_map(|role| at(node, role)?.as_str()).chain(issuer);
        let of_ids = ids.iter().filter_map(|(_, id)| if let Id::Session { role, .. } = id { *role } else { None });
        let roles: Vec<&str> = stated.chain(of_ids).filter(|role| !role.is_empty()).collect();
        let is_sso = |role: &&str| role.rsplit('/').next().is_some_and(|name| name.starts_with(SSO_ROLE));
        // Each statement of the role, for one of them alone may have been written by whoever chose the session's name.
        if roles.is_empty() || !roles.iter().all(is_sso) {
            return Some(Principal::Nobody);
        }
        let sessions = ids.into_iter().filter_map(|(field, id)| match id {
            Id::Session { name, .. } => Some((field, name.to_owned())),
            Id::User { .. } | Id::Other => None,
        });
        return Some(Principal::Person(sessions.collect()));
    }
    if kind == "IAMUser" || (kind.is_empty() && is(&|id| matches!(id, Id::User { .. }))) {
        let stated = ACCOUNTS.into_iter().filter_map(|account| at(node, account)?.as_str().map(str::to_owned));
        let of_arns = ids.iter().filter_map(|(_, id)| match id {
            Id::User { account } => account.map(str::to_owned),
            Id::Session { .. } | Id::Other => None,
        });
        let mut accounts: Vec<String> = stated.chain(of_arns).collect();
        accounts.dedup();
        return Some(Principal::IamUser { accounts });
    }
    Some(Principal::Nobody)
}

/// An ARN or a unique id of IAM's.
enum Id<'a> {
    User { account: Option<&'a str> },
    Session { role: Option<&'a str>, name: &'a str },
    Other,
}

impl<'a> Id<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("arn:") {
            // partition:service:region:account:resource
            let mut parts = rest.splitn(5, ':').skip(1);
            let (service, account, resource) = (parts.next()?, parts.nth(1)?, parts.next()?);
            let mut path = resource.split('/');
            return Some(match (service, path.next()) {
                ("iam", Some("user")) => Self::User { account: Some(account) },
                ("sts", Some("assumed-role")) => match (path.next(), path.next(), path.next()) {
                    (Some(role), Some(name), None) if !name.is_empty() => Self::Session { role: Some(role), name },
                    _ => Self::Other,
                },
                _ => Self::Other,
            });
        }
        let (id, session) = text.split_once(':').map_or((text, None), |(id, session)| (id, Some(session)));
        let is_unique = id.len() >= 12 && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        match (is_unique.then(|| id.get(..4)).flatten()?, session) {
            ("AROA", Some(name)) if !name.is_empty() => Some(Self::Session { role: None, name }),
            ("AIDA", None) => Some(Self::User { account: None }),
            ("AROA" | "AIDA" | "AGPA" | "ANPA" | "AIPA", _) => Some(Self::Other),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn person(node: &Value) -> Option<Vec<String>> {
        match read(node, None) {
            Some(Principal::Person(names)) => Some(names.into_iter().map(|(_, name)| name).collect()),
            _ => None,
        }
    }

    #[test]
    fn a_session_of_an_identity_center_role_is_a_person() {
        let guardduty = json!({"userType": "AssumedRole", "userName": "AWSReservedSSO_Admin_0a1b2c", "principalId": "AROACKCEVSQ6C2EXAMPLE:jsmith@company.com"});
        assert_eq!(person(&guardduty), Some(vec!["jsmith@company.com".to_owned()]));
        let asff = json!({"PrincipalType": "AssumedRole", "PrincipalName": "AWSReservedSSO_Admin_0a1b2c", "PrincipalId": "AROACKCEVSQ6C2EXAMPLE:jsmith"});
        assert_eq!(person(&asff), Some(vec!["jsmith".to_owned()]));
        let cloudtrail = json!({"type": "AssumedRole", "principalId": "AROACKCEVSQ6C2EXAMPLE:jsmith", "accountId": "123456789012",
            "arn": "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0a1b2c/jsmith",
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0a1b2c"}}});
        assert_eq!(person(&cloudtrail), Some(vec!["jsmith".to_owned(), "jsmith".to_owned()]));
        let ocsf = json!({"type": "AssumedRole", "uid_alt": "AROACKCEVSQ6C2EXAMPLE:jsmith"});
        let issuer = "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0a1b2c";
        assert!(matches!(read(&ocsf, Some(issuer)), Some(Principal::Person(_))));
        assert_eq!(read(&ocsf, None), Some(Principal::Nobody));
    }

    #[test]
    fn another_role_is_nobody_whatever_its_session_is_called() {
        for node in [
            json!({"userType": "AssumedRole", "userName": "Admin", "principalId": "AROACKCEVSQ6C2EXAMPLE:ceo"}),
            json!({"userType": "AssumedRole", "userName": "ceo", "principalId": "AROACKCEVSQ6C2EXAMPLE:AWSReservedSSO_x"}),
            json!({"type": "AssumedRole", "name": "AWSReservedSSO_x", "arn": "arn:aws:sts::123456789012:assumed-role/Admin/ceo"}),
            json!({"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_x/ceo/more"}),
            json!({"userType": "Root", "userName": "ceo", "principalId": "123456789012"}),
            json!({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}),
            json!({"uid": "AROACKCEVSQ6C2EXAMPLE:Admin-user", "name": "ceo"}),
        ] {
            assert_eq!(read(&node, None), Some(Principal::Nobody), "{node}");
        }
    }

    #[test]
    fn an_iam_user_belongs_to_every_account_that_is_named() {
        let user = json!({"type": "IAMUser", "name": "anaya", "uid": "arn:aws:iam::111122223333:user/a/anaya", "account": {"uid": "444455556666"}});
        let accounts = vec!["444455556666".to_owned(), "111122223333".to_owned()];
        assert_eq!(read(&user, None), Some(Principal::IamUser { accounts }));
        assert_eq!(
            read(&json!({"uid": "AIDACKCEVSQ6C2EXAMPLE", "name": "ceo"}), None),
            Some(Principal::IamUser { accounts: vec![] })
        );
        assert_eq!(read(&json!({"name": "jsmith", "uid": "00uttidj01jqL21aM1d6", "type": "User"}), None), None);
    }
}
