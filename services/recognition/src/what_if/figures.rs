//! What comes out of a what-if, pure: sums of both sides, and the contracts that differ the most.

use std::collections::BTreeSet;

use backlog_money::Currency;
use backlog_proto::recognition::v1 as pb;
use backlog_recognition_engine::{ContractState, EngineError, Measure, plan};
use chrono::NaiveDate;

use super::rows::{Apart, Both, Kept, Side, Sums};
use crate::accounting::convert::money;
use crate::period::convert::period;

/// Contracts of a currency that are told.
const APART_MAX: usize = 20;

impl Kept {
    /// Adds what remains planned of contracts, and remembers those that differ the most.
    pub(crate) fn settle(&mut self, contracts: &[Both<ContractState>]) -> Result<(), String> {
        for of in contracts {
            let id = of.books.contract;
            let text = |error: EngineError| format!("contract {id}: {error}");
            planned(&mut self.books, &of.books).map_err(text)?;
            planned(&mut self.assumed, &of.assumed).map_err(text)?;
            let recognized =
                Both { books: recognized(&of.books), assumed: recognized(&of.assumed) };
            self.compare(of.books.currency, Apart { contract: id, recognized });
            self.settled = Some(id);
        }
        Ok(())
    }

    fn compare(&mut self, currency: Currency, of: Apart) {
        if of.by() == 0 {
            return;
        }
        let apart = self.apart.entry(currency).or_default();
        let key = |of: &Apart| (std::cmp::Reverse(of.by()), of.contract);
        let place = apart.partition_point(|known| key(known) < key(&of));
        apart.insert(place, of);
        apart.truncate(APART_MAX);
    }

    /// What came out. Errors when the books, folded again, are not what was posted.
    pub(crate) fn result(&self) -> Result<pb::WhatIfResult, String> {
        if !self.books.sums.iter().eq(self.posted.iter()) {
            return Err("the books folded again are not what was posted".to_owned());
        }
        let sides = [&self.books, &self.assumed];
        let moved = sides.into_iter().flat_map(|side| side.sums.iter());
        let currencies: BTreeSet<Currency> = moved.map(|((_, currency, _), _)| currency).collect();
        let currencies = currencies.into_iter().map(|currency| self.currency(currency));
        Ok(pb::WhatIfResult { currencies: currencies.collect() })
    }

    fn currency(&self, currency: Currency) -> pb::WhatIfCurrency {
        let compared = |of: &dyn Fn(&Side) -> i128| pb::WhatIfAmount {
            books: Some(money(of(&self.books), currency)),
            what_if: Some(money(of(&self.assumed), currency)),
        };
        let all = |measure| compared(&|side| until(&side.sums, NaiveDate::MAX, currency, measure));
        let periods: BTreeSet<NaiveDate> = [&self.books, &self.assumed]
            .into_iter()
            .flat_map(|side| side.sums.iter())
            .filter(|((_, of, _), _)| *of == currency)
            .map(|((period, ..), _)| period)
            .collect();
        let through = self.recognized_through.map(|day| self.calendar().period_of(day).first);
        let through = through.or_else(|| periods.last().copied()).unwrap_or_default();
        let at = |first: NaiveDate, measure| {
            compared(&|side| until(&side.sums, first, currency, measure))
        };
        let months: BTreeSet<NaiveDate> = [&self.books, &self.assumed]
            .into_iter()
            .flat_map(|side| side.planned.iter().filter(|(_, amount)| **amount != 0))
            .filter(|((of, _), _)| *of == currency)
            .map(|((_, month), _)| *month)
            .collect();
        let month = |month: NaiveDate| pb::WhatIfMonth {
            month: Some(month.into()),
            planned: Some(compared(&|side| {
                side.planned.get(&(currency, month)).copied().unwrap_or_default()
            })),
        };
        let apart = self.apart.get(&currency).into_iter().flatten();
        pb::WhatIfCurrency {
            currency_code: currency.code().to_owned(),
            transaction_price: Some(all(Measure::TransactionPrice)),
            recognized: Some(all(Measure::Recognized)),
            backlog: Some(compared(&|side| backlog(&side.sums, currency))),
            deferred_revenue: Some(at(through, Measure::DeferredRevenue)),
            contract_asset: Some(at(through, Measure::ContractAsset)),
            refund_liability: Some(at(through, Measure::RefundLiability)),
            periods: periods
                .into_iter()
                .map(|first| pb::WhatIfPeriod {
                    period: Some(period(&self.calendar().period_of(first))),
                    recognized: Some(compared(&|side| {
                        within(&side.sums, first, currency, Measure::Recognized)
                    })),
                    deferred_revenue: Some(at(first, Measure::DeferredRevenue)),
                    contract_asset: Some(at(first, Measure::ContractAsset)),
                    refund_liability: Some(at(first, Measure::RefundLiability)),
                })
                .collect(),
            planned: months.into_iter().map(month).collect(),
            contracts: apart.map(|of| contract(of, currency)).collect(),
        }
    }
}

