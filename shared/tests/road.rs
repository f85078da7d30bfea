//! No command acts without having passed every step of the road.

mod common;

use std::{cell::RefCell, rc::Rc, time::Duration};

use common::run;
use jumpcloud_playbooks::{
    error::{Error, ErrorType},
    guard::{About, Admission, Change, Guard, Settled},
    outcome::Status,
    playbooks::{self, Playbook},
    request::{By, RequestInfo, Target, TargetType},
};
use sandbox::{faults::Fault, rehearsal::Rehearsal};

/// A guard that remembers what it was asked, and admits or refuses everything.
#[derive(Clone)]
struct Recorder {
    admits: bool,
    asked: Rc<RefCell<Vec<&'static str>>>,
    settled: Rc<RefCell<Vec<Settled>>>,
}

impl Recorder {
    fn new(admits: bool) -> Self {
        Self { admits, asked: Rc::default(), settled: Rc::default() }
    }
}

impl Guard for Recorder {
    type Known = ();
    type Ticket = ();

    async fn read(&self, _: &About<'_>) -> Result<(), Error> {
        Ok(())
    }

    async fn admit(&self, (): &(), change: &Change<'_>) -> Result<Admission<()>, Error> {
        assert!(change.target.id.is_some() && !change.time_left.is_zero());
        self.asked.borrow_mut().push(change.playbook);
        if self.admits { Ok(Admission::Admitted(())) } else { Err(ErrorType::Protected.error("the test refuses")) }
    }

    async fn settle(&self, (): (), result: Settled, _: Duration) {
        self.settled.borrow_mut().push(result);
    }
}

fn target(playbook: &dyn Playbook, name: &str) -> Target {
    let by = if playbook.target_type() == TargetType::User { By::User } else { By::Host };
    Target::new(by, name)
}

/// A target that the command would change.
fn name_for(playbook: &str) -> &'static str {
    let event = sandbox::playbooks::named(playbook).expect("a playbook of the list").event.as_object();
    event.and_then(|event| event.values().next()?.as_str()).expect("an event that names its target")
}

fn commands(guard: &Recorder) -> Vec<Box<dyn Playbook>> {
    playbooks::all(guard).into_iter().filter(|playbook| playbook.mutating()).collect()
}

#[test]
fn the_list_of_the_tests_is_that_of_the_crate() {
    let mut playbooks: Vec<_> = playbooks::all(&Recorder::new(true))
        .iter()
        .map(|playbook| (playbook.name().to_owned(), playbook.mutating()))
        .collect();
    let mut listed: Vec<_> =
        sandbox::playbooks::all().iter().map(|playbook| (playbook.name.clone(), playbook.changes)).collect();
    playbooks.sort();
    listed.sort();
    assert_eq!(playbooks, listed);
}

#[tokio::test]
async fn what_the_guard_refuses_is_not_sent() {
    let guard = Recorder::new(false);
    for command in commands(&guard) {
        let rehearsal = Rehearsal::start().await;
        let target = target(&*command, name_for(command.name()));
        let error = run(&rehearsal, &*command, target, RequestInfo::default()).await.unwrap_err();
        assert_eq!(error.message, "the test refuses", "{}", command.name());
        assert!(rehearsal.tenant.writes().is_empty(), "{}", command.name());
    }
    assert_eq!(guard.asked.borrow().len(), commands(&guard).len());
    assert!(guard.settled.borrow().is_empty());
}

#[tokio::test]
async fn what_is_sent_was_admitted_once_and_is_settled_once() {
    for (fault, expected) in [
        (None, Settled::Done),
        (Some(Fault::status(403)), Settled::NotSent),
        (Some(Fault::StatusAfter(500)), Settled::Unknown),
    ] {
        for index in 0..commands(&Recorder::new(true)).len() {
            let guard = Recorder::new(true);
            let command = &commands(&guard)[index];
            let rehearsal = Rehearsal::start().await;
            if let Some(fault) = &fault {
                for (method, path) in [("PUT", "/systemusers/"), ("POST", "/systemusers/"), ("POST", "/systems/")] {
                    rehearsal.tenant.order(fault.clone(), method, path, 9);
                }
            }
            let target = target(&**command, name_for(command.name()));
            let result = run(&rehearsal, &**command, target, RequestInfo::default()).await;
            // A user is read back, so that a lost answer is settled; a shutdown cannot be.
            let seen = expected == Settled::Unknown && command.name() != "shutdown-host";
            assert_eq!(result.is_ok(), expected == Settled::Done || seen, "{}", command.name());
            assert_eq!(*guard.asked.borrow(), [command.name()]);
            let settled = if seen { Settled::Done } else { expected };
            assert_eq!(*guard.settled.borrow(), [settled], "{}", command.name());
            assert_eq!(rehearsal.tenant.writes().len(), 1, "{}", command.name());
        }
    }
}

#[tokio::test]
async fn what_changes_nothing_never_reaches_the_guard() {
    let guard = Recorder::new(true);
    for command in commands(&guard) {
        let rehearsal = Rehearsal::start().await;
        let dry = RequestInfo { dry_run: true, ..RequestInfo::default() };
        let outcome = run(&rehearsal, &*command, target(&*command, name_for(command.name())), dry).await.unwrap();
        assert_eq!(outcome.status, Status::DryRun);
        let nobody = run(&rehearsal, &*command, target(&*command, "nobody"), RequestInfo::default()).await;
        assert!(nobody.unwrap_err().message.contains("nothing was done"));
    }
    let protected = ["disable-user", "reset-password"];
    for command in commands(&guard).iter().filter(|command| protected.contains(&command.name())) {
        let rehearsal = Rehearsal::start().await;
        let result = run(&rehearsal, &**command, target(&**command, "cadmin"), RequestInfo::default()).await;
        assert_eq!(result.unwrap_err().error_type, ErrorType::Protected);
        assert!(rehearsal.tenant.writes().is_empty());
    }
    assert!(guard.asked.borrow().is_empty());
}
