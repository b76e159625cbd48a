//! Exchange rates and the journal, through the public API.

use backlog_proto::recognition::v1 as recognition;
use backlog_recognition_engine::Role;
use chrono::NaiveDate;

use super::{StackPlayer, odd};
use crate::client::{from_status, to_money};
use crate::commands::journal::{rate_wire, role_name};
use crate::failure::Failure;
use crate::scenario::model::{FxRate, View};
use crate::scenario::player::Amounts;

impl StackPlayer {
    /// States a rate.
    pub(super) async fn fx_rate(&mut self, on: NaiveDate, rate: FxRate) -> Result<(), Failure> {
        let request = recognition::SetExchangeRateRequest {
            request_id: self.session.request_id(None),
            rate: Some(rate_wire((rate.from, rate.to), rate.kind, on, rate.rate)),
            validate_only: false,
        };
        let answer = self.client.journal().set_exchange_rate(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        // A rate takes effect in the journal only: no day of backlog moves with it.
        self.positions =
            crate::client::later(std::mem::take(&mut self.positions), answer.position.as_slice());
        Ok(())
    }

    /// The trial balance's turnover of the posting period of the view's day.
    pub(super) async fn journal_of(&self, view: &View) -> Result<Amounts<Role>, Failure> {
        let contract = view.contract.as_ref().map(|handle| self.contract_id(handle));
        let request = recognition::GetTrialBalanceRequest {
            period: self.calendar.period_of(view.as_of).to_string(),
            functional: true,
            contract_id: contract.unwrap_or_default(),
            min_positions: self.positions.clone(),
        };
        let answer = self.client.journal().get_trial_balance(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let mut journal = Amounts::new();
        for line in answer.lines {
            let name = role_name(line.role());
            let role = Role::parse(&name).ok_or_else(|| odd(&format!("the role {name}")))?;
            let debit = to_money(line.debit.as_ref())?.minor();
            let credit = to_money(line.credit.as_ref())?.minor();
            let sum: &mut i128 = journal.entry(role).or_default();
            *sum = sum.saturating_add(debit).saturating_sub(credit);
        }
        Ok(journal)
    }
}
