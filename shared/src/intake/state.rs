//! Whether a finding is open: for each format a closed list of what it must say. What is not on it is not acted on.
//!
//! To add a format: its rules here, in the words of its own documentation.

use serde_json::Value;

use super::finding::at;

use crate::outcome::Ignored::{
    self, Archived, Benign, Compliance, Handled, LogLine, OtherFinding, Resolved, Sample, StateUnknown, Suppressed,
};

/// What one thing about a finding must be.
pub(super) struct Rule {
    /// JSON Pointers: each of these that is there must be as the rule says.
    at: &'static [&'static str],
    /// The values of an open finding, as [`word`] writes them.
    open: &'static [&'static str],
    /// Other values that are known, and what they mean.
    over: &'static [(&'static str, Ignored)],
    /// Any other value.
    other: Ignored,
    /// Nothing of it is there; `None` where that is usual for an open finding.
    missing: Option<Ignored>,
}

const RULE: Rule = Rule { at: &[], open: &[], over: &[], other: StateUnknown, missing: None };

/// Why `finding` is nothing to act on; `None` for one that is open. The first rule that it breaks says it.
pub(super) fn judge(rules: &[Rule], finding: &Value) -> Option<Ignored> {
    rules.iter().find_map(|rule| rule.judge(finding))
}

/// Whether a finding's title says that it was made to be looked at: GuardDuty's samples, also in Security Hub.
pub(super) fn is_titled_sample(title: &str) -> bool {
    title.trim_start().to_lowercase().starts_with("[sample]")
}

impl Rule {
    fn judge(&self, finding: &Value) -> Option<Ignored> {
        let values = self.at.iter().filter_map(|pointer| at(finding, pointer)).filter(|value| !value.is_null());
        let values: Vec<String> = values.map(word).collect();
        if values.is_empty() {
            return self.missing;
        }
        values.iter().find(|value| !self.open.contains(&value.as_str())).map(|value| {
            let known = self.over.iter().find(|(over, _)| over == value);
            known.map_or(self.other, |(_, reason)| *reason)
        })
    }
}

/// A value in lower case, words without what products write between them; empty for what is no single value.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains(char::is_alphabetic) => {
            let letters = text.chars().filter(|c| !matches!(c, ' ' | '_' | '-'));
            letters.flat_map(char::to_lowercase).collect()
        }
        Value::String(text) => text.trim().to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        _ => String::new(),
    }
}

/// Every event of a log.
pub(super) const LOG: &[Rule] = &[Rule { missing: Some(LogLine), ..RULE }];

/// Detection findings (2004) and incidents (2005) that are new or in progress.
/// <https://schema.ocsf.io/1.6.0/categories/findings>
pub(super) const OCSF: &[Rule] = &[
    Rule {
        at: &["/class_uid"],
        open: &["2004", "2005"],
        over: &[
            ("2001", OtherFinding),
            ("2002", OtherFinding),
            ("2003", Compliance),
            ("2006", OtherFinding),
            ("2007", OtherFinding),
            ("2008", OtherFinding),
        ],
        other: LogLine,
        missing: Some(LogLine),
    },
    // Unknown, true positive, suspicious, insufficient data, security risk, other.
    Rule {
        at: &["/verdict_id"],
        open: &["0", "2", "4", "7", "8", "99"],
        over: &[("1", Benign), ("3", Benign), ("5", Benign), ("6", Sample), ("9", Handled), ("10", Handled)],
        ..RULE
    },
    // Created or updated, not closed.
    Rule { at: &["/activity_id"], open: &["1", "2"], over: &[("3", Resolved)], ..RULE },
    // The word before the number: 3 and 5 mean something else for incidents than for detections.
    Rule {
        at: &["/status", "/status_id"],
        open: &["new", "inprogress", "1", "2"],
        over: &[
            ("suppressed", Suppressed),
            ("onhold", Suppressed),
            ("resolved", Resolved),
            ("closed", Resolved),
            ("archived", Archived),
            ("deleted", Archived),
            ("notified", Handled),
            ("3", Suppressed),
            ("4", Resolved),
            ("5", Archived),
            ("6", Archived),
        ],
        missing: Some(StateUnknown),
        ..RULE
    },
];

/// <https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html>. `WorkflowState` is deprecated
/// and stays at `NEW`: it says nothing.
pub(super) const ASFF: &[Rule] = &[
    Rule { at: &["/Compliance"], other: Compliance, ..RULE },
    // A package with a known hole: nobody has attacked yet.
    Rule { at: &["/Vulnerabilities"], other: OtherFinding, ..RULE },
    Rule {
        at: &["/Sample", "/ProductFields/aws~1guardduty~1service~1additionalInfo~1sample"],
        open: &["false"],
        over: &[("true", Sample)],
        ..RULE
    },
    Rule {
        at: &["/RecordState"],
        open: &["active"],
        over: &[("archived", Archived)],
        missing: Some(StateUnknown),
        ..RULE
    },
    Rule {
        at: &["/ProductFields/aws~1guardduty~1service~1archived"],
        open: &["false"],
        over: &[("true", Archived)],
        ..RULE
    },
    Rule {
        at: &["/VerificationState"],
        open: &["unknown", "truepositive"],
        over: &[("benignpositive", Benign), ("falsepositive", Benign)],
        ..RULE
    },
    Rule {
        at: &["/Workflow/Status"],
        open: &["new"],
        over: &[("notified", Handled), ("suppressed", Suppressed), ("resolved", Resolved)],
        missing: Some(StateUnknown),
        ..RULE
    },
];

