//! The Lambda function `reset-password`.

use jumpcloud_playbooks::{playbooks::reset_password::RESET_PASSWORD, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run(&RESET_PASSWORD).await
}
