//! The worked examples of this folder, through the public API of a running stack and through the pure
//! fold alone.
#![expect(clippy::expect_used, reason = "a test without its stack has nothing to say")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The worked examples.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");

/// A local stack with the services, as a user starts it. Dropping it takes it down.
struct Running {
    folder: tempfile::TempDir,
}

impl Running {
    fn start() -> Self {
        // Short, because Unix socket paths are: the stack makes the folder inside.
        let running = Self { folder: tempfile::tempdir().expect("a folder") };
        let up = running.backlog(&["dev", "up", "--detach"]);
        assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
        running
    }

    fn backlog(&self, arguments: &[&str]) -> Output {
        Command::new(backlog_tests::stack::binaries().join("backlog"))
            .arg("--stack")
            .arg(self.folder.path().join("stack"))
            .args(arguments)
            .output()
            .expect("the program")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.backlog(&["dev", "down"]));
    }
}

/// Runs all scenario files; answers every check's line, meaning and actual figure.
fn play(running: &Running, way: &[&str]) -> Vec<(String, String, String)> {
    let run = running.backlog(&[&["scenario", "run", FOLDER, "--output", "json"], way].concat());
    let text = String::from_utf8_lossy(&run.stdout);
    let report: Value = serde_json::from_str(&text).expect("a report");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(report["holds"], Value::Bool(true), "{text}");
    assert_eq!(report["differing"], Value::from(0), "{text}");
    let files = std::fs::read_dir(Path::new(FOLDER)).expect("the folder");
    let files = files.flatten().filter(|file| file.path().extension().is_some_and(|e| e == "yaml"));
    let scenarios = report["scenarios"].as_array().expect("scenarios");
    assert_eq!(scenarios.len(), files.count(), "every file was played");
    let mut figures = Vec::new();
    for scenario in scenarios {
        let checks = scenario["checks"].as_array().expect("checks");
        assert!(!checks.is_empty(), "a scenario without figures shows nothing: {scenario}");
        for check in checks {
            let text = |key: &str| check[key].to_string();
            figures.push((scenario["scenario"].to_string(), text("line"), text("actual")));
        }
    }
    figures
}

/// The explanation of the contract with five amendments, as played this way.
fn explained(running: &Running, way: &[&str]) -> String {
    let file = format!("{FOLDER}/five-amendments-explained.yaml");
    let command = ["scenario", "run", &file, "--explain", "acme", "--output", "json"];
    let run = running.backlog(&[&command, way].concat());
    let text = String::from_utf8_lossy(&run.stdout);
    let report: Value = serde_json::from_str(&text).expect("a report");
    let lines = report["scenarios"][0]["explained"].as_array().expect("an explanation");
    let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
    format!("{}\n", lines.join("\n"))
}

// Shows that a contract with five amendments, an estimate after them, a termination in part and a period
// that was closed, opened again and closed a second time is explained entry by entry, with nothing left unexplained, in the words that were reviewed; that the services and
// the pure fold say the same. UPDATE_GOLDEN=1 rewrites the words.
#[test]
fn five_amendments_are_explained() {
    let running = Running::start();
    let through_the_engine = explained(&running, &["--engine"]);
    let golden = format!("{FOLDER}/five-amendments-explained.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &through_the_engine).expect("the file");
    }
    let reviewed = std::fs::read_to_string(&golden).expect("the reviewed words");
    assert_eq!(through_the_engine, reviewed);
    assert_eq!(explained(&running, &[]), reviewed);
    assert!(!reviewed.contains("not explained"));
    let told = |what: &str| reviewed.matches(what).count();
    assert_eq!((told("  Contract changed"), told("  Estimate changed")), (5, 1));
    assert_eq!((told("terminated in part"), told("periods opened again")), (1, 1));
    assert_eq!(told("periods closed through 2026-08-31"), 2, "a first and a second close");
    assert!(told("late: of 2026-08-31, which is closed") > 0);
    for paragraph in ["25-13(a)", "25-13(b)", "25-13(c)", "25-12", "32-43", "25-10", "50-12A"] {
        assert!(reviewed.contains(&format!("606-10-{paragraph}")), "{paragraph}");
    }
}

// Shows that every figure of every worked example comes out through three real services, and that the
// pure fold gives the same figures, check by check.
#[test]
fn stack_and_engine_give_the_expected_figures() {
    let running = Running::start();
    let through_the_stack = play(&running, &[]);
    let through_the_engine = play(&running, &["--engine"]);
    assert!(through_the_stack.len() >= 2_100, "{} figures", through_the_stack.len());
    assert_eq!(through_the_stack, through_the_engine);
}
