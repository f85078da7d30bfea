//! What a replay comes to.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::terminal::{
    print::status_word,
    records::Run,
    style::{Page, Tone, cut},
    table,
};

/// This many of the messages of one error are given.
const EXAMPLES: usize = 3;
/// Two lines of a message are given.
const MAX_WHY: usize = 135;
/// This many of those that are hit most are given.
const MOST_HIT: usize = 5;
/// From this many alerts on an entry is suggested: automation that meets somebody so often is either right or wrong each time.
const OFTEN: usize = 3;
/// The largest value of a limit.
const MAX_LIMIT: usize = 1000;

/// What became of all alerts.
#[derive(Debug, Serialize)]
pub struct Report {
    alerts: usize,
    from: Option<String>,
    to: Option<String>,
    playbooks: Vec<OfPlaybook>,
    limits: Option<Limits>,
    most_hit: Vec<Hit>,
}

/// What one playbook would have done.
#[derive(Debug, Serialize)]
pub struct OfPlaybook {
    playbook: String,
    results: Vec<Results>,
    targets: usize,
    without_time: usize,
    peak_per_hour: Option<Peak>,
    peak_per_day: Option<Peak>,
    #[serde(skip)]
    hits: Vec<(String, String, String)>,
    #[serde(skip)]
    times: Vec<DateTime<Utc>>,
}

#[derive(Debug, Serialize)]
struct Results {
    result: String,
    count: usize,
    why: Vec<(String, usize)>,
}

/// The most distinct targets in an hour or a day of UTC, as the limits count them.
#[derive(Debug, Serialize)]
struct Peak {
    targets: usize,
    from: String,
}

#[derive(Debug, Serialize)]
struct Limits {
    #[serde(rename = "MAX_TARGETS_PER_HOUR")]
    hour: usize,
    #[serde(rename = "MAX_TARGETS_PER_DAY")]
    day: usize,
}

#[derive(Debug, Serialize)]
struct Hit {
    #[serde(rename = "type")]
    target_type: String,
    id: String,
    name: String,
    alerts: usize,
    entry: Option<String>,
}

impl OfPlaybook {
    pub(super) fn new(playbook: &str, answers: &[(String, Result<Value, Value>)], runs: &[Run]) -> Self {
        let mut by_result: BTreeMap<String, HashMap<String, usize>> = BTreeMap::new();
        let mut count = |result: &str, why: String| {
            *by_result.entry(result.to_owned()).or_default().entry(why).or_default() += 1;
        };
        for run in runs {
            count(run.result(), run.error().or(run.ignored()).unwrap_or_default().to_owned());
        }
        let known: HashSet<&str> = runs.iter().map(Run::request_id).collect();
        // What left no line of its own: the process ended, or the time ran out.
        for (id, answer) in answers {
            if let (Err(error), false) = (answer, known.contains(id.as_str())) {
                let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
                count(&text("errorType"), text("errorMessage"));
            }
        }
        let results = by_result.into_iter().map(|(result, why)| {
            let count = why.values().sum();
            let mut why: Vec<_> = why.into_iter().filter(|(why, _)| !why.is_empty()).collect();
            why.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            Results { result, count, why }
        });
        let mut results: Vec<Results> = results.collect();
        results.sort_by_key(|results| (order(&results.result), usize::MAX - results.count));

        let acts: Vec<&Run> = runs.iter().filter(|run| run.result() == "dry_run").collect();
        let time = |run: &Run| DateTime::parse_from_rfc3339(run.event_time()?).ok().map(|time| time.to_utc());
        let timed: Vec<_> = acts.iter().filter_map(|run| Some((time(run)?, run.found()?.1))).collect();
        let hits = acts.iter().filter_map(|run| {
            let (target_type, id) = run.found()?;
            Some((target_type.to_owned(), id.to_owned(), run.target().to_owned()))
        });
        let hits: Vec<_> = hits.collect();
        Self {
            playbook: playbook.to_owned(),
            results,
            targets: hits.iter().map(|(_, id, _)| id).collect::<BTreeSet<_>>().len(),
            without_time: acts.len() - timed.len(),
            peak_per_hour: peak(&timed, "%Y-%m-%d %H:00"),
            peak_per_day: peak(&timed, "%Y-%m-%d"),
            hits,
            times: runs.iter().filter_map(time).collect(),
        }
    }

