//! What each playbook does to JumpCloud and what it needs there: for `schemas/actions.json`, and for `check-connection`.

use crate::jumpcloud::About;

/// The smallest of JumpCloud's own roles that may do all of it, by its integration guide.
pub const ROLE: &str = "Manager";

/// When a playbook needs a scope without which no run of it succeeds.
pub const ALWAYS: &str = "always";

/// What a playbook does to JumpCloud, whether that can be undone, and which scopes its calls need.
pub struct Action {
    /// Its name.
    pub playbook: &'static str,
    /// What it is about.
    pub about: About,
    /// What it changes; `None` for a question.
    pub changes: Option<&'static str>,
    /// The playbook that takes it back.
    pub undo: Option<&'static str>,
    /// Why it cannot be undone, or what the undo does not bring back.
    pub undo_note: &'static str,
    /// The scopes that JumpCloud's integration guide names.
    pub guide_scopes: &'static [&'static str],
    /// When, and which.
    pub scopes: &'static [(&'static str, &'static str)],
}

/// All of them.
pub const ACTIONS: [Action; 6] = [
    Action {
        playbook: "enrich-host",
        about: About::System,
        changes: None,
        undo: None,
        undo_note: "It changes nothing.",
        guide_scopes: &["systems", "systems.readonly"],
        scopes: &[
            (ALWAYS, "systems.readonly"),
            ("optional, for its users", "users.readonly"),
            ("optional, for its groups", "groups.readonly"),
            ("optional, for what Apple MDM knows about a Mac", "mdm.readonly"),
            ("optional, with include: sessions", "systeminsights.readonly"),
        ],
    },
    Action {
        playbook: "enrich-user",
        about: About::User,
        changes: None,
        undo: None,
        undo_note: "It changes nothing.",
        guide_scopes: &["commandrunner.legacy", "users", "users.readonly"],
        scopes: &[
            (ALWAYS, "users.readonly"),
            ("optional, for its devices", "systems.readonly"),
            ("optional, for its groups", "groups.readonly"),
            ("optional, with include: sessions", "systeminsights.readonly"),
        ],
    },
    Action {
        playbook: "enable-user",
        about: About::User,
        changes: Some("The user's state becomes ACTIVATED."),
        undo: Some("disable-user"),
        undo_note: "Only of a user that was suspended; a staged user that was activated has no undo.",
        guide_scopes: &["users"],
        scopes: &[
            (ALWAYS, "users.readonly"),
            ("of a suspended user", "users.properties.update"),
            ("of a staged user", "users.state.activate"),
        ],
    },
    Action {
        playbook: "disable-user",
        about: About::User,
        changes: Some("The user's state becomes SUSPENDED."),
        undo: Some("enable-user"),
        undo_note: "A user that was STAGED has no undo. Mails that JumpCloud did not send while the user was suspended are not sent later.",
        guide_scopes: &["users"],
        scopes: &[
            (ALWAYS, "users.readonly"),
            ("for its devices, and for alerts that name a host beside the user", "systems.readonly"),
            ("where a group is protected", "groups.readonly"),
            ("with SUSPEND_WITH=put, the default", "users.properties.update"),
            ("with SUSPEND_WITH=state", "users.state.suspend"),
        ],
    },
    Action {
        playbook: "reset-password",
        about: About::User,
        changes: Some("The user's password expires; the user has to set a new one."),
        undo: None,
        undo_note: "No call makes an expired password valid again.",
        guide_scopes: &["users"],
        scopes: &[
            (ALWAYS, "users.readonly"),
            ("for its devices, and for alerts that name a host beside the user", "systems.readonly"),
            ("where a group is protected", "groups.readonly"),
            (ALWAYS, "users.password.expire"),
        ],
    },
    Action {
        playbook: "shutdown-host",
        about: About::System,
        changes: Some("A shutdown is queued for the host, by its agent or, for a Mac, by Apple MDM."),
        undo: None,
        undo_note: "A person starts the host. `offline: cancel` tries to call back a command that waits; whether that works is not documented.",
        guide_scopes: &["systems", "commands", "commands.readonly"],
        scopes: &[
            (ALWAYS, "systems.readonly"),
            (
                "where a user or group is protected, or MAX_USERS_OF_HOST is set, and for alerts that name a user beside the host",
                "users.readonly",
            ),
            ("where a group is protected", "groups.readonly"),
            (ALWAYS, "systems.management"),
            ("of a Mac, by Apple MDM", "mdm.readonly"),
            ("optional, for what is queued already", "commands.readonly"),
            ("to call a queued shutdown back", "commands"),
        ],
    },
];
