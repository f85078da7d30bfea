//! The Lambda function `enable-user`.

use jumpcloud_playbooks::{playbooks::enable_user::ENABLE_USER, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run(&ENABLE_USER).await
}
