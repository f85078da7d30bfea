//! The Lambda function `enable-user`.

use jumpcloud_playbooks::{playbooks::enable_user::ENABLE_USER, runtime};
use ledger::Ledger;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::act(ENABLE_USER, Ledger::from_vars).await
}
