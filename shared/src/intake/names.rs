//! Names as alerts write them, as JumpCloud knows them.
//!
//! Nothing is guessed: what is nobody's name is dropped, and what says more than a name (a domain, a machine) is kept apart,
//! for it decides whether the name counts.

/// A user's name as a login says it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Login {
    /// Without the domain.
    pub(super) name: String,
    /// `DOMAIN\name`, `name@domain` without a dot in the domain, or a field of its own.
    pub(super) domain: Option<String>,
}

/// What stands for "not known".
fn is_placeholder(text: &str) -> bool {
    matches!(text, "" | "-" | "N/A" | "n/a" | "null" | "unknown" | "(unknown)")
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

impl Login {
    /// `None` for machine accounts, service roles, ARNs and placeholders. `domain` is what stands beside the name.
    pub(super) fn parse(text: &str, domain: Option<&str>) -> Option<Self> {
        let text = text.trim();
        if is_placeholder(text) {
            return None;
        }
        let (before, name) = text.rsplit_once('\\').map_or((None, text), |(domain, name)| (Some(domain), name));
        let (name, after) = match name.split_once('@') {
            Some((name, host)) if !host.contains(['.', '@']) => (name, Some(host)),
            _ => (name, None),
        };
        let name = name.trim();
        let domain = [before, after, domain.filter(|_| !name.contains('@'))].into_iter().flatten().map(str::trim);
        let domain = domain.into_iter().find(|domain| !is_placeholder(domain));
        let lower = name.to_lowercase();
        let machine = name.is_empty()
            || name.ends_with('$')
            || MACHINE_ACCOUNTS.contains(&lower.as_str())
            || domain.is_some_and(|domain| MACHINE_DOMAINS.contains(&domain.to_lowercase().as_str()))
            || lower.starts_with("awsservicerole")
            || lower.starts_with("arn:")
            || lower.ends_with(".amazonaws.com")
            || lower.starts_with("system:")
            || lower.starts_with("dwm-")
            || lower.starts_with("umfd-");
        (!machine).then(|| Self { name: name.to_owned(), domain: domain.map(str::to_owned) })
    }
}

/// A host's name without white space around it and the root dot at its end; its domain stays.
pub(super) fn host(text: &str) -> Option<&str> {
    let text = text.trim();
    let text = text.strip_suffix('.').unwrap_or(text);
    (!is_placeholder(text)).then_some(text)
}

/// `ip-10-0-7-7.ec2.internal`: an address of one network, which another one has, too.
pub(super) fn is_private_address(host: &str) -> bool {
    let label = host.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let Some(address) = label.strip_prefix("ip-") else { return false };
    let parts: Vec<&str> = address.split('-').collect();
    parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok())
}

/// `i-0123456789abcdef0`, alone or at the end of an ARN; `None` for the instances of other clouds.
pub(super) fn instance_id(text: &str) -> Option<&str> {
    let id = text.trim().rsplit('/').next()?;
    let digits = id.strip_prefix("i-")?;
    (matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// Whether `domain` is what a host of this name calls itself before its local accounts.
pub(super) fn is_domain_of(host: &str, domain: &str) -> bool {
    let label = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
    let domain_label = if domain.to_lowercase().ends_with(".local") { label(domain) } else { domain.to_lowercase() };
    domain.eq_ignore_ascii_case(host) || domain_label == label(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_read_by_the_stated_rules() {
        for (text, name, domain) in [
            (" jsmith ", "jsmith", None),
            ("CORP\\jsmith", "jsmith", Some("CORP")),
            ("corp.local\\JSmith", "JSmith", Some("corp.local")),
            ("jsmith@build-07", "jsmith", Some("build-07")),
            ("jsmith@company.com", "jsmith@company.com", None),
            ("CORP\\jsmith@company.com", "jsmith@company.com", Some("CORP")),
            ("j.smith", "j.smith", None),
        ] {
            let expected = Login { name: name.to_owned(), domain: domain.map(str::to_owned) };
            assert_eq!(Login::parse(text, None), Some(expected), "{text}");
        }
        let beside = |text, domain| Login::parse(text, Some(domain)).and_then(|login| login.domain);
        assert_eq!(beside("jsmith", "CORP").as_deref(), Some("CORP"));
        assert_eq!(beside("jsmith", "-"), None);
        assert_eq!(beside("jsmith@company.com", "CORP"), None);
        assert_eq!(beside("jsmith@box", "CORP").as_deref(), Some("box"));
        assert_eq!(Login::parse("IUSR", Some("NT AUTHORITY")), None);
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
            "system:node:ip-10-0-0-5.ec2.internal",
            "Window Manager\\DWM-1",
            "DWM-3",
            "@host",
            "CORP\\",
        ] {
            assert_eq!(Login::parse(nobody, None), None, "{nobody}");
        }
    }

    #[test]
    fn hosts_are_read_by_the_stated_rules() {
        assert_eq!(host(" Computer123. "), Some("Computer123"));
        assert_eq!(host("computer123.corp.example.com"), Some("computer123.corp.example.com"));
        assert_eq!(host("N/A"), None);
        for address in ["ip-10-0-0-5.ec2.internal", "IP-10-0-0-5", "ip-10-0-0-5.eu-west-1.compute.internal"] {
            assert!(is_private_address(address), "{address}");
        }
        for name in ["Computer123", "ip-10-0-0", "ip-10-0-0-512", "vip-10-0-0-5", "ip-web-0-0-5"] {
            assert!(!is_private_address(name), "{name}");
        }
        assert_eq!(
            instance_id("arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0"),
            Some("i-0123456789abcdef0")
        );
        assert_eq!(instance_id("i-99999999"), Some("i-99999999"));
        for other in ["i-9", "4567890123456789", "i-0123456789abcdefg", "web-7"] {
            assert_eq!(instance_id(other), None, "{other}");
        }
    }

    #[test]
    fn a_host_is_the_domain_of_its_local_accounts() {
        for (host, domain) in [
            ("LAPTOP-9", "laptop-9"),
            ("laptop-9.corp.example.com", "LAPTOP-9"),
            ("LAPTOP-9.local", "LAPTOP-9"),
            ("LAPTOP-9", "laptop-9.local"),
            ("laptop-9.corp.example.com", "laptop-9.corp.example.com"),
        ] {
            assert!(is_domain_of(host, domain), "{host} {domain}");
        }
        for (host, domain) in [("LAPTOP-9", "EVIL"), ("LAPTOP-9", "laptop-9.evil.example"), ("evil.local", "laptop-9")]
        {
            assert!(!is_domain_of(host, domain), "{host} {domain}");
        }
    }
}
