//! `cargo playbook`: the functions' real binaries on this machine.

use std::{
    collections::HashMap,
    env, fs,
    io::{self, IsTerminal, Read, Write},
    net::{IpAddr, Ipv4Addr},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand};
use sandbox::{
    binaries,
    dynamo::Dynamo,
    invoke_api,
    lambda::Function,
    playbooks::{self, Playbook},
    secrets::Secrets,
    serve::Listeners,
    settings::passed_on,
    tenant::{API_KEY, Tenant},
};
use serde_json::Value;

/// Runs JumpCloud playbooks as Lambda would, against a rehearsal tenant or, with --live, against JumpCloud.
#[derive(Parser)]
#[command(bin_name = "cargo playbook", disable_help_subcommand = true, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The playbook's name; see `cargo playbook list`
    playbook: Option<String>,
    /// The event: JSON, @file, or - for standard input
    event: Option<String>,
    /// Use the real JumpCloud, with the key from Secrets Manager (JUMPCLOUD_SECRET_ID) or from JUMPCLOUD_API_KEY
    #[arg(long)]
    live: bool,
    /// Do not ask before a playbook that changes something in the real JumpCloud
    #[arg(long)]
    yes: bool,
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
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Some(Command::List) => {
            for playbook in playbooks::functions() {
                let takes = playbook.takes.iter().map(|field| format!("{field:?}")).collect::<Vec<_>>().join(" | ");
                println!("{:15} {:40} {{{takes}: ...}}", playbook.name, playbook.about);
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Serve { port, listen }) => serve(listen, port).await,
        None => run(&arguments).await,
    };
    result.unwrap_or_else(|why| {
        eprintln!("{why}");
        ExitCode::from(2)
    })
}

async fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let (Some(name), Some(event)) = (&arguments.playbook, &arguments.event) else {
        return Err("cargo playbook <name> <event JSON | @file | ->; cargo playbook --help says more".to_owned());
    };
    let playbook =
        playbooks::named(name).ok_or_else(|| format!("there is no playbook {name}; cargo playbook list names them"))?;
    let event = read_event(event)?;
    if arguments.live && playbook.changes && !arguments.yes {
        confirm(playbook)?;
    }
    let sandbox = if arguments.live { Sandbox::live(playbook).await? } else { Sandbox::start().await? };
    let binaries = binaries::functions(&[&playbook.name]);
    let binary = binaries.get(&playbook.name).ok_or("cargo built no binary of that name")?;
    let function = Function::start(binary, sandbox.env.iter().map(|(name, value)| (*name, value.clone())), true).await;
    let answer = function.invoke(event, Duration::from_secs(arguments.timeout)).await;
    let (json, code) = match &answer {
        Ok(outcome) => {
            eprintln!("\n{}", outcome["summary"].as_str().unwrap_or("The function answered."));
            for advisory in outcome["advisories"].as_array().into_iter().flatten() {
                eprintln!("- {}", advisory["message"].as_str().unwrap_or_default());
            }
            (outcome, ExitCode::SUCCESS)
        }
        Err(error) => (error, ExitCode::FAILURE),
    };
    println!("{json:#}");
    Ok(code)
}

async fn serve(listen: IpAddr, port: u16) -> Result<ExitCode, String> {
    let after = |distance| if port == 0 { 0 } else { port + distance };
    let api = Listeners::bind(listen, port).await?;
    let tenant = Listeners::bind(listen, after(1)).await?;
    let secrets = Listeners::bind(listen, after(2)).await?;
    let dynamo = Listeners::bind(listen, after(3)).await?;
    let ports = [&api, &tenant, &secrets, &dynamo].map(|listeners| listeners.address().port());
    let address = api.address();

    let sandbox = Sandbox::rehearsal(tenant, secrets, dynamo).await;
    let mut functions = HashMap::new();
    for (name, binary) in binaries::functions(&playbooks::names()) {
        let env = sandbox.env.iter().map(|(name, value)| (*name, value.clone()));
        functions.insert(name, Function::start(&binary, env, true).await);
    }
    eprintln!("Invoke API on http://{address}; for example:");
    eprintln!(
        "  aws lambda invoke --endpoint-url http://{address} --function-name disable-user --payload fileb://tests/events/direct-user.json /dev/stdout"
    );
    eprintln!("Tenant, Secrets Manager and DynamoDB:");
    for (name, value) in &sandbox.env {
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
    eprintln!("Ready; Ctrl-C ends it.");
    invoke_api::serve(api, functions).await?;
    Ok(ExitCode::SUCCESS)
}

fn read_event(argument: &str) -> Result<Value, String> {
    let text = match argument.strip_prefix('@') {
        Some(path) => fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?,
        None if argument == "-" => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map_err(|error| error.to_string())?;
            text
        }
        None => argument.to_owned(),
    };
    serde_json::from_str(&text).map_err(|error| format!("the event is not JSON: {error}"))
}

