//! Who may do what: each RPC with each role, and without the permission that it needs.

use std::fmt::Write;
use std::path::PathBuf;

use backlog_tenancy::{Level as RoleLevel, Role, permissions};
use backlog_tests::Caller;
use tonic::Code;

use crate::answer::Refusal;
use crate::table::{Level, Row, table};
use crate::tokens;
use crate::world::World;

/// Set to write the golden file anew.
const UPDATE: &str = "UPDATE_GOLDEN";

/// All roles of people, and services.
fn columns() -> Vec<&'static str> {
    Role::ALL.iter().map(|role| role.name()).chain(["(service)"]).collect()
}

/// The caller of a column, with the token that such callers have.
fn caller(world: &World, column: &str, row: &Row) -> Caller {
    match Role::parse(column) {
        None => tokens::of_service(&world.stack, world.full, row.at),
        Some(role) => match role.level() {
            RoleLevel::Tenant => world.stack.caller(world.vendor, world.full, &[column]),
            RoleLevel::Account => world.stack.account_caller(world.vendor, &[column]),
            RoleLevel::Operator => world.stack.operator(),
        },
    }
}

// Shows that a token with every role but those that give an RPC's permission is refused, that the
// refusal names the permission, and that refused calls write nothing: the requests are sent in
// earnest and would be carried out for somebody who may.
#[tokio::test]
async fn every_role_but_the_right_ones_is_denied() {
    let world = World::start().await;
    let before = world.written().await;
    for row in table() {
        let wrong = Role::ALL.iter().filter(|role| !permissions(**role).has(row.permission));
        let wrong: Vec<_> = wrong.map(|role| role.name()).collect();
        let callers = match row.level {
            Level::Tenant | Level::Services => {
                vec![world.stack.caller(world.vendor, world.full, &wrong)]
            }
            Level::Account => vec![
                world.stack.account_caller(world.vendor, &wrong),
                world.stack.operator_with(&wrong),
            ],
        };
        for caller in callers {
            let request = row.request(&world.about(&world.subject));
            let answer = world.call(&row, &caller, &request).await;
            let refusal = Refusal::expect(&row.name(), &answer);
            assert_eq!(refusal.code, Code::PermissionDenied, "{}: {refusal:?}", row.name());
            assert_eq!(refusal.reason, "PERMISSION_DENIED", "{}", row.name());
            let needed = refusal.metadata.get("permission").map(String::as_str);
            assert_eq!(needed, Some(row.permission.name()), "{}", row.name());
        }
    }
    assert_eq!(world.written().await, before, "nothing is written");
    world.assert_calm();
}

// Shows what each role may call: the golden file, `+` where the call succeeds and `-` where it is
// denied with the permission that is missing. Another outcome is a failure, so that no cell is by
// accident; and the calls that are denied write nothing.
#[tokio::test]
async fn roles_reach_what_the_golden_file_says() {
    let world = World::start().await;
    let mut text = String::from("# RPC x role; UPDATE_GOLDEN=1 writes this file anew.\n");
    writeln!(text, "{:<58}{}", "", columns().join(" ")).unwrap();
    for row in table() {
        let mut cells = Vec::new();
        for column in columns() {
            let caller = caller(&world, column, &row);
            // A token that may is only checked, one that may not is sent in earnest.
            let dry = row.request(&world.about(&world.subject.dry()));
            let mut cell = "+";
            if let Err(status) = world.call(&row, &caller, &dry).await {
                let refusal = Refusal::of(&status);
                assert_eq!(refusal.code, Code::PermissionDenied, "{} {column}", row.name());
                let needed = refusal.metadata.get("permission").map(String::as_str);
                assert_eq!(needed, Some(row.permission.name()), "{} {column}", row.name());
                cell = "-";
            }
            cells.push(format!("{cell:<width$}", width = column.len()));
        }
        let line = format!("{:<58}{}", row.name(), cells.join(" "));
        writeln!(text, "{}", line.trim_end()).unwrap();
    }
    world.assert_calm();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("isolation/rpc-role.golden");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, golden, "another matrix than that of {}", path.display());
}
