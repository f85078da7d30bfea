//! The Lambda function `enrich-user`.

use jumpcloud_playbooks::{playbooks::enrich_user::ENRICH_USER, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::answer(ENRICH_USER).await
}