fn confirm(playbook: &Playbook) -> Result<(), String> {
    let name = &playbook.name;
    let place = if playbook.calls_jumpcloud() { "the real JumpCloud" } else { "the real guard table" };
    if !io::stdin().is_terminal() {
        return Err(format!("{name} would change something in {place}; add --yes where nobody can be asked"));
    }
    eprint!("{name} will change something in {place}. Go on? [y/N] ");
    io::stderr().flush().map_err(|error| error.to_string())?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| error.to_string())?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err("Nothing was done.".to_owned()) }
}

/// What the stand-in for Secrets Manager says of itself.
const OF_THE_SECRET: [&str; 2] = ["JUMPCLOUD_SECRET_ID", "AWS_ENDPOINT_URL_SECRETS_MANAGER"];

/// What the functions run against, and the variables that lead them there.
struct Sandbox {
    env: Vec<(&'static str, String)>,
    _tenant: Option<Tenant>,
    _secrets: Option<Secrets>,
    _dynamo: Option<Dynamo>,
}

impl Sandbox {
    /// A rehearsal on free ports.
    async fn start() -> Result<Self, String> {
        let listen = || Listeners::bind(Ipv4Addr::LOCALHOST.into(), 0);
        Ok(Self::rehearsal(listen().await?, listen().await?, listen().await?).await)
    }

    /// JumpCloud itself. What changes something there does so behind the guard table, or without one on purpose.
    async fn live(playbook: &Playbook) -> Result<Self, String> {
        let named = |name: &str| env::var(name).is_ok_and(|value| !value.trim().is_empty());
        let secrets = match env::var("JUMPCLOUD_API_KEY") {
            _ if !playbook.calls_jumpcloud() => None,
            Ok(key) => Some(Secrets::start(&key).await),
            Err(_) if named("JUMPCLOUD_SECRET_ID") => None,
            Err(_) => return Err("--live needs the key: set JUMPCLOUD_SECRET_ID (with AWS credentials in the environment) or JUMPCLOUD_API_KEY".to_owned()),
        };
        if playbook.changes && !named("GUARD_TABLE") {
            return Err("--live needs the guard table for what changes something: set GUARD_TABLE to its name (with AWS credentials in the environment), or to none to act without one".to_owned());
        }
        let mut env: Vec<_> = secrets.iter().flat_map(Secrets::env).collect();
        // After the stand-in's credentials: the guard table needs the real ones.
        env.extend(passed_on(true).into_iter().filter(|(name, _)| secrets.is_none() || !OF_THE_SECRET.contains(name)));
        Ok(Self { env, _tenant: None, _secrets: secrets, _dynamo: None })
    }

    /// A tenant, Secrets Manager and DynamoDB on these ports.
    async fn rehearsal(tenant: Listeners, secrets: Listeners, dynamo: Listeners) -> Self {
        let (tenant, secrets) = (Tenant::start_on(tenant), Secrets::start_on(secrets, API_KEY));
        let dynamo = Dynamo::start_on(dynamo).await;
        // A sample event is as old as its file; in a rehearsal that is no reason to refuse it.
        let mut env = vec![("MAX_EVENT_AGE_SECONDS", u32::MAX.to_string())];
        env.extend(passed_on(false));
        env.push(("JUMPCLOUD_API_URL", tenant.url()));
        env.extend(secrets.env());
        env.extend(dynamo.env());
        Self { env, _tenant: Some(tenant), _secrets: Some(secrets), _dynamo: Some(dynamo) }
    }
}
