//! `cargo playbook`: the functions' real binaries on this machine.

use std::{
    collections::HashMap,
    io::{self, IsTerminal},
    net::IpAddr,
    path::Path,
    process::ExitCode,
    time::Duration,
};

use clap::{Args, Parser, Subcommand};
use sandbox::{
    binaries, invoke_api,
    lambda::Function,
    playbooks::{self, Playbook},
    serve::Listeners,
    terminal::{
        audit::Audit,
        confirm, event, print,
        records::{self, runs},
        replay::{self, Report},
        style::Page,
        world::{World, is_set},
    },
};
use serde_json::{Value, json};

const AFTER_HELP: &str = r#"Examples:
  cargo playbook disable-user '{"username":"jsmith"}'
  cargo playbook disable-user @tests/events/guardduty-user.json
  cargo playbook --live enrich-user '{"email":"jsmith@company.com"}'

Exit codes:
  0  the function answered: done, nothing to do, a dry run, ignored
  1  the function refused or failed; of a batch, at least one record
  2  nothing was run: a wrong argument, a missing variable, or "no" to the question

With --live, the audit records of changes are added to ~/.local/state/jumpcloud-playbooks/audit.jsonl.

On a terminal the answer is printed for people, without colours where NO_COLOR is set; elsewhere it is JSON."#;

/// Runs JumpCloud playbooks as Lambda would, against a rehearsal tenant or, with --live, against JumpCloud.
#[derive(Parser)]
#[command(bin_name = "cargo playbook", disable_help_subcommand = true, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The playbook's name; see `cargo playbook list`
    playbook: Option<String>,
    /// The event: JSON, @file, or - for standard input
    event: Option<String>,
    /// Do not ask before something is changed in the real JumpCloud
    #[arg(long)]
    yes: bool,
    /// Print the outcome's markdown, for a ticket
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    #[command(flatten)]
    how: How,
}

/// How functions are run and shown.
#[derive(Args)]
struct How {
    /// Use the real JumpCloud, with the key from JUMPCLOUD_API_KEY or from Secrets Manager (JUMPCLOUD_SECRET_ID)
    #[arg(long)]
    live: bool,
    /// Print JSON, also on a terminal
    #[arg(long)]
    json: bool,
    /// Print the functions' log lines on standard error
    #[arg(long)]
    logs: bool,
    /// The function's timeout in seconds
    #[arg(long, default_value_t = 30)]
    timeout: u64,
}

#[derive(Subcommand)]
enum Command {
    /// Name the playbooks and what they take
    List,
    /// Keep a tenant and all functions up behind Lambda's Invoke API
    Serve {
        /// The Invoke API's port; the tenant, Secrets Manager and DynamoDB take the three after it (0: any free ones)
        #[arg(long, default_value_t = 9001, value_parser = clap::value_parser!(u16).range(..=65532))]
        port: u16,
        /// Listen on this address too, for containers: the gateway of their network. Loopback is always served
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
        listen: IpAddr,
        /// Print the functions' log lines, too
        #[arg(long)]
        logs: bool,
    },
    /// Run past alerts as dry runs, and report what would have been done
    Replay {
        /// A file of events, a folder of them, or - for standard input: one JSON a line, a list, or what
        /// `aws sqs receive-message --attribute-names All` prints
        source: String,
        /// A playbook that the alerts would go to; several times for several
        #[arg(long, value_name = "NAME", default_values = ["disable-user", "shutdown-host"])]
        playbook: Vec<String>,
        #[command(flatten)]
        how: How,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        Some(Command::List) => {
            list();
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Serve { port, listen, logs }) => serve(*listen, *port, *logs).await,
        Some(Command::Replay { source, playbook, how }) => replay_all(source, playbook, how).await,
        None => run(&arguments).await,
    };
    result.unwrap_or_else(|why| {
        let mut page = Page::new(false);
        page.hanging("", &why);
        // Elsewhere it is one line, to be searched in.
        if io::stderr().is_terminal() {
            eprint!("{}", page.text())
        } else {
            eprintln!("{why}")
        }
        ExitCode::from(2)
    })
}

fn list() {
    let mut page = Page::for_stdout();
    for playbook in playbooks::functions() {
        let takes = playbook.takes.iter().map(|field| format!("{field:?}")).collect::<Vec<_>>().join(" | ");
        let takes = if takes.is_empty() { "{}".to_owned() } else { format!("{{{takes}: ...}}") };
        if io::stdout().is_terminal() {
            page.hanging(&format!("{:17} ", playbook.name), &format!("{}; {takes}", playbook.about));
        } else {
            println!("{:17} {:45} {takes}", playbook.name, playbook.about);
        }
    }
    print!("{}", page.text());
}

impl How {
    fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// Whether a person reads standard output.
    fn is_for_people(&self) -> bool {
        !self.json && io::stdout().is_terminal()
    }
}

