//! The commands that wait for their devices.

use serde::Deserialize;
use serde_with::apply;

use super::{
    client::Reader,
    list::Listed,
    model::{PAGE, lenient},
};
use crate::{error::Error, ids::ObjectId};

/// A command in the queue. Whether a shutdown is among them is not documented: its answer names no workflow.
#[apply(
    Option => #[serde(default, deserialize_with = "lenient")],
)]
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct QueuedCommand {
    /// The workflow's id.
    pub id: Option<String>,
    /// The device that it waits for.
    system: Option<String>,
    /// How many devices have not received it.
    pub pending_count: Option<u64>,
}

impl Reader<'_> {
    /// `GET /v2/queuedcommand/workflows`: what waits for this device.
    pub async fn queued_commands(&self, id: &ObjectId) -> Result<Listed<QueuedCommand>, Error> {
        let mut commands: Listed<QueuedCommand> = self.list("/v2/queuedcommand/workflows", "", PAGE).await?;
        commands.items.retain(|command| {
            let its = command.system.as_deref().and_then(ObjectId::parse);
            its.as_ref() == Some(id) && command.pending_count != Some(0)
        });
        Ok(commands)
    }
}
