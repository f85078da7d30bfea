//! `cargo playbook`: the functions' real binaries on this machine.

use std::{
    collections::HashMap,
    env, fs,
    io::{self, IsTerminal, Read, Write},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand};
use sandbox::{
    binaries,
    dynamo::Dynamo,
    invoke_api,
    lambda::Function,
    playbooks,
    secrets::Secrets,
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
        /// The port on loopback; the tenant, Secrets Manager and DynamoDB take the three after it (0: any free ones)
        #[arg(long, default_value_t = 9001, value_parser = clap::value_parser!(u16).range(..=65532))]
        port: u16,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Some(Command::List) => {
            for playbook in playbooks::all() {
                let takes = playbook.takes.iter().map(|field| format!("{field:?}")).collect::<Vec<_>>().join(" | ");
                println!("{:15} {:40} {{{takes}: ...}}", playbook.name, playbook.about);
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Serve { port }) => serve(port).await,
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
        confirm(&playbook.name)?;
    }
    let sandbox = Sandbox::start(arguments.live, playbook.changes, 0).await?;
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

async fn serve(port: u16) -> Result<ExitCode, String> {
    let sandbox = Sandbox::start(false, true, port).await?;
    let mut functions = HashMap::new();
    for (name, binary) in binaries::functions(&playbooks::names()) {
        let env = sandbox.env.iter().map(|(name, value)| (*name, value.clone()));
        functions.insert(name, Function::start(&binary, env, true).await);
    }
    let listener =
        tokio::net::TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| format!("port {port}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    eprintln!("Invoke API on http://{address}; for example:");
    eprintln!(
        "  aws lambda invoke --endpoint-url http://{address} --function-name disable-user --cli-binary-format raw-in-base64-out --payload '{{\"username\":\"jsmith\"}}' /dev/stdout"
    );
    for (name, value) in &sandbox.env {
        if name.contains("URL") {
            eprintln!("  {name}={value}");
        }
    }
    axum::serve(listener, invoke_api::router(functions)).await.map_err(|error| error.to_string())?;
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

fn confirm(name: &str) -> Result<(), String> {
    if !io::stdin().is_terminal() {
        return Err(format!(
            "{name} would change something in the real JumpCloud; add --yes where nobody can be asked"
        ));
    }
    eprint!("{name} will change something in the real JumpCloud. Go on? [y/N] ");
    io::stderr().flush().map_err(|error| error.to_string())?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| error.to_string())?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err("Nothing was done.".to_owned()) }
}

/// What the functions run against, and the variables that lead them there.
struct Sandbox {
    env: Vec<(&'static str, String)>,
    _tenant: Option<Tenant>,
    _secrets: Option<Secrets>,
    _dynamo: Option<Dynamo>,
}

impl Sandbox {
    /// The tenant, Secrets Manager and DynamoDB on the three ports after `port`, or, for 0, on free ones.
    async fn start(live: bool, changes: bool, port: u16) -> Result<Self, String> {
        let after = |distance| if port == 0 { 0 } else { port + distance };
        let mut env = passed_on(&[
            "DRY_RUN",
            "TARGET_PATHS",
            "JUMPCLOUD_SELF",
            "PROTECTED",
            "MAX_TARGETS_PER_HOUR",
            "MAX_TARGETS_PER_DAY",
            "MAX_USERS_OF_HOST",
            "BATCH_CONCURRENCY",
            "AWS_LAMBDA_LOG_LEVEL",
            "AWS_LAMBDA_LOG_FORMAT",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
        ]);
        let key = env::var("JUMPCLOUD_API_KEY").ok();
        let (tenant, secrets, dynamo) = if live {
            env.extend(passed_on(&["JUMPCLOUD_API_URL", "JUMPCLOUD_ORG_ID"]));
            match key {
                Some(key) => (None, Some(Secrets::start(&key).await), None),
                None if env::var("JUMPCLOUD_SECRET_ID").is_ok() => {
                    env.extend(passed_on(&["JUMPCLOUD_SECRET_ID", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]));
                    (None, None, None)
                }
                None => return Err("--live needs the key: set JUMPCLOUD_SECRET_ID (with AWS credentials in the environment) or JUMPCLOUD_API_KEY".to_owned()),
            }
        } else {
            let tenant = Tenant::start_on(after(1)).await;
            // A sample event is as old as its file; in a rehearsal that is no reason to refuse it.
            env.push(("MAX_EVENT_AGE_SECONDS", u32::MAX.to_string()));
            env.push(("JUMPCLOUD_API_URL", tenant.url()));
            let dynamo = Dynamo::start_on(after(3)).await;
            env.extend(dynamo.env());
            (Some(tenant), Some(Secrets::start_on(after(2), API_KEY).await), Some(dynamo))
        };
        env.extend(passed_on(&["MAX_EVENT_AGE_SECONDS"]));
        env.extend(secrets.iter().flat_map(Secrets::env));
        if live {
            // After the stand-in's credentials: the table needs the real ones.
            env.extend(guard_table(changes)?);
        }
        Ok(Self { env, _tenant: tenant, _secrets: secrets, _dynamo: dynamo })
    }
}

/// What changes something in the real JumpCloud does so behind the guard table, or without one on purpose.
fn guard_table(changes: bool) -> Result<Vec<(&'static str, String)>, String> {
    let guard = passed_on(&[
        "GUARD_TABLE",
        "AWS_ENDPOINT_URL_DYNAMODB",
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ]);
    let named = guard.iter().any(|(name, value)| *name == "GUARD_TABLE" && !value.trim().is_empty());
    if changes && !named {
        return Err("--live needs the guard table for what changes something: set GUARD_TABLE to its name (with AWS credentials in the environment), or to none to act without one".to_owned());
    }
    Ok(guard)
}

/// The variables of this process that a function may see.
fn passed_on(names: &[&'static str]) -> Vec<(&'static str, String)> {
    names.iter().filter_map(|name| Some((*name, env::var(name).ok()?))).collect()
}
