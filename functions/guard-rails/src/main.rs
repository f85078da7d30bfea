//! The Lambda function `guard-rails`.

use jumpcloud_playbooks::runtime;
use ledger::{Ledger, rails};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::administer(rails::NAME, Ledger::from_vars, rails::answer).await
}
