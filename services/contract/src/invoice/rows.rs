//! The tables `invoice` and `invoice_line`.

use backlog_db::{Conflict, DbError, QueryResult, Row, TableSpec};
use backlog_ids::{ContractId, InvoiceId, ObligationId, TenantId};
use backlog_money::Currency;
use uuid::Uuid;

use super::invoice::{Invoice, Line};

/// Invoices.
pub(crate) const INVOICE: TableSpec = TableSpec {
    name: "invoice",
    columns: &[
        ("tenant_id", "uuid"),
        ("invoice_id", "uuid"),
        ("contract_id", "uuid"),
        ("number", "text"),
        ("issued_on", "date"),
        ("due_on", "date"),
        ("currency", "text"),
        ("tax", "bigint"),
        ("lines", "smallint"),
    ],
    conflict: Conflict::Refuse,
};

/// Lines of invoices.
pub(crate) const INVOICE_LINE: TableSpec = TableSpec {
    name: "invoice_line",
    columns: &[
        ("tenant_id", "uuid"),
        ("invoice_id", "uuid"),
        ("ordinal", "smallint"),
        ("obligation_id", "uuid"),
        ("amount", "bigint"),
    ],
    conflict: Conflict::Refuse,
};

/// The row of an invoice.
pub(super) fn invoice_row(tenant: TenantId, invoice: &Invoice) -> Row {
    vec![
        tenant.uuid().into(),
        invoice.id.uuid().into(),
        invoice.contract.uuid().into(),
        invoice.number.clone().into(),
        invoice.issued_on.into(),
        invoice.due_on.into(),
        invoice.currency.code().into(),
        minor(invoice.tax).into(),
        ordinal(invoice.lines.len()).into(),
    ]
}

/// The rows of an invoice's lines.
pub(super) fn line_rows(tenant: TenantId, invoice: &Invoice) -> Vec<Row> {
    let lines = invoice.lines.iter().enumerate();
    lines
        .map(|(place, line)| {
            vec![
                tenant.uuid().into(),
                invoice.id.uuid().into(),
                ordinal(place).into(),
                line.obligation.uuid().into(),
                minor(line.amount).into(),
            ]
        })
        .collect()
}

/// Amounts are checked to be at most 10^15 before they come here; the table checks again.
fn minor(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// Places are below the configured number of obligations; the table refuses what does not fit.
fn ordinal(place: usize) -> i16 {
    i16::try_from(place).unwrap_or(-1)
}

/// Reads invoices from rows of `list_invoices`, which come in order of invoice and line.
pub(super) fn invoices(rows: &[QueryResult]) -> Result<Vec<Invoice>, DbError> {
    let mut invoices: Vec<Invoice> = Vec::new();
    for row in rows {
        let id = InvoiceId::from_uuid(row.try_get::<Uuid>("", "invoice_id")?);
        if invoices.last().map(|invoice| invoice.id) != Some(id) {
            invoices.push(heading(id, row)?);
        }
        let obligation = ObligationId::from_uuid(row.try_get::<Uuid>("", "obligation_id")?);
        let amount = i128::from(row.try_get::<i64>("", "amount")?);
        if let Some(invoice) = invoices.last_mut() {
            invoice.lines.push(Line { obligation, amount });
        }
    }
    Ok(invoices)
}

fn heading(id: InvoiceId, row: &QueryResult) -> Result<Invoice, DbError> {
    let currency: String = row.try_get("", "currency")?;
    Ok(Invoice {
        id,
        contract: ContractId::from_uuid(row.try_get::<Uuid>("", "contract_id")?),
        number: row.try_get("", "number")?,
        issued_on: row.try_get("", "issued_on")?,
        due_on: row.try_get("", "due_on")?,
        currency: Currency::parse(&currency)
            .map_err(|error| DbError::Corrupt(format!("invoice {id}: {error}")))?,
        lines: Vec::new(),
        tax: i128::from(row.try_get::<i64>("", "tax")?),
    })
}