    fn print(&self, page: &mut Page) {
        page.gap();
        page.line(&self.playbook);
        for Results { result, count, why } in &self.results {
            let (tone, word) = status_word(result);
            let told = match result.as_str() {
                "dry_run" => format!("{count} would be carried out, on {}", counted(self.targets, "target")),
                "unchanged" => format!("{count} would find nothing to change"),
                "ignored" => format!("{count} would be ignored"),
                name => format!("{count} {name}"),
            };
            page.headed(tone, word, &told);
            for (why, times) in why.iter().take(EXAMPLES) {
                page.hanging(&format!("     {times:>4}  "), &cut(why, MAX_WHY));
            }
            let others: usize = why.iter().skip(EXAMPLES).map(|(_, times)| times).sum();
            if others > 0 {
                page.line(&format!("     {others:>4}  others (--json has them all)"));
            }
        }
        let peaks = [("hour", &self.peak_per_hour), ("day", &self.peak_per_day)];
        for (unit, peak) in peaks.into_iter().filter_map(|(unit, peak)| Some((unit, peak.as_ref()?))) {
            page.line(&format!("     Peak per {unit}: {}, {} UTC", counted(peak.targets, "target"), peak.from));
        }
        if self.without_time > 0 {
            page.line(&format!("     {} of them without a time, in no peak", self.without_time));
        }
    }
}

/// First what would be done, then what would not, then what went wrong.
fn order(result: &str) -> usize {
    let tones = [Tone::Good, Tone::Warn, Tone::Bad];
    let first = ["dry_run", "unchanged", "ignored"].iter().position(|name| *name == result);
    first.unwrap_or_else(|| 3 + tones.iter().position(|tone| *tone == status_word(result).0).unwrap_or_default())
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The part of the time, named by `format`, with the most distinct targets.
fn peak(timed: &[(DateTime<Utc>, &str)], format: &str) -> Option<Peak> {
    let mut parts: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (time, target) in timed {
        parts.entry(time.format(format).to_string()).or_default().insert(target);
    }
    // The earliest of several: the last that `max_by_key` meets.
    let (from, targets) = parts.into_iter().rev().max_by_key(|(_, targets)| targets.len())?;
    Some(Peak { targets: targets.len(), from })
}

/// Half as much again: what was normal passes, what is twice as much waits for a person.
fn limit(peak: usize) -> usize {
    (peak * 3).div_ceil(2).clamp(1, MAX_LIMIT)
}

impl Report {
    /// Of `alerts` alerts, by playbook.
    pub fn new(alerts: usize, playbooks: Vec<OfPlaybook>) -> Self {
        let times = || playbooks.iter().flat_map(|playbook| &playbook.times);
        let shown = |time: Option<&DateTime<Utc>>| time.map(|time| time.format("%Y-%m-%d %H:%M").to_string());
        let largest = |peak: fn(&OfPlaybook) -> &Option<Peak>| {
            playbooks.iter().filter_map(|playbook| peak(playbook).as_ref()).map(|peak| peak.targets).max()
        };
        let limits = largest(|playbook| &playbook.peak_per_hour).zip(largest(|playbook| &playbook.peak_per_day));
        let mut hits: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
        for (target_type, id, name) in playbooks.iter().flat_map(|playbook| &playbook.hits) {
            *hits.entry((target_type, id, name)).or_default() += 1;
        }
        let mut most_hit: Vec<_> = hits.into_iter().filter(|(_, alerts)| *alerts > 1).collect();
        most_hit.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        most_hit.truncate(MOST_HIT);
        let hit = |((target_type, id, name), alerts): ((&str, &str, &str), usize)| Hit {
            target_type: target_type.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            alerts,
            entry: (alerts >= OFTEN).then(|| format!("{target_type}:{id}=ask")),
        };
        Self {
            alerts,
            from: shown(times().min()),
            to: shown(times().max()),
            limits: limits.map(|(hour, day)| Limits { hour: limit(hour), day: limit(day) }),
            most_hit: most_hit.into_iter().map(hit).collect(),
            playbooks,
        }
    }

    /// For people.
    pub fn print(&self, page: &mut Page) {
        let when = match (&self.from, &self.to) {
            (Some(from), Some(to)) => format!(", {from} to {to} UTC"),
            _ => String::new(),
        };
        page.hanging("", &format!("{} replayed{when}. Dry runs: nothing was done.", counted(self.alerts, "alert")));
        self.playbooks.iter().for_each(|playbook| playbook.print(page));
        if let Some(Limits { hour, day }) = &self.limits {
            page.gap();
            page.line("Limits that let the peak pass and half as much again");
            page.line(&format!("     MAX_TARGETS_PER_HOUR={hour} MAX_TARGETS_PER_DAY={day}"));
        }
        if !self.most_hit.is_empty() {
            page.gap();
            page.line("Hit most");
            let row = |hit: &Hit| vec![hit.name.clone(), counted(hit.alerts, "alert"), hit.id.clone()];
            table::rows(page, &self.most_hit.iter().map(row).collect::<Vec<_>>());
        }
        let entry = |hit: &Hit| Some(vec![hit.entry.clone()?, hit.name.clone()]);
        let entries: Vec<_> = self.most_hit.iter().filter_map(entry).collect();
        if !entries.is_empty() {
            page.gap();
            page.line("Entries for PROTECTED that ask a person first; look at each before you set it");
            table::rows(page, &entries);
        }
    }
}
