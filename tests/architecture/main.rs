//! The rules of the house, as tests over `cargo metadata` and the source tree: who may depend on
//! whom, licenses, sizes, names, and what may stand only in one place. Each rule is shown to fail
//! on a bad sample next to it.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod dependencies;
mod layout;
mod licenses;
mod sizes;
mod sources;
mod spdx;
mod words;

use cargo_metadata::{Metadata, MetadataCommand};
use std::path::PathBuf;

/// The root of the repository.
fn root() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("tests/ is in the repository").to_owned()
}

/// The workspace and all packages that it resolves to on this platform.
fn metadata() -> Metadata {
    let rustc = std::process::Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8(rustc.stdout).expect("rustc writes text");
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--filter-platform".to_owned(), host.to_owned()])
        .exec()
        .expect("cargo metadata runs")
}

/// Fails with all violations at once, each with what to do.
fn assert_none(violations: &[String]) {
    assert!(violations.is_empty(), "\n  {}\n", violations.join("\n  "));
}

// Dependencies run one way: pure crates, plumbing, services; NATS and sqlx have one home each.
#[test]
fn dependencies_follow_the_rule() {
    assert_none(&dependencies::violations(&dependencies::members(&metadata())));
}

// Everything that is shipped is under a permissive license.
#[test]
fn licenses_are_permissive() {
    let shipped = licenses::shipped(&metadata());
    assert!(shipped.iter().any(|package| package.name.starts_with("tonic ")), "the walk arrives");
    assert_none(&licenses::violations(&shipped));
}

// Files and functions stay short enough to be read at once.
#[test]
fn files_and_functions_are_short() {
    let sources = sources::all(&root());
    assert!(
        sources.iter().any(|source| source.path == "crates/money/src/lib.rs"),
        "the walk arrives"
    );
    assert_none(&sizes::violations(&sources));
}

// Every file says first what it is, and no name is a junk drawer.
#[test]
fn files_are_described_and_named() {
    let mut violations = layout::undescribed(&sources::all(&root()));
    violations.extend(layout::junk_drawers(&sources::all(&root())));
    assert_none(&violations);
}

// No floating point near money; the clock and random ids come from one file.
#[test]
fn floats_and_clocks_stay_where_they_belong() {
    let mut violations = words::floats(&sources::all(&root()));
    violations.extend(words::ambient_sources(&sources::all(&root())));
    assert_none(&violations);
}

// The top level has the folders of the design and no others.
#[test]
fn top_level_folders_are_known() {
    assert_none(&layout::unknown_folders(&layout::top_level_folders(&root())));
}
