//! Rebuilds: the same logs give the same rows and reproduce the checkpoints; other logs are noticed.

use backlog_event_log::Applied;
use backlog_proto::common::v1::Log;
use backlog_recognition_engine::Convention;
use backlog_reporting::audit::AuditFault;
use backlog_reporting::projection::{RebuildError, rebuild};

use crate::books::{Books, Names, Service, at, day, tenant, terms};

fn some_books(price: i128) -> Books {
    let mut books = Books::open(tenant(1), Convention::Thirty360);
    for number in 1..=3 {
        let signed = terms(number, "2026-01-15", ("2026-01-15", "2026-12-31"), &[price]);
        let names =
            Names { customer: "Acme", dimensions: &[("region", "EMEA")], ..Names::default() };
        books.sign(signed, names);
        books.pass(20);
        books.run("2026-02-28", None);
    }
    books
}

async fn checkpoints(service: &Service) -> String {
    service.tamper("select string_agg(note, '' order by contract_size) from checkpoint;").await
}

// A rebuild from the same logs ends with the same digest and the same checkpoints, all reproduced, and
// what was damaged before is whole again; meanwhile and afterwards nothing of it counted twice.
#[tokio::test]
async fn a_rebuild_repeats_everything() {
    let service = Service::start().await;
    let mut books = some_books(100_000);
    books.deliver(&service).await;
    service.checkpoint(books.tenant).await.unwrap();
    books.run("2026-03-31", None);
    books.deliver(&service).await;
    service.checkpoint(books.tenant).await.unwrap();
    let (digest, notes) = (service.digest(books.tenant).await, checkpoints(&service).await);
    let answer = service.report(books.tenant, at(day("2026-03-15"))).await.unwrap();
    let signed = service.checkpoint(books.tenant).await.unwrap();

    service.tamper("update movement set amount = amount + 1; delete from rollup_segment;").await;
    assert_ne!(service.digest(books.tenant).await, digest);
    let (entries, writers) = (books.entries.clone(), &service);
    let again = async || {
        assert!(writers.report(tenant(1), at(day("2026-03-15"))).await.unwrap().rows.is_empty());
        assert_eq!(writers.apply(tenant(1), entries).await, Applied::All);
    };
    let (database, positions) = (&service.database, &service.positions);
    let rebuilt = rebuild(database, positions, books.tenant, again).await.unwrap();
    assert_eq!(rebuilt.checkpoints, 2);
    let hex: String = rebuilt.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        (hex.as_str(), service.digest(books.tenant).await),
        (digest.as_str(), digest.clone())
    );
    assert_eq!(checkpoints(&service).await, notes, "checkpoints are not touched");
    assert_eq!(service.checkpoint(books.tenant).await.unwrap(), signed);
    assert_eq!(service.report(books.tenant, at(day("2026-03-15"))).await.unwrap(), answer);
    assert_eq!(service.violations(books.tenant).await, Vec::<String>::new());
}

// A rebuild from logs that were rewritten, of the same length and sound in themselves, stops the tenant
// with LOG_DIVERGED, and no further entry is applied.
#[tokio::test]
async fn a_rewritten_log_is_noticed() {
    let service = Service::start().await;
    let mut books = some_books(100_000);
    books.deliver(&service).await;
    service.checkpoint(books.tenant).await.unwrap();
    let mut rewritten = some_books(90_000);
    let entries = rewritten.news();
    let catch_up = async || {
        assert_eq!(service.apply(tenant(1), entries).await, Applied::All);
    };
    let (database, positions) = (&service.database, &service.positions);
    let refused = rebuild(database, positions, books.tenant, catch_up).await.unwrap_err();
    let diverged = matches!(&refused, RebuildError::Audit(AuditFault::Diverged { log, size })
        if *log == "recognition" && *size == 7);
    assert!(diverged, "{refused}");
    let stop = service.stop(books.tenant).await.unwrap();
    assert!(stop.starts_with("LOG_DIVERGED"), "{stop}");
    rewritten.run("2026-03-31", None);
    assert_eq!(service.apply(books.tenant, rewritten.news()).await, Applied::Stopped);
}

// A rebuild from logs that end earlier than what was applied before says so instead of passing.
#[tokio::test]
async fn a_shorter_log_is_noticed() {
    let service = Service::start().await;
    let mut books = some_books(100_000);
    books.deliver(&service).await;
    let applied = books.position(Log::Recognition);
    let entries = books.entries[..books.entries.len() - 1].to_vec();
    let catch_up = async || {
        assert_eq!(service.apply(tenant(1), entries).await, Applied::All);
    };
    let (database, positions) = (&service.database, &service.positions);
    let refused = rebuild(database, positions, books.tenant, catch_up).await.unwrap_err();
    assert!(
        matches!(refused, RebuildError::Shorter { log: "LOG_RECOGNITION", before, now }
            if before == applied && now == applied - 1),
        "{refused}"
    );
}
