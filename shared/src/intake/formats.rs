//! Where each format of findings names its user and its host. To add a format: one entry here, its rules in `state`, its scale
//! in `severity`, one sample event under `tests/events`.

use serde_json::Value;

use super::{
    finding::{at, first},
    places::{
        Field,
        Holds::{Domain, Email, HostId, Hostname, Instance, Login, Principal, UserId},
        Path, Place, Places,
    },
    severity,
    state::{self, Rule},
};
use crate::{outcome::Ignored, request::Severity};

/// A format of findings.
pub(super) struct Format {
    /// As it is called in messages.
    pub(super) name: &'static str,
    /// What must be there, as JSON Pointers, for a finding to be of this format.
    signs: &'static [&'static str],
    /// The member that holds the findings, where they come as a list.
    list: Option<&'static str>,
    /// JSONPath of an object, and the fields of it that name the target; all of them must agree.
    users: &'static [(&'static str, &'static [Field])],
    hosts: &'static [(&'static str, &'static [Field])],
    /// JSON Pointers to the AWS account that the finding is about.
    accounts: &'static [&'static str],
    /// Whether it watches hosts, whose login names are local accounts.
    endpoint: bool,
    /// JSON Pointers of which the first that is there counts.
    pub(super) id: &'static [&'static str],
    pub(super) title: &'static [&'static str],
    /// JSON Pointers of which each that is there counts.
    pub(super) times: &'static [&'static str],
    /// What an open finding must say.
    state: &'static [Rule],
    /// How bad it is.
    pub(super) severity: fn(&Value) -> Option<Severity>,
}

/// Read in this order; the first whose signs are there is the format.
const FORMATS: &[Format] = &[
    // An alert of JumpCloud's own rules, with the event that raised it.
    Format {
        name: "JumpCloud alert",
        signs: &["/data/alert_id", "/data/di_event"],
        users: &[("$.data.di_event[?@.type == 'user']", &[("id", UserId), ("username", Login)])],
        hosts: &[
            ("$.data.di_event.system", &[("id", HostId), ("hostname", Hostname)]),
            ("$.data.di_event[?@.type == 'system']", &[("id", HostId), ("hostname", Hostname)]),
        ],
        id: &["/data/alert_id"],
        title: &["/data/alert_title"],
        times: &["/data/timestamp", "/data/di_event/timestamp"],
        state: state::JUMPCLOUD_ALERT,
        severity: severity::jumpcloud_alert,
        ..JUMPCLOUD
    },
    JUMPCLOUD,
    Format { signs: &["/event_type", "/service", "/organization"], ..JUMPCLOUD },
    Format { list: Some("events"), ..JUMPCLOUD },
    // OCSF: Security Hub ("Findings Imported V2") and Security Lake. https://schema.ocsf.io
    OCSF,
    Format { list: Some("findings"), ..OCSF },
    // ASFF: Security Hub CSPM ("Security Hub Findings - Imported"), and one finding of it.
    ASFF,
    Format { list: Some("findings"), ..ASFF },
    Format {
        name: "GuardDuty",
        signs: &["/service/detectorId", "/type"],
        list: None,
        users: &[
            ("$.resource.accessKeyDetails", &[("userName", Principal)]),
            ("$.service.detection.sequence.actors[*].user", &[("name", Principal)]),
        ],
        hosts: &[("$.resource.instanceDetails", &[("instanceId", Instance)])],
        accounts: &["/accountId"],
        endpoint: false,
        id: &["/id"],
        title: &["/title"],
        times: &["/updatedAt", "/createdAt"],
        state: state::GUARDDUTY,
        severity: severity::guardduty,
    },
    // CrowdStrike Falcon: event stream, then alerts.
    Format {
        name: "CrowdStrike event stream",
        signs: &["/metadata/eventType", "/event"],
        list: None,
        users: &[("$.event", &[("UserPrincipal", Email), ("UserName", Login), ("LogonDomain", Domain)])],
        hosts: &[("$.event", &[("Hostname", Hostname), ("ComputerName", Hostname)])],
        accounts: &[],
        endpoint: true,
        id: &["/event/CompositeId", "/event/DetectId"],
        title: &["/event/Name", "/event/DetectName"],
        times: &["/metadata/eventCreationTime", "/event/UTCTimestamp"],
        state: state::CROWDSTRIKE_STREAM,
        severity: severity::crowdstrike,
    },
    Format {
        name: "CrowdStrike alert",
        signs: &["/composite_id"],
        list: None,
        users: &[("$", &[("user_principal", Email), ("user_name", Login), ("logon_domain", Domain)])],
        hosts: &[("$.device", &[("hostname", Hostname)])],
        accounts: &[],
        endpoint: true,
        id: &["/composite_id"],
        title: &["/display_name", "/name"],
        times: &["/timestamp", "/created_timestamp"],
        state: state::CROWDSTRIKE_ALERT,
        severity: severity::crowdstrike,
    },
    // Elastic Common Schema, nested or with dots in the names.
    Format {
        name: "ECS",
        signs: &["/@timestamp"],
        list: None,
        users: &[
            ("$.user", &[("email", Email), ("name", Login), ("domain", Domain)]),
            ("$", &[("user.email", Email), ("user.name", Login), ("user.domain", Domain)]),
        ],
        hosts: &[
            ("$.host", &[("hostname", Hostname), ("name", Hostname)]),
            ("$", &[("host.hostname", Hostname), ("host.name", Hostname), ("cloud.instance.id", Instance)]),
            ("$.cloud.instance", &[("id", Instance)]),
        ],
        accounts: &[],
        endpoint: false,
        id: &["/kibana.alert.uuid", "/kibana/alert/uuid", "/event/id", "/event.id"],
        title: &["/kibana.alert.rule.name", "/kibana/alert/rule/name", "/rule/name", "/rule.name", "/message"],
        times: &["/@timestamp"],
        state: state::ELASTIC,
        severity: severity::elastic,
    },
];