/// One event to one function.
struct Job<'a> {
    event: Value,
    binary: &'a Path,
    world: &'a World,
    how: &'a How,
}

async fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let known = arguments.playbook.as_deref().map(event::playbook).transpose()?;
    // Where nothing has to be said.
    let empty = known.filter(|playbook| playbook.takes.is_empty()).map(|_| "{}".to_owned());
    let (Some(playbook), Some(event)) = (known, arguments.event.as_ref().or(empty.as_ref())) else {
        let (name, example) = known.map_or(("disable-user", json!({"username": "jsmith"})), |playbook| {
            (&playbook.name, playbook.event.clone())
        });
        return Err(format!(
            "A playbook and an event are wanted, such as: cargo playbook {name} '{example}'. cargo playbook --help says more."
        ));
    };
    let how = &arguments.how;
    let event = event::read(event)?;
    let changes = how.live && confirm::can_change(playbook, &event);
    let asks = changes && !arguments.yes;
    if asks {
        confirm::somebody_can_answer(playbook)?;
    }
    let world = if how.live { World::live(playbook).await? } else { World::rehearsal().await? };
    let binaries = binaries::built(&[&playbook.name])?;
    let binary = binaries.get(&playbook.name).ok_or("Cargo built no binary of that name.")?;
    let mut job = Job { event, binary, world: &world, how };
    let audit = if changes { Some(Audit::open()?) } else { None };
    let consent = if asks { job.ask().await? } else { Consent::Given };
    let (answer, logs) = match consent {
        Consent::Given => {
            let (answer, logs) = job.invoke(&[]).await;
            if let Some(audit) = audit {
                audit.keep(&logs);
            }
            (answer, logs)
        }
        Consent::NothingToAsk(answer, logs) => (answer, logs),
        Consent::Denied => return Err("Nothing was done.".to_owned()),
    };
    Ok(show(arguments, &job, (&answer, &logs)))
}

/// What a person says to a dry run.
enum Consent {
    Given,
    Denied,
    /// The dry run is all there is: it failed, or there is nothing to change.
    NothingToAsk(Result<Value, Value>, String),
}

