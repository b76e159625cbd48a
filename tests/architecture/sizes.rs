//! Limits on the length of files and functions. Test code is not limited.

use crate::sources::{Source, is_cfg_test};
use syn::spanned::Spanned;
use syn::visit::Visit;

const FILE_LINES_MAX: usize = 600;
const FILE_LINES_MEDIAN_MAX: usize = 120;
const FUNCTION_LINES_MAX: usize = 70;

/// Every file and function that is too long, and the median if it is.
pub(crate) fn violations(sources: &[Source]) -> Vec<String> {
    let code: Vec<&Source> = sources.iter().filter(|source| !source.is_test).collect();
    let mut violations = Vec::new();
    let mut lengths: Vec<usize> = Vec::new();
    for source in code {
        let length = code_lines(source);
        lengths.push(length);
        if length > FILE_LINES_MAX {
            violations.push(format!(
                "{}: {length} lines, at most {FILE_LINES_MAX}: split it by what it is about",
                source.path
            ));
        }
        violations.extend(long_functions(source));
    }
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or_default();
    if median > FILE_LINES_MEDIAN_MAX {
        violations.push(format!(
            "the median file has {median} lines, at most {FILE_LINES_MEDIAN_MAX}: split files"
        ));
    }
    violations
}

/// The lines of a file without its inline test modules.
fn code_lines(source: &Source) -> usize {
    let tests: usize = source.test_lines().iter().map(|(first, last)| last - first + 1).sum();
    source.text.lines().count() - tests
}

fn long_functions(source: &Source) -> Vec<String> {
    let mut finder = Finder { path: &source.path, found: Vec::new() };
    finder.visit_file(&source.file);
    finder.found
}

struct Finder<'a> {
    path: &'a str,
    found: Vec<String>,
}

impl Finder<'_> {
    /// From the signature to the closing brace; documentation and attributes do not count.
    fn measure(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let (first, last) = (signature.span().start().line, body.span().end().line);
        let length = last - first + 1;
        if length > FUNCTION_LINES_MAX {
            self.found.push(format!(
                "{}:{first}: {} has {length} lines, at most {FUNCTION_LINES_MAX}",
                self.path, signature.ident
            ));
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_cfg_test(&module.attrs) {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig, &function.block);
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig, &function.block);
        syn::visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.measure(&function.sig, body);
        }
        syn::visit::visit_trait_item_fn(self, function);
    }
}

// A function of 70 lines passes and one of 71 does not, wherever it stands, except in tests.
#[test]
fn long_functions_are_found() {
    let function =
        |lines: usize| format!("/// Doc.\nfn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2));
    assert!(violations(&[Source::new("a.rs", &function(70))]).is_empty());
    let found = violations(&[Source::new("a.rs", &function(71))]);
    assert_eq!(found, ["a.rs:2: f has 71 lines, at most 70"]);
    let method = format!("impl A {{\n{}}}\n", function(71));
    assert_eq!(violations(&[Source::new("a.rs", &method)]).len(), 1);
    let inner = format!("mod m {{\n{}}}\n", function(71));
    assert_eq!(violations(&[Source::new("a.rs", &inner)]).len(), 1);
    let test = format!("#[cfg(test)]\nmod m {{\n{}}}\n", function(71));
    assert!(violations(&[Source::new("a.rs", &test)]).is_empty());
}

// Files over the limit and a median over its limit are found; test files and modules are free.
#[test]
fn long_files_are_found() {
    let lines = |count: usize| "// a line\n".repeat(count);
    let short = || Source::new("s.rs", &lines(10));
    assert!(violations(&[Source::new("a.rs", &lines(600)), short(), short()]).is_empty());
    let found = violations(&[Source::new("a.rs", &lines(601)), short(), short()]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(violations(&[Source::new("crates/a/tests/b.rs", &lines(601)), short()]).is_empty());
    let with_tests = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", lines(10), lines(700));
    assert!(violations(&[Source::new("a.rs", &with_tests)]).is_empty());
    assert_eq!(violations(&[Source::new("a.rs", &lines(121))]).len(), 1, "the median");
}
