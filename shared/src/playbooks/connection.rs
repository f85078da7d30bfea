//! What `check-connection` finds out about JumpCloud, and what follows from it for each playbook. It has a [`Reader`], which
//! cannot write: what only a change would show is said to be unknown.

use std::time::Duration;

use super::actions::{ACTIONS, ALWAYS, Action, ROLE};
use crate::{
    checks::{
        Cause, Check, Needs, Scope,
        Subject::{self, Change, Clock, Key, Organization, Reads, Region, Secret, Speed},
    },
    error::ErrorType::{DeadlineExceeded, SecretUnavailable},
    jumpcloud::{Credential, Hosts, Probed, Reader, Refusal},
    text,
};

/// From here on an answer is slow.
const SLOW: Duration = Duration::from_secs(2);
/// By so many seconds the times may differ.
const MAX_AHEAD: u64 = 60;
/// As JumpCloud's ids, and some room.
const MAX_ORGANIZATION: usize = 64;

/// Checks everything that reading shows.
pub async fn check(reader: &Reader<'_>) -> Vec<Check> {
    let (own, probed) = match reader.credential().await {
        Ok(credential) => (of_secret(&credential), reader.probe_all().await),
        Err(error) if error.error_type == SecretUnavailable => {
            return vec![Check::failed(Secret, Cause::SecretUnavailable, error.message), not_tried(Key)];
        }
        Err(error) if error.error_type == DeadlineExceeded => {
            return vec![Check::failed(Secret, Cause::NotReached, error.message), not_tried(Key)];
        }
        // What comes after the secret: the token of a service account.
        Err(error) => {
            let Refusal { cause, why } = error.into();
            let secret = Check::ok(Secret, "The secret was read and holds a service account.");
            return vec![secret, Check::failed(Key, cause, why)];
        }
    };
    // Again: it may have been renewed meanwhile.
    let credential = reader.credential().await;
    let mut checks = vec![own];
    if let Ok(credential) = credential {
        checks.extend([key(&credential, &probed), organization(&credential, &probed), region(&credential, &probed)]);
    }
    checks.extend([clock(&probed), speed(&probed)]);
    for action in &ACTIONS {
        checks.push(reads(action, &probed));
        checks.extend(action.changes.map(|_| change(action)));
    }
    checks
}

fn not_tried(check: Subject) -> Check {
    Check::unknown(check, "Nothing was asked of JumpCloud without a key.", "Look at the secret first.")
}

fn of_secret(credential: &Credential) -> Check {
    Check::ok(
        Secret,
        format!("The secret was read, at most five minutes ago; calls are made with its {}.", credential.what()),
    )
}

fn refusals(probed: &[Probed]) -> impl Iterator<Item = &Refusal> {
    probed.iter().filter_map(Probed::refusal)
}

/// Whether any answer says that the key is known: a refusal by its role does, too.
fn key(credential: &Credential, probed: &[Probed]) -> Check {
    let what = credential.what();
    let accepted = |ended: &Probed| match &ended.ended {
        Some(Ok(())) => true,
        Some(Err(refusal)) => refusal.cause == Cause::RoleOrScope,
        None => false,
    };
    if probed.iter().any(accepted) {
        return Check::ok(Key, format!("JumpCloud accepts the {what}."));
    }
    match refusals(probed).find(|refusal| refusal.cause == Cause::KeyOrRegion) {
        Some(refusal) => Check::failed(Key, refusal.cause, &refusal.why),
        None => Check::unknown(
            Key,
            "No answer of JumpCloud says whether it accepts the key.",
            "Look at the other checks first.",
        ),
    }
}

/// The id that is configured, and the one that the objects which were read belong to.
fn organization(credential: &Credential, probed: &[Probed]) -> Check {
    let found = probed.iter().find_map(|ended| ended.organization.as_deref());
    let found = found.map(|id| text::shortened(&text::removed(id), MAX_ORGANIZATION).into_owned());
    match (credential.org_id(), found) {
        (Some(own), Some(found)) if own.eq_ignore_ascii_case(&found) => {
            Check::ok(Organization, format!("{found}, as configured, is the organization of what was read."))
        }
        (Some(own), Some(found)) => Check::failed(
            Organization,
            Cause::OtherOrganization,
            format!("{own} is configured, and what was read belongs to {found}."),
        ),
        (None, Some(found)) => {
            Check::ok(Organization, format!("{found} is the organization of what was read; none is configured."))
        }
        (own, None) => {
            let own =
                own.map_or_else(|| "No organization is configured".to_owned(), |own| format!("{own} is configured"));
            Check::unknown(
                Organization,
                format!("{own}, and nothing that was read names one."),
                "Compare the id in the Admin Portal: Settings, Organization Profile.",
            )
        }
    }
}

