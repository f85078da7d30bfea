//! The Lambda function `shutdown-host`.

use jumpcloud_playbooks::{guard::Unguarded, playbooks::shutdown_host::SHUTDOWN_HOST, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::act(SHUTDOWN_HOST, Unguarded).await
}