fn contract(of: &Apart, currency: Currency) -> pb::WhatIfContract {
    pb::WhatIfContract {
        contract_id: of.contract.to_string(),
        recognized: Some(pb::WhatIfAmount {
            books: Some(money(of.recognized.books, currency)),
            what_if: Some(money(of.recognized.assumed, currency)),
        }),
    }
}

/// Adds what remains planned of a contract; nothing of what is no contract yet.
fn planned(side: &mut Side, state: &ContractState) -> Result<(), EngineError> {
    if state.standing.not_yet().is_some() {
        return Ok(());
    }
    for obligation in &state.obligations {
        for month in plan(obligation)? {
            let sum = side.planned.entry((state.currency, month.month)).or_default();
            *sum = sum.saturating_add(month.amount);
        }
    }
    Ok(())
}

fn recognized(state: &ContractState) -> i128 {
    if state.standing.not_yet().is_some() {
        return 0;
    }
    let recognized = state.obligations.iter().map(|of| of.recognized);
    recognized.fold(0, i128::saturating_add)
}

/// A measure at the end of the period that begins on this day.
fn until(sums: &Sums, first: NaiveDate, currency: Currency, measure: Measure) -> i128 {
    sum(sums, |of| of.0 <= first && (of.1, of.2) == (currency, measure))
}

/// What moved in the period that begins on this day.
fn within(sums: &Sums, first: NaiveDate, currency: Currency, measure: Measure) -> i128 {
    sum(sums, |of| *of == (first, currency, measure))
}

/// What was signed, beyond enforceable included, and is not recognized.
fn backlog(sums: &Sums, currency: Currency) -> i128 {
    let of = |measure| until(sums, NaiveDate::MAX, currency, measure);
    of(Measure::TransactionPrice)
        .saturating_add(of(Measure::BeyondEnforceable))
        .saturating_sub(of(Measure::Recognized))
}

fn sum(sums: &Sums, takes: impl Fn(&(NaiveDate, Currency, Measure)) -> bool) -> i128 {
    let taken = sums.iter().filter(|(key, _)| takes(key));
    taken.fold(0, |sum, (_, amount)| sum.saturating_add(amount))
}

#[cfg(test)]
mod tests {
    use backlog_ids::ContractId;
    use uuid::Uuid;

    use super::*;

    fn usd() -> Currency {
        Currency::parse("USD").unwrap()
    }

    fn apart(n: u128, books: i128, assumed: i128) -> Apart {
        let contract = ContractId::from_uuid(Uuid::from_u128(n));
        Apart { contract, recognized: Both { books, assumed } }
    }

    // Shows that the contracts told are those that differ the most, more or less alike, in order, ties by id,
    // however many there are and in whatever order they come; and that those that do not differ are none.
    #[test]
    fn the_largest_differences_are_told() {
        let mut kept = Kept::default();
        kept.compare(usd(), apart(100, 7, 7));
        for n in (0..30).rev() {
            kept.compare(usd(), apart(n, 50, 50 + if n % 2 == 0 { 10 } else { -10 }));
        }
        kept.compare(usd(), apart(99, 0, -40));
        let told: Vec<u128> =
            kept.apart[&usd()].iter().map(|of| of.contract.uuid().as_u128()).collect();
        let expected: Vec<u128> = std::iter::once(99).chain(0..19).collect();
        assert_eq!(told, expected);
    }

    // Shows that books that do not come to what was posted have no result.
    #[test]
    fn books_that_do_not_fold_again_have_no_result() {
        let mut kept = Kept::default();
        let first = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let key = (first, usd(), Measure::Recognized);
        kept.posted.add(key, 100);
        assert!(kept.result().is_err());
        kept.books.sums.add(key, 100);
        let result = kept.result().unwrap();
        let told = result.currencies.first().unwrap().recognized.clone().unwrap();
        assert_eq!(told.books.unwrap().amount, "1.00");
        assert_eq!(told.what_if.unwrap().amount, "0.00");
    }
}
