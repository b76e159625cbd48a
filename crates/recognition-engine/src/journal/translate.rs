//! The journal in the tenant's functional currency.
//!
//! Of each contract the days are taken in order, each as a whole, so that the order in which facts
//! came does not matter. The contract liability is not monetary: what comes in is carried
//! at the rate of its day, what leaves goes at the average carried, and the revenue drawn from it is
//! worth the same. Revenue that nothing was billed for takes the rate of its day; revenue taken back
//! goes at the average it was posted at. Receivables, contract assets and refund liabilities are
//! monetary: they come at the rate of the day, leave at the average carried, and a closing rate
//! measures what is left anew. What the day leaves unbalanced is the difference of exchange.

use std::collections::{BTreeMap, BTreeSet};

use backlog_ids::{AccountingContractId, ContractId, ObligationId};
use backlog_money::{Currency, Money, Quantity};
use chrono::NaiveDate;
use thiserror::Error;

use super::{
    JournalLine, Role,
    position::{Position, share, sum},
    rates::{Rates, convert},
};
use crate::{book::accounting_contract_of, calendar::Calendar};

/// A line in both currencies. Of a difference of exchange the amount is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Translated {
    /// The legal contract.
    pub contract: ContractId,
    /// The accounting contract.
    pub accounting_contract: AccountingContractId,
    /// The obligation, of revenue.
    pub obligation: Option<ObligationId>,
    /// What account it is posted to.
    pub role: Role,
    /// In the contract's currency; a debit when positive.
    pub amount: Money,
    /// In the functional currency; a debit when positive.
    pub functional: Money,
    /// Day on which it takes effect.
    pub effective_date: NaiveDate,
    /// First day of the accounting period it posts in.
    pub posting_period: NaiveDate,
}

/// Why there is no translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TranslationError {
    /// No spot rate is known on a day.
    #[error("no spot rate of {from} is known on {on}")]
    RateMissing {
        /// The currency.
        from: Currency,
        /// The day.
        on: NaiveDate,
    },
    /// A sum left the range of amounts.
    #[error("an amount is too large to be translated")]
    Overflow,
}

/// A role of an accounting contract. What belongs to the contract as a whole, as the receivable does,
/// stands under its first.
type Account = (Role, AccountingContractId);

/// What is posted of one contract on one day: each account and, of revenue, each obligation.
type Day = BTreeMap<(Account, Option<ObligationId>), i128>;

/// A day of effect and the period it posts in.
type When = (NaiveDate, NaiveDate);

/// Translates lines of any number of contracts, in any order, into `functional`; what a closing rate
/// measures anew posts in the period of its day by this calendar. Answers one line per
/// contract, day, role and, of revenue, obligation, in this order; over each day of a contract they
/// are balanced in both currencies.
pub fn translate(
    lines: impl IntoIterator<Item = JournalLine>,
    functional: Currency,
    rates: &Rates,
    calendar: Calendar,
) -> Result<Vec<Translated>, TranslationError> {
    let lines: Vec<JournalLine> = lines.into_iter().collect();
    let named: BTreeSet<ContractId> = lines.iter().map(|line| line.contract).collect();
    let as_signed = |contract| (accounting_contract_of(contract, 0), contract);
    let signed: BTreeMap<_, _> = named.into_iter().map(as_signed).collect();
    let mut contracts: BTreeMap<_, BTreeMap<When, Day>> = BTreeMap::new();
    for mut line in lines {
        // What joined another contract goes on with what it is carried at.
        if signed.get(&line.accounting_contract).is_some_and(|of| *of != line.contract) {
            line.accounting_contract = accounting_contract_of(line.contract, 0);
        }
        let days = contracts.entry((line.contract, line.amount.currency())).or_default();
        let day = days.entry((line.effective_date, line.posting_period)).or_default();
        let account = (line.role, line.accounting_contract);
        let net = day.entry((account, line.obligation)).or_default();
        *net = sum(*net, line.amount.minor())?;
    }
    let mut out = Vec::new();
    for ((contract, currency), days) in contracts {
        let whose = Whose { contract, currency, functional };
        if currency == functional {
            for (when, day) in days {
                out.extend(day.into_iter().map(|(of, net)| whose.line(when, of, net, net)));
            }
        } else {
            Books { whose, rates, calendar, positions: BTreeMap::new(), out: &mut out }
                .play(days)?;
        }
    }
    out.retain(|line| line.amount.minor() != 0 || line.functional.minor() != 0);
    Ok(out)
}

