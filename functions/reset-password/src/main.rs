//! The Lambda function `reset-password`.

use jumpcloud_playbooks::{guard::Unguarded, playbooks::reset_password::RESET_PASSWORD, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::act(RESET_PASSWORD, Unguarded).await
}
