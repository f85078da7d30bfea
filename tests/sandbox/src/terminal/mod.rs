//! What `cargo playbook` says to people, and how it asks them.

pub mod audit;
pub mod confirm;
pub mod event;
pub mod print;
pub mod records;
pub mod replay;
pub mod style;
pub mod table;
pub mod world;
