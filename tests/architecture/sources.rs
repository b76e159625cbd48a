//! The Rust files of the repository, parsed, each known to be code or test.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use syn::spanned::Spanned;

const FOLDERS: [&str; 4] = ["crates", "services", "deploy", "tests"];

/// One Rust file.
pub(crate) struct Source {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) file: syn::File,
    /// Whether all of it is compiled for tests only.
    pub(crate) is_test: bool,
}

impl Source {
    /// Parses a file; tests of rules make their samples with it.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let file =
            syn::parse_file(text).unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
        let is_test = path.starts_with("tests/") || path.contains("/tests/");
        Self { path: path.to_owned(), text: text.to_owned(), file, is_test }
    }

    /// The lines (first and last, from 1) of its modules that are compiled for tests only.
    pub(crate) fn test_lines(&self) -> Vec<(usize, usize)> {
        let test_modules = self.file.items.iter().filter_map(|item| match item {
            syn::Item::Mod(module) if is_cfg_test(&module.attrs) => Some(module.span()),
            _ => None,
        });
        test_modules.map(|span| (span.start().line, span.end().line)).collect()
    }

    /// Where the files of its out-of-line test modules may be, relative to the root.
    fn test_module_paths(&self) -> Vec<String> {
        let path = Path::new(&self.path);
        let folder = match path.file_name().and_then(|name| name.to_str()) {
            Some("lib.rs" | "main.rs" | "mod.rs") => path.parent().map(Path::to_owned),
            _ => Some(path.with_extension("")),
        };
        let modules = self.file.items.iter().filter_map(|item| match item {
            syn::Item::Mod(module) if is_cfg_test(&module.attrs) && module.content.is_none() => {
                Some(module.ident.to_string())
            }
            _ => None,
        });
        modules.filter_map(|name| Some(folder.as_ref()?.join(name).display().to_string())).collect()
    }
}

/// Whether the attributes say `#[cfg(test)]`.
pub(crate) fn is_cfg_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// All Rust files of the repository.
pub(crate) fn all(root: &Path) -> Vec<Source> {
    let mut paths = BTreeSet::new();
    for folder in FOLDERS {
        collect(&root.join(folder), &mut paths);
    }
    let sources = paths.iter().map(|path| {
        let text = std::fs::read_to_string(path).expect("a source file is readable");
        let relative = path.strip_prefix(root).expect("the path is under the root");
        Source::new(&relative.display().to_string(), &text)
    });
    mark_tests(sources.collect())
}

/// Marks the files of out-of-line test modules, and of modules below them, as tests.
fn mark_tests(mut sources: Vec<Source>) -> Vec<Source> {
    let tests: Vec<String> = sources.iter().flat_map(Source::test_module_paths).collect();
    for source in &mut sources {
        source.is_test |= tests.iter().any(|module| {
            source.path == format!("{module}.rs") || source.path.starts_with(&format!("{module}/"))
        });
    }
    sources
}

fn collect(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.insert(path);
        }
    }
}

// Test code is told from code: by folder, by an out-of-line module, by an inline module.
#[test]
fn test_code_is_recognized() {
    let sources = mark_tests(vec![
        Source::new("crates/a/src/lib.rs", "mod b;\n#[cfg(test)]\nmod checks;\n"),
        Source::new("crates/a/src/checks.rs", ""),
        Source::new("crates/a/src/checks/deep.rs", ""),
        Source::new("crates/a/src/b.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n}\nfn g() {}\n"),
        Source::new("crates/a/tests/t.rs", ""),
    ]);
    let tests: Vec<bool> = sources.iter().map(|source| source.is_test).collect();
    assert_eq!(tests, [false, true, true, false, true]);
    assert_eq!(sources[3].test_lines(), [(2, 4)]);
}
