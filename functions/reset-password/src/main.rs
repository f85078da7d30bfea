//! The Lambda function `reset-password`.

use jumpcloud_playbooks::{playbooks::reset_password::RESET_PASSWORD, runtime};
use ledger::Ledger;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::act(RESET_PASSWORD, Ledger::from_vars).await
}
