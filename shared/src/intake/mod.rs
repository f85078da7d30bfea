//! From an event's JSON to checked [`Work`].
//!
//! `json` reads it, `envelope` opens what AWS puts around an alert, `alert` finds what is asked for in it: `formats` knows where
//! each kind of finding names its target, `target` reads it there with what `names` and `principal` know of names and `trust` of
//! whose count. `direct` is the strict form for everything that is written for us. `work` is what comes out.
//! `instruction` is as strict for what sets the guard rails.
//! `whether` it is acted on: `state` (is it an open finding), `time` (how old), `dry_run`. `severity` says how bad it is.

mod alert;
mod bounds;
mod direct;
mod dry_run;
mod envelope;
mod finding;
mod formats;
mod instruction;
mod json;
mod names;
mod places;
mod principal;
mod settings;
mod severity;
mod state;
mod target;
mod time;
mod trust;
mod whether;
mod work;

use aws_lambda_events::sqs::SqsMessage;
use serde::Deserialize;
use serde_json::Value;

#[cfg(test)]
pub(crate) use self::direct::fields;
#[cfg(test)]
pub(crate) use self::formats::reference;
#[cfg(test)]
pub(crate) use self::instruction::COMMON;
pub use self::instruction::{Fields, Instruction};
use self::{
    alert::Reading,
    envelope::{Alert, Envelope},
    json::Json,
    target::Wanted,
    work::{refusal, several, to_run},
};
pub use self::{
    settings::Settings,
    work::{Arrival, Intake, Record, Todo, Wants, Work},
};
use crate::{
    error::{Error, ErrorType::InvalidInput},
    organizations::Origin,
    request::{DIRECT, Name, RequestInfo, Target, TargetType},
};

impl Settings {
    /// Reads an event of any shape. In a batch, what is wrong with one record is that record's error. Whatever comes out
    /// of it is safe (see `bounds`) to be shown.
    pub fn read(&self, event: &str, wants: Wants, arrival: &Arrival) -> Intake {
        match (Reading { settings: self, wants, arrival, origin: Origin::Elsewhere }).event(event) {
            Intake::One(work) => Intake::One(Box::new(bounds::safe(*work))),
            Intake::Several(work) => Intake::Several(work.into_iter().map(bounds::safe).collect()),
            Intake::Batch(mut records) => {
                for record in &mut records {
                    record.work = record.work.drain(..).map(bounds::safe).collect();
                }
                Intake::Batch(records)
            }
        }
    }

    /// Whom or what each finding of `body` names, whatever its state and its age.
    ///
    /// # Errors
    /// `Unsupported` where no name counts; `InvalidInput` where a name cannot be read.
    pub fn whom(&self, body: &Value, target_type: TargetType) -> Result<Vec<Target>, Error> {
        let Some(format) = formats::recognise(body) else { return Ok(Vec::new()) };
        let whom = |(path, finding): (String, &Value)| {
            let wanted = Wanted { target_type, places: format.places(), trust: &self.trust };
            target::whom(finding, &path, wanted).transpose()
        };
        format.findings(body).into_iter().filter_map(whom).collect()
    }
}

impl Reading<'_> {
    fn event(self, event: &str) -> Intake {
        let arrival = self.arrival;
        let refused = |info, error| Intake::One(Box::new(refusal(info, error)));
        let json = match Json::parse(event) {
            Ok(json) => json,
            Err(error) => return refused(arrival.info(), error),
        };
        let account = envelope::account(json.value()).map(str::to_owned);
        let reading = Reading { origin: account.as_deref().map_or(Origin::Elsewhere, Origin::Account), ..self };
        let RequestInfo { request_id, organization, dry_run, .. } = reading.info();
        let info = RequestInfo { request_id, organization, dry_run, ..json.origin() };
        let read = json.unambiguous().and_then(|json| reading.open(json, event.len()));
        read.unwrap_or_else(|error| refused(info, error))
    }

    fn open(self, event: Value, bytes: usize) -> Result<Intake, Error> {
        let Self { wants, arrival, .. } = self;
        match envelope::open(event)? {
            Envelope::Direct(event) => {
                let direct = direct::decode(&event, wants)?;
                let organization = self.settings.organizations.asked(direct.organization.as_deref())?;
                let dry_run = arrival.dry_run | dry_run::asked(&event);
                let info = RequestInfo { organization, event_source: DIRECT.to_owned(), dry_run, ..arrival.info() };
                let info = direct.describe(info);
                Ok(Intake::One(Box::new(to_run(Name { source: None, ..direct.name }.into(), info))))
            }
            Envelope::Alert(alert) => {
                bounds::bytes(bytes)?;
                let mut work = self.alert(alert)?;
                match work.len() {
                    1 => Ok(Intake::One(Box::new(work.remove(0)))),
                    _ if wants.mutating => Ok(Intake::Several(work)),
                    _ => Ok(Intake::One(Box::new(several(work, wants)))),
                }
            }
            Envelope::Batch(event) => {
                let beside = event.as_object().into_iter().flatten().filter(|(name, _)| *name != "Records");
                let beside = beside.map(|(name, value)| (name.clone(), value.clone())).collect();
                let dry_run = arrival.dry_run | dry_run::asked(&Value::Object(beside));
                let reading = Reading { arrival: &Arrival { dry_run, ..arrival.clone() }, ..self };
                let records = event["Records"].as_array().into_iter().flatten().enumerate();
                Ok(Intake::Batch(records.map(|(index, record)| reading.record(index, record)).collect()))
            }
        }
    }

    fn record(self, index: usize, record: &Value) -> Record {
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let queue = text("eventSourceARN");
        let fifo = queue.ends_with(".fifo");
        let redriven = self.settings.redrive_queue.as_deref() == Some(&queue);
        let origin = Origin::Queue(&queue);
        let reading = Reading { arrival: &Arrival { redriven, ..self.arrival.clone() }, origin, ..self };
        let group = record["attributes"]["MessageGroupId"].as_str().filter(|_| fifo).map(str::to_owned);
        let work = SqsMessage::deserialize(record)
            .map_err(|_| InvalidInput.error("the record is not an SQS record"))
            .and_then(|message| {
                bounds::bytes(message.body.as_ref().map_or(0, String::len))?;
                envelope::open_message(index, message)
            })
            .map(|alert| Alert { dry_run: alert.dry_run | dry_run::asked(record), ..alert })
            .and_then(|alert| reading.alert(alert));
        let message_id = text("messageId");
        let work = work.unwrap_or_else(|error| {
            let event_source = "aws:sqs".to_owned();
            vec![refusal(RequestInfo { event_id: Some(message_id.clone()), event_source, ..reading.info() }, error)]
        });
        Record { message_id, group, work }
    }
}
