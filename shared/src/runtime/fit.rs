//! An outcome that whoever asked can be given.

use serde::Serialize;
use serde_json::Value;

use crate::{
    markdown,
    outcome::{Access, Advisory, AdvisoryCode, Outcome, Truncated},
};

/// The largest outcome, in bytes. Step Functions refuses 256 KiB, after the change was made, and puts an envelope around it.
const MAX_OUTCOME: usize = 200_000;

/// Writes the Markdown, and cuts the longest lists until everything fits. What was cut is said, with its numbers.
pub(super) fn finish(outcome: &mut Outcome) {
    loop {
        outcome.markdown = markdown::render(outcome);
        if size(outcome) <= MAX_OUTCOME || !cut(outcome) {
            return;
        }
        say_what_is_missing(outcome);
    }
}

fn size(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}

/// Cuts the longest list by half. Whether there was one. The ways in follow from the facts: they are cut before a list of facts that
/// is up to twice as long.
fn cut(outcome: &mut Outcome) -> bool {
    let mut lists: Vec<(String, &mut Vec<Value>)> = Vec::new();
    for (name, facts) in [("user", &mut outcome.user), ("host", &mut outcome.host), ("rails", &mut outcome.rails)] {
        facts.iter_mut().for_each(|facts| collect(name, facts, &mut lists));
    }
    let longest = lists.into_iter().map(|(name, list)| (size(list), name, list)).max_by_key(|(size, ..)| *size);
    let devices = outcome.access.iter().filter(|way| way.host_id.is_some()).count();
    let ways = if devices == 0 { 0 } else { 2 * size(&outcome.access) };
    let others = size(&outcome.advisories).max(size(&outcome.candidates)).max(ways);
    let (name, before, after) = match longest {
        Some((size, name, list)) if size > others => (name, list.len(), halve(list)),
        _ if ways > 0 && ways == others => {
            ("access".to_owned(), outcome.access.len(), halve_devices(&mut outcome.access))
        }
        _ if size(&outcome.advisories) > size(&outcome.candidates) => {
            ("advisories".to_owned(), outcome.advisories.len(), halve_most_frequent(&mut outcome.advisories))
        }
        _ => ("candidates".to_owned(), outcome.candidates.len(), halve(&mut outcome.candidates)),
    };
    match outcome.truncated.iter_mut().find(|cut| cut.list == name) {
        Some(cut) => cut.shown = after,
        None => outcome.truncated.push(Truncated { list: name, shown: after, total: Some(before) }),
    }
    after < before
}

/// The lists in `value`, by name; not those within lists.
fn collect<'a>(name: &str, value: &'a mut Value, lists: &mut Vec<(String, &'a mut Vec<Value>)>) {
    match value {
        Value::Array(list) => lists.push((name.to_owned(), list)),
        Value::Object(fields) => {
            fields.iter_mut().for_each(|(field, value)| collect(&format!("{name}.{field}"), value, lists));
        }
        _ => {}
    }
}

fn halve<T>(list: &mut Vec<T>) -> usize {
    list.truncate(list.len() / 2);
    list.len()
}

/// Keeps the first half of the devices, which are the worse, and all other ways.
fn halve_devices(ways: &mut Vec<Access>) -> usize {
    let devices = ways.iter().filter(|way| way.host_id.is_some()).count();
    let mut seen = 0;
    ways.retain(|way| {
        seen += usize::from(way.host_id.is_some());
        way.host_id.is_none() || seen <= devices / 2
    });
    ways.len()
}

/// Keeps the first half of the advisories that there are most of, and all others: each code says something of its own.
fn halve_most_frequent(advisories: &mut Vec<Advisory>) -> usize {
    let count = |code| advisories.iter().filter(|advisory| advisory.code == code).count();
    let Some((most, code)) = AdvisoryCode::ALL.iter().map(|code| (count(*code), *code)).max_by_key(|(count, _)| *count)
    else {
        return advisories.len();
    };
    let mut seen = 0;
    advisories.retain(|advisory| {
        seen += usize::from(advisory.code == code);
        advisory.code != code || seen <= most / 2
    });
    advisories.len()
}