impl Job<'_> {
    /// What the function answers, and all that it logged.
    async fn invoke(&self, changes: &[(&'static str, &str)]) -> (Result<Value, Value>, String) {
        // The runs of a batch end in the order of its records, unless somebody wants it otherwise.
        let in_order = [("BATCH_CONCURRENCY", "1")];
        let in_order = if is_set(in_order[0].0) { &in_order[..0] } else { &in_order[..] };
        let env = self.world.env(&[in_order, changes].concat());
        let function = Function::start(self.binary, env, self.how.logs).await;
        let answer = function.invoke(self.event.clone(), self.how.timeout()).await;
        (answer, function.stop().await)
    }

    /// Looks everything up in a dry run, and asks whether to go on.
    async fn ask(&mut self) -> Result<Consent, String> {
        let (answer, logs) = self.invoke(&[("DRY_RUN", "true")]).await;
        let Ok(outcome) = &answer else { return Ok(Consent::NothingToAsk(answer, logs)) };
        let mut page = Page::new(false);
        let question = if let Some(records) = records::of(&self.event) {
            records::print(&mut page, records, (&answer, &runs(&logs)));
            format!("Act on these {} records in {}? [y/N] ", records.len(), confirm::place(None))
        } else {
            let changes = confirm::changes(outcome);
            let Some(first) = changes.first() else { return Ok(Consent::NothingToAsk(answer, logs)) };
            changes.iter().for_each(|outcome| print::guards(&mut page, outcome));
            let organization = self.organization(first).await;
            let question = confirm::question(&changes, &confirm::place(organization.as_deref()));
            // What is done is what was shown: a plan that changes meanwhile is refused.
            if first["request"]["event_source"] == "direct"
                && first["plan_hash"].is_string()
                && self.event.get("planHash").is_none()
            {
                let hash = first["plan_hash"].clone();
                if let Some(event) = self.event.as_object_mut() {
                    event.entry("plan_hash").or_insert(hash);
                }
            }
            question
        };
        eprint!("{}", page.text());
        Ok(if confirm::ask(&question)? { Consent::Given } else { Consent::Denied })
    }

    /// The organization that the target of a dry run belongs to; `None` where it cannot be read.
    async fn organization(&self, dry_run: &Value) -> Option<String> {
        let kind = dry_run["target"]["type"].as_str()?;
        let enrich = format!("enrich-{kind}");
        let binaries = binaries::built(&[&enrich]).ok()?;
        let function = Function::start(binaries.get(&enrich)?, self.world.env(&[]), self.how.logs).await;
        let mut event = json!({(format!("{kind}_id")): dry_run["target"]["id"]});
        if let Some(alias) = dry_run["request"].get("organization") {
            event["organization"] = alias.clone();
        }
        let facts = function.invoke(event, self.how.timeout()).await.ok()?;
        facts[kind]["organization"].as_str().map(str::to_owned)
    }
}

/// Prints an answer in the form that was asked for, and says how the process ends.
fn show(arguments: &Arguments, job: &Job<'_>, (answer, logs): (&Result<Value, Value>, &str)) -> ExitCode {
    let how = &arguments.how;
    let mut page = Page::for_stdout();
    let failed = match records::of(&job.event).filter(|_| answer.is_ok()) {
        Some(records) => records::print(&mut page, records, (answer, &runs(logs))),
        None => {
            print::answer(&mut page, answer, print::Context { live: job.world.is_live() });
            answer.is_err()
        }
    };
    let json = answer.as_ref().unwrap_or_else(|error| error);
    if arguments.markdown && answer.is_ok() {
        let outcomes = json.as_array().map_or_else(|| vec![json], |list| list.iter().collect());
        outcomes.iter().for_each(|outcome| println!("{}", outcome["markdown"].as_str().unwrap_or(page.text())));
    } else if how.is_for_people() || arguments.markdown {
        print!("{}", page.text());
    } else {
        match json["summary"].as_str() {
            Some(summary) => eprintln!("{summary}"),
            None if answer.is_ok() => eprint!("{}", page.text()),
            None => {} // an error says in its JSON what it is
        }
        println!("{json:#}");
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn replay_all(source: &str, names: &[String], how: &How) -> Result<ExitCode, String> {
    let mut replayed: Vec<&Playbook> = Vec::new();
    for name in names {
        let playbook = event::playbook(name)?;
        if !playbook.changes || !playbook.calls_jumpcloud() {
            return Err(format!(
                "{name} takes nothing away and gives nothing back: there is nothing to replay. `replay` is for the playbooks that act on alerts."
            ));
        }
        replayed.push(playbook);
    }
    let alerts = replay::alerts(source)?;
    let world = if how.live { World::live_read_only(true).await? } else { World::rehearsal().await? };
    let names: Vec<&str> = replayed.iter().map(|playbook| playbook.name.as_str()).collect();
    let binaries = binaries::built(&names)?;
    let mut reports = Vec::new();
    for name in names {
        let binary = binaries.get(name).ok_or("Cargo built no binary of that name.")?;
        let table = [("GUARD_TABLE", "none")];
        let without_table = if how.live && !is_set("GUARD_TABLE") { &table[..] } else { &table[..0] };
        let env = world.env(&[without_table, &replay::CHANGES].concat());
        reports.push(replay::replay((name, binary), env, &alerts, (how.timeout(), how.logs)).await);
    }
    let report = Report::new(alerts.len(), reports);
    if how.is_for_people() {
        let mut page = Page::for_stdout();
        report.print(&mut page);
        print!("{}", page.text());
    } else {
        println!("{:#}", serde_json::to_value(report).map_err(|error| error.to_string())?);
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(listen: IpAddr, port: u16, logs: bool) -> Result<ExitCode, String> {
    let after = |distance| if port == 0 { 0 } else { port + distance };
    let api = Listeners::bind(listen, port).await?;
    let tenant = Listeners::bind(listen, after(1)).await?;
    let secrets = Listeners::bind(listen, after(2)).await?;
    let dynamo = Listeners::bind(listen, after(3)).await?;
    let ports = [&api, &tenant, &secrets, &dynamo].map(|listeners| listeners.address().port());
    let address = api.address();

    let world = World::rehearsal_on(tenant, secrets, dynamo).await;
    let mut functions = HashMap::new();
    for (name, binary) in binaries::built(&playbooks::names())? {
        functions.insert(name, Function::start(&binary, world.env(&[]), logs).await);
    }
    eprintln!(
        "Invoke API on http://{address}; for example, with version 1 or 2 of the AWS CLI and any credentials and region:"
    );
    eprintln!(
        "  aws lambda invoke --endpoint-url http://{address} --function-name disable-user --payload fileb://tests/events/direct-user.json /dev/stdout"
    );
    eprintln!("Functions, also by their deployed names (jumpcloud-playbooks-enrich-user:live) and ARNs:");
    for playbook in playbooks::functions() {
        eprintln!("  {:17} {}", playbook.name, playbook.about);
    }
    eprintln!("Tenant, Secrets Manager and DynamoDB:");
    for (name, value) in world.env(&[]) {
        if name.contains("URL") {
            eprintln!("  {name}={value}");
        }
    }
    if !listen.is_loopback() {
        let [api, tenant, secrets, dynamo] = ports;
        eprintln!(
            "WARNING: they are served on {listen} too (Invoke API {api}, tenant {tenant}, Secrets Manager {secrets}, DynamoDB {dynamo}), without TLS and \
             without a login. Whoever reaches that address can use them. Nothing there leads to the real JumpCloud."
        );
    }
    eprintln!("Ready; a line follows for each invocation. Ctrl-C ends it.");
    invoke_api::serve(api, functions).await?;
    Ok(ExitCode::SUCCESS)
}
