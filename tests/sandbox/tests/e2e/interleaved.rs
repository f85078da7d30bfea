//! Two organizations in one process, and whatever goes wrong with either: nothing of one reaches the other.

use std::collections::BTreeMap;

use sandbox::{
    faults::Fault,
    rehearsal::TIMEOUT,
    seed::JSMITH,
    tenant::{ORG_ID, Recorded, SERVICE_ACCOUNT, TOKEN_PATH, Tenant},
};
use serde_json::{Value, json};

use crate::{
    organizations::{OTHER, Two},
    runs,
};

const INVOCATIONS: u32 = 2_000;
/// The targets of an hour and of a day: those of one organization and one more would be too many.
const LIMIT: [(&str, &str); 2] = [("MAX_TARGETS_PER_HOUR", "3"), ("MAX_TARGETS_PER_DAY", "3")];
/// Whom each organization's events name; the last of `globex` is one too many.
const USERS: [(&str, &[&str]); 2] =
    [("acme", &["jsmith", "adunn"]), ("globex", &["jsmith", "svc-ldap", "kpark", "adunn"])];
const TOKEN: &str = "globex_token_0123456789";

/// `acme` has an API key, `globex` a service account; ids of users are the same in both.
struct World {
    two: Two,
    /// Where the order of things comes from: the same each time.
    seed: u32,
    keys: u32,
    faults: BTreeMap<&'static str, u32>,
}

impl World {
    async fn start() -> Self {
        let two = Two::start().await;
        two.other.become_organization(OTHER, TOKEN);
        let [id, secret] = SERVICE_ACCOUNT;
        let url = two.other.url();
        let account = json!({"client_id": id, "client_secret": secret, "org_id": OTHER, "api_url": url});
        two.rehearsal.secrets.put("jumpcloud/globex/key", &account.to_string());
        let mut world = Self { two, seed: 1, keys: 0, faults: BTreeMap::new() };
        world.rotate();
        world
    }

    fn next(&mut self, below: u32) -> u32 {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.seed >> 16) % below
    }

    /// The credentials of an organization end, and it has others.
    fn rotate(&mut self) {
        self.keys += 1;
        let key = format!("jca_acme_{}", self.keys);
        let tenant = &self.two.rehearsal.tenant;
        tenant.set_key(&key);
        let secret = json!({"api_key": key, "org_id": ORG_ID, "api_url": tenant.url()});
        self.two.rehearsal.secrets.put("jumpcloud/acme/key", &secret.to_string());
    }

    /// What goes wrong next with one of them, if anything does.
    fn disturb(&mut self, alias: &str) {
        let kind = self.next(100);
        let tenant = self.two.tenant(alias);
        let name = match kind {
            0 => {
                tenant.order(Fault::status(429), "GET", "/systemusers/", 1);
                "429"
            }
            1 => {
                tenant.order(Fault::status(503), "PUT", "/systemusers/", 1);
                "5xx"
            }
            2 => {
                tenant.order(Fault::CutAfter, "PUT", "/systemusers/", 1);
                "lost answer"
            }
            3 => {
                tenant.order(Fault::CutBefore, "POST", "/search/", 1);
                "cut"
            }
            4 | 5 if alias == "acme" => {
                self.rotate();
                "401 of a key"
            }
            4 | 5 => {
                tenant.revoke_tokens();
                "401 of a token"
            }
            6 => {
                tenant.kill_connections();
                "dead connections"
            }
            _ => return,
        };
        *self.faults.entry(name).or_default() += 1;
    }
}

/// Whether a request that arrived at an organization is its own: key or token, and organization id.
fn is_own(alias: &str, request: &Recorded) -> bool {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (key, authorization, id) = (header("x-api-key"), header("authorization"), header("x-org-id"));
    match (alias, request.path.as_str()) {
        ("acme", _) => key.starts_with("jca_acme_") && authorization.is_empty() && id == ORG_ID,
        (_, TOKEN_PATH) => key.is_empty() && authorization.starts_with("Basic "),
        _ => key.is_empty() && authorization.starts_with(&format!("Bearer {TOKEN}_")) && id == OTHER,
    }
}

