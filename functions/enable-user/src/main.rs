//! The Lambda function `enable-user`.

use jumpcloud_playbooks::{guard::Unguarded, playbooks::enable_user::ENABLE_USER, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::act(ENABLE_USER, Unguarded).await
}
