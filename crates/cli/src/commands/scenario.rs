//! `backlog scenario run`: worked examples, played and compared.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::books::Account;
use crate::failure::{Exit, Failure};
use crate::progress::Steps;
use crate::scenario::{
    EnginePlayer, FileReport, Player, Scenario as File, StackPlayer, play, read_file, render,
};
use crate::session::Session;

use super::terms_file::wrong_file;

/// The account that scenario tenants belong to is made once per stack, by this request id.
const ACCOUNT_REQUEST: &str = "backlog-scenario-files";

/// Scenario files: worked examples that run.
#[derive(Debug, Subcommand)]
pub(crate) enum Scenario {
    /// Plays files and compares every figure.
    Run {
        /// Files, or folders with files.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Play through the pure fold alone, without a stack.
        #[arg(long)]
        engine: bool,
        /// Also explain this contract of each file, by its handle, entry by entry.
        #[arg(long, value_name = "HANDLE")]
        explain: Option<String>,
    },
}

impl Scenario {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let Self::Run { paths, engine, explain } = self;
        let explain = explain.as_deref();
        let files = read_all(&paths)?;
        let account = match engine {
            true => None,
            false => Some(account(session).await?),
        };
        let steps = Steps::of(files.len());
        let mut reports = Vec::with_capacity(files.len());
        for file in &files {
            steps.say(&file.name);
            let report = match &account {
                None => told(file, &mut EnginePlayer::new(file), explain).await?,
                Some(account) => on_stack(account, file, explain).await?,
            };
            if session.is_human() {
                steps.print(&render(&report));
            }
            reports.push(report);
            steps.advance();
        }
        drop(steps);
        Ok(sum_up(session, &reports))
    }
}

async fn account(session: &Session) -> Result<Account, Failure> {
    let local = session.local()?.ok_or_else(|| {
        Failure::usage("no local stack: a scenario needs tenants of its own, and keys for them")
            .advise("start one: backlog dev up --detach; or play without: --engine")
    })?;
    Account::create(session, &local, "Scenario files", ACCOUNT_REQUEST).await
}

/// Plays a file on a new tenant.
async fn on_stack(
    account: &Account,
    file: &File,
    explain: Option<&str>,
) -> Result<FileReport, Failure> {
    let session = account.session();
    let external_id: String =
        format!("{}-{}", session.request_id(None), file.name).chars().take(100).collect();
    let title: String = file.title.chars().take(200).collect();
    let policy = (&file.policy, file.calendar);
    let books = account.tenant(&external_id, &title, file.functional_currency, policy).await?;
    let mut player = StackPlayer::new(session, books.client, file, books.created);
    told(file, &mut player, explain).await
}

/// Plays a file, and explains a contract of it.
async fn told(
    file: &File,
    player: &mut impl Player,
    explain: Option<&str>,
) -> Result<FileReport, Failure> {
    let mut report = play(file, player).await?;
    if let Some(contract) = explain {
        report.explained = player.explain(contract).await?;
    }
    Ok(report)
}

/// Reads all files, so that a wrong one is told before any is played.
fn read_all(paths: &[PathBuf]) -> Result<Vec<File>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        let before = found.len();
        collect(path, true, &mut found)?;
        if found.len() == before {
            return Err(Failure::usage(format!("no scenario files in {}", path.display())));
        }
    }
    let (mut files, mut wrong) = (Vec::new(), Vec::new());
    for path in found {
        match read_file(&path) {
            Ok(file) => files.push(file),
            Err(problems) => wrong.push((path, problems)),
        }
    }
    match wrong.as_slice() {
        [] => Ok(files),
        [(path, problems)] => Err(wrong_file(path, problems)),
        several => {
            let mut failure = Failure::usage(format!("{} files are wrong", several.len()));
            failure.violations = several
                .iter()
                .flat_map(|(path, problems)| {
                    problems.iter().map(move |problem| {
                        (format!("{}:{}", path.display(), problem.line), problem.message.clone())
                    })
                })
                .collect();
            Err(failure)
        }
    }
}

/// A file named itself counts whatever its ending; in folders, only `.yaml` and `.yml` do.
fn collect(path: &Path, named: bool, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable =
        |error: std::io::Error| Failure::usage(format!("cannot read {}: {error}", path.display()));
    if !std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        let yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        found.extend((named || yaml).then(|| path.to_owned()));
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(unreadable)?;
    let entries: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut entries = entries.map_err(unreadable)?;
    entries.sort();
    entries.iter().try_for_each(|entry| collect(entry, false, found))
}

fn sum_up(session: &Session, reports: &[FileReport]) -> Exit {
    let figures: usize = reports.iter().map(|report| report.checks.len()).sum();
    let differing: usize = reports.iter().map(FileReport::differing).sum();
    let not_shown: usize = reports.iter().map(|report| report.not_shown.len()).sum();
    let not_checked: usize = reports.iter().map(FileReport::not_checked).sum();
    let failed: Vec<_> =
        reports.iter().filter(|report| !report.holds()).map(|r| r.name.clone()).collect();
    let mut text = format!(
        "{} scenarios, {figures} figures: {} as expected, {differing} differ; \
         {not_checked} not checked yet, {not_shown} not shown",
        reports.len(),
        figures.saturating_sub(differing),
    );
    if !failed.is_empty() {
        text = format!("{text}\nfailed: {}", failed.join(", "));
    }
    let list: Vec<_> = reports.iter().map(FileReport::json).collect();
    let json = serde_json::json!({
        "scenarios": list,
        "figures": figures,
        "differing": differing,
        "not_checked": not_checked,
        "not_shown": not_shown,
        "failed": failed,
        "holds": failed.is_empty(),
    });
    session.answer(&text, &json);
    if failed.is_empty() { Exit::Done } else { Exit::Negative }
}
