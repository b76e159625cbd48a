//! Who may depend on whom. Pure crates use each other and a few libraries, plumbing uses pure
//! crates and plumbing, services use all of these and never each other.

use cargo_metadata::{DependencyKind, Metadata};
use std::collections::BTreeSet;

const PURE: [&str; 4] =
    ["backlog-audit-log", "backlog-ids", "backlog-money", "backlog-recognition-engine"];
const PLUMBING: [&str; 5] =
    ["backlog-db", "backlog-event-log", "backlog-proto", "backlog-service-kit", "backlog-tenancy"];
const SERVICES: [&str; 3] = ["backlog-contract", "backlog-recognition", "backlog-reporting"];
const TEST_SUPPORT: &str = "backlog-test-support";
const LOCAL_STACK: &str = "backlog-local-stack";

/// What a pure crate may use besides pure crates: values and hashes, nothing that waits, reads a
/// clock or talks.
const PURE_LIBRARIES: [&str; 10] = [
    "base64",
    "chrono",
    "ed25519-dalek",
    "iso_currency",
    "rust_decimal",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
    "uuid",
];

/// Libraries with one home: who may use them, and who besides in tests.
const HOMES: [(&str, &[&str], &[&str]); 2] = [
    (
        "async-nats",
        &["backlog-event-log"],
        &["backlog-event-log", LOCAL_STACK, TEST_SUPPORT, "backlog-tests"],
    ),
    ("sqlx", &["backlog-db"], &["backlog-db"]),
];

/// One of our crates and what its manifest asks for.
#[derive(Default)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Normal and build dependencies.
    pub(crate) uses: BTreeSet<String>,
    /// Development dependencies.
    pub(crate) tests_with: BTreeSet<String>,
}

/// Our crates.
pub(crate) fn members(metadata: &Metadata) -> Vec<Member> {
    let packages = metadata.workspace_packages();
    let members = packages.iter().map(|package| {
        let mut member = Member { name: package.name.to_string(), ..Member::default() };
        for dependency in &package.dependencies {
            match dependency.kind {
                DependencyKind::Development => member.tests_with.insert(dependency.name.clone()),
                _ => member.uses.insert(dependency.name.clone()),
            };
        }
        member
    });
    members.collect()
}

/// Every dependency that the rule forbids.
pub(crate) fn violations(members: &[Member]) -> Vec<String> {
    let ours: BTreeSet<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let mut violations = Vec::new();
    for member in members {
        let name = member.name.as_str();
        let mut refuse = |used: &str, rule: &str| {
            violations.push(format!("{name} depends on {used}: {rule}"));
        };
        for used in member.uses.iter().map(String::as_str) {
            if let Some(rule) = forbidden(name, used, ours.contains(used)) {
                refuse(used, rule);
            }
        }
        for used in member.tests_with.iter().map(String::as_str) {
            if SERVICES.contains(&name) && SERVICES.contains(&used) {
                refuse(used, "services meet only in proto/, in tests too");
            }
        }
        for (library, homes, test_homes) in HOMES {
            if member.uses.contains(library) && !homes.contains(&name) && name != TEST_SUPPORT
                || member.tests_with.contains(library) && !test_homes.contains(&name)
            {
                refuse(library, "it has one home");
            }
        }
    }
    violations
}

/// Why `name` must not use `used`, if it must not; `is_ours` tells our crates from libraries.
fn forbidden(name: &str, used: &str, is_ours: bool) -> Option<&'static str> {
    let in_pure = PURE.contains(&used);
    let in_plumbing = PLUMBING.contains(&used);
    if PURE.contains(&name) && !in_pure && !PURE_LIBRARIES.contains(&used) {
        return Some("pure crates use each other and a short list of libraries");
    }
    if used == TEST_SUPPORT && name != "backlog-tests" {
        return Some("it is for tests only");
    }
    if !is_ours {
        return None;
    }
    match name {
        "backlog-audit-verifier" => {
            let allowed = ["backlog-audit-log", "backlog-recognition-engine"].contains(&used);
            (!allowed).then_some("the verifier uses the engine and the audit log only")
        }
        LOCAL_STACK => Some("the local stack knows nothing of ours"),
        "backlog-cli" if SERVICES.contains(&used) => Some("the command line uses no service"),
        _ if PLUMBING.contains(&name) && !in_pure && !in_plumbing => {
            Some("plumbing uses pure crates and plumbing")
        }
        _ if SERVICES.contains(&name) && !in_pure && !in_plumbing => {
            Some("services use pure crates and plumbing, never each other")
        }
        _ => None,
    }
}

// Each sentence of the rule is broken once, and what is allowed passes.
#[test]
fn forbidden_dependencies_are_found() {
    let names = PURE.iter().chain(&PLUMBING).chain(&SERVICES).copied();
    let others =
        [LOCAL_STACK, TEST_SUPPORT, "backlog-cli", "backlog-tests", "backlog-audit-verifier"];
    let check = |name: &str, used: &str, in_tests: bool| {
        let mut members: Vec<Member> = names
            .clone()
            .chain(others)
            .map(|name| Member { name: name.to_owned(), ..Member::default() })
            .collect();
        let member = members.iter_mut().find(|member| member.name == name).expect("a member");
        let list = if in_tests { &mut member.tests_with } else { &mut member.uses };
        list.insert(used.to_owned());
        violations(&members).len()
    };
    let bad = [
        ("backlog-money", "tokio"),
        ("backlog-money", "backlog-proto"),
        ("backlog-recognition-engine", "sea-orm"),
        ("backlog-db", "backlog-contract"),
        ("backlog-db", LOCAL_STACK),
        ("backlog-contract", "backlog-recognition"),
        ("backlog-reporting", "backlog-contract"),
        ("backlog-reporting", "backlog-cli"),
        ("backlog-contract", TEST_SUPPORT),
        ("backlog-cli", "backlog-contract"),
        ("backlog-contract", "async-nats"),
        ("backlog-tenancy", "sqlx"),
        (LOCAL_STACK, "async-nats"),
        (LOCAL_STACK, "backlog-db"),
        ("backlog-audit-verifier", "backlog-proto"),
    ];
    for (name, used) in bad {
        assert_eq!(check(name, used, false), 1, "{name} -> {used}");
    }
    let good = [
        ("backlog-money", "thiserror"),
        ("backlog-recognition-engine", "backlog-money"),
        ("backlog-db", "sqlx"),
        ("backlog-event-log", "async-nats"),
        ("backlog-contract", "backlog-db"),
        ("backlog-contract", "tokio"),
        ("backlog-cli", LOCAL_STACK),
        (TEST_SUPPORT, LOCAL_STACK),
        (TEST_SUPPORT, "async-nats"),
    ];
    for (name, used) in good {
        assert_eq!(check(name, used, false), 0, "{name} -> {used}");
    }
    assert_eq!(check("backlog-contract", TEST_SUPPORT, true), 0);
    assert_eq!(check("backlog-money", "proptest", true), 0);
    assert_eq!(check(LOCAL_STACK, "async-nats", true), 0);
    assert_eq!(check("backlog-contract", "async-nats", true), 1);
    assert_eq!(check("backlog-contract", "backlog-reporting", true), 1);
    assert_eq!(check("backlog-event-log", "sqlx", true), 1);
}