/// Whether JumpCloud answers at the hosts of the region.
fn region(credential: &Credential, probed: &[Probed]) -> Check {
    let Hosts { api, token, insights } = credential.hosts();
    let [api, token, insights] = [api, token, insights].map(|url| Hosts::name(url));
    let region = credential
        .hosts()
        .region()
        .map_or_else(|| "Not a region's own hosts".to_owned(), |region| format!("Region {}", region.name()));
    let hosts = format!("{region}: {api}, tokens from {token}, events from {insights}.");
    let elsewhere = [Cause::NotReached, Cause::Blocked, Cause::NotJumpCloud, Cause::NotFound, Cause::Unavailable];
    if probed.iter().any(|ended| matches!(ended.ended, Some(Ok(())))) {
        return Check::ok(Region, format!("{hosts} JumpCloud answers there."));
    }
    match refusals(probed).next() {
        Some(refusal) if elsewhere.contains(&refusal.cause) => {
            Check::failed(Region, refusal.cause, format!("{hosts} {}.", refusal.why))
        }
        Some(refusal) if refusal.cause == Cause::RoleOrScope => {
            Check::ok(Region, format!("{hosts} JumpCloud answers there."))
        }
        Some(refusal) if refusal.cause == Cause::KeyOrRegion => Check::unknown(
            Region,
            format!("{hosts} JumpCloud answers there; a key of another region is refused like a wrong one."),
            "Look in which region the organization is: the Admin Portal's address names it.",
        ),
        _ => Check::unknown(Region, hosts, "Look at the other checks first."),
    }
}

fn clock(probed: &[Probed]) -> Check {
    let differences = probed.iter().filter_map(|ended| ended.ahead);
    let Some(seconds) = differences.min_by_key(|seconds| seconds.unsigned_abs()) else {
        return Check::unknown(Clock, "No answer of JumpCloud holds its time.", "Look at the other checks first.");
    };
    let (by, side) = (seconds.unsigned_abs(), if seconds < 0 { "behind" } else { "ahead of" });
    if by > MAX_AHEAD {
        return Check::failed(
            Clock,
            Cause::ClockDiffers,
            format!("JumpCloud's time is {by} s {side} this function's."),
        );
    }
    Check::ok(Clock, format!("JumpCloud's time is within {MAX_AHEAD} s of this function's."))
}

fn speed(probed: &[Probed]) -> Check {
    let answered = probed.iter().filter(|ended| matches!(ended.ended, Some(Ok(()))));
    let count = answered.clone().count();
    let Some(slowest) = answered.max_by_key(|ended| ended.took) else {
        return Check::unknown(Speed, "No read was answered.", "Look at the other checks first.");
    };
    let (took, call) = (slowest.took.as_millis(), slowest.probe.call);
    let evidence = format!("The slowest of {count} reads took {took} ms: {call}.");
    if slowest.took > SLOW { Check::failed(Speed, Cause::Slow, evidence) } else { Check::ok(Speed, evidence) }
}

/// Whether a playbook may read what it reads.
fn reads(action: &Action, probed: &[Probed]) -> Check {
    let its: Vec<(&str, &Probed)> = probed.iter().filter_map(|read| Some((when(action, read)?, read))).collect();
    let (needed, besides): (Vec<_>, Vec<_>) = its.into_iter().partition(|(when, _)| *when == ALWAYS);
    let refused: Vec<(&str, &Refusal)> =
        needed.iter().filter_map(|(_, read)| Some((read.probe.call, read.refusal()?))).collect();
    let not_sent: Vec<&str> =
        needed.iter().filter(|(_, read)| read.ended.is_none()).map(|(_, read)| read.probe.call).collect();
    let count = needed.len();
    let check = if let Some((_, first)) = refused.first() {
        let calls: Vec<&str> = refused.iter().map(|(call, _)| *call).collect();
        let why = format!(
            "{} of {count} reads that each run needs failed ({}): {}.",
            calls.len(),
            calls.join(", "),
            first.why
        );
        Check::failed(Reads, first.cause, why)
    } else if not_sent.is_empty() {
        in_part(Check::ok(Reads, format!("All {count} reads that each run needs are allowed.")), &besides)
    } else {
        let why = format!("No object was found to ask about with {}.", not_sent.join(", "));
        Check::unknown(Reads, why, "Check again when the organization has a user and a device.")
    };
    Check { needs: Some(needs(action)), ..check }.of(action.playbook)
}

/// When a playbook makes a read; `None` for never. Which scope Directory Insights asks for is not known.
fn when(action: &Action, read: &Probed) -> Option<&'static str> {
    if read.probe.about.is_some_and(|about| about != action.about) {
        return None;
    }
    match read.probe.scope {
        Some(scope) => action.scopes.iter().find(|(_, its)| *its == scope).map(|(when, _)| *when),
        None => action.changes.is_none().then_some("optional, with include: events"),
    }
}

/// The same where a read failed that only some runs make.
fn in_part(check: Check, besides: &[(&str, &Probed)]) -> Check {
    let refused = besides.iter().filter_map(|(when, read)| Some((when, read.probe.call, read.refusal()?)));
    refused.fold(check, |check, (when, call, refusal)| {
        let evidence =
            format!("{} Not so {call} ({when}): {}.", check.evidence, refusal.cause.name().replace('_', " "));
        check.in_part(refusal.cause, evidence)
    })
}

fn needs(action: &Action) -> Needs {
    let scopes = action.scopes.iter().map(|(when, scope)| Scope { scope, when });
    Needs { role: ROLE, guide_scopes: action.guide_scopes, scopes: scopes.collect() }
}

/// What only the change itself would show.
fn change(action: &Action) -> Check {
    let what = action.changes.unwrap_or_default().trim_end_matches('.');
    let evidence =
        format!("Whether JumpCloud lets this happen shows only when it is done, and nothing was tried: {what}.");
    Check::unknown(Change, evidence, "Compare the role with `needs` of its reads, and run it once on a test target.")
        .of(action.playbook)
}
