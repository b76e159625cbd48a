//! What was known at a position never changes, and what an answer must include is waited for.

use backlog_proto::common::v1::{DateRange, Log, LogPosition};
use backlog_proto::reporting::v1 as pb;
use backlog_recognition_engine::Convention;
use chrono::NaiveDate;
use tonic::Code;
use tonic_types::StatusExt;

use crate::books::{Books, Names, Service, at, day, tenant, terms};

fn known(log: Log, seq: u64) -> Vec<LogPosition> {
    vec![LogPosition { log: log.into(), seq }]
}

/// Everything that is asked again and again, as of one position.
async fn answers(
    service: &Service,
    books: &Books,
    known_at: &[LogPosition],
) -> (Vec<pb::GetBacklogResponse>, Vec<pb::GetRollForwardResponse>) {
    let days = ["2026-01-31", "2026-02-14", "2026-03-31", "2026-05-02", "2027-01-31"].map(day);
    let mut reports = Vec::new();
    for as_of in days {
        for group_by in [&[][..], &["region"], &["customer", "product_line"], &["obligation"]] {
            let request = pb::GetBacklogRequest {
                known_at: known_at.to_vec(),
                group_by: group_by.iter().map(|name| (*name).to_owned()).collect(),
                ..at(as_of)
            };
            reports.push(service.report(books.tenant, request).await.unwrap());
        }
    }
    let mut rolls = Vec::new();
    for (from, to) in [("2026-01-01", "2026-12-31"), ("2026-01-15", "2026-03-10")] {
        let span = |text: &str| Some(day(text).into());
        let request = pb::GetRollForwardRequest {
            period: Some(DateRange { from: span(from), to: span(to) }),
            known_at: known_at.to_vec(),
            ..Default::default()
        };
        rolls.push(service.roll_forward(books.tenant, request).await.unwrap());
    }
    (reports, rolls)
}

/// Things that happen, a few recorded a month, told one at a time.
fn happen(books: &mut Books, step: u128) {
    let id = |number| terms(number, "2026-01-01", ("2026-01-01", "2026-12-31"), &[1]).contract;
    match step % 5 {
        0 => {
            let number = step / 5 + 1;
            let signed = terms(number, "2026-01-10", ("2026-01-10", "2026-12-31"), &[70_000, 900]);
            let names = Names {
                customer: if number.is_multiple_of(2) { "Acme" } else { "Zeta" },
                dimensions: &[("region", "EMEA")],
                product_lines: &["saas"],
            };
            books.sign(signed, names);
        }
        1 => books.invoice(id(step / 5 + 1), 0, "2026-02-03", "2026-03-05", 10_000),
        2 => books.run("2026-01-31", None),
        3 => books.run("2026-03-15", Some(id(step / 5 + 1))),
        _ => books.run("2026-04-30", None),
    }
    books.pass(9);
}

// An answer as of a position is given right after that position, and again after everything else was
// recorded, over months: rows and watermark are the same each time, for either log's positions.
#[tokio::test]
async fn known_answers_never_change() {
    let service = Service::start().await;
    let mut books = Books::open(tenant(1), Convention::ActualDays);
    books.deliver(&service).await;
    let mut taken = Vec::new();
    for step in 0..20 {
        let plain = answers(&service, &books, &[]).await;
        let seq = books.position(Log::Recognition);
        let as_of_now = answers(&service, &books, &known(Log::Recognition, seq)).await;
        assert_eq!(plain, as_of_now, "known up to now is all that is known");
        taken.push((seq, books.position(Log::Contract), plain));
        happen(&mut books, step);
        books.deliver(&service).await;
    }
    let mut different = 0;
    for window in taken.windows(2) {
        let [(seq, contract_seq, answer), (_, next_contract_seq, next)] = window else { continue };
        let again = answers(&service, &books, &known(Log::Recognition, *seq)).await;
        assert_eq!(&again, answer, "recognition {seq}");
        // Runs cover no new contract entry: the last entry before the next contract fact is meant.
        if contract_seq < next_contract_seq {
            let again = answers(&service, &books, &known(Log::Contract, *contract_seq)).await;
            assert_eq!(&again, answer, "contract {contract_seq}");
        }
        different += usize::from(answer != next);
    }
    assert!(different >= 15, "the steps change answers, else this shows nothing");
}

