//! The table of runs.

use std::collections::BTreeMap;

use backlog_db::{Conflict, DbError, QueryResult, Row, TableSpec};
use backlog_ids::{ContractId, TenantId};
use backlog_money::Currency;
use chrono::{DateTime, NaiveDate};
use uuid::Uuid;

use super::run::{Run, Totals};
use crate::accounting::rows::{corrupt, count, id};

pub(crate) const RUN: TableSpec = TableSpec {
    name: "recognition_run",
    columns: &[
        ("tenant_id", "uuid"),
        ("run_id", "uuid"),
        ("through", "date"),
        ("contract_id", "uuid"),
        ("chunks", "bigint"),
        ("entries_posted", "bigint"),
        ("recognized", "text"),
        ("finished", "boolean"),
        ("seq", "bigint"),
    ],
    conflict: Conflict::Do(
        "(tenant_id, run_id) do update set chunks = excluded.chunks, \
         entries_posted = excluded.entries_posted, recognized = excluded.recognized, \
         finished = excluded.finished, seq = excluded.seq",
    ),
};

/// The lease of scheduled runs: what is written is how far they are done, and that it is free.
pub(crate) const LEASE: TableSpec = TableSpec {
    name: "run_lease",
    columns: &[
        ("tenant_id", "uuid"),
        ("done_through", "date"),
        ("holder", "uuid"),
        ("fence", "bigint"),
        ("expires_at", "timestamptz"),
    ],
    conflict: Conflict::Do(
        "(tenant_id) do update set done_through = \
         greatest(run_lease.done_through, excluded.done_through), expires_at = '-infinity'",
    ),
};

/// A lease whose run is done through a day. Its row is there: the run was taken by it.
pub(crate) fn lease_done(tenant: TenantId, through: NaiveDate) -> Row {
    vec![
        tenant.uuid().into(),
        through.into(),
        Uuid::nil().into(),
        0_i64.into(),
        DateTime::UNIX_EPOCH.into(),
    ]
}

pub(crate) fn run(tenant: TenantId, run: &Run) -> Row {
    vec![
        tenant.uuid().into(),
        run.id.uuid().into(),
        run.through.into(),
        contract_column(run.contract).into(),
        i64::try_from(run.chunks).unwrap_or(i64::MAX).into(),
        i64::try_from(run.totals.entries).unwrap_or(i64::MAX).into(),
        sums(&run.totals.recognized).into(),
        run.finished.into(),
        i64::try_from(run.seq).unwrap_or(i64::MAX).into(),
    ]
}

/// The contract that a run is limited to; all zeros for all.
pub(crate) fn contract_column(contract: Option<ContractId>) -> Uuid {
    contract.map_or(Uuid::nil(), ContractId::uuid)
}

/// Sums as "EUR=50 USD=1200", in order of currency code.
pub(crate) fn sums(recognized: &BTreeMap<Currency, i128>) -> String {
    let each = recognized.iter().map(|(currency, minor)| format!("{currency}={minor}"));
    each.collect::<Vec<_>>().join(" ")
}

fn parse_sums(text: &str) -> Option<BTreeMap<Currency, i128>> {
    let pair = |text: &str| {
        let (code, minor) = text.split_once('=')?;
        Some((Currency::parse(code).ok()?, minor.parse().ok()?))
    };
    text.split(' ').filter(|part| !part.is_empty()).map(pair).collect()
}

pub(crate) fn run_from(row: &QueryResult) -> Result<Run, DbError> {
    let contract: Uuid = row.try_get("", "contract_id")?;
    let recognized: String = row.try_get("", "recognized")?;
    Ok(Run {
        id: id(row, "run_id")?,
        through: row.try_get("", "through")?,
        contract: (!contract.is_nil()).then(|| ContractId::from_uuid(contract)),
        chunks: count(row, "chunks")?,
        totals: Totals {
            entries: count(row, "entries_posted")?,
            recognized: parse_sums(&recognized).ok_or_else(|| corrupt("recognized"))?,
        },
        finished: row.try_get("", "finished")?,
        seq: count(row, "seq")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // Shows that sums come back from their text as they were, empty ones too, and that what is not
    // such a text is not taken for one.
    #[test]
    fn sums_survive_their_text() {
        let currency = |code| Currency::parse(code).unwrap();
        let some: BTreeMap<_, _> = [(currency("USD"), -1200), (currency("EUR"), 1 << 90)].into();
        for sums_of in [BTreeMap::new(), some] {
            assert_eq!(parse_sums(&sums(&sums_of)), Some(sums_of));
        }
        for wrong in ["USD", "USD=", "=5", "XXX=5", "USD=1.5"] {
            assert_eq!(parse_sums(wrong), None, "{wrong}");
        }
    }
}
