//! The playbooks' names and inputs, for people.

/// A playbook as the command line shows it.
pub struct Playbook {
    /// The function's name.
    pub name: &'static str,
    /// What it does and takes.
    pub about: &'static str,
    /// Whether it changes anything.
    pub mutating: bool,
}

/// All six.
pub const PLAYBOOKS: [Playbook; 6] = [
    Playbook {
        name: "enrich-host",
        mutating: false,
        about: "facts, users and groups of a host      {\"hostname\" | \"host_id\" | \"host\": ...}",
    },
    Playbook {
        name: "enrich-user",
        mutating: false,
        about: "facts, devices and groups of a user    {\"username\" | \"email\" | \"user_id\" | \"user\": ...}",
    },
    Playbook {
        name: "enable-user",
        mutating: true,
        about: "lifts a suspension, activates a user   {\"username\" | \"email\" | \"user_id\" | \"user\": ...}",
    },
    Playbook {
        name: "disable-user",
        mutating: true,
        about: "suspends a user                        {\"username\" | \"email\" | \"user_id\" | \"user\": ...}",
    },
    Playbook {
        name: "reset-password",
        mutating: true,
        about: "expires a user's password              {\"username\" | \"email\" | \"user_id\" | \"user\": ...}",
    },
    Playbook {
        name: "shutdown-host",
        mutating: true,
        about: "queues the shutdown of a host          {\"hostname\" | \"host_id\" | \"host\": ...}",
    },
];

/// The playbook of that name.
pub fn named(name: &str) -> Option<&'static Playbook> {
    PLAYBOOKS.iter().find(|playbook| playbook.name == name)
}