/// For who reads the lists of users, devices and groups and not what was cut.
fn say_what_is_missing(outcome: &mut Outcome) {
    for (list, code) in [
        ("user.devices", AdvisoryCode::DevicesIncomplete),
        ("host.users", AdvisoryCode::UsersIncomplete),
        ("user.groups", AdvisoryCode::GroupsIncomplete),
        ("host.groups", AdvisoryCode::GroupsIncomplete),
        ("user.events", AdvisoryCode::EventsIncomplete),
        ("host.events", AdvisoryCode::EventsIncomplete),
        ("user.sessions", AdvisoryCode::SessionsIncomplete),
        ("host.sessions", AdvisoryCode::SessionsIncomplete),
    ] {
        let Some(cut) = outcome.truncated.iter().find(|cut| cut.list == list) else { continue };
        let of = cut.total.map_or_else(|| "more".to_owned(), |total| total.to_string());
        let message = format!(
            "Not all are listed here: the answer has room for {} of {of} ({list}); see the Admin Portal.",
            cut.shown
        );
        outcome.advisories.retain(|advisory| advisory.code != code);
        outcome.advisories.insert(0, Advisory::new(code, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        outcome::{AccessState, Candidate, OutcomeTarget, WayIn},
        request::{By, TargetType},
    };
    use serde_json::json;

    fn outcome() -> Outcome {
        let target = OutcomeTarget {
            target_type: TargetType::User,
            id: None,
            name: "jsmith".to_owned(),
            matched_by: By::User,
            source: None,
        };
        Outcome::new(target, "x")
    }

    fn finished(mut outcome: Outcome) -> Outcome {
        finish(&mut outcome);
        assert!(size(&outcome) <= MAX_OUTCOME, "{} bytes", size(&outcome));
        outcome
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        let devices: Vec<Value> = (0..200).map(|number| json!({"id": number, "hostname": "x".repeat(500)})).collect();
        let outcome = finished(outcome().with_facts(TargetType::User, json!({"devices": devices})));
        assert_eq!(outcome.user, Some(json!({"devices": devices})));
        assert_eq!((outcome.truncated.len(), outcome.advisories.len()), (0, 0));
    }

    #[test]
    fn the_longest_list_is_cut_and_said() {
        let devices: Vec<Value> = (0..1000).map(|number| json!({"id": number, "hostname": "x".repeat(500)})).collect();
        let groups = json!([{"name": "VPN"}]);
        let facts = json!({"username": "jsmith", "devices": devices, "groups": groups});
        let outcome = finished(outcome().with_facts(TargetType::User, facts));
        let user = outcome.user.unwrap();
        let cut = Truncated { list: "user.devices".to_owned(), shown: 250, total: Some(1000) };
        assert_eq!(outcome.truncated, [cut]);
        assert_eq!((user["devices"].as_array().unwrap().len(), &user["groups"]), (250, &groups));
        assert_eq!(user["devices"][249]["id"], 249);
        assert_eq!(outcome.advisories.len(), 1);
        assert!(outcome.advisories[0].message.contains("250 of 1000"), "{:?}", outcome.advisories);
        assert!(outcome.markdown.contains("user.devices: the first 250 of 1000"), "{}", outcome.markdown);
    }

    #[test]
    fn of_many_advisories_each_code_stays() {
        let many = (0..1000).map(|_| Advisory::new(AdvisoryCode::NewPasswordAtLoginWindow, "x".repeat(500)));
        let last = Advisory::new(AdvisoryCode::MfaWillBeAsked, "y");
        let outcome = finished(Outcome { advisories: many.chain([last.clone()]).collect(), ..outcome() });
        assert_eq!(outcome.advisories.last(), Some(&last));
        let cut = Truncated { list: "advisories".to_owned(), shown: 251, total: Some(1001) };
        assert_eq!(outcome.truncated, [cut]);
    }

    #[test]
    fn of_the_ways_in_the_worst_devices_stay_and_all_that_are_none() {
        let way = |way, host_id: Option<String>, state| Access {
            way,
            host_id,
            host: None,
            state,
            evidence: "x".repeat(300),
            to_do: None,
        };
        let device = |number: usize| {
            let state = if number < 10 { AccessState::Open } else { AccessState::Unknown };
            way(WayIn::Device, Some(number.to_string()), state)
        };
        let first = way(WayIn::Password, None, AccessState::Closed);
        let last = way(WayIn::Device, None, AccessState::Unknown);
        let ways = [first.clone()].into_iter().chain((0..1000).map(device)).chain([last.clone()]);
        let facts = json!({"devices": vec!["x".repeat(100); 1000]});
        let outcome =
            finished(Outcome { access: ways.collect(), ..outcome() }.with_facts(TargetType::User, facts.clone()));
        let cut = Truncated { list: "access".to_owned(), shown: 127, total: Some(1002) };
        assert_eq!(outcome.truncated, [cut]);
        assert_eq!((&outcome.access[0], outcome.access.last(), &outcome.access[10]), (&first, Some(&last), &device(9)));
        assert_eq!(outcome.user, Some(facts));
        assert!(outcome.markdown.contains("access: the first 127 of 1002"), "{}", outcome.markdown);
        assert!(outcome.markdown.contains("\n\nand 102 more"), "{}", outcome.markdown);
    }

    #[test]
    fn any_list_can_be_cut() {
        let candidates = (0..1000).map(|_| Candidate { id: None, name: "x".repeat(500), os: None }).collect();
        let cut = finished(Outcome { candidates, ..outcome() });
        assert_eq!(cut.truncated[0].list, "candidates");
        let names = vec!["x".repeat(400_000)];
        let cut = finished(outcome().with_facts(TargetType::User, json!({"admin": {"role_names": names}})));
        assert_eq!(cut.truncated, [Truncated { list: "user.admin.role_names".to_owned(), shown: 0, total: Some(1) }]);
    }
}
