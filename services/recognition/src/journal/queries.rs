//! Reads the journal: one round trip each, one snapshot.

use backlog_db::{Database, DbError, QueryResult};
use backlog_event_log::open;
use backlog_ids::{ContractId, JournalBatchId, TenantId};
use backlog_money::Currency;
use backlog_proto::recognition::v1::AccountingPosted;
use backlog_recognition_engine::{Calendar, JournalLine, Role, Turnover};
use chrono::NaiveDate;
use prost::Message;

use super::convert::line;
use super::journal::{AccountMapping, Batch, ExchangeRate};
use super::rows;
use crate::accounting::rows::{corrupt, count, currency_in, never};

/// Entries of the log in one read.
const PAGE: u64 = 500;

/// What an answer includes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Included {
    pub(crate) contract_seq: u64,
    pub(crate) recognition_seq: u64,
    pub(crate) recognized_through: Option<NaiveDate>,
}

/// What holds for the tenant as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) functional: Currency,
    pub(crate) calendar: Calendar,
    pub(crate) included: Included,
}

/// What was posted in a period to a role.
pub(crate) type Total = (NaiveDate, Role, Currency, Turnover);

fn included(row: &QueryResult) -> Result<Included, DbError> {
    let through: NaiveDate = row.try_get("", "recognized_through")?;
    Ok(Included {
        contract_seq: count(row, "contract_seq")?,
        recognition_seq: count(row, "head_seq")?,
        recognized_through: Some(through).filter(|through| *through != never()),
    })
}

fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// The tenant's currency and calendar, and how far everything is.
pub(crate) async fn settings(database: &Database, tenant: TenantId) -> Result<Settings, DbError> {
    let sql = "select functional_currency, calendar, recognized_through, head_seq, contract_seq \
               from journal_settings($1)";
    let found = database.read(sql, vec![tenant.uuid().into()]).await?;
    let row = found.first().ok_or_else(|| DbError::Corrupt("no tenant".to_owned()))?;
    let calendar: String = row.try_get("", "calendar")?;
    Ok(Settings {
        functional: currency_in(row, "functional_currency")?,
        calendar: Calendar::parse(&calendar).ok_or_else(|| corrupt("calendar"))?,
        included: included(row)?,
    })
}

/// Whether a signed contract of this tenant has this id.
pub(crate) async fn is_known(
    database: &Database,
    tenant: TenantId,
    contract: ContractId,
) -> Result<bool, DbError> {
    let sql = "select 1 as one from plan_of($1, $2)";
    let found = database.read(sql, vec![tenant.uuid().into(), contract.uuid().into()]).await?;
    Ok(!found.is_empty())
}

/// What was posted in each period up to one, and what that includes.
pub(crate) async fn totals(
    database: &Database,
    tenant: TenantId,
    period: NaiveDate,
) -> Result<(Vec<Total>, Included), DbError> {
    let sql = "select posting_period, role, currency_code, debit, credit, recognized_through, \
               head_seq, contract_seq from journal_totals($1, $2)";
    let found = database.read(sql, vec![tenant.uuid().into(), period.into()]).await?;
    let mut totals = Vec::with_capacity(found.len());
    for row in &found {
        // A tenant without a journal answers one row without a role.
        let posted_in: Option<NaiveDate> = row.try_get("", "posting_period")?;
        if let Some(posted_in) = posted_in {
            let (role, currency, of) = rows::turnover_from(row)?;
            totals.push((posted_in, role, currency, of));
        }
    }
    let included = found.first().map(included).transpose()?.unwrap_or_default();
    Ok((totals, included))
}

/// What the entries of an export post in its period, by role and currency.
pub(crate) async fn range(
    database: &Database,
    tenant: TenantId,
    batch: &Batch,
) -> Result<Vec<(Role, Currency, Turnover)>, DbError> {
    range_of(database, tenant, batch.period, (batch.after(), batch.through())).await
}

/// What all entries up to a place of the log post in a period, by role and currency.
pub(crate) async fn sums(
    database: &Database,
    tenant: TenantId,
    period: NaiveDate,
    through: u64,
) -> Result<Vec<(Role, Currency, Turnover)>, DbError> {
    range_of(database, tenant, period, (0, through)).await
}

async fn range_of(
    database: &Database,
    tenant: TenantId,
    period: NaiveDate,
    (after, through): (u64, u64),
) -> Result<Vec<(Role, Currency, Turnover)>, DbError> {
    let sql = "select role, currency_code, debit, credit from journal_range($1, $2, $3, $4)";
    let arguments =
        vec![tenant.uuid().into(), period.into(), number(after).into(), number(through).into()];
    database.read(sql, arguments).await?.iter().map(rows::turnover_from).collect()
}

