//! Invoices of a batch: only ever added.

use backlog_event_log::Rows;
use backlog_ids::TenantId;

use super::invoice::Invoice;
use super::rows;
use crate::domain::Table;

/// Invoices that the commands of a batch issue.
#[derive(Debug, Default)]
pub(crate) struct Invoices(Vec<(TenantId, Invoice)>);

impl Invoices {
    /// Adds a new invoice.
    pub(crate) fn add(&mut self, tenant: TenantId, invoice: Invoice) {
        self.0.push((tenant, invoice));
    }

    /// Writes all of them.
    pub(crate) fn flush(self, rows: &mut Rows<'_>) {
        for (tenant, invoice) in self.0 {
            rows.push(Table::Invoice.index(), rows::invoice_row(tenant, &invoice));
            for row in rows::line_rows(tenant, &invoice) {
                rows.push(Table::InvoiceLine.index(), row);
            }
        }
    }
}
