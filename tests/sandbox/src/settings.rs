//! The variables that `cargo playbook` passes on to a function: all that a function reads.

use std::env;

use jumpcloud_playbooks::vars;

/// Those that lead to the real JumpCloud and to AWS.
const LIVE: [&str; 13] = [
    "JUMPCLOUD_SECRET_ID",
    "JUMPCLOUD_API_URL",
    "JUMPCLOUD_REGION",
    "JUMPCLOUD_ORG_ID",
    "JUMPCLOUD_ORGS",
    "ORGANIZATION_OF_ACCOUNT",
    "GUARD_TABLE",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_DYNAMODB",
    vars::AWS_REGION,
    vars::AWS_CREDENTIALS[0],
    vars::AWS_CREDENTIALS[1],
    vars::AWS_CREDENTIALS[2],
];

/// Those of this process, with `live` also those that a rehearsal has of its own.
pub fn passed_on(live: bool) -> Vec<(&'static str, String)> {
    let names = vars::ALL.iter().map(|var| var.name).chain(["SSL_CERT_FILE", "SSL_CERT_DIR"]);
    let names = names.filter(|name| !LIVE.contains(name)).chain(LIVE.into_iter().filter(|_| live));
    names.filter_map(|name| Some((name, env::var(name).ok()?))).collect()
}