/// Whether anything was ever posted in another currency.
pub(crate) async fn has_foreign(
    database: &Database,
    tenant: TenantId,
    functional: Currency,
) -> Result<bool, DbError> {
    let sql = "select found from journal_foreign($1, $2)";
    let arguments = vec![tenant.uuid().into(), functional.code().into()];
    let found = database.read(sql, arguments).await?;
    found.first().map_or(Ok(false), |row| Ok(row.try_get("", "found")?))
}

/// The mapping in force at an entry of the log.
pub(crate) async fn mapping(
    database: &Database,
    tenant: TenantId,
    at: u64,
) -> Result<AccountMapping, DbError> {
    let sql = "select accounts, unbilled_receivable, decided_on from account_mapping_at($1, $2)";
    let found = database.read(sql, vec![tenant.uuid().into(), number(at).into()]).await?;
    found.first().map_or_else(|| Ok(AccountMapping::default()), rows::mapping_from)
}

/// Rates stated up to an entry of the log, in the order stated.
pub(crate) async fn rates(
    database: &Database,
    tenant: TenantId,
    through: u64,
) -> Result<Vec<ExchangeRate>, DbError> {
    let sql = "select from_code, to_code, kind, on_date, rate from exchange_rates($1, $2)";
    let found = database.read(sql, vec![tenant.uuid().into(), number(through).into()]).await?;
    found.iter().map(rows::rate_from).collect()
}

/// An export of this tenant.
pub(crate) async fn batch(
    database: &Database,
    tenant: TenantId,
    batch: JournalBatchId,
) -> Result<Option<Batch>, DbError> {
    let sql = "select batch_id, posting_period, seq, previous from journal_batch($1, $2)";
    let found = database.read(sql, vec![tenant.uuid().into(), batch.uuid().into()]).await?;
    found.first().map(rows::batch_from).transpose()
}

/// The export whose entry is at a place of the log.
pub(crate) async fn batch_at(
    database: &Database,
    tenant: TenantId,
    seq: u64,
) -> Result<Option<Batch>, DbError> {
    Ok(batches(database, tenant, None, seq.saturating_sub(1), 1).await?.into_iter().next())
}

/// Exports after a place of the log, of a period or of all, `limit` at most.
pub(crate) async fn batches(
    database: &Database,
    tenant: TenantId,
    period: Option<NaiveDate>,
    after: u64,
    limit: usize,
) -> Result<Vec<Batch>, DbError> {
    let sql = "select batch_id, posting_period, seq, previous from journal_exports($1, $2, $3, $4)";
    let arguments = vec![
        tenant.uuid().into(),
        period.into(),
        number(after).into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    database.read(sql, arguments).await?.iter().map(rows::batch_from).collect()
}

/// Lines of the log's entries after one up to another, a page of entries at a time, each with the
/// entry's place.
pub(crate) struct LogLines<'a> {
    database: &'a Database,
    tenant: TenantId,
    after: u64,
    through: u64,
    /// Only entries that post in this period.
    period: Option<NaiveDate>,
}

impl<'a> LogLines<'a> {
    /// All after `after` up to `through`.
    pub(crate) fn new(database: &'a Database, tenant: TenantId, after: u64, through: u64) -> Self {
        Self { database, tenant, after, through, period: None }
    }

    /// All of entries up to `through` that post in a period, in whatever period they post.
    pub(crate) fn of_period(
        database: &'a Database,
        tenant: TenantId,
        period: NaiveDate,
        through: u64,
    ) -> Self {
        Self { database, tenant, after: 0, through, period: Some(period) }
    }

    /// The next page; none when there are no more.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<(u64, JournalLine)>>, DbError> {
        if self.after >= self.through {
            return Ok(None);
        }
        let limit = self.through.saturating_sub(self.after).min(PAGE);
        let (tenant, after) = (self.tenant.uuid().into(), number(self.after).into());
        let (sql, arguments) = match self.period {
            None => (
                "select seq, entry from read_log($1, $2, $3)",
                vec![tenant, after, number(limit).into()],
            ),
            Some(period) => (
                "select seq, entry from journal_entries($1, $2, $3, $4, $5)",
                vec![
                    tenant,
                    period.into(),
                    after,
                    number(self.through).into(),
                    number(limit).into(),
                ],
            ),
        };
        let found = self.database.read(sql, arguments).await?;
        let Some(last) = found.last() else { return Ok(None) };
        self.after = count(last, "seq")?;
        let mut lines = Vec::new();
        for row in &found {
            let seq = count(row, "seq")?;
            let bytes: Vec<u8> = row.try_get("", "entry")?;
            let entry = open(&bytes).map_err(|_| corrupt("entry"))?.entry;
            let posted =
                AccountingPosted::decode(entry.payload.as_slice()).map_err(|_| corrupt("entry"))?;
            lines.extend(posted.movements.iter().filter_map(line).map(|line| (seq, line)));
        }
        Ok(Some(lines))
    }
}