// A position beyond what is applied is answered as of what is applied, and the watermark says so;
// position 0 knows nothing.
#[tokio::test]
async fn beyond_the_watermark_is_said() {
    let service = Service::start().await;
    let mut books = Books::open(tenant(1), Convention::EvenMonths);
    for step in 0..3 {
        happen(&mut books, step);
    }
    books.deliver(&service).await;
    let plain = answers(&service, &books, &[]).await;
    assert_eq!(answers(&service, &books, &known(Log::Recognition, 999)).await, plain);
    let request = |seq| pb::GetBacklogRequest {
        known_at: known(Log::Recognition, seq),
        ..at(day("2026-12-31"))
    };
    let watermark = service.report(books.tenant, request(999)).await.unwrap().watermark.unwrap();
    let reached: Vec<(i32, u64)> = watermark.positions.iter().map(|p| (p.log, p.seq)).collect();
    assert_eq!(reached, [(1, 3), (2, 4)]);
    let nothing = service.report(books.tenant, request(0)).await.unwrap();
    assert!(nothing.rows.is_empty());
    let watermark = nothing.watermark.unwrap();
    assert_eq!(watermark.positions.iter().map(|p| p.seq).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(watermark.recognized_through, None);
}

// recognized_through moves with runs over everything only, and a contract signed into days that were
// posted takes it back until the next run.
#[tokio::test]
async fn recognized_through_is_true_of_every_obligation() {
    let service = Service::start().await;
    let mut books = Books::open(tenant(1), Convention::ActualDays);
    let through = async |books: &mut Books| -> Option<NaiveDate> {
        books.deliver(&service).await;
        let answer = service.report(books.tenant, at(day("2026-12-31"))).await.unwrap();
        let day = answer.watermark.unwrap().recognized_through;
        day.map(|day| NaiveDate::try_from(&day).unwrap())
    };
    let signed = |number, on| terms(number, on, ("2026-02-01", "2026-12-31"), &[1_000]);
    books.sign(signed(1, "2026-01-10"), Names::default());
    assert_eq!(through(&mut books).await, None);
    let id = signed(1, "2026-01-10").contract;
    books.run("2026-03-31", Some(id));
    assert_eq!(through(&mut books).await, None, "a run of one contract says nothing of others");
    books.run("2026-03-31", None);
    assert_eq!(through(&mut books).await, Some(day("2026-03-31")));
    books.run("2026-01-31", None);
    assert_eq!(
        through(&mut books).await,
        Some(day("2026-03-31")),
        "an earlier run takes nothing back"
    );
    books.sign(signed(2, "2026-03-20"), Names::default());
    assert_eq!(through(&mut books).await, Some(day("2026-03-19")));
    books.run("2026-03-31", None);
    assert_eq!(through(&mut books).await, Some(day("2026-03-31")));
    books.sign(signed(3, "2026-04-02"), Names::default());
    assert_eq!(through(&mut books).await, Some(day("2026-03-31")), "nothing posted is concerned");
}

// A call that asks for positions which are not applied in time is told how far it got; one that asks
// for reached ones is answered at once.
#[tokio::test]
async fn waits_or_says_how_far() {
    let service = Service::start().await;
    let mut books = Books::open(tenant(1), Convention::EvenMonths);
    books.deliver(&service).await;
    let request = |seq| pb::GetBacklogRequest {
        min_positions: known(Log::Contract, seq),
        ..at(day("2026-01-31"))
    };
    assert!(service.report(books.tenant, request(1)).await.is_ok());
    let behind = service.report(books.tenant, request(2)).await.unwrap_err();
    assert_eq!(behind.code(), Code::Unavailable);
    let details = behind.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(info.reason, "BEHIND");
    assert_eq!(info.metadata["reached"], "1");
    assert!(details.retry_info().is_some());
}