/// The contract whose lines are translated.
struct Whose {
    contract: ContractId,
    currency: Currency,
    functional: Currency,
}

impl Whose {
    fn line(
        &self,
        (effective_date, posting_period): When,
        ((role, accounting_contract), obligation): (Account, Option<ObligationId>),
        amount: i128,
        functional: i128,
    ) -> Translated {
        Translated {
            contract: self.contract,
            accounting_contract,
            obligation,
            role,
            amount: Money::from_minor(amount, self.currency),
            functional: Money::from_minor(functional, self.functional),
            effective_date,
            posting_period,
        }
    }
}

/// One contract being translated.
struct Books<'a> {
    whose: Whose,
    rates: &'a Rates,
    calendar: Calendar,
    positions: BTreeMap<Account, Position>,
    out: &'a mut Vec<Translated>,
}

/// What a closing rate measures anew.
const MONETARY: [Role; 4] =
    [Role::Receivable, Role::UnbilledReceivable, Role::ContractAsset, Role::RefundLiability];

impl Books<'_> {
    /// All days, and after each the closing rates of days before the next.
    fn play(mut self, days: BTreeMap<When, Day>) -> Result<(), TranslationError> {
        let mut closing = self.rates.closing(self.whose.currency).into_iter().peekable();
        for (when, day) in days {
            while let Some((on, rate)) = closing.next_if(|(on, _)| *on < when.0) {
                self.measure(on, rate)?;
            }
            self.day(when, &day)?;
        }
        closing.try_for_each(|(on, rate)| self.measure(on, rate))
    }

    fn day(&mut self, when: When, day: &Day) -> Result<(), TranslationError> {
        let spot = self.rates.spot(self.whose.currency, when.0)?;
        let mut nets: BTreeMap<Account, i128> = BTreeMap::new();
        for ((account, _), amount) in day {
            let net = nets.entry(*account).or_default();
            *net = sum(*net, *amount)?;
        }
        let mut worth: BTreeMap<Account, i128> = BTreeMap::new();
        for ((role, of), net) in &nets {
            let moved = match role {
                Role::ContractLiability | Role::Revenue => {
                    worth.extend(self.drawn(*of, &nets, &worth, spot)?);
                    continue;
                }
                Role::Cash | Role::Interest | Role::Fx => self.at(spot, *net)?,
                Role::Receivable
                | Role::UnbilledReceivable
                | Role::ContractAsset
                | Role::RefundLiability
                | Role::TaxPayable => self.take((*role, *of), *net, spot)?,
            };
            worth.insert((*role, *of), moved);
        }
        let mut left = 0_i128;
        for (account, functional) in worth {
            left = sum(left, functional)?;
            let of_account = day.iter().filter(|((of, _), _)| *of == account);
            let parts: Vec<_> = of_account.map(|((_, of), amount)| (*of, *amount)).collect();
            self.spread(when, account, &parts, (functional, spot))?;
        }
        self.difference(when, day.keys().next().map(|((_, of), _)| *of), left)
    }

    /// Liability and revenue of an accounting contract: what is drawn from the one is worth the same in
    /// the other. Nothing where they were translated already.
    fn drawn(
        &mut self,
        of: AccountingContractId,
        nets: &BTreeMap<Account, i128>,
        done: &BTreeMap<Account, i128>,
        spot: Quantity,
    ) -> Result<Vec<(Account, i128)>, TranslationError> {
        let (liability, revenue) = ((Role::ContractLiability, of), (Role::Revenue, of));
        if done.contains_key(&liability) || done.contains_key(&revenue) {
            return Ok(Vec::new());
        }
        let net = |account| nets.get(&account).copied().unwrap_or_default();
        // The one that goes down leads: it is worth what it is carried at.
        let (from, to) =
            if net(liability) > 0 { (liability, revenue) } else { (revenue, liability) };
        let (less, more) = (net(from), net(to));
        let led = self.take(from, less, spot)?;
        let follows = if less > 0 && more < 0 {
            let matched = less.min(more.checked_neg().ok_or(TranslationError::Overflow)?);
            let rest = self.at(spot, sum(more, matched)?)?;
            let worth = share(led, matched, less)?;
            let follows = rest.checked_sub(worth).ok_or(TranslationError::Overflow)?;
            self.positions.entry(to).or_default().put(more, follows)?;
            follows
        } else {
            self.take(to, more, spot)?
        };
        Ok(vec![(from, led), (to, follows)])
    }

    fn at(&self, rate: Quantity, amount: i128) -> Result<i128, TranslationError> {
        convert(amount, rate, (self.whose.currency, self.whose.functional))
    }

    fn take(
        &mut self,
        account: Account,
        net: i128,
        spot: Quantity,
    ) -> Result<i128, TranslationError> {
        let mut position = self.positions.get(&account).copied().unwrap_or_default();
        let moved = position.take(net, |amount| self.at(spot, amount))?;
        self.positions.insert(account, position);
        Ok(moved)
    }

    /// An account's lines: what the day is worth shared over obligations, so that the parts sum.
    fn spread(
        &mut self,
        when: When,
        account: Account,
        parts: &[(Option<ObligationId>, i128)],
        (worth, spot): (i128, Quantity),
    ) -> Result<(), TranslationError> {
        let net = parts.iter().try_fold(0, |net, (_, amount)| sum(net, *amount))?;
        let (mut so_far, mut given) = (0_i128, 0_i128);
        for (place, (obligation, amount)) in parts.iter().enumerate() {
            so_far = sum(so_far, *amount)?;
            let to_date = match (place.checked_add(1) == Some(parts.len()), net) {
                (true, _) => worth,
                // Obligations that offset each other have no share of what they net to.
                (false, 0) => self.at(spot, so_far)?,
                (false, net) => share(worth, so_far, net)?,
            };
            let functional = to_date.checked_sub(given).ok_or(TranslationError::Overflow)?;
            given = to_date;
            self.out.push(self.whose.line(when, (account, *obligation), *amount, functional));
        }
        Ok(())
    }

    /// The difference of exchange of a day, under the first accounting contract that it has.
    fn difference(
        &mut self,
        when: When,
        of: Option<AccountingContractId>,
        left: i128,
    ) -> Result<(), TranslationError> {
        let functional = left.checked_neg().ok_or(TranslationError::Overflow)?;
        let account = of.map(|of| ((Role::Fx, of), None));
        self.out.extend(account.map(|account| self.whose.line(when, account, 0, functional)));
        Ok(())
    }

    /// What is monetary, at a closing rate.
    fn measure(&mut self, on: NaiveDate, rate: Quantity) -> Result<(), TranslationError> {
        let when = (on, self.calendar.period_of(on).first);
        let monetary = |(role, _): &Account| MONETARY.contains(role);
        let accounts: Vec<Account> =
            self.positions.keys().filter(|a| monetary(a)).copied().collect();
        let mut left = 0_i128;
        for account in &accounts {
            let Some(held) = self.positions.get(account).copied() else { continue };
            let worth = self.at(rate, held.amount)?;
            let change = worth.checked_sub(held.carried).ok_or(TranslationError::Overflow)?;
            self.positions.insert(*account, Position { carried: worth, ..held });
            left = sum(left, change)?;
            self.out.push(self.whose.line(when, (*account, None), 0, change));
        }
        self.difference(when, accounts.first().map(|(_, of)| *of), left)
    }
}
