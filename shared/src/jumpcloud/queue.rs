//! The commands that wait for their devices, and how one is called back.

use serde::Deserialize;
use serde_with::apply;

use super::{
    client::{Reader, Writer},
    list::Listed,
    model::{PAGE, checked, lenient},
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
    id: Option<String>,
    /// Of a saved command its id; what it is of a command that is built in is not documented.
    command: Option<String>,
    /// The device that it waits for.
    system: Option<String>,
    /// How many devices have not received it.
    pub pending_count: Option<u64>,
}

impl QueuedCommand {
    /// The id of its workflow.
    ///
    /// # Errors
    /// `UnexpectedResponse` where it is none.
    pub fn workflow(&self) -> Result<&str, Error> {
        checked(self.id.as_deref(), "a queued command")
    }

    /// Whether it is a shutdown of one device and of nothing else, as far as the list tells: a saved command is not.
    pub fn is_shutdown(&self) -> bool {
        self.pending_count == Some(1)
            && self.command.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("shutdown"))
    }
}

impl Writer<'_> {
    /// `DELETE /v2/commandqueue/{id}`: calls back what waits under a workflow's id, which is documented. What becomes of a
    /// shutdown is not. One that is gone is called back.
    pub async fn call_back(&self, command: &QueuedCommand) -> Result<(), Error> {
        self.delete(format!("/v2/commandqueue/{}", command.workflow()?)).await
    }
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
