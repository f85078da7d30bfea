//! The ways in which the tenant misbehaves when a test orders it.

use std::time::Duration;

/// One misbehaviour.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status, with JumpCloud's error body; with `Retry-After` where given.
    Status(u16, Option<String>),
    /// A 307 to this place, which asks for the same request again.
    Redirect(String),
    /// A 200 that is a page of HTML.
    HtmlPage,
    /// Any other answer: status, content type, body.
    Answer(u16, &'static str, String),
    /// The right answer, so much later.
    Slow(Duration),
    /// The connection is cut before the request had any effect.
    CutBefore,
    /// The request has its effect, and the connection is cut instead of an answer.
    CutAfter,
    /// The request has its effect, and the answer is this status with an error body.
    StatusAfter(u16),
    /// A JSON answer that breaks off.
    Malformed,
    /// A JSON answer of more than 8 MiB.
    Oversized,
    /// The request is answered as if it had had its effect, and has none.
    Ignored,
}

impl Fault {
    /// This status and no `Retry-After`.
    pub fn status(status: u16) -> Self {
        Self::Status(status, None)
    }
}

/// A fault for the next `times` requests of this method whose path contains `path`.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) fault: Fault,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) times: usize,
}

impl Order {
    /// The fault for this request, if it is one of those ordered.
    pub(crate) fn take(orders: &mut [Order], method: &str, path: &str) -> Option<Fault> {
        let order =
            orders.iter_mut().find(|order| order.times > 0 && order.method == method && path.contains(&order.path))?;
        order.times -= 1;
        Some(order.fault.clone())
    }
}
