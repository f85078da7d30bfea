//! The Lambda function `shutdown-host`.

use jumpcloud_playbooks::{playbooks::shutdown_host::SHUTDOWN_HOST, runtime};
use ledger::Ledger;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::act(SHUTDOWN_HOST, Ledger::from_vars).await
}
