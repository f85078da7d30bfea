//! Environments in this process, against an embedded DynamoDB.

#![allow(dead_code, reason = "each test file uses its part")]

use std::{collections::HashMap, time::Duration};

use jumpcloud_playbooks::{
    error::Error,
    guard::{About, Admission, Change, Guard, Sighting},
    holds::Holding,
    http,
    ids::ObjectId,
    organizations::{Alias, Organizations},
    outcome::{Judgement, OutcomeTarget},
    request::{By, DIRECT, RequestInfo, TargetType},
    vars::Vars,
};
use ledger::{Ledger, admit::Ticket};
use sandbox::dynamo::Dynamo;
use serde_json::{Value, json};

/// The playbooks that change something.
pub(crate) const PLAYBOOKS: [&str; 4] = ["enable-user", "disable-user", "reset-password", "shutdown-host"];
/// A target.
pub(crate) const ID: &str = "633f3f295482343ff32add41";

/// An environment of a function.
pub(crate) fn ledger(dynamo: &Dynamo, changes: &[(&'static str, &str)]) -> Ledger {
    let mut env: HashMap<&str, String> = HashMap::from(dynamo.env());
    let fixed = [("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", "test")];
    env.extend(fixed.iter().chain(changes).map(|(name, value)| (*name, (*value).to_owned())));
    let var = |name: &str| env.get(name).cloned();
    Ledger::from_vars(&Vars(&var), http::client().expect("a client")).expect("a complete environment")
}

/// The organizations that these variables name.
pub(crate) fn organizations(vars: &[(&'static str, &str)]) -> Organizations {
    let var = |name: &str| Some(vars.iter().find(|(known, _)| *known == name)?.1.to_owned());
    Organizations::from_vars(&Vars(&var)).expect("variables that make sense")
}

/// What is asked of a guard.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) organization: Option<Alias>,
    pub(crate) playbook: &'static str,
    pub(crate) id: String,
    pub(crate) direct: bool,
    pub(crate) repeat: bool,
    pub(crate) sighting: Sighting,
    pub(crate) time_left: Duration,
}

impl Asked {
    /// By a finding.
    pub(crate) fn new(playbook: &'static str, id: &str) -> Self {
        let (id, time_left) = (id.to_owned(), Duration::from_secs(20));
        Self {
            organization: None,
            playbook,
            id,
            direct: false,
            repeat: false,
            sighting: Sighting::default(),
            time_left,
        }
    }

    fn target_type(&self) -> TargetType {
        if self.playbook == "shutdown-host" { TargetType::Host } else { TargetType::User }
    }

    /// Runs `with` on the change.
    pub(crate) async fn with<R>(&self, with: impl AsyncFnOnce(&Change<'_>) -> R) -> R {
        let (id, name) = (ObjectId::parse(&self.id), "somebody".to_owned());
        let target = OutcomeTarget { target_type: self.target_type(), id, name, matched_by: By::User, source: None };
        let source = if self.direct { DIRECT } else { "aws.guardduty" };
        let info = RequestInfo {
            event_source: source.to_owned(),
            event_id: Some("f-1".to_owned()),
            organization: self.organization.clone(),
            repeat: self.repeat,
            ..RequestInfo::default()
        };
        let before = json!({"state": "ACTIVATED"});
        with(&Change {
            holding: Holding::Keep,
            playbook: self.playbook,
            contains: self.playbook != "enable-user",
            marks: true,
            target: &target,
            before: &before,
            sighting: (self.playbook == "shutdown-host").then(|| self.sighting.clone()),
            info: &info,
            time_left: self.time_left,
        })
        .await
    }

    /// What `ledger` knows.
    pub(crate) async fn read(&self, ledger: &Ledger) -> Result<ledger::judge::Known, Error> {
        let id = ObjectId::parse(&self.id).expect("an id");
        let target_type = self.target_type();
        let (playbook, organization, time_left) = (self.playbook, self.organization.as_ref(), self.time_left);
        ledger.read(&About { playbook, organization, target_type, id: &id, time_left }).await
    }

    /// Whether `ledger` admits it.
    pub(crate) async fn admit(&self, ledger: &Ledger) -> Result<Admission<Option<Ticket>>, Error> {
        let known = self.read(ledger).await?;
        self.with(async |change| ledger.admit(&known, change).await).await
    }

    /// The same in one word.
    pub(crate) async fn verdict(&self, ledger: &Ledger) -> String {
        word(&self.admit(ledger).await)
    }

    /// What a dry run says.
    pub(crate) async fn judged(&self, ledger: &Ledger) -> Vec<Judgement> {
        let known = self.read(ledger).await.expect("a table");
        self.with(async |change| ledger.judge(&known, change).guards).await
    }
}

/// In one word.
pub(crate) fn word<T>(answer: &Result<Admission<T>, Error>) -> String {
    match answer {
        Ok(Admission::Admitted(_)) => "admitted".to_owned(),
        Ok(Admission::Pending(_)) => "pending".to_owned(),
        Ok(Admission::DryRun(_)) => "dry_run".to_owned(),
        Err(error) => error.error_type.name().to_owned(),
    }
}

/// An item of these attributes, texts all.
pub(crate) fn item(pk: &str, sk: &str, attributes: &[(&str, Value)]) -> Value {
    let mut item = json!({"pk": {"S": pk}, "sk": {"S": sk}});
    for (name, value) in attributes {
        item[*name] = match value {
            Value::Number(number) => json!({"N": number.to_string()}),
            Value::Array(set) => json!({"SS": set}),
            value => json!({"S": value}),
        };
    }
    item
}

/// The switch of a playbook, as stored.
pub(crate) fn stored(dynamo: &Dynamo, pk: &str, sk: &str) -> Value {
    dynamo.items(pk).into_iter().find(|item| item["sk"]["S"] == sk).unwrap_or_default()
}
