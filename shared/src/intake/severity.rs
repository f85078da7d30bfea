//! How bad a finding is, each format by its own scale.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::finding::first;
use crate::request::Severity::{self, Critical, High, Info, Low, Medium};

/// A log, or a finding that does not say.
pub(super) fn none(_: &Value) -> Option<Severity> {
    None
}

/// The number is the norm, the word a caption.
pub(super) fn ocsf(finding: &Value) -> Option<Severity> {
    number(finding, &["/severity_id"], 1.0..=6.0, [2.0, 3.0, 4.0, 5.0]).or_else(|| word(finding, &["/severity"]))
}

/// The label counts before the number: some products set a number of another scale.
pub(super) fn asff(finding: &Value) -> Option<Severity> {
    let number = || number(finding, &["/Severity/Normalized"], 0.0..=100.0, [1.0, 40.0, 70.0, 90.0]);
    word(finding, &["/Severity/Label"]).or_else(number)
}

/// 1 to 10. <https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html>
pub(super) fn guardduty(finding: &Value) -> Option<Severity> {
    number(finding, &["/severity"], 0.0..=10.0, [1.0, 4.0, 7.0, 9.0])
}

/// 1 to 100, and a name; older detections have 1 to 5, which only the name tells apart.
pub(super) fn crowdstrike(finding: &Value) -> Option<Severity> {
    let number = || number(finding, &["/event/Severity", "/severity"], 1.0..=100.0, [20.0, 40.0, 60.0, 80.0]);
    word(finding, &["/event/SeverityName", "/severity_name"]).or_else(number)
}

/// A word; else the risk score, in the steps that Elastic gives its words.
pub(super) fn elastic(finding: &Value) -> Option<Severity> {
    let words = ["/kibana.alert.severity", "/kibana/alert/severity", "/signal/rule/severity", "/signal.rule.severity"];
    let scores =
        ["/kibana.alert.risk_score", "/kibana/alert/risk_score", "/signal/rule/risk_score", "/signal.rule.risk_score"];
    word(finding, &words).or_else(|| number(finding, &scores, 0.0..=100.0, [0.0, 22.0, 48.0, 74.0]))
}

/// The priority of the rule.
pub(super) fn jumpcloud_alert(finding: &Value) -> Option<Severity> {
    word(finding, &["/data/severity", "/data/priority"])
}

fn word(finding: &Value, pointers: &[&str]) -> Option<Severity> {
    match first(finding, pointers)?.as_str()?.trim().to_lowercase().as_str() {
        "info" | "informational" => Some(Info),
        "low" => Some(Low),
        "medium" => Some(Medium),
        "high" => Some(High),
        "critical" | "fatal" => Some(Critical),
        _ => None,
    }
}

/// A number within `scale`; `steps` are the least that is low, medium, high and critical.
fn number(finding: &Value, pointers: &[&str], scale: RangeInclusive<f64>, steps: [f64; 4]) -> Option<Severity> {
    let value = first(finding, pointers)?;
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    let [low, medium, high, critical] = steps;
    match number {
        number if !scale.contains(&number) => None,
        number if number >= critical => Some(Critical),
        number if number >= high => Some(High),
        number if number >= medium => Some(Medium),
        number if number >= low => Some(Low),
        _ => Some(Info),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_scale_ends_in_the_same_words() {
        type Read = fn(&Value) -> Option<Severity>;
        let cases: [(Read, Value, Option<Severity>); 34] = [
            (crowdstrike, json!({"severity": 10}), Some(Info)),
            (crowdstrike, json!({"severity": 30}), Some(Low)),
            (crowdstrike, json!({"severity": 50}), Some(Medium)),
            (crowdstrike, json!({"severity": 70}), Some(High)),
            (crowdstrike, json!({"severity": 90}), Some(Critical)),
            (crowdstrike, json!({"severity": 0}), None),
            (crowdstrike, json!({"severity": 101}), None),
            (crowdstrike, json!({"event": {"Severity": 2, "SeverityName": "Low"}}), Some(Low)),
            (crowdstrike, json!({"event": {"Severity": 20, "SeverityName": "Unknown"}}), Some(Low)),
            (guardduty, json!({"severity": 0.5}), Some(Info)),
            (guardduty, json!({"severity": 1}), Some(Low)),
            (guardduty, json!({"severity": 5}), Some(Medium)),
            (guardduty, json!({"severity": 8}), Some(High)),
            (guardduty, json!({"severity": 8.9}), Some(High)),
            (guardduty, json!({"severity": 9}), Some(Critical)),
            (guardduty, json!({"severity": 70}), None),
            (guardduty, json!({"severity": "NaN"}), None),
            (asff, json!({"Severity": {"Label": "LOW", "Normalized": 90}}), Some(Low)),
            (asff, json!({"Severity": {"Label": "INFORMATIONAL"}}), Some(Info)),
            (asff, json!({"Severity": {"Normalized": 0}}), Some(Info)),
            (asff, json!({"Severity": {"Normalized": 39}}), Some(Low)),
            (asff, json!({"Severity": {"Normalized": 69}}), Some(Medium)),
            (asff, json!({"Severity": {"Normalized": 70}}), Some(High)),
            (asff, json!({"Severity": {"Normalized": 90, "Product": 9}}), Some(Critical)),
            (ocsf, json!({"severity_id": 1}), Some(Info)),
            (ocsf, json!({"severity_id": 4, "severity": "Low"}), Some(High)),
            (ocsf, json!({"severity_id": 6}), Some(Critical)),
            (ocsf, json!({"severity_id": 99, "severity": "Critical"}), Some(Critical)),
            (ocsf, json!({"severity_id": 0, "severity": "Unknown"}), None),
            (elastic, json!({"kibana.alert.severity": "high", "kibana.alert.risk_score": 21}), Some(High)),
            (elastic, json!({"kibana": {"alert": {"risk_score": 21}}}), Some(Low)),
            (elastic, json!({"kibana.alert.risk_score": 73.5}), Some(High)),
            (jumpcloud_alert, json!({"data": {"priority": "Medium"}}), Some(Medium)),
            (none, json!({"severity": "critical"}), None),
        ];
        for (read, finding, expected) in cases {
            assert_eq!(read(&finding), expected, "{finding}");
        }
        assert!(Info < Low && Low < Medium && Medium < High && High < Critical);
    }
}
