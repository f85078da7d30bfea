//! An event that has no target: one that sets the guard rails, or checks the connection. Only a direct one: what raises alerts must
//! not be able to turn the rails off.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::{
    bounds,
    direct::{self, printable},
    dry_run,
    envelope::{self, Envelope},
    json::Json,
    work::Arrival,
};
use crate::{
    error::{Error, ErrorType::InvalidInput},
    organizations::Organizations,
    request::{DIRECT, RequestInfo},
};

/// What every such event may say beside its action.
pub(crate) const COMMON: [&str; 5] = ["organization", "dry_run", "reason", "correlation", "by"];

/// An event, read as far as that can be done without knowing the actions.
pub struct Instruction {
    /// Who asked, and why; as far as it could be read.
    pub info: RequestInfo,
    /// The event's fields, or why there are none.
    pub fields: Result<Fields, Error>,
}

impl Instruction {
    /// Reads `event`, which is about one of `organizations` or all, where it is clear which there are. Whatever comes out of it as
    /// `info` is safe to be shown.
    pub fn read(event: &str, arrival: &Arrival, organizations: Option<&Organizations>) -> Self {
        let json = match Json::parse(event) {
            Ok(json) => json,
            Err(error) => return Self { info: arrival.info(), fields: Err(error) },
        };
        let origin = RequestInfo { request_id: arrival.request_id.clone(), dry_run: arrival.dry_run, ..json.origin() };
        let (info, fields) = match json.unambiguous().and_then(|event| described(event, arrival, organizations)) {
            Ok((info, fields)) => (info, Ok(fields)),
            Err(error) => (origin, Err(error)),
        };
        Self { info: bounds::safe_info(info), fields }
    }
}

fn described(
    event: Value,
    arrival: &Arrival,
    organizations: Option<&Organizations>,
) -> Result<(RequestInfo, Fields), Error> {
    let Envelope::Direct(event) = envelope::open(event)? else {
        return Err(InvalidInput.error(
            "this function takes direct events only, not EventBridge, SNS, SQS or an alert; nothing was done; invoke the function itself",
        ));
    };
    let dry_run = arrival.dry_run | dry_run::asked(&event);
    let Value::Object(object) = event else {
        return Err(InvalidInput.error("the event must be one JSON object; nothing was done"));
    };
    let fields = Fields(object);
    fields.flag("dry_run")?;
    let correlation = fields.0.get("correlation").cloned();
    correlation.as_ref().map_or(Ok(()), bounds::correlation)?;
    let (reason, by) = (fields.text("reason")?, fields.text("by")?);
    let event_source = DIRECT.to_owned();
    let organization = match (fields.text("organization")?, fields.flag("all_organizations")?) {
        (None, true) => None,
        (Some(_), true) => {
            return Err(invalid("`organization` and `all_organizations` contradict each other"));
        }
        (name, false) => organizations.map(|these| these.asked(name.as_deref())).transpose()?.flatten(),
    };
    Ok((RequestInfo { organization, event_source, dry_run, reason, by, correlation, ..arrival.info() }, fields))
}

/// An object's fields, in either spelling (`host_id`, `hostId`). As in other direct events, null counts as absent.
pub struct Fields(Map<String, Value>);

impl Fields {
    /// One line of text.
    pub fn text(&self, name: &str) -> Result<Option<String>, Error> {
        self.get(name)?.map(|value| direct::text(name, value)).transpose()
    }

    /// True or false; false where it is not there.
    pub fn flag(&self, name: &str) -> Result<bool, Error> {
        direct::flag(&self.0, name, &camel(name))
    }

    /// A whole number.
    pub fn number(&self, name: &str, allowed: RangeInclusive<i64>) -> Result<Option<i64>, Error> {
        let Some(value) = self.get(name)? else { return Ok(None) };
        let number = value.as_i64().filter(|number| allowed.contains(number));
        let (least, most) = allowed.into_inner();
        let wrong = || invalid(&format!("`{name}` must be a whole number from {least} to {most}"));
        number.map(Some).ok_or_else(wrong)
    }

    /// The fields of an object.
    pub fn object(&self, name: &str) -> Result<Option<Self>, Error> {
        let Some(value) = self.get(name)? else { return Ok(None) };
        let object = value.as_object().ok_or_else(|| invalid(&format!("`{name}` must be an object")))?;
        Ok(Some(Self(object.clone())))
    }

