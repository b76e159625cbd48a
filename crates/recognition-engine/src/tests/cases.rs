//! Published examples played through the fold, month by month.

use super::{Story, contract, day, invoice_of, policy, term};
use crate::{Convention, Fact, Rounding};

/// At the end of each date: recognized, backlog, billed, deferred revenue, contract asset.
type Row = (&'static str, i128, i128, i128, i128, i128);

fn check(story: &Story, rows: &[Row]) {
    for (as_of, recognized, backlog, billed, deferred_revenue, contract_asset) in rows {
        let at = story.at(as_of);
        let actual = (at.recognized, at.backlog, at.billed, at.deferred_revenue, at.contract_asset);
        let expected = (*recognized, *backlog, *billed, *deferred_revenue, *contract_asset);
        assert_eq!(actual, expected, "{as_of}");
    }
}

/// A contract in cents with its invoices, run at the end of every month from January 2026.
fn year_2026(invoices: &[(&str, i128)]) -> Story {
    let mut signed = contract(term("2026-01-01", "2026-12-31"), &[120_000]);
    signed.signed_on = day("2025-12-01");
    let even = policy(Convention::EvenMonths, Rounding::Cumulative);
    let mut story = Story::sign(signed, even);
    let mut invoices = invoices.iter().peekable();
    for through in (1..=12).map(|month| day(&format!("2026-{month:02}-28"))) {
        let through = crate::term::last_of_month(through);
        while let Some((on, amount)) = invoices.next_if(|(on, _)| day(on) <= through) {
            story.fact(&Fact::Invoiced(invoice_of(0, day(on), *amount)));
        }
        story.fact(&Fact::Run { through });
    }
    story
}

/// The article's contract, billed monthly: backlog falls when service is given, not when the invoice
/// is sent or paid, which a mid-month date shows.
#[test]
fn article_1200_monthly() {
    let firsts: Vec<String> = (1..=12).map(|month| format!("2026-{month:02}-01")).collect();
    let invoices: Vec<_> = firsts.iter().map(|on| (on.as_str(), 10_000)).collect();
    let story = year_2026(&invoices);
    check(
        &story,
        &[
            ("2025-12-31", 0, 120_000, 0, 0, 0),
            ("2026-01-01", 0, 120_000, 10_000, 10_000, 0),
            ("2026-01-15", 0, 120_000, 10_000, 10_000, 0),
            ("2026-01-31", 10_000, 110_000, 10_000, 0, 0),
            ("2026-02-28", 20_000, 100_000, 20_000, 0, 0),
            ("2026-06-30", 60_000, 60_000, 60_000, 0, 0),
            ("2026-12-31", 120_000, 0, 120_000, 0, 0),
        ],
    );
}

/// The same contract prepaid: the same backlog, another liability.
#[test]
fn prepaid_annual_1200() {
    check(
        &year_2026(&[("2026-01-01", 120_000)]),
        &[
            ("2026-01-31", 10_000, 110_000, 120_000, 110_000, 0),
            ("2026-02-28", 20_000, 100_000, 120_000, 100_000, 0),
            ("2026-11-30", 110_000, 10_000, 120_000, 10_000, 0),
            ("2026-12-31", 120_000, 0, 120_000, 0, 0),
        ],
    );
}

/// Billed in arrears on 1 March: one invoice clears the asset and opens a liability.
#[test]
fn arrears_contract_asset_flips() {
    check(
        &year_2026(&[("2026-03-01", 120_000)]),
        &[
            ("2026-01-31", 10_000, 110_000, 0, 0, 10_000),
            ("2026-02-28", 20_000, 100_000, 0, 0, 20_000),
            ("2026-03-01", 20_000, 100_000, 120_000, 100_000, 0),
            ("2026-03-31", 30_000, 90_000, 120_000, 90_000, 0),
        ],
    );
}

/// Billed before service starts: a liability, and no revenue brought forward.
#[test]
fn billed_before_service() {
    check(
        &year_2026(&[("2025-12-01", 120_000)]),
        &[
            ("2025-12-31", 0, 120_000, 120_000, 120_000, 0),
            ("2026-01-31", 10_000, 110_000, 120_000, 110_000, 0),
        ],
    );
}

/// A dollar a day from mid-month, both end days included.
#[test]
fn stripe_midmonth_31() {
    let by_day = policy(Convention::ActualDays, Rounding::Cumulative);
    let mut story = Story::sign(contract(term("2019-01-15", "2019-02-14"), &[3_100]), by_day);
    story.invoice("2019-01-15", 3_100);
    story.run("2019-01-31");
    story.run("2019-02-28");
    check(
        &story,
        &[
            ("2019-01-31", 1_700, 1_400, 3_100, 1_400, 0),
            ("2019-02-13", 1_700, 1_400, 3_100, 1_400, 0),
            ("2019-02-14", 3_100, 0, 3_100, 0, 0),
        ],
    );
}

/// A dollar a day for a year.
#[test]
fn stripe_annual_365_daily() {
    let by_day = policy(Convention::ActualDays, Rounding::Cumulative);
    let mut story = Story::sign(contract(term("2019-01-01", "2019-12-31"), &[36_500]), by_day);
    story.invoice("2019-01-01", 36_500);
    story.run("2019-03-31");
    check(
        &story,
        &[
            ("2019-01-31", 3_100, 33_400, 36_500, 33_400, 0),
            ("2019-02-28", 5_900, 30_600, 36_500, 30_600, 0),
            ("2019-03-31", 9_000, 27_500, 36_500, 27_500, 0),
        ],
    );
}

/// One contract, two lawful answers: deferred revenue after June follows the convention.
#[test]
fn stripe_granularity_120() {
    for (convention, recognized) in
        [(Convention::ActualDays, 1_600), (Convention::ServiceMonths, 3_000)]
    {
        let signed = contract(term("2026-06-15", "2026-10-12"), &[12_000]);
        let mut story = Story::sign(signed, policy(convention, Rounding::Cumulative));
        story.invoice("2026-06-15", 12_000);
        story.run("2026-06-30");
        let deferred = 12_000 - recognized;
        check(&story, &[("2026-06-30", recognized, deferred, 12_000, deferred, 0)]);
    }
}
