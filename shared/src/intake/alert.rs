//! What an alert asks for: each finding that is open, and the one target that it names.

use serde_json::{Value, json};

use super::{
    bounds, direct,
    envelope::Alert,
    finding::first,
    formats::{self, Parsed},
    settings::Settings,
    target::{self, Wanted},
    whether::times,
    work::{Arrival, Wants, Work, ignored, not_found, refusal, to_run},
};
use crate::{
    error::{
        Error,
        ErrorType::{InvalidInput, Unsupported},
    },
    organizations::{Alias, Origin},
    outcome::Ignored,
    request::{Name, RequestInfo, Target},
    text::removed,
};

/// So many targets of one alert a question is answered about.
const MAX_ASKED: usize = 100;

/// An event being read: how, for which playbook, and when.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) settings: &'a Settings,
    pub(super) wants: Wants,
    pub(super) arrival: &'a Arrival,
    /// Where AWS says that the event, or the record, comes from.
    pub(super) origin: Origin<'a>,
}

impl Reading<'_> {
    /// What is known before anything of an alert is read.
    pub(super) fn info(self) -> RequestInfo {
        RequestInfo { organization: self.organization().ok().flatten(), ..self.arrival.info() }
    }

    /// Whose alert it is.
    fn organization(self) -> Result<Option<Alias>, Error> {
        self.settings.organizations.of(self.origin)
    }

    pub(super) fn alert(self, alert: Alert) -> Result<Vec<Work>, Error> {
        let Self { settings, wants, arrival, .. } = self;
        bounds::entries(&alert.body)?;
        let format = formats::recognise(&alert.body);
        let whole = vec![(String::new(), &alert.body)];
        let mut findings = format.map_or_else(|| whole.clone(), |format| format.findings(&alert.body));
        if let Some(reason) = settings.set_aside(format, &mut findings, wants) {
            let all = format.map(|format| format.findings(&alert.body)).unwrap_or_default();
            let info = described(alert.info(self), format, all.get(..1).unwrap_or_default());
            return Ok(vec![ignored(info, wants, reason)]);
        }
        if let Err(error) = self.organization() {
            return Ok(vec![refusal(described(alert.info(self), format, &findings), error)]);
        }
        let all = findings.clone();
        let (findings, places) = match (settings.paths_instead(wants.target_type, format), format) {
            (Some(places), None) if !direct::is_plain(&alert.body, wants) => {
                if !wants.takes_findings {
                    return Ok(vec![ignored(alert.info(self), wants, Ignored::NotForFindings)]);
                }
                settings.take_unknown(wants)?;
                (whole, places)
            }
            (_, None) => return self.plain(&alert).map(|work| vec![work]),
            (Some(places), Some(_)) => (whole, places),
            (None, Some(format)) => (findings, format.places()),
        };
        // A workflow's; the finding's id goes beside it.
        let correlation = alert.body.get("correlation").filter(|correlation| correlation.is_object());
        let most = if wants.mutating { settings.max_targets } else { MAX_ASKED };
        let mut work: Vec<(Target, RequestInfo)> = Vec::new();
        for (path, finding) in findings {
            // Where TARGET_PATHS look at all of the alert, all its findings are meant.
            let of = if settings.target_paths.is_some() { all.clone() } else { vec![(path.clone(), finding)] };
            let times = times(&alert, format, &of);
            let path = format!("{}{path}", alert.path);
            let target = match target::whom(
                finding,
                &path,
                Wanted { target_type: wants.target_type, places, trust: &settings.trust },
            ) {
                Ok(Some(target)) => target,
                Ok(None) => continue,
                Err(error) if error.error_type == Unsupported && !wants.mutating => {
                    return Ok(vec![not_found(described(alert.info(self), format, &of), error.message, wants)]);
                }
                Err(error) => return Ok(vec![refusal(described(alert.info(self), format, &of), error)]),
            };
            if let Some((known, _)) = work.iter_mut().find(|(known, _)| target::share_a_name(known, &target)) {
                target::merge(known, target);
                continue;
            }
            let info = RequestInfo { correlation: correlation.cloned(), ..alert.info(self) };
            let info = described(info, format, &of);
            match settings.fresh(&times, wants, arrival) {
                Ok(event_time) => work.push((target, RequestInfo { event_time, ..info })),
                Err(error) => return Ok(vec![refusal(info, error)]),
            }
            if work.len() > most {
                return Err(too_many(work.iter().map(|(target, _)| target), most));
            }
        }
        let mut work: Vec<Work> = work.into_iter().map(|(target, info)| to_run(target, info)).collect();
        if work.is_empty() {
            let nobody = format!(
                "the {} names no {}; nothing was done; looked at: {}; machine accounts and placeholders do not count",
                format.map_or("alert".to_owned(), |format| format!("{} finding", format.format.name)),
                wants.target_type.word(),
                places.looked_at(wants.target_type)
            );
            let info = RequestInfo { correlation: correlation.cloned(), ..alert.info(self) };
            let info = described(info, format, &all);
            work.push(match wants.mutating {
                true => refusal(info, InvalidInput.error(nobody)),
                false => not_found(info, nobody, wants),
            });
        }
        Ok(work)
    }

    /// A direct event in an envelope.
    fn plain(self, alert: &Alert) -> Result<Work, Error> {
        let Self { settings, wants, arrival, .. } = self;
        let direct = direct::decode(&alert.body, wants)?.in_an_alert()?;
        if let Some(name) = &direct.organization
            && settings.organizations.asked(Some(name))? != self.organization()?
        {
            return Err(InvalidInput.error(
                "`organization` names another one than that of the account or queue that the event comes from; nothing was done",
            ));
        }
        let event_time = settings.fresh(&alert.times, wants, arrival)?;
        let info = direct.describe(RequestInfo { event_time, ..alert.info(self) });
        let source = direct.name.source.map(|field| format!("{}/{field}", alert.path));
        Ok(to_run(Name { source, ..direct.name }.into(), info))
    }
}

impl Alert {
    fn info(&self, reading: Reading<'_>) -> RequestInfo {
        let dry_run = reading.arrival.dry_run | self.dry_run;
        RequestInfo { event_source: self.source.clone(), event_id: self.id.clone(), dry_run, ..reading.info() }
    }
}

/// `info` with the finding's id, title and severity, where a person or a log query looks for them, if it is about one.
fn described(mut info: RequestInfo, format: Option<&Parsed>, findings: &[(String, &Value)]) -> RequestInfo {
    let (Some(format), [(_, finding)]) = (format.map(|parsed| parsed.format), findings) else { return info };
    let text = |pointers| first(finding, pointers).and_then(Value::as_str);
    if let Some(id) = text(format.id) {
        info.correlation.get_or_insert_with(|| json!({}))["finding_id"] = json!(id);
    }
    let shown = |title| removed(title).chars().take(direct::MAX_TEXT).collect();
    info.reason = text(format.title).map(shown);
    info.severity = (format.severity)(finding);
    info
}

/// More targets than an alert may have.
fn too_many<'a>(targets: impl Iterator<Item = &'a Target>, most: usize) -> Error {
    let sources: Vec<&str> = targets.take(10).filter_map(|target| target.name.source.as_deref()).collect();
    InvalidInput.error(format!(
        "the alert names more targets ({}, ...) than the {most} that MAX_TARGETS_PER_ALERT or a question allows; nothing was done; send one finding per event",
        sources.join(", ")
    ))
}