    /// Those of `names` that are there.
    pub fn given<'n>(&self, names: &[&'n str]) -> Result<Vec<&'n str>, Error> {
        let mut given = Vec::new();
        for name in names {
            given.extend(self.get(name)?.map(|_| *name));
        }
        Ok(given)
    }

    /// Refuses what is neither among `names` nor, in the event itself, what each event may say.
    pub fn only(&self, names: &[&str], what: &str) -> Result<(), Error> {
        let known = |field: &str| names.iter().any(|name| field == *name || field == camel(name));
        let Some(unknown) = self.0.keys().find(|field| !known(field)) else { return Ok(()) };
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        Err(invalid(&format!("unknown field `{}` in {what}, which may have {}", printable(unknown), names.join(", "))))
    }

    /// The same for the event itself, which may also say what each event may.
    pub fn only_with_common(&self, names: &[&str], what: &str) -> Result<(), Error> {
        self.only(&[names, &COMMON].concat(), what)
    }

    fn get(&self, name: &str) -> Result<Option<&Value>, Error> {
        Ok(direct::field(&self.0, name, &camel(name))?.map(|(_, value)| value))
    }
}

fn invalid(what: &str) -> Error {
    InvalidInput.error(format!("{what}; nothing was done"))
}

/// `host_id` as `hostId`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| camel + &word[..1].to_uppercase() + &word[1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{intake::Arrival, vars::Vars};
    use serde_json::json;

    fn read(event: &str) -> Instruction {
        let arrival = Arrival {
            request_id: "r-1".to_owned(),
            dry_run: false,
            now: chrono::DateTime::UNIX_EPOCH,
            redriven: false,
        };
        Instruction::read(event, &arrival, Some(&Organizations::from_vars(&Vars(&|_| None)).unwrap()))
    }

    #[test]
    fn what_every_event_may_say_is_read() {
        let event = json!({"show": true, "dryRun": true, "reason": " INC-9 ", "by": "anna", "correlation": {"a": 1}});
        let Instruction { info, fields } = read(&event.to_string());
        assert_eq!((info.dry_run, info.is_direct(), info.reason.as_deref()), (true, true, Some("INC-9")));
        assert_eq!((info.by.as_deref(), info.correlation), (Some("anna"), Some(json!({"a": 1}))));
        assert!(fields.unwrap().flag("show").unwrap());
    }

    #[test]
    fn only_a_direct_event_is_read() {
        let inside = json!({"switch": "off", "reason": "INC-9"});
        let text = inside.to_string();
        for event in [
            json!({"version": "0", "id": "a", "detail-type": "Alert", "source": "test", "time": "2026-11-24T12:00:00Z", "account": "1",
                "region": "us-east-1", "resources": [], "detail": inside}),
            sandbox::events::batch([sandbox::events::record("m-1", &text)]),
            json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": "arn:aws:sns:a", "Sns": {
                "Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:a", "Message": text, "Timestamp": "2026-11-24T12:00:00Z",
                "SignatureVersion": "1", "Signature": "x", "SigningCertUrl": "https://x", "UnsubscribeUrl": "https://x", "MessageAttributes": {}}}]}),
        ] {
            let error = read(&event.to_string()).fields.err().unwrap();
            assert_eq!(error.error_type, InvalidInput);
            assert!(error.message.contains("direct events only"), "{error}");
        }
    }

    #[test]
    fn what_is_unclear_is_refused_by_field_and_not_by_value() {
        for event in [
            r#"{"show": true, "show": false, "reason": "SECRET"}"#,
            r#"{"show": true, "dry_run": "SECRET"}"#,
            r#"{"show": true, "dry_run": true, "dryRun": true}"#,
            r#"{"show": true, "reason": ["SECRET"]}"#,
            r#"{"show": true, "by": "SECRET\u202e"}"#,
            r#"["SECRET"]"#,
            "SECRET",
        ] {
            let error = read(event).fields.err().unwrap();
            assert_eq!(error.error_type, InvalidInput, "{event}");
            assert!(!error.message.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn unknown_fields_are_named_with_the_allowed_ones() {
        let fields = read(r#"{"allOrganizations": true, "swich": "off"}"#).fields.ok().unwrap();
        let error = fields.only_with_common(&["switch", "all_organizations"], "the event").unwrap_err();
        for name in ["`swich`", "`switch`", "`all_organizations`", "`dry_run`", "`reason`", "`correlation`", "`by`"] {
            assert!(error.message.contains(name), "{name} in {error}");
        }
        assert!(fields.flag("all_organizations").unwrap());
        assert!(fields.number("swich", 1..=2).is_err() && fields.object("swich").is_err());
    }
}
