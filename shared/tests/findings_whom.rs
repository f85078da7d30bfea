//! Whom each real finding of other products is about, or why nobody. Whether it is open, and a finding at all, is not asked here.
//!
//! The samples are other people's and not part of the repository: they are read from `../shared/findings` beside the checkout.

use std::{collections::BTreeMap, fs, path::Path};

use jumpcloud_playbooks::{
    error::ErrorType,
    intake::Settings,
    request::{Target, TargetType},
    vars::Vars,
};
use serde_json::Value;

/// A user that is named, the names in order; `bound`: a local account of the host named here.
struct User {
    sample: u16,
    names: &'static [&'static str],
    bound: &'static [&'static str],
}

const USERS: &[User] = &[
    // Windows' event 4625: an account of the host that the finding is about.
    User { sample: 93, names: &["Administrator"], bound: &["EC2AMAZ-6KJ2BPP"] },
    // One account creates another: two names, which never are one user's.
    User { sample: 119, names: &["user5", "actor5"], bound: &[] },
    User { sample: 121, names: &["test_user@acme.com", "test_user"], bound: &[] },
    User { sample: 123, names: &["test_user_2", "test_user@acme.com", "test_user"], bound: &[] },
    // An address counts; that the other name is no login name keeps it from acting.
    User { sample: 129, names: &["john.doe@example.com", "John Doe"], bound: &[] },
];

/// Names that do not count, and what the error says of them besides.
const UNTRUSTED: &[(u16, &str, &str)] = &[
    (53, "Administrator", "/event/UserName"),
    (65, "kapil", "644160558196"),
    (71, "sharrtest", "111111111111"),
    (85, "anaya", "111122223333"),
    (87, "Level6", "1111111111111"),
    (97, "test_user2", "112233445566"),
    (103, "test_user2", "does not say of which AWS account"),
    (107, "test_user2", "112233445566"),
];

const HOSTS: &[(u16, &[&str])] = &[(93, &["EC2AMAZ-6KJ2BPP"])];

/// The samples that name no user, by the reason.
const NO_USER: &[(&str, &[u16])] = &[
    ("CloudTrail's log is no format of findings", &[1]),
    ("an attack sequence without its actors", &[3]),
    ("GuardDuty without a resource", &[5, 7, 9]),
    ("what a sensor logs is no format of findings", &[11, 13, 15, 17, 21, 23, 25, 27, 31, 35, 37, 39, 41, 43]),
    ("a detection in somebody else's envelope", &[19]),
    ("a query's result", &[29]),
    ("a session of an analyst on a host", &[33]),
    ("the console's audit log: who is named there is the administrator", &[45, 47, 49, 51, 55, 57, 59, 61, 63]),
    ("a function, an account, a bucket, an image: no person", &[67, 69, 73, 75, 77, 79, 105, 111, 115]),
    ("an IAM user without its name", &[81]),
    ("a role that Identity Center did not make", &[83, 95, 101, 113]),
    ("a machine account of Kubernetes", &[89, 99, 109]),
    ("network traffic", &[91]),
    ("a container", &[117]),
    ("an offense of a SIEM without a user", &[125]),
    ("mail, by its addresses at both ends", &[127]),
    ("the log of an identity provider in its own form", &[131]),
];

/// The samples by their number; `None`, and loudly so, where they are not there.
fn samples() -> Option<BTreeMap<u16, Value>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/findings");
    let Ok(files) = fs::read_dir(&folder) else {
        eprintln!("NOT CHECKED: {} is not there, so no real finding was read", folder.display());
        return None;
    };
    let files = files.map(|file| file.expect("a file").path());
    let samples = files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).map(|path| {
        let number = path.file_name().and_then(|name| name.to_str()?.split('-').next()?.parse().ok());
        let sample: Value = serde_json::from_slice(&fs::read(&path).expect("readable")).expect("valid JSON");
        let detail = sample.get("detail").filter(|_| sample.get("detail-type").is_some()).cloned();
        (number.expect("a number"), detail.unwrap_or(sample))
    });
    Some(samples.collect())
}

fn settings() -> Settings {
    Settings::from_vars(&Vars(&|_: &str| None)).expect("valid settings")
}

fn names(target: &Target) -> Vec<&str> {
    target.names().map(|name| name.text.as_str()).collect()
}

#[test]
fn every_sample_has_an_expectation() {
    let Some(samples) = samples() else { return };
    let nobody = NO_USER.iter().flat_map(|(_, numbers)| numbers.iter().copied());
    let somebody = USERS.iter().map(|user| user.sample).chain(UNTRUSTED.iter().map(|(number, ..)| *number));
    let mut expected: Vec<u16> = nobody.chain(somebody).collect();
    expected.sort_unstable();
    assert_eq!(expected, samples.keys().copied().collect::<Vec<_>>());
}

#[test]
fn users_are_who_the_findings_say() {
    let Some(samples) = samples() else { return };
    let settings = settings();
    let whom = |number: u16| settings.whom(&samples[&number], TargetType::User);
    for User { sample, names: expected, bound } in USERS {
        let targets = whom(*sample).expect("a user");
        let [target] = targets.as_slice() else { panic!("{sample}: {targets:?}") };
        let hosts: Vec<&str> = target.bound_to.iter().map(|host| host.text.as_str()).collect();
        assert_eq!((names(target).as_slice(), hosts.as_slice()), (*expected, *bound), "{sample}");
    }
    for (number, name, why) in UNTRUSTED {
        let error = whom(*number).expect_err("nobody");
        assert_eq!(error.error_type, ErrorType::Unsupported, "{number}");
        assert!(error.message.contains(name) && error.message.contains(why), "{number}: {error}");
    }
    for (why, numbers) in NO_USER {
        for number in *numbers {
            assert_eq!(whom(*number).expect("no error"), [], "{number}: {why}");
        }
    }
}

#[test]
fn hosts_are_what_the_findings_say() {
    let Some(samples) = samples() else { return };
    let settings = settings();
    for (number, sample) in &samples {
        let targets = settings.whom(sample, TargetType::Host).expect("no error");
        let expected: Vec<&[&str]> =
            HOSTS.iter().filter(|(known, _)| known == number).map(|(_, names)| *names).collect();
        let found: Vec<Vec<&str>> = targets.iter().map(names).collect();
        assert_eq!(found, expected, "{number}");
    }
}
