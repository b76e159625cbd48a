//! The figures of worked examples, at month ends and within months, and roll-forwards over them.

use backlog_proto::common::v1::DateRange;
use backlog_proto::reporting::v1 as pb;
use backlog_recognition_engine::{Convention, Filter};
use chrono::{Datelike, NaiveDate};

use crate::books::{Books, Names, Service, at, balances, day, minor, tenant, terms, usd};

/// Amounts in cents at the end of a day: recognized, backlog, billed, deferred revenue, asset.
type Row = (&'static str, i128, i128, i128, i128, i128);

fn last_day(month: u32) -> NaiveDate {
    let first = NaiveDate::from_ymd_opt(2026, month, 1).unwrap();
    first.with_day(u32::from(first.num_days_in_month())).unwrap()
}

/// A contract of 1,200.00 over 2026 with these invoices, run at the end of every month.
async fn year(signed_on: &str, invoices: &[(&str, i128)]) -> (Service, Books) {
    let service = Service::start().await;
    let mut books = Books::open(tenant(1), Convention::EvenMonths);
    let signed = terms(1, signed_on, ("2026-01-01", "2026-12-31"), &[120_000]);
    let id = signed.contract;
    books.sign(signed, Names { customer: "Acme", ..Names::default() });
    let mut invoices = invoices.iter().peekable();
    for month in 1..=12 {
        while let Some((on, amount)) = invoices.next_if(|(on, _)| day(on) <= last_day(month)) {
            books.invoice(id, 0, on, on, *amount);
        }
        books.run(&last_day(month).to_string(), None);
        books.pass(30);
        books.deliver(&service).await;
    }
    (service, books)
}

async fn check(service: &Service, books: &Books, rows: &[Row]) {
    for (as_of, recognized, backlog, billed, deferred, asset) in rows {
        let answer = service.report(books.tenant, at(day(as_of))).await.unwrap();
        let [row] = answer.rows.as_slice() else { panic!("{as_of}: {} rows", answer.rows.len()) };
        let row = row.balances.as_ref().unwrap();
        let actual = balances(row);
        let shown = (
            actual.recognized,
            actual.backlog,
            actual.billed,
            actual.deferred_revenue,
            actual.contract_asset,
        );
        assert_eq!(shown, (*recognized, *backlog, *billed, *deferred, *asset), "{as_of}");
        let engine = books.ledger.balances(day(as_of), &Filter::all(usd())).unwrap();
        assert_eq!(actual, engine, "{as_of}: every measure as the engine sums it");
        assert_eq!(row.contract_count, 1);
        assert_eq!(row.tcv.as_ref().unwrap().amount, "1200.00");
    }
    assert_eq!(service.violations(books.tenant).await, Vec::<String>::new());
}

// Case 01, the article's contract billed monthly: backlog is 1,100 after January, falls as service is
// given and not when an invoice is sent, which mid-month days show; before signature there is no row.
#[tokio::test]
async fn article_1200_monthly() {
    let firsts: Vec<String> = (1..=12).map(|month| format!("2026-{month:02}-01")).collect();
    let invoices: Vec<_> = firsts.iter().map(|on| (on.as_str(), 10_000)).collect();
    let (service, books) = year("2026-01-01", &invoices).await;
    let rows = [
        ("2026-01-01", 0, 120_000, 10_000, 10_000, 0),
        ("2026-01-15", 0, 120_000, 10_000, 10_000, 0),
        ("2026-01-30", 0, 120_000, 10_000, 10_000, 0),
        ("2026-01-31", 10_000, 110_000, 10_000, 0, 0),
        ("2026-02-01", 10_000, 110_000, 20_000, 10_000, 0),
        ("2026-02-28", 20_000, 100_000, 20_000, 0, 0),
        ("2026-06-30", 60_000, 60_000, 60_000, 0, 0),
        ("2026-11-30", 110_000, 10_000, 110_000, 0, 0),
        ("2026-12-31", 120_000, 0, 120_000, 0, 0),
        ("2030-02-15", 120_000, 0, 120_000, 0, 0),
    ];
    check(&service, &books, &rows).await;
    let before = service.report(books.tenant, at(day("2025-12-31"))).await.unwrap();
    assert!(before.rows.is_empty());
    let watermark = before.watermark.unwrap();
    assert_eq!(watermark.recognized_through, Some(day("2026-12-31").into()));
    let reached: Vec<(i32, u64)> = watermark.positions.iter().map(|p| (p.log, p.seq)).collect();
    assert_eq!(reached, [(1, 14), (2, 26)]);
    // 15 days of January are earned, posted or not: 100.00 x 15 / 31.
    let middle = service.report(books.tenant, at(day("2026-01-15"))).await.unwrap();
    let row = middle.rows[0].balances.as_ref().unwrap();
    assert_eq!(minor(row.recognized_accrued.as_ref()), 4_839);
    assert_eq!(minor(row.backlog_accrued.as_ref()), 120_000 - 4_839);
    assert_eq!(minor(row.recognized.as_ref()), 0, "the posted figure stays");
}

// Case 02, prepaid: the same backlog as case 01, another liability.
#[tokio::test]
async fn prepaid_annual_1200() {
    let (service, books) = year("2026-01-01", &[("2026-01-01", 120_000)]).await;
    let rows = [
        ("2026-01-31", 10_000, 110_000, 120_000, 110_000, 0),
        ("2026-02-14", 10_000, 110_000, 120_000, 110_000, 0),
        ("2026-02-28", 20_000, 100_000, 120_000, 100_000, 0),
        ("2026-12-31", 120_000, 0, 120_000, 0, 0),
    ];
    check(&service, &books, &rows).await;
}

// Case 03, billed in arrears: one invoice clears the asset and opens a liability.
#[tokio::test]
async fn arrears_contract_asset_flips() {
    let (service, books) = year("2026-01-01", &[("2026-03-01", 120_000)]).await;
    let rows = [
        ("2026-01-31", 10_000, 110_000, 0, 0, 10_000),
        ("2026-02-28", 20_000, 100_000, 0, 0, 20_000),
        ("2026-03-01", 20_000, 100_000, 120_000, 100_000, 0),
        ("2026-03-31", 30_000, 90_000, 120_000, 90_000, 0),
    ];
    check(&service, &books, &rows).await;
}

// Case 04, billed before service: a liability at once, no revenue brought forward.
#[tokio::test]
async fn billed_before_service() {
    let (service, books) = year("2025-12-01", &[("2025-12-01", 120_000)]).await;
    let rows = [
        ("2025-12-31", 0, 120_000, 120_000, 120_000, 0),
        ("2026-01-31", 10_000, 110_000, 120_000, 110_000, 0),
    ];
    check(&service, &books, &rows).await;
}

async fn roll(service: &Service, books: &Books, from: &str, to: &str) -> pb::RollForward {
    let period = DateRange { from: Some(day(from).into()), to: Some(day(to).into()) };
    let request = pb::GetRollForwardRequest { period: Some(period), ..Default::default() };
    let mut answer = service.roll_forward(books.tenant, request).await.unwrap();
    assert_eq!(answer.roll_forwards.len(), 1);
    answer.roll_forwards.remove(0)
}

// The year's roll-forward has no unexplained line, its months chain and sum to it, invoices are no
// cause of it, and periods that begin or end within months are right too.
#[tokio::test]
async fn roll_forwards_chain() {
    let (service, books) = year("2025-12-15", &[("2026-01-01", 60_000)]).await;
    let figures = |roll: &pb::RollForward| {
        let changes: Vec<(i32, i128)> =
            roll.changes.iter().map(|c| (c.cause, minor(c.amount.as_ref()))).collect();
        (minor(roll.opening.as_ref()), changes, minor(roll.closing.as_ref()))
    };
    let all = roll(&service, &books, "2025-12-01", "2026-12-31").await;
    assert_eq!(figures(&all), (0, vec![(1, 120_000), (2, -120_000)], 0));
    assert_eq!(all.unexplained.unwrap().amount, "0.00");
    let mut opening = 120_000;
    for month in 1..=12 {
        let last = last_day(month);
        let first = last.with_day(1).unwrap();
        let one = roll(&service, &books, &first.to_string(), &last.to_string()).await;
        assert_eq!(figures(&one), (opening, vec![(2, -10_000)], opening - 10_000));
        assert_eq!(minor(one.unexplained.as_ref()), 0);
        opening -= 10_000;
    }
    let across = roll(&service, &books, "2026-01-31", "2026-03-30").await;
    assert_eq!(figures(&across), (120_000, vec![(2, -20_000)], 100_000));
    let within = roll(&service, &books, "2026-02-02", "2026-02-20").await;
    assert_eq!(figures(&within), (110_000, vec![], 110_000));
    assert_eq!(minor(within.unexplained.as_ref()), 0);
}
