//! Log lines in Lambda's format and level.

use lambda_runtime::tracing::subscriber::{self, filter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::vars::{self, Vars};

/// With a time: a JSON line without one counts as INFO whatever it is. Libraries stay at WARN; below that some of them
/// print requests.
pub(super) fn init(vars: &Vars<'_>) {
    let level = vars.text(&vars::AWS_LAMBDA_LOG_LEVEL).and_then(|level| level.parse().ok());
    let level = level.unwrap_or(filter::LevelFilter::INFO);
    let targets = filter::Targets::new()
        .with_default(level.min(filter::LevelFilter::WARN))
        .with_target("lambda_runtime", level.min(filter::LevelFilter::INFO)) // the span with the request id
        // It repeats each error, whose line the recorder has written, and each panic, whose line the hook below writes.
        .with_target("lambda_runtime::layers::panic", filter::LevelFilter::OFF)
        .with_target(env!("CARGO_CRATE_NAME"), level);
    let json = vars.text(&vars::AWS_LAMBDA_LOG_FORMAT).is_some_and(|format| format.eq_ignore_ascii_case("json"));
    let lines = fmt::layer().with_ansi(false);
    let registry = subscriber::registry().with(targets);
    if json {
        registry.with(lines.json().flatten_event(true).with_span_list(false)).init();
    } else {
        registry.with(lines).init();
    }
    // The usual hook prints the panic's message, which may hold anything.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
        tracing::error!(place, "panicked");
    }));
}