/// JumpCloud's Directory Insights events, which its alert webhooks carry: ids, with the name where there is no id.
/// An administrator who initiated the event is not its target.
const JUMPCLOUD: Format = Format {
    name: "JumpCloud Directory Insights",
    signs: &["/event_type", "/initiated_by"],
    list: None,
    users: &[("$[?@.type == 'user']", &[("id", UserId), ("username", Login)])],
    hosts: &[
        ("$.system", &[("id", HostId), ("hostname", Hostname)]),
        ("$[?@.type == 'system']", &[("id", HostId), ("hostname", Hostname)]),
    ],
    accounts: &[],
    endpoint: false,
    id: &["/id"],
    title: &["/event_type"],
    times: &["/timestamp"],
    state: state::LOG,
    severity: severity::none,
};

const OCSF_USER: &[Field] = &[("email_addr", Email), ("name", Login), ("domain", Domain)];
const OCSF_DEVICE: &[Field] = &[("hostname", Hostname), ("instance_uid", Instance)];
/// What Security Hub hands over of its own format, `AwsIamAccessKey` and `AwsIamUser` by name.
const AWS_KEY: &[Field] = &[("PrincipalName", Principal), ("UserName", Principal)];
const OCSF: Format = Format {
    name: "OCSF",
    signs: &["/class_uid", "/metadata"],
    list: None,
    users: &[
        ("$.user", OCSF_USER),
        ("$.actor.user", OCSF_USER),
        ("$.evidences[*].user", OCSF_USER),
        ("$.evidences[*].actor.user", OCSF_USER),
        ("$.resources[?@.type == 'User']", OCSF_USER),
        ("$.resources[*].data.AwsIamAccessKey", AWS_KEY),
        ("$.resources[*].data.AwsIamUser", AWS_KEY),
    ],
    hosts: &[
        ("$.device", OCSF_DEVICE),
        ("$.evidences[*].device", OCSF_DEVICE),
        ("$.resources[?@.type == 'Host']", &[("hostname", Hostname), ("name", Hostname)]),
        ("$.resources[?@.type == 'AWS::EC2::Instance' || @.type == 'AwsEc2Instance']", &[("uid", Instance)]),
    ],
    accounts: &["/cloud/account/uid", "/cloud/account_uid"],
    endpoint: false,
    id: &["/finding_info/uid", "/metadata/uid"],
    title: &["/finding_info/title", "/message"],
    times: &["/time", "/time_dt", "/finding_info/created_time", "/finding_info/created_time_dt"],
    state: state::OCSF,
    severity: severity::ocsf,
};

