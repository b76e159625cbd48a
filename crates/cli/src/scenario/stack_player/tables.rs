//! Tables that no single answer of the API has: put together from answers that it has.
//!
//! | table | from |
//! | --- | --- |
//! | allocations | backlog by obligation |
//! | by_month | backlog at successive month ends |
//! | entries | movements in the audit trail of the recognition log |
//! | schedule | the plan; for an earlier day or state of knowledge, plan changes in the audit trail |

use std::collections::BTreeMap;

use backlog_proto::common::v1::{self as common, Log};
use backlog_proto::google::r#type::Date;
use backlog_proto::log::v1::LogEntry;
use backlog_proto::recognition::v1 as recognition;
use backlog_proto::recognition::v1::{AccountingPosted, Measure};
use backlog_proto::reporting::v1 as reporting;
use chrono::NaiveDate;
use prost::Message;

use crate::client::{balances, day, from_status, months, to_money};
use crate::failure::Failure;

use super::super::{
    model::View,
    player::{Amounts, Player, Posted},
};
use super::{StackPlayer, odd};

/// Entries of the trail in one answer.
const PAGE: i32 = 1_000;

/// The type of the entries that hold accounting.
const ACCOUNTING_POSTED: &str = "backlog.recognition.v1.AccountingPosted";

impl StackPlayer {
    /// Transaction price by handle of obligation.
    pub(super) async fn allocations_of(&self, view: &View) -> Result<Amounts<String>, Failure> {
        let keys = self.keys();
        let mut allocations = Amounts::new();
        for row in self.get_backlog(view, &["obligation"]).await?.rows {
            let group = row.group.first().cloned().unwrap_or_default();
            let key = keys.get(&group).cloned().unwrap_or(group);
            let price = balances(&row.balances.unwrap_or_default(), view.currency)?;
            add(&mut allocations, key, price.transaction_price)?;
        }
        Ok(allocations)
    }

    /// Recognized by posting month: from month end to month end.
    pub(super) async fn by_month_of(&self, view: &View) -> Result<Amounts<NaiveDate>, Failure> {
        let mut by_month = Amounts::new();
        let Some(first) = Player::first_day(self) else { return Ok(by_month) };
        let mut before = 0;
        for (month, last) in months(first, view.as_of) {
            let at = View { as_of: last, ..view.clone() };
            let rows = self.get_backlog(&at, &[]).await?.rows;
            let recognized = match rows.first() {
                Some(row) => {
                    balances(&row.balances.clone().unwrap_or_default(), view.currency)?.recognized
                }
                None => 0,
            };
            let change = recognized.checked_sub(before).ok_or_else(|| odd("too much revenue"))?;
            add(&mut by_month, month, change)?;
            before = recognized;
        }
        Ok(by_month)
    }

    /// Recognized, entry by entry.
    pub(super) async fn entries_of(&self, view: &View) -> Result<Vec<Posted>, Failure> {
        let keys = self.keys();
        let mut sums: BTreeMap<(String, NaiveDate, NaiveDate), i128> = BTreeMap::new();
        for movement in self.trail(view).await?.into_iter().flat_map(|posted| posted.movements) {
            let recognized = movement.measure() == Measure::Recognized;
            let scope = (&movement.contract_id, &movement.obligation_id);
            let effective = movement.effective_date.as_ref();
            if !recognized || !self.in_view(view, scope, effective, movement.amount.as_ref()) {
                continue;
            }
            let month =
                |date: Option<&Date>| day(date).ok_or_else(|| odd("an entry without month"));
            let obligation = keys.get(&movement.obligation_id).cloned();
            let key = (
                obligation.unwrap_or_else(|| movement.obligation_id.clone()),
                month(movement.service_month.as_ref())?,
                month(movement.posting_period.as_ref())?,
            );
            add(&mut sums, key, to_money(movement.amount.as_ref())?.minor())?;
        }
        let posted = |((obligation, service_period, posting_period), amount)| Posted {
            obligation,
            service_period,
            posting_period,
            amount,
        };
        Ok(sums.into_iter().filter(|(_, sum)| *sum != 0).map(posted).collect())
    }