/// <https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Service.html>
pub(super) const GUARDDUTY: &[Rule] = &[
    Rule { at: &["/service/additionalInfo/sample"], open: &["false"], over: &[("true", Sample)], ..RULE },
    Rule {
        at: &["/service/archived"],
        open: &["false"],
        over: &[("true", Archived)],
        missing: Some(StateUnknown),
        ..RULE
    },
];

const CROWDSTRIKE_OVER: &[(&str, Ignored)] = &[
    ("closed", Resolved),
    ("resolved", Resolved),
    ("autoresolved", Resolved),
    ("dismissed", Suppressed),
    ("ignored", Suppressed),
    ("falsepositive", Benign),
    ("truepositive", Handled),
];

/// The event stream tells of detections, and of all that analysts do in the console.
pub(super) const CROWDSTRIKE_STREAM: &[Rule] = &[
    Rule {
        at: &["/metadata/eventType"],
        open: &[
            "detectionsummaryevent",
            "eppdetectionsummaryevent",
            "idpdetectionsummaryevent",
            "identityprotectionevent",
            "mobiledetectionsummaryevent",
            "xdrdetectionsummaryevent",
            "dataprotectiondetectionsummaryevent",
        ],
        other: LogLine,
        missing: Some(LogLine),
        ..RULE
    },
    // Only some detections have one; it is sent when the detection is made.
    Rule {
        at: &["/event/State", "/event/Status"],
        open: &["new", "inprogress", "reopened"],
        over: CROWDSTRIKE_OVER,
        ..RULE
    },
];

/// An alert of the Alerts API.
pub(super) const CROWDSTRIKE_ALERT: &[Rule] = &[
    Rule { at: &["/show_in_ui"], open: &["true"], over: &[("false", Suppressed)], ..RULE },
    Rule {
        at: &["/resolution"],
        open: &["", "truepositive"],
        over: &[("falsepositive", Benign), ("ignored", Suppressed)],
        ..RULE
    },
    Rule {
        at: &["/status"],
        open: &["new", "inprogress", "reopened"],
        over: CROWDSTRIKE_OVER,
        missing: Some(StateUnknown),
        ..RULE
    },
];

/// An alert of Elastic Security; of version 7 the last two. Everything else in this schema is a log line.
pub(super) const ELASTIC: &[Rule] = &[
    Rule {
        at: &["/kibana.alert.workflow_status", "/kibana/alert/workflow_status", "/signal.status", "/signal/status"],
        open: &["open"],
        over: &[("acknowledged", Handled), ("inprogress", Handled), ("closed", Resolved)],
        missing: Some(LogLine),
        ..RULE
    },
    Rule {
        at: &["/kibana.alert.status", "/kibana/alert/status"],
        open: &["active"],
        over: &[("recovered", Resolved), ("untracked", Resolved)],
        ..RULE
    },
];

