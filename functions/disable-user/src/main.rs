//! The Lambda function `disable-user`.

use jumpcloud_playbooks::{playbooks::disable_user::DISABLE_USER, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run(&DISABLE_USER).await
}
