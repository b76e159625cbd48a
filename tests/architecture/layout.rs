//! Names and places: what files begin with, what they must not be called, and which folders there
//! are.

use crate::sources::Source;
use std::collections::BTreeSet;
use std::path::Path;

const JUNK_DRAWERS: [&str; 7] = ["common", "core", "helper", "helpers", "misc", "util", "utils"];
// What git ignores is not part of the repository.
const FOLDERS: [&str; 6] = ["crates", "deploy", "proto", "services", "target", "tests"];

/// Files that do not begin with a `//!` line.
pub(crate) fn undescribed(sources: &[Source]) -> Vec<String> {
    let bare = sources.iter().filter(|source| !source.text.starts_with("//! "));
    bare.map(|source| format!("{}: begin with a `//!` line that says what it is", source.path))
        .collect()
}

/// Files, folders and crates whose name says nothing.
pub(crate) fn junk_drawers(sources: &[Source]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for source in sources {
        let path = source.path.trim_end_matches(".rs");
        let parts = path.split('/').flat_map(|part| [part].into_iter().chain(part.split('-')));
        for part in parts.filter(|part| JUNK_DRAWERS.contains(part)) {
            found.insert(format!("{}: name it by what it promises, not {part}", source.path));
        }
    }
    found.into_iter().collect()
}

/// The folders at the top, without those whose name begins with a dot.
pub(crate) fn top_level_folders(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root).expect("the root is readable").flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let names = folders.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| !name.starts_with('.')).collect()
}

/// Folders at the top that the design does not have.
pub(crate) fn unknown_folders(names: &[String]) -> Vec<String> {
    let unknown = names.iter().filter(|name| !FOLDERS.contains(&name.as_str()));
    unknown.map(|name| format!("{name}/: no folder of the design; see README.md")).collect()
}

// A file must begin with its description, not with code, a plain comment or an empty line.
#[test]
fn undescribed_files_are_found() {
    assert!(undescribed(&[Source::new("a.rs", "//! What it is.\nfn f() {}\n")]).is_empty());
    for text in ["fn f() {}\n", "// A comment.\n", "\n//! Late.\n", ""] {
        assert_eq!(undescribed(&[Source::new("a.rs", text)]).len(), 1, "{text:?}");
    }
}

// Junk drawers are found as file, folder and part of a crate's name, not inside other words.
#[test]
fn junk_drawers_are_found() {
    for path in ["crates/a/src/utils.rs", "crates/common/src/lib.rs", "crates/app-core/src/b.rs"] {
        assert_eq!(junk_drawers(&[Source::new(path, "")]).len(), 1, "{path}");
    }
    for path in ["crates/a/src/score.rs", "crates/commons/src/utility.rs"] {
        assert!(junk_drawers(&[Source::new(path, "")]).is_empty(), "{path}");
    }
}

// A new folder at the top is found.
#[test]
fn unknown_folders_are_found() {
    let names = ["crates", "scripts", "docs"].map(str::to_owned);
    assert_eq!(unknown_folders(&names).len(), 2);
}
