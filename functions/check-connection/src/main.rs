//! The Lambda function `check-connection`.

use jumpcloud_playbooks::runtime;
use ledger::Ledger;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::check(Ledger::from_vars, Ledger::check).await
}
