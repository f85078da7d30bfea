//! The variables that `cargo playbook` passes on to a function. A test of the functions' crate checks that none is missing.

/// In a rehearsal and with `--live`.
pub const SETTINGS: &[&str] = &[
    "DRY_RUN",
    "TARGET_PATHS",
    "ACT_ON_LOGS",
    "MAX_EVENT_AGE_SECONDS",
    "MAX_TARGETS_PER_ALERT",
    "TRUSTED_DOMAINS",
    "TRUSTED_ACCOUNTS",
    "REQUIRE_BINDING",
    "JUMPCLOUD_SELF",
    "BATCH_CONCURRENCY",
    "AWS_LAMBDA_LOG_LEVEL",
    "AWS_LAMBDA_LOG_FORMAT",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
/// With `--live`: which JumpCloud.
pub const JUMPCLOUD: &[&str] = &["JUMPCLOUD_API_URL", "JUMPCLOUD_ORG_ID"];
/// With `--live`: where the key is.
pub const SECRET: &[&str] = &[
    "JUMPCLOUD_SECRET_ID",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];
