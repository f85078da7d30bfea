//! The guard in DynamoDB: nothing protected, nothing twice, never too much at once, off at once.
//!
//! # The table
//!
//! Key: `pk` (text, partition) and `sk` (text, sort). TTL attribute: `expires`. Every `pk` begins with the organization:
//! the alias where there are several, else `JUMPCLOUD_ORG_ID`, else `default`; the switches also exist for `*`, all organizations. Times are RFC 3339 in UTC, unless an
//! attribute says milliseconds or seconds since 1970.
//!
//! | `pk` | `sk` | one per |
//! |---|---|---|
//! | `<org>#switch`, `*#switch` | `*` | all playbooks that take something away: all but Enable User |
//! | `<org>#switch`, `*#switch` | the playbook's name | playbook |
//! | `<org>#change` | `user#<id>` or `host#<id>` | target |
//! | `<org>#protected` | `user#<name>`, `host#<name>`, `group#<id>` | entry; an id, a user name, an address or a host's name, in lower case |
//!
//! **Switch** (`*` and playbooks):
//!
//! | attribute | type | meaning |
//! |---|---|---|
//! | `mode` | S | `on`, `dry-run` or `off`; no item and no attribute mean `on` |
//! | `who`, `why`, `at` | S | of the latest setting |
//!
//! and in the item of `<org>` and a playbook that is limited also:
//!
//! | attribute | type | meaning |
//! |---|---|---|
//! | `hour`, `day` | S | `2026-11-24T12`, `2026-11-24`: what the sets are for; another hour or day begins with an empty set |
//! | `hour_targets`, `day_targets` | SS | ids of the distinct targets of that hour and day |
//! | `latched` | S | since when findings are refused, because the limit was reached |
//! | `epoch` | N | one more with each `on`. The latch is written on the condition that it is still what was read, so that a late latch does not undo a person's `on` |
//! | `allow_targets`, `allow_until` | N | while `allow_until` (seconds) is ahead, both limits are at least `allow_targets` |
//! | `allow_who`, `allow_why` | S | of the allowance |
//!
//! Turning a playbook `on` is one update of its item: `SET mode, who, why, at, epoch = epoch + 1 REMOVE latched, hour,
//! hour_targets, day, day_targets`. Other settings leave those attributes alone. [`rails`] makes them; `who` ends in the id of
//! the request, by which a request whose answer was lost knows its own writing.
//!
//! **Change**: the mark that something may have been sent. Written before the change, settled after it.
//!
//! | attribute | type | meaning |
//! |---|---|---|
//! | `playbook`, `name` | S | what was done, and the target's name |
//! | `attempt` | S | random; whose mark it is. Every later write is on the condition that it is still this |
//! | `status` | S | `begun`, `done` or `unknown` |
//! | `before` | S | JSON of the state that was read |
//! | `by` | S | `finding ...`, `execution ...` or `request ...` |
//! | `reason` | S | in the caller's words, where there was one |
//! | `at` | S | when it was begun |
//! | `deadline` | N | when its invocation ends, milliseconds |
//! | `seen` | S | Shutdown Host: when the host was first seen online after `at` |
//! | `counted` | SS | `hour`, `day`: the sets of the playbook that this change put the target in |
//! | `holds` | S | JSON of who wants a user to stay suspended: `id`, `by`, `reason`, `from`, `until` (see `holds.rs` of the library) |
//! | `expires` | N | seconds; only where the record is settled and nothing is pending |
//!
//! To `forget` a target is to delete its change record.
//!
//! **Protected**: `as` (S: `never` or `ask`), `who`, `why`, `at` (S).

pub mod admit;
mod connection;
pub mod guard;
mod holds;
pub mod items;
pub mod judge;
pub mod protected;
pub mod rails;
pub mod record;
mod settle;
pub mod setup;
pub mod switch;
pub mod table;

pub use self::setup::Ledger;