fn suspended(tenant: &Tenant) -> Vec<&'static str> {
    let names = ["jsmith", "adunn", "svc-ldap", "kpark"];
    names.into_iter().filter(|name| tenant.user(name)["state"] == "SUSPENDED").collect()
}

#[tokio::test]
async fn of_two_thousand_invocations_with_faults_none_has_anything_of_the_other() {
    let mut world = World::start().await;
    let function = world.two.function("disable-user", &LIMIT).await;
    let mut ends: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..INVOCATIONS {
        let (alias, users) = USERS[world.next(2) as usize];
        let user = users[world.next(users.len() as u32) as usize];
        let dry_run = world.next(3) > 0;
        if user == "jsmith" {
            // Given back by hand, so that there is something to change.
            world.two.tenant(alias).set("systemusers", JSMITH, json!({"state": "ACTIVATED", "suspended": false}));
        }
        world.disturb(alias);
        let event = json!({"username": user, "organization": alias, "dry_run": dry_run});
        let answer = function.invoke(event, TIMEOUT).await;
        let end = match &answer {
            Ok(outcome) => {
                assert_eq!(outcome["request"]["organization"], alias);
                outcome["status"].as_str().expect("a status")
            }
            Err(error) => error["errorType"].as_str().expect("a name"),
        };
        assert!(["succeeded", "unchanged", "dry_run", "LimitReached"].contains(&end), "{alias} {user}: {answer:?}");
        *ends.entry(format!("{alias} {end}")).or_default() += 1;
    }
    // Not one call with the key, the token or the organization of the other.
    let mut calls = Vec::new();
    for (alias, _) in USERS {
        let requests = world.two.tenant(alias).requests();
        let strange: Vec<_> = requests.iter().filter(|request| !is_own(alias, request)).collect();
        assert!(strange.is_empty(), "{alias}: {} of {}: {:?}", strange.len(), requests.len(), strange[0]);
        calls.push(requests.len());
    }
    // Nor with its limit: acme never comes to its own, although both together are past it; globex's ends with three.
    assert!(!ends.contains_key("acme LimitReached") && ends["globex LimitReached"] > 0, "{ends:?}");
    // Whoever was given back by hand last may be active.
    let own = |name: &&str| USERS[0].1.contains(name);
    assert!(suspended(&world.two.rehearsal.tenant).iter().all(own), "{:?}", suspended(&world.two.rehearsal.tenant));
    assert!(suspended(&world.two.other).len() <= 3, "{:?}", suspended(&world.two.other));
    let records = |alias: &str| world.two.rehearsal.dynamo.items(&format!("{alias}#change"));
    let counted = |alias: &str| {
        let switch = world.two.rehearsal.dynamo.items(&format!("{alias}#switch")).remove(0);
        switch["day_targets"]["SS"].as_array().map_or(0, Vec::len)
    };
    assert_eq!((records("acme").len(), counted("acme")), (2, 2));
    assert_eq!((records("globex").len(), counted("globex")), (3, 3));
    assert!(records("default").is_empty());
    assert!(
        world
            .two
            .rehearsal
            .secrets
            .read()
            .iter()
            .all(|name| ["jumpcloud/acme/key", "jumpcloud/globex/key"].contains(&name.as_str()))
    );
    // Each line of the log says whose it is.
    let lines = runs(&function, INVOCATIONS as usize).await;
    let of = |alias: &str| lines.iter().filter(|line: &&Value| line["Organization"] == alias).count();
    assert_eq!(of("acme") + of("globex"), INVOCATIONS as usize);
    assert_eq!(world.faults.len(), 7, "{:?}", world.faults);
    eprintln!(
        "{ends:?}; calls {calls:?}; faults {:?}; keys {}, tokens {}",
        world.faults,
        world.keys,
        world.two.other.tokens()
    );
}