const ASFF: Format = Format {
    name: "ASFF",
    signs: &["/SchemaVersion", "/ProductArn", "/Resources"],
    list: None,
    users: &[
        ("$.Resources[*].Details.AwsIamUser", &[("UserName", Principal)]),
        ("$.Resources[*].Details.AwsIamAccessKey", AWS_KEY),
        ("$.Resources[*].Details.Other", &[("userEmail", Email), ("userName", Login), ("username", Login)]),
    ],
    hosts: &[
        ("$.Resources[*].Details.Other", &[("hostname", Hostname), ("hostName", Hostname), ("Hostname", Hostname)]),
        ("$.Resources[?@.Type == 'AwsEc2Instance']", &[("Id", Instance)]),
    ],
    accounts: &["/AwsAccountId"],
    endpoint: false,
    id: &["/Id"],
    title: &["/Title"],
    times: &["/UpdatedAt", "/CreatedAt"],
    state: state::ASFF,
    severity: severity::asff,
};

/// A finding's format with its paths parsed: done once per process, and only when an alert comes.
pub(super) struct Parsed {
    pub(super) format: &'static Format,
    users: Vec<Place>,
    hosts: Vec<Place>,
}

static PARSED: std::sync::LazyLock<Vec<Parsed>> = std::sync::LazyLock::new(|| {
    let places = |places: &'static [(&'static str, &'static [Field])]| {
        let parse = |(at, fields): &(&'static str, &'static [Field])| Some(Place { at: Path::parse(at)?, fields });
        places.iter().filter_map(parse).collect()
    };
    FORMATS.iter().map(|format| Parsed { format, users: places(format.users), hosts: places(format.hosts) }).collect()
});

impl Parsed {
    pub(super) fn places(&self) -> Places<'_> {
        let Format { accounts, endpoint, .. } = self.format;
        Places { users: &self.users, hosts: &self.hosts, accounts, endpoint: *endpoint }
    }

    /// Why `finding` is nothing to act on; `None` for one that is open.
    pub(super) fn ignored(&self, finding: &Value) -> Option<Ignored> {
        let title = first(finding, self.format.title).and_then(Value::as_str);
        match state::judge(self.format.state, finding) {
            None if title.is_some_and(state::is_titled_sample) => Some(Ignored::Sample),
            reason => reason,
        }
    }

    /// The findings of `body`, each with its path below it.
    pub(super) fn findings<'a>(&self, body: &'a Value) -> Vec<(String, &'a Value)> {
        match self.format.list {
            Some(list) => {
                let items = body[list].as_array().map(Vec::as_slice).unwrap_or_default();
                items.iter().enumerate().map(|(index, item)| (format!("/{list}/{index}"), item)).collect()
            }
            None => vec![(String::new(), body)],
        }
    }
}

/// The format of `body`, if it is one of those known.
pub(super) fn recognise(body: &Value) -> Option<&'static Parsed> {
    PARSED.iter().find(|parsed| {
        let findings = parsed.findings(body);
        let shows = |finding: &Value| parsed.format.signs.iter().all(|sign| at(finding, sign).is_some());
        !findings.is_empty() && findings.iter().all(|(_, finding)| shows(finding))
    })
}

/// The rows of the reference: format, users, hosts.
#[cfg(test)]
pub(crate) fn reference() -> Vec<[String; 3]> {
    let places = |places: &[(&str, &[Field])]| {
        let shown = |(at, fields): &(&str, &[Field])| {
            let fields: Vec<String> = fields.iter().map(|(field, _)| format!("`{field}`")).collect();
            format!("`{at}`: {}", fields.join(", "))
        };
        places.iter().map(shown).collect::<Vec<_>>().join("; ").replace("||", "\\|\\|")
    };
    let mut rows: Vec<[String; 3]> = Vec::new();
    for format in FORMATS {
        let row = [format.name.to_owned(), places(format.users), places(format.hosts)];
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_of_the_table_is_a_json_path() {
        for parsed in PARSED.iter() {
            assert_eq!(
                (parsed.users.len(), parsed.hosts.len()),
                (parsed.format.users.len(), parsed.format.hosts.len()),
                "{}",
                parsed.format.name
            );
        }
    }
}
