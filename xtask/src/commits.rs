//! What a commit says: an imperative subject of one line, and a body with the reason.

use crate::sh::{Result, Run, command};

/// 2026-12-01 00:00 UTC. From then on the rule is kept; the commits before it are not written again.
const KEPT_FROM: u64 = 1_796_083_200;
/// What `git log --oneline` and a list of pull requests show of a subject without cutting it.
const LONGEST: usize = 72;

/// Judges every commit that is there: of a shallow clone, those that it has.
pub(crate) fn run() -> Result {
    // `raw` shows a commit as it is stored: a merge at the end of a shallow clone still has its parents.
    let log = command("git").args(["log", "--format=raw", "--no-show-signature", "--no-color"]).read()?;
    let commits: Vec<Commit> =
        commits(&log).into_iter().filter(|commit| commit.at >= KEPT_FROM && !commit.merge).collect();
    let faults: Vec<String> = commits
        .iter()
        .flat_map(|commit| {
            commit.faults().into_iter().map(|fault| format!("{} {}: {fault}", commit.short(), commit.subject()))
        })
        .collect();
    println!("{} commits since 2026-12-01, {} faults", commits.len(), faults.len());
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

#[derive(Default)]
struct Commit {
    hash: String,
    /// When it was committed, in seconds since 1970.
    at: u64,
    merge: bool,
    message: Vec<String>,
}

/// The commits of `git log --format=raw`: headers, and the message with four spaces in front.
fn commits(log: &str) -> Vec<Commit> {
    let mut found: Vec<Commit> = Vec::new();
    let mut parents = 0;
    for line in log.lines() {
        if let Some(hash) = line.strip_prefix("commit ") {
            found.push(Commit { hash: hash.to_owned(), ..Commit::default() });
            parents = 0;
            continue;
        }
        let Some(commit) = found.last_mut() else { continue };
        if let Some(text) = line.strip_prefix("    ") {
            commit.message.push(text.trim_end().to_owned());
        } else if line.starts_with("parent ") {
            parents += 1;
            commit.merge = parents > 1;
        } else if line.starts_with("committer ") {
            // The time is the last but one word; the last is the zone.
            commit.at = line.rsplit(' ').nth(1).and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
        }
    }
    found
}

impl Commit {
    fn short(&self) -> &str {
        self.hash.get(..10).unwrap_or(&self.hash)
    }

    fn subject(&self) -> &str {
        self.message.first().map_or("", String::as_str)
    }

    fn faults(&self) -> Vec<&'static str> {
        let subject = self.subject();
        let faults = [
            (subject.chars().count() > LONGEST, "the subject has more than 72 characters"),
            (subject.ends_with('.'), "the subject ends in a full stop"),
            (!is_imperative(subject), "the subject does not begin with a verb in the imperative, like \"Add\""),
            (self.message.get(1).is_some_and(|line| !line.is_empty()), "the second line is not empty"),
            (self.message.iter().skip(1).all(String::is_empty), "there is no body that says why"),
        ];
        faults.into_iter().filter(|(is_fault, _)| *is_fault).map(|(_, fault)| fault).collect()
    }
}

/// Whether the first word may be an imperative: a capital and small letters, and no ending of another form of a verb. Words that
/// have such an ending by themselves are named.
fn is_imperative(subject: &str) -> bool {
    let word = subject.split(' ').next().unwrap_or_default().trim_end_matches(',');
    let mut letters = word.chars();
    let looks_so = letters.next().is_some_and(|letter| letter.is_ascii_uppercase()) && word.len() > 1;
    let own = ["Bring", "Embed", "Feed", "Need", "Ping", "Seed", "Shed", "Speed", "Spring", "String", "Swing"];
    let other_form = ["ed", "ing", "s"].iter().any(|ending| word.ends_with(ending)) && !word.ends_with("ss");
    looks_so
        && letters.all(|letter| letter.is_ascii_lowercase() || letter == '-')
        && (!other_form || own.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
commit 1111111111111111
tree aaaa
parent bbbb
author A <a@b.example> 1796083100 +0000
committer A <a@b.example> 1796083200 +0100

    Add a door
   \x20
    One place to look.

commit 2222222222222222
tree aaaa
parent bbbb
parent cccc
author A <a@b.example> 1796083100 +0000
committer A <a@b.example> 1796083300 +0000

    Merge doors
";

    fn written(message: &str) -> Vec<&'static str> {
        Commit { message: message.lines().map(str::to_owned).collect(), ..Commit::default() }.faults()
    }

    #[test]
    fn the_log_is_read() {
        let found = commits(LOG);
        let read: Vec<_> =
            found.iter().map(|commit| (commit.short(), commit.at, commit.merge, commit.subject())).collect();
        let first = ("1111111111", KEPT_FROM, false, "Add a door");
        assert_eq!(read, [first, ("2222222222", KEPT_FROM + 100, true, "Merge doors")]);
        assert!(found[0].faults().is_empty());
    }

    #[test]
    fn a_subject_is_one_imperative_line_and_a_body_says_why() {
        assert!(written("Add a door\n\nOne place to look.").is_empty());
        assert_eq!(written("Add a door"), ["there is no body that says why"]);
        assert_eq!(written("Add a door\n\n"), ["there is no body that says why"]);
        assert_eq!(written("Add a door\nOne place to look."), ["the second line is not empty"]);
        assert_eq!(written("Add a door.\n\nWhy"), ["the subject ends in a full stop"]);
        assert!(written(&format!("A{}\n\nWhy", "d".repeat(71))).is_empty());
        assert_eq!(written(&format!("A{}\n\nWhy", "d".repeat(72))), ["the subject has more than 72 characters"]);
    }

    #[test]
    fn other_forms_of_a_verb_are_told_from_the_imperative() {
        for subject in ["Add a door", "Process each", "Bring it back", "Compare, and say so", "Embed it", "Re-read it"]
        {
            assert!(is_imperative(subject), "{subject}");
        }
        for subject in
            ["Added a door", "Adding a door", "Adds a door", "add a door", "feat: a door", "WIP", "", "`run` is gone"]
        {
            assert!(!is_imperative(subject), "{subject}");
        }
    }
}