    /// Still planned by month.
    pub(super) async fn schedule_of(&self, view: &View) -> Result<Amounts<NaiveDate>, Failure> {
        let latest = self.last_day.is_none_or(|last| last <= view.as_of);
        if latest && view.known_at.is_none() {
            return self.planned(view).await;
        }
        let mut schedule = Amounts::new();
        for change in self.trail(view).await?.into_iter().flat_map(|posted| posted.plan_changes) {
            let scope = (&change.contract_id, &change.obligation_id);
            let effective = change.effective_date.as_ref();
            if self.in_view(view, scope, effective, change.amount.as_ref()) {
                let month =
                    day(change.month.as_ref()).ok_or_else(|| odd("a plan without month"))?;
                add(&mut schedule, month, to_money(change.amount.as_ref())?.minor())?;
            }
        }
        Ok(schedule)
    }

    /// The plan as it now is.
    async fn planned(&self, view: &View) -> Result<Amounts<NaiveDate>, Failure> {
        let mut schedule = Amounts::new();
        for (handle, known) in &self.contracts {
            if !known.signed || !self.has(view, handle) {
                continue;
            }
            let request = recognition::GetPlanRequest {
                contract_id: known.id.clone(),
                min_positions: self.positions.clone(),
            };
            let answer = self.client.recognition().get_plan(request).await;
            let answer = answer.map_err(|status| from_status(&status))?.into_inner();
            for plan in answer.obligations {
                if view.obligation.as_ref().is_some_and(|key| *key != plan.key) {
                    continue;
                }
                for month in plan.months {
                    let first = day(month.month.as_ref());
                    let first = first.ok_or_else(|| odd("a plan without month"))?;
                    let amount = to_money(month.amount.as_ref())?;
                    if amount.currency() == view.currency {
                        add(&mut schedule, first, amount.minor())?;
                    }
                }
            }
        }
        Ok(schedule)
    }

    /// Accounting in the audit trail, as known at the view's day of knowledge.
    async fn trail(&self, view: &View) -> Result<Vec<AccountingPosted>, Failure> {
        let known_at = self.known_at(view);
        let limit = known_at.iter().find(|position| position.log() == Log::Recognition);
        let mut trail = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = reporting::ListEntriesRequest {
                log: Log::Recognition.into(),
                page_size: PAGE,
                page_token,
                aggregate_id: String::new(),
                min_positions: self.positions.clone(),
            };
            let answer = self.client.audit().list_entries(request).await;
            let answer = answer.map_err(|status| from_status(&status))?.into_inner();
            for entry in answer.entries {
                if limit.is_some_and(|limit| entry.seq > limit.seq) {
                    return Ok(trail);
                }
                trail.extend(accounting(&entry)?);
            }
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                return Ok(trail);
            }
        }
    }

    fn in_view(
        &self,
        view: &View,
        (contract, obligation): (&String, &String),
        effective: Option<&Date>,
        amount: Option<&common::Money>,
    ) -> bool {
        let handle = self.contracts.iter().find(|(_, known)| known.id == *contract);
        let wanted = self.filter(view).obligation_id;
        handle.is_some_and(|(handle, _)| self.has(view, handle))
            && (wanted.is_empty() || wanted == *obligation)
            && day(effective).is_some_and(|effective| effective <= view.as_of)
            && amount.is_some_and(|amount| amount.currency_code == view.currency.code())
    }

    /// Whether a contract is in the view.
    fn has(&self, view: &View, handle: &str) -> bool {
        let Some(known) = self.contracts.get(handle) else { return false };
        let named = view.contract.as_ref().is_none_or(|contract| contract == handle);
        named
            && view.dimensions.iter().all(|(name, value)| {
                let stated = known.terms.dimensions.get(name);
                let customer = (name == "customer").then_some(&known.terms.customer);
                stated.or(customer) == Some(value)
            })
    }

    /// Handles of the obligations, by id.
    fn keys(&self) -> BTreeMap<String, String> {
        let all = self.contracts.values().flat_map(|known| &known.obligations);
        all.map(|(key, id)| (id.clone(), key.clone())).collect()
    }
}

/// What an entry of the trail says; none for entries of other types.
fn accounting(entry: &reporting::AuditEntry) -> Result<Option<AccountingPosted>, Failure> {
    if entry.r#type != ACCOUNTING_POSTED {
        return Ok(None);
    }
    let unreadable = |_| odd("an entry of the trail that cannot be read");
    let stored = LogEntry::decode(entry.entry.as_slice()).map_err(unreadable)?;
    AccountingPosted::decode(stored.payload.as_slice()).map_err(unreadable).map(Some)
}

fn add<K: Ord>(sums: &mut BTreeMap<K, i128>, key: K, amount: i128) -> Result<(), Failure> {
    let sum = sums.entry(key).or_default();
    *sum = sum.checked_add(amount).ok_or_else(|| odd("amounts too large to be summed"))?;
    Ok(())
}
