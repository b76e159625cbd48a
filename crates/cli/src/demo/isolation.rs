//! The second tenant of the same account: it sees nothing of the first.

use backlog_proto::common::v1::Log;
use backlog_proto::contract::v1 as contract;
use backlog_proto::reporting::v1 as reporting;

use crate::books::Books;
use crate::client::{date, from_status};
use crate::failure::Failure;

use super::story::Stage;

/// What the other tenant gets when it asks for everything, and for the first one's by name.
pub(super) async fn check(stage: &mut Stage<'_>, other: &Books) -> Result<(), Failure> {
    stage.steps.say("asking as the other tenant");
    let after: Vec<_> = other.created.into_iter().collect();
    let backlog = reporting::GetBacklogRequest {
        as_of: date(chrono::NaiveDate::from_ymd_opt(2026, 6, 30).unwrap_or_default()),
        min_positions: after.clone(),
        ..reporting::GetBacklogRequest::default()
    };
    let backlog = other.client.backlog().get_backlog(backlog).await;
    let backlog = backlog.map_err(|status| from_status(&status))?.into_inner();
    let contracts = contract::ListContractsRequest::default();
    let contracts = other.client.contracts().list_contracts(contracts).await;
    let contracts = contracts.map_err(|status| from_status(&status))?.into_inner();
    let invoices = contract::ListInvoicesRequest::default();
    let invoices = other.client.invoices().list_invoices(invoices).await;
    let invoices = invoices.map_err(|status| from_status(&status))?.into_inner();
    let trail = reporting::ListEntriesRequest {
        log: Log::Contract.into(),
        min_positions: after,
        ..reporting::ListEntriesRequest::default()
    };
    let trail = other.client.audit().list_entries(trail).await;
    let trail = trail.map_err(|status| from_status(&status))?.into_inner();
    let named = contract::GetContractRequest { contract_id: stage.player.contract_id("article") };
    let named = other.client.contracts().get_contract(named).await;
    let named = named.map(|_| "found".to_owned());
    let named = named.unwrap_or_else(|status| from_status(&status).reason.unwrap_or_default());
    let figures = [
        ("rows of backlog", "0", backlog.rows.len().to_string()),
        ("contracts", "0", contracts.contracts.len().to_string()),
        ("invoices", "0", invoices.invoices.len().to_string()),
        ("entries of its trail", "1", trail.entries.len().to_string()),
        ("the first tenant's contract by its id", "NOT_FOUND", named),
    ];
    let mut said = vec!["The second tenant sees:".to_owned()];
    for (what, expected, actual) in figures {
        stage.figures.check("second tenant", what, expected, &actual);
        said.push(format!("  {what}: {actual}"));
    }
    stage.figures.tell(stage.steps, &format!("{}\n", said.join("\n")));
    Ok(())
}
