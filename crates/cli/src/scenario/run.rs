//! Playing a scenario: each step in turn, each figure compared.

use std::collections::BTreeMap;

use crate::failure::Failure;

use super::{
    check::check_expectation,
    model::{Action, Claim, Expect, Scenario, Verb, View},
    player::Player,
    report::{Check, FileReport},
};

/// Plays `scenario` and tells how every figure came out. A step that fails ends the file.
///
/// # Errors
/// Only when the player cannot be reached; everything else is in the report.
pub(crate) async fn play(
    scenario: &Scenario,
    player: &mut impl Player,
) -> Result<FileReport, Failure> {
    let mut report = FileReport::new(scenario);
    for step in &scenario.steps {
        let outcome = match &step.action {
            Action::Do(verb) => act(player, scenario.currency, step.on, verb, &mut report).await,
            Action::Refuse(verb, reason) => {
                let wanted = crate::failure::reason_name(*reason);
                let place = Place { line: step.line, on: step.on };
                refuse(player, place, verb, &wanted, &mut report).await
            }
            Action::Expect(expect) => expectation(player, step.on, expect, &mut report).await,
        };
        let outcome = match outcome {
            Ok(()) => player.step_done(step).await,
            failed => failed,
        };
        if let Err(failure) = outcome {
            if failure.exit == crate::failure::Exit::Unavailable {
                return Err(failure);
            }
            report.stopped = Some((step.line, failure));
            break;
        }
    }
    Ok(report)
}

/// Makes something happen; how a change was accounted for is compared where the step says so.
async fn act(
    player: &mut impl Player,
    currency: backlog_money::Currency,
    on: chrono::NaiveDate,
    verb: &Verb,
    report: &mut FileReport,
) -> Result<(), Failure> {
    player.act(on, verb).await?;
    let Verb::Amend(amendment) = verb else { return Ok(()) };
    let Some(word) = &amendment.expect_treatment else { return Ok(()) };
    let view = View {
        contract: Some(amendment.contract.clone()),
        obligation: None,
        dimensions: BTreeMap::new(),
        currency,
        as_of: on,
        known_at: None,
    };
    let claims = vec![Claim::Treatment(word.clone())];
    let expect = Expect { view, claims, not_shown: Vec::new() };
    check_expectation(player, on, &expect, &mut report.checks).await
}

struct Place {
    line: usize,
    on: chrono::NaiveDate,
}

async fn expectation(
    player: &mut impl Player,
    on: chrono::NaiveDate,
    expect: &Expect,
    report: &mut FileReport,
) -> Result<(), Failure> {
    report.not_shown.extend(expect.not_shown.iter().cloned());
    check_expectation(player, on, expect, &mut report.checks).await
}

/// The verb must be refused for the reason given, and nothing may have changed.
async fn refuse(
    player: &mut impl Player,
    place: Place,
    verb: &Verb,
    wanted: &str,
    report: &mut FileReport,
) -> Result<(), Failure> {
    let before = player.fingerprint().await?;
    let outcome = player.act(place.on, verb).await;
    let after = player.fingerprint().await?;
    let actual = match outcome {
        Ok(()) => "accepted".to_owned(),
        Err(Failure { reason: Some(reason), .. }) => reason,
        Err(failure) => return Err(failure),
    };
    let check = |what: &str, expected: &str, actual: &str| Check {
        line: place.line,
        on: place.on,
        subject: verb.name().to_owned(),
        what: what.to_owned(),
        expected: expected.to_owned(),
        actual: actual.to_owned(),
        holds: expected == actual,
    };
    report.checks.push(check("refused", wanted, &actual));
    let written = if before == after { "nothing" } else { "something" };
    report.checks.push(check("written", "nothing", written));
    Ok(())
}
