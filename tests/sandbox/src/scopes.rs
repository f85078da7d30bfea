//! What a role may do: the scopes that each call needs, as JumpCloud's workflow editor lists them. Any one of them suffices.
//!
//! The scopes are those of the operations in JumpCloud's command line, November 2026; what a real tenant asks for beyond them
//! is not known.

const READ_USERS: &[&str] = &["users", "users.readonly"];
const READ_SYSTEMS: &[&str] = &["systems", "systems.readonly"];
const READ_GROUPS: &[&str] = &["groups", "groups.readonly"];
const MANAGE_SYSTEMS: &[&str] = &["systems", "systems.management"];

/// The scopes of which a call needs one; none for a call that is not known here. `parts` is the path below `/api`.
pub(crate) fn needed(method: &str, parts: &[&str]) -> &'static [&'static str] {
    match (method, parts) {
        ("POST", ["search", "systemusers"]) | ("GET", ["systemusers", ..]) => READ_USERS,
        ("POST", ["search", "systems"]) | ("GET", ["systems", ..]) => READ_SYSTEMS,
        ("GET", ["organizations", ..]) => &["organizations", "organizations.readonly"],
        ("PUT", ["systemusers", _]) => &["users", "users.properties", "users.properties.update"],
        ("POST", ["systemusers", _, "state", "activate"]) => &["users", "users.state", "users.state.activate"],
        ("POST", ["systemusers", _, "state", "suspend"]) => &["users", "users.state", "users.state.suspend"],
        ("POST", ["systemusers", _, "unlock"]) => {
            &["users", "users.state", "users.state.unlock", "users.update.unlock"]
        }
        ("POST", ["systemusers", _, "expire"]) => {
            &["users", "users.password", "users.password.expire", "users.update.passwordreset"]
        }
        ("POST", ["systemusers", _, "resetmfa"]) => &["users", "users.mfa.reset"],
        ("POST", ["systems", _, "command", "builtin", "erase"]) => &["systems"],
        ("POST", ["systems", _, "command", "builtin", _]) => MANAGE_SYSTEMS,
        ("GET", ["v2", "bulk", "userstates"]) => &["users", "users.readonly", "users.state", "users.state.readonly"],
        ("POST", ["v2", "applemdms", _, "devices", _, "lock" | "restart" | "shutdown"]) => {
            &["mdm", "systems.management"]
        }
        ("GET", ["v2", "applemdms", ..]) => &["mdm", "mdm.readonly"],
        ("DELETE", ["v2", "commandqueue", _]) => &["commands", "systems"],
        ("GET", ["v2", "queuedcommand", ..]) => &["commands", "commands.readonly"],
        ("GET", ["v2", "systeminsights", ..]) => &["systeminsights.readonly"],
        ("GET", ["v2", _, _, "users"]) => READ_USERS,
        ("GET", ["v2", _, _, "systems" | "policystatuses"]) => READ_SYSTEMS,
        ("GET", ["v2", _, _, "memberof"] | ["v2", "usergroups" | "systemgroups"]) => READ_GROUPS,
        ("GET", ["v2", "usergroups" | "systemgroups", _]) => READ_GROUPS,
        _ => &[],
    }
}