/// What JumpCloud's own alert rules send through a webhook channel, when an alert is raised.
pub(super) const JUMPCLOUD_ALERT: &[Rule] = &[Rule {
    at: &["/data/status", "/data/alert_status"],
    open: &["open", "new", "active"],
    over: &[
        ("acknowledged", Handled),
        ("inprogress", Handled),
        ("suppressed", Suppressed),
        ("resolved", Resolved),
        ("closed", Resolved),
    ],
    ..RULE
}];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_on_the_list_is_open() {
        let asff = |changes: Value| {
            let mut finding = json!({"Workflow": {"Status": "NEW"}, "RecordState": "ACTIVE"});
            finding.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            judge(ASFF, &finding)
        };
        assert_eq!(asff(json!({})), None);
        assert_eq!(asff(json!({"Compliance": null, "VerificationState": "TRUE_POSITIVE"})), None);
        for (changes, reason) in [
            (json!({"Workflow": {"Status": "SUPPRESSED"}}), Suppressed),
            (json!({"Workflow": {"Status": "NOTIFIED"}}), Handled),
            (json!({"Workflow": {"Status": "RESOLVED"}}), Resolved),
            (json!({"Workflow": {"Status": "REOPENED"}}), StateUnknown),
            (json!({"Workflow": {"Status": ["NEW"]}}), StateUnknown),
            (json!({"Workflow": null, "WorkflowState": "NEW"}), StateUnknown),
            (json!({"RecordState": "ARCHIVED"}), Archived),
            (json!({"RecordState": null}), StateUnknown),
            (json!({"Compliance": {"Status": "FAILED"}}), Compliance),
            (json!({"Compliance": {}}), Compliance),
            (json!({"Vulnerabilities": [{"Id": "CVE-2026-1"}]}), OtherFinding),
            (json!({"VerificationState": "BENIGN_POSITIVE"}), Benign),
            (json!({"Sample": true}), Sample),
            (json!({"ProductFields": {"aws/guardduty/service/archived": "true"}}), Archived),
        ] {
            assert_eq!(asff(changes.clone()), Some(reason), "{changes}");
        }

        for (finding, expected) in [
            (json!({"class_uid": 2004, "status": "New"}), None),
            (json!({"class_uid": 2005, "status_id": 2, "activity_id": 2, "verdict_id": 2}), None),
            (json!({"class_uid": 2004, "status": "In Progress", "status_id": 2}), None),
            (json!({"class_uid": 2004, "status": "New", "status_id": 4}), Some(Resolved)),
            (json!({"class_uid": 2005, "status": "On Hold", "status_id": 3}), Some(Suppressed)),
            (json!({"class_uid": 2005, "status": "Closed", "status_id": 5}), Some(Resolved)),
            (json!({"class_uid": 2004, "status_id": 5}), Some(Archived)),
            (json!({"class_uid": 2004, "status_id": 0}), Some(StateUnknown)),
            (json!({"class_uid": 2004, "status_id": "-1"}), Some(StateUnknown)),
            (json!({"class_uid": "2004", "status_id": "1"}), None),
            (json!({"class_uid": 2004}), Some(StateUnknown)),
            (json!({"class_uid": 2004, "status_id": 1, "activity_id": 3}), Some(Resolved)),
            (json!({"class_uid": 2004, "status_id": 1, "verdict_id": 1}), Some(Benign)),
            (json!({"class_uid": 2004, "status_id": 1, "verdict_id": 6}), Some(Sample)),
            (json!({"class_uid": 2003, "status_id": 1}), Some(Compliance)),
            (json!({"class_uid": 2001, "status_id": 1}), Some(OtherFinding)),
            (json!({"class_uid": 3002, "status_id": 1}), Some(LogLine)),
        ] {
            assert_eq!(judge(OCSF, &finding), expected, "{finding}");
        }

        for (rules, finding, expected) in [
            (GUARDDUTY, json!({"service": {"archived": false, "additionalInfo": {}}}), None),
            (GUARDDUTY, json!({"service": {"archived": true}}), Some(Archived)),
            (GUARDDUTY, json!({"service": {}}), Some(StateUnknown)),
            (GUARDDUTY, json!({"service": {"archived": false, "additionalInfo": {"sample": true}}}), Some(Sample)),
            (CROWDSTRIKE_STREAM, json!({"metadata": {"eventType": "EppDetectionSummaryEvent"}}), None),
            (CROWDSTRIKE_STREAM, json!({"metadata": {"eventType": "RemoteResponseSessionStartEvent"}}), Some(LogLine)),
            (
                CROWDSTRIKE_STREAM,
                json!({"metadata": {"eventType": "IdentityProtectionEvent"}, "event": {"State": "AUTO_RESOLVED"}}),
                Some(Resolved),
            ),
            (CROWDSTRIKE_ALERT, json!({"status": "in_progress", "show_in_ui": true}), None),
            (CROWDSTRIKE_ALERT, json!({"status": "closed"}), Some(Resolved)),
            (CROWDSTRIKE_ALERT, json!({"status": "new", "resolution": "false_positive"}), Some(Benign)),
            (CROWDSTRIKE_ALERT, json!({"status": "new", "show_in_ui": false}), Some(Suppressed)),
            (CROWDSTRIKE_ALERT, json!({}), Some(StateUnknown)),
            (ELASTIC, json!({"kibana.alert.workflow_status": "open", "kibana.alert.status": "active"}), None),
            (ELASTIC, json!({"kibana": {"alert": {"workflow_status": "open"}}}), None),
            (ELASTIC, json!({"signal": {"status": "open"}}), None),
            (ELASTIC, json!({"kibana.alert.workflow_status": "acknowledged"}), Some(Handled)),
            (ELASTIC, json!({"kibana.alert.workflow_status": "closed"}), Some(Resolved)),
            (
                ELASTIC,
                json!({"kibana.alert.workflow_status": "open", "kibana.alert.status": "recovered"}),
                Some(Resolved),
            ),
            (ELASTIC, json!({"event": {"kind": "event"}}), Some(LogLine)),
            (JUMPCLOUD_ALERT, json!({"data": {"alert_id": "a"}}), None),
            (JUMPCLOUD_ALERT, json!({"data": {"status": "Resolved"}}), Some(Resolved)),
            (LOG, json!({"event_type": "sso_auth"}), Some(LogLine)),
        ] {
            assert_eq!(judge(rules, &finding), expected, "{finding}");
        }
        assert!(is_titled_sample(" [SAMPLE] The API was invoked") && !is_titled_sample("The [SAMPLE] was invoked"));
    }
}
