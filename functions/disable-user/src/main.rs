//! The Lambda function `disable-user`.

use jumpcloud_playbooks::{playbooks::disable_user::DISABLE_USER, runtime};
use ledger::Ledger;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::act(DISABLE_USER, Ledger::from_vars).await
}
