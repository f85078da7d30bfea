//! The Lambda function `disable-user`.

use jumpcloud_playbooks::{guard::Unguarded, playbooks::disable_user::DISABLE_USER, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::act(DISABLE_USER, Unguarded).await
}
