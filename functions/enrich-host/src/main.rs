//! The Lambda function `enrich-host`.

use jumpcloud_playbooks::{playbooks::enrich_host::ENRICH_HOST, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::answer(ENRICH_HOST).await
}
