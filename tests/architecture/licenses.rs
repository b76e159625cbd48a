//! The licenses of everything that is shipped: all packages that our own reach by normal and
//! build dependencies.

use crate::spdx::is_satisfied;
use cargo_metadata::{DependencyKind, Metadata, PackageId};
use std::collections::BTreeSet;

const PERMISSIVE: [&str; 17] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    // The list of root certificates, which is data.
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
    "bzip2-1.0.6",
];

/// A package by name and version, and its license expression.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) license: Option<String>,
}

/// The packages that are shipped with ours, or run while ours are built.
pub(crate) fn shipped(metadata: &Metadata) -> Vec<Package> {
    let resolve = metadata.resolve.as_ref().expect("cargo metadata resolves");
    let mut reached: BTreeSet<&PackageId> = metadata.workspace_members.iter().collect();
    let mut open: Vec<&PackageId> = reached.iter().copied().collect();
    while let Some(id) = open.pop() {
        let node = resolve.nodes.iter().find(|node| node.id == *id).expect("a resolved package");
        for dependency in &node.deps {
            let shipped =
                dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development);
            if shipped && reached.insert(&dependency.pkg) {
                open.push(&dependency.pkg);
            }
        }
    }
    let packages = metadata.packages.iter().filter(|package| reached.contains(&package.id));
    packages
        .map(|package| Package {
            name: format!("{} {}", package.name, package.version),
            license: package.license.clone(),
        })
        .collect()
}

/// Packages that cannot be had under permissive licenses alone, or do not say.
pub(crate) fn violations(packages: &[Package]) -> Vec<String> {
    let mut violations = Vec::new();
    for Package { name, license } in packages {
        let Some(license) = license else {
            violations.push(format!("{name}: states no license"));
            continue;
        };
        match is_satisfied(license, &|license: &str| PERMISSIVE.contains(&license)) {
            Ok(true) => {}
            Ok(false) => violations.push(format!("{name}: {license} is not permissive")),
            Err(error) => violations.push(format!("{name}: cannot read {license:?}: {error}")),
        }
    }
    violations
}

// Copyleft, unknown, unreadable and missing licenses are found, and the package is named.
#[test]
fn licenses_that_are_not_permissive_are_found() {
    let package = |license: Option<&str>| Package {
        name: "left 1.0.0".to_owned(),
        license: license.map(str::to_owned),
    };
    for good in ["MIT", "LGPL-2.1-or-later OR MIT", "Apache-2.0 WITH LLVM-exception"] {
        assert!(violations(&[package(Some(good))]).is_empty(), "{good}");
    }
    let bad =
        ["GPL-3.0-only", "MPL-2.0", "MIT AND AGPL-3.0-only", "Custom", "MIT OR", "non-standard"];
    for license in bad.map(Some).into_iter().chain([None]) {
        let found = violations(&[package(license)]);
        assert!(found.len() == 1 && found[0].starts_with("left 1.0.0: "), "{license:?}");
    }
}
