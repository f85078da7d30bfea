//! A scenario's own JumpCloud and functions, and its own copies of the state machines.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sandbox::{
    dynamo::Dynamo,
    lambda::Function,
    rehearsal::{Rehearsal, TIMEOUT},
    tenant::Tenant,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{aws::Aws, contract, forwarder::Forwarder, machines};

/// The longest that a scenario waits for anything.
const DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// What the scenarios share.
pub(crate) struct Stage {
    /// moto.
    pub(crate) aws: Aws,
    /// What moto calls.
    pub(crate) forwarder: Arc<Forwarder>,
    worlds: AtomicUsize,
    /// Every execution that a scenario saw the end of: the machine's name and its events.
    pub(crate) histories: Mutex<Vec<(String, Vec<Value>)>>,
}

impl Stage {
    /// Before the first scenario.
    pub(crate) fn new(aws: Aws, forwarder: Arc<Forwarder>) -> Self {
        Self { aws, forwarder, worlds: AtomicUsize::new(0), histories: Mutex::default() }
    }
}

/// What a function's next call comes to instead of the function's answer; the function is not called.
pub(crate) enum StandIn {
    /// An error of the Lambda service, by the name that Step Functions puts `Lambda.` before.
    Service(&'static str),
    /// This outcome.
    Outcome(Value),
}

/// One scenario's world.
pub(crate) struct World {
    rehearsal: Rehearsal,
    functions: tokio::sync::Mutex<HashMap<String, Arc<Function>>>,
    env: Vec<(&'static str, String)>,
    events: Mutex<Vec<(String, Value)>>,
    stand_ins: Mutex<Vec<(&'static str, StandIn)>>,
}

impl World {
    /// What was ordered for this function's next call.
    pub(crate) fn stand_in(&self, playbook: &str) -> Option<StandIn> {
        let mut stand_ins = self.stand_ins.lock().expect("no panic under the lock");
        let index = stand_ins.iter().position(|(name, _)| *name == playbook)?;
        Some(stand_ins.remove(index).1)
    }

    /// One invocation of the scenario's function, which is started for the first.
    pub(crate) async fn invoke(&self, playbook: &str, payload: Value) -> Result<Value, Value> {
        self.events.lock().expect("no panic under the lock").push((playbook.to_owned(), payload.clone()));
        let function = {
            let mut functions = self.functions.lock().await;
            if !functions.contains_key(playbook) {
                let own = |name: &'static str| match name.split_once(':') {
                    Some((function, variable)) => (function == playbook).then_some(variable),
                    None => Some(name),
                };
                let env = self.env.iter().filter_map(|(name, value)| Some((own(name)?, value.as_str())));
                let env: Vec<_> = env.collect();
                let function = self.rehearsal.function(playbook, &env).await;
                functions.insert(playbook.to_owned(), Arc::new(function));
            }
            functions[playbook].clone()
        };
        function.invoke(payload, TIMEOUT).await
    }
}

/// What a scenario changes of the substitutions or of the functions' variables.
pub(crate) type Changes<'a> = &'a [(&'static str, &'a str)];

/// A scenario's hold on its world.
pub(crate) struct Scene {
    stage: Arc<Stage>,
    world: Arc<World>,
    machines: HashMap<&'static str, String>,
    approvals: String,
    notifications: String,
    /// The tokens of the requests that were received.
    tokens: Mutex<Vec<String>>,
    last: Mutex<Vec<Value>>,
}

/// How an execution ended.
pub(crate) struct Ended {
    /// `SUCCEEDED` or `FAILED`.
    pub(crate) status: String,
    /// The output, or null.
    pub(crate) output: Value,
    /// The error's name, or empty.
    pub(crate) error: String,
    /// The error's cause, or empty.
    pub(crate) cause: String,
    /// All that was published about it.
    pub(crate) notifications: Vec<String>,
}

impl Scene {
    /// A fresh world with these machines. Names in capitals are variables of the functions, of
    /// one with `disable-user:` before the name; the others are substitutions.
    pub(crate) async fn start(stage: &Arc<Stage>, names: &[&'static str], changes: Changes<'_>) -> Self {
        let id = format!("w{}", stage.worlds.fetch_add(1, Ordering::Relaxed));
        let is_variable = |name: &str| name.ends_with(|c: char| c.is_ascii_uppercase());
        let env =
            changes.iter().filter(|(name, _)| is_variable(name)).map(|(name, value)| (*name, (*value).to_owned()));
        let world = Arc::new(World {
            rehearsal: Rehearsal::start().await,
            functions: tokio::sync::Mutex::default(),
            env: env.collect(),
            events: Mutex::default(),
            stand_ins: Mutex::default(),
        });
        stage.forwarder.add(&id, world.clone());
        let (approval_topic, approvals) = stage.aws.topic(&format!("{id}-approvals")).await;
        let (notification_topic, notifications) = stage.aws.topic(&format!("{id}-notifications")).await;
        let mut substitutions = machines::substitutions(&id);
        substitutions.insert("ApprovalTopic", approval_topic);
        substitutions.insert("NotificationTopic", notification_topic);
        for (name, value) in changes.iter().filter(|(name, _)| !is_variable(name)) {
            substitutions.insert(name, (*value).to_owned());
        }
        let mut arns = HashMap::new();
        for name in names {
            let definition = machines::load(name, &substitutions);
            let arn = stage.aws.create(&format!("{id}-{name}"), &definition).await;
            arns.insert(*name, arn.unwrap_or_else(|error| panic!("{name} is not accepted: {error}")));
        }
        Self {
            stage: stage.clone(),
            world,
            machines: arns,
            approvals,
            notifications,
            tokens: Mutex::default(),
            last: Mutex::default(),
        }
    }

    /// JumpCloud.
    pub(crate) fn tenant(&self) -> &Tenant {
        &self.world.rehearsal.tenant
    }

    /// The events that `playbook` was invoked with so far.
    pub(crate) fn events(&self, playbook: &str) -> Vec<Value> {
        let events = self.world.events.lock().expect("no panic under the lock");
        events.iter().filter(|(name, _)| name == playbook).map(|(_, event)| event.clone()).collect()
    }

    /// From now on, in this order, these calls of `playbook` do not reach it.
    pub(crate) fn order(&self, playbook: &'static str, stand_in: StandIn) {
        self.world.stand_ins.lock().expect("no panic under the lock").push((playbook, stand_in));
    }

    /// Waits for the line that each invocation so far leaves in its function's log.
    pub(crate) async fn lines(&self) -> Vec<String> {
        let invocations = self.world.events.lock().expect("no panic under the lock").len();
        let functions: Vec<_> = self.world.functions.lock().await.values().cloned().collect();
        let lines = || -> Vec<String> {
            let logs = functions.iter().map(|function| function.logs()).collect::<String>();
            logs.lines().filter(|line| line.contains("\"_aws\"")).map(str::to_owned).collect()
        };
        self.until("a line for each invocation", || lines().len() == invocations).await;
        lines()
    }

    /// What somebody does beside the machines: the outcome.
    pub(crate) async fn invoke(&self, playbook: &str, event: Value) -> Value {
        self.world.invoke(playbook, event).await.expect("an outcome")
    }

    /// Starts a machine and returns the execution's ARN.
    pub(crate) async fn begin(&self, machine: &str, input: Value) -> String {
        let number = self.stage.worlds.fetch_add(1, Ordering::Relaxed);
        self.stage.aws.start(&self.machines[machine], &format!("run-{number}"), &input).await
    }

    /// Starts a machine and waits for its end.
    pub(crate) async fn run(&self, machine: &str, input: Value) -> Ended {
        let execution = self.begin(machine, input).await;
        self.end(machine, &execution).await
    }

    /// Waits for the end of an execution.
    pub(crate) async fn end(&self, machine: &str, execution: &str) -> Ended {
        let deadline = Instant::now() + DEADLINE;
        let description = loop {
            let description = self.stage.aws.describe(execution).await;
            if description["status"] != "RUNNING" {
                break description;
            }
            if Instant::now() > deadline {
                let history = self.stage.aws.history(execution).await;
                panic!("{machine} does not end: {}", machines::readable(&history));
            }
            sleep(POLL).await;
        };
        let history = self.stage.aws.history(execution).await;
        *self.last.lock().expect("no panic under the lock") = history.clone();
        self.stage.histories.lock().expect("no panic under the lock").push((machine.to_owned(), history));
        let text = |name: &str| description[name].as_str().unwrap_or_default().to_owned();
        let output = description["output"].as_str().and_then(|output| serde_json::from_str(output).ok());
        let mut notifications = Vec::new();
        while let Some(text) = self.stage.aws.receive(&self.notifications).await {
            notifications.push(text);
        }
        let ended = Ended {
            status: text("status"),
            output: output.unwrap_or_default(),
            error: text("error"),
            cause: text("cause"),
            notifications,
        };
        let told = format!("{description}{:?}", ended.notifications);
        let given = serde_json::from_str(&text("input")).expect("an input is JSON");
        // What a function refuses may be an input that the schema allows: the workflow's own refusal comes before any call.
        let called = !self.world.events.lock().expect("no panic under the lock").is_empty();
        let allowed = if ended.error == "InvalidInput" { (!called).then_some(false) } else { Some(true) };
        contract::hold(machine, &given, allowed, &ended.output);
        for token in self.tokens.lock().expect("no panic under the lock").iter() {
            assert!(!told.contains(token), "a task token leaves the execution");
        }
        ended
    }

    /// The executions of a machine that another machine started.
    pub(crate) async fn started(&self, machine: &str) -> Vec<String> {
        self.stage.aws.executions(&self.machines[machine]).await
    }

    /// Waits for the request for approval: its text.
    pub(crate) async fn request(&self) -> String {
        let request = self.first("a request for approval", &self.approvals).await;
        self.tokens.lock().expect("no panic under the lock").push(token(&request).to_owned());
        request
    }

    /// Waits for a notification in the middle of an execution.
    pub(crate) async fn notification(&self) -> String {
        self.first("a notification", &self.notifications).await
    }

    /// Answers a request with the token that stands in it.
    pub(crate) async fn answer(&self, request: &str, answer: Result<Value, &str>) {
        self.stage.aws.answer(token(request), answer).await.expect("the answer is taken");
    }

    /// Answers a request whose time is over: AWS's error.
    pub(crate) async fn answer_late(&self, request: &str, answer: Result<Value, &str>) -> String {
        self.stage.aws.answer(token(request), answer).await.expect_err("no longer taken")
    }

    /// How often the alarm's metric about `machine` was counted.
    pub(crate) async fn metric(&self, name: &str, machine: &str) -> f64 {
        let (_, machine) = self.machines[machine].rsplit_once(':').expect("an ARN");
        self.stage.aws.metric(name, machine).await
    }

    /// The guard table.
    pub(crate) fn dynamo(&self) -> &Dynamo {
        &self.world.rehearsal.dynamo
    }

    /// Waits until `look` says so.
    pub(crate) async fn until(&self, what: &str, look: impl Fn() -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !look() {
            assert!(Instant::now() < deadline, "{what} does not come");
            sleep(POLL).await;
        }
    }

    async fn first(&self, what: &str, queue: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(text) = self.stage.aws.receive(queue).await {
                return text;
            }
            assert!(Instant::now() < deadline, "{what} does not come");
            sleep(POLL).await;
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let last = self.last.lock().map(|history| machines::readable(&history)).unwrap_or_default();
            eprintln!("the last execution:{last}");
        }
    }
}

/// The task token in a request for approval.
pub(crate) fn token(request: &str) -> &str {
    let (_, rest) = request.split_once("--task-token ").expect("a command with a token");
    rest.split_whitespace().next().expect("a token")
}

/// What the commands in a request carry.
pub(crate) fn approved(approved: bool) -> Result<Value, &'static str> {
    Ok(json!(approved))
}
