//! The parts of the documentation that follow from the code. `cargo xtask docs` brings them up to date.

use std::{env, fs};

use crate::{
    error::ErrorType,
    intake,
    outcome::{
        AdvisoryCode::{self, *},
        Ignored,
    },
    vars,
};

const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/");

/// Which advisories each playbook gives. One that is in no row fails the test below.
const ADVISORIES: [(&str, &[AdvisoryCode]); 6] = [
    (
        "`disable-user`",
        &[WindowsHomeStaysLoggedIn, DeviceOffline, RemoteSessionsStay, LdapBindingUser, DirectoryCanUndo],
    ),
    (
        "`enable-user`",
        &[AccountLocked, PasswordExpired, NotActivated, ResendResetMail, NoActivationMail, DirectoryCanUndo],
    ),
    (
        "`reset-password`",
        &[
            NewPasswordAtLoginWindow,
            NewPasswordInUserPortal,
            SessionsStay,
            MfaWillBeAsked,
            PasswordOwnedByDirectory,
            PasswordNeverExpires,
            SuspendedGetsNoMail,
        ],
    ),
    ("`shutdown-host`", &[QueuedUntilOnline]),
    ("`enrich-user`", &[HoldsNotShown]),
    (
        "where something could not be read",
        &[
            NotVisibleYet,
            NotReadBack,
            DevicesUnknown,
            DevicesIncomplete,
            UsersUnknown,
            UsersIncomplete,
            GroupsUnknown,
            GroupsIncomplete,
            StateChangesUnknown,
            ShutdownUnknown,
            EventsUnknown,
            EventsIncomplete,
            EventsMayLag,
            SessionsUnknown,
            SessionsIncomplete,
        ],
    ),
];

fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let rows: String = rows.into_iter().map(|row| line(&row)).collect();
    format!("{}|{}\n{rows}", line(&head), "---|".repeat(head.len()))
}

fn errors() -> String {
    let row = |error: &ErrorType| {
        let retry = match error {
            ErrorType::OutcomeUnknown => "no, look first",
            error if error.retry_helps() => "yes",
            _ => "no",
        };
        vec![format!("`{error}`"), retry.to_owned(), error.about().to_owned()]
    };
    table(&["errorType", "retry helps", "when"], ErrorType::ALL.iter().map(row))
}

fn variables() -> String {
    let row = |var: &&vars::Var| vec![format!("`{}`", var.name), var.about.trim().to_owned()];
    table(&["variable", "meaning"], vars::ALL.iter().map(row))
}

fn formats() -> String {
    table(&["format", "users", "hosts"], intake::reference().into_iter().map(Vec::from))
}

fn ignored() -> String {
    let row = |reason: &Ignored| vec![format!("`{}`", reason.name()), reason.about().to_owned()];
    table(&["`ignored`", "when"], Ignored::ALL.iter().map(row))
}

fn advisories() -> String {
    for code in AdvisoryCode::ALL {
        assert!(ADVISORIES.iter().any(|(_, codes)| codes.contains(code)), "{} is in no row", code.name());
    }
    let row = |(playbook, codes): &(&str, &[AdvisoryCode])| {
        let codes: Vec<String> = codes.iter().map(|code| format!("`{}`", code.name())).collect();
        vec![(*playbook).to_owned(), codes.join(", ")]
    };
    table(&["playbook", "codes"], ADVISORIES.iter().map(row))
}

#[test]
fn the_pages_say_what_the_code_says() {
    let parts = [
        ("errors.md", "errors", errors()),
        ("variables-and-parameters.md", "variables", variables()),
        ("events-and-alerts.md", "formats", formats()),
        ("events-and-alerts.md", "ignored", ignored()),
        ("outcomes.md", "advisories", advisories()),
    ];
    for (page, name, text) in parts {
        let path = format!("{PAGES}{page}");
        let written = fs::read_to_string(&path).expect("the page");
        let begin = format!("<!-- from the code: {name} -->\n");
        let (head, rest) = written.split_once(&begin).expect("the mark where it begins");
        let (_, tail) = rest.split_once("<!-- end -->").expect("the mark where it ends");
        let wanted = format!("{head}{begin}\n{text}\n<!-- end -->{tail}");
        if written != wanted && env::var_os("WRITE_DOCS").is_some() {
            fs::write(path, wanted).expect("the page can be written");
        } else {
            assert!(written == wanted, "docs/{page} is behind the code: run cargo xtask docs");
        }
    }
}
