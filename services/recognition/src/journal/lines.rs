//! The lines of an export: what was posted in a period after one position up to another.
//!
//! Contracts in the functional currency are read from the sums, or from the entries of the range.
//! Contracts in other currencies are translated as a whole twice, as of both positions, and the
//! difference is exported: so a rate that is corrected, or a late fact that changes what others are
//! worth, shows as a delta.

use std::collections::BTreeMap;

use backlog_db::Database;
use backlog_ids::{AccountingContractId, ContractId, ObligationId, TenantId};
use backlog_money::{Currency, Money};
use backlog_recognition_engine::{
    JournalLine, Rates, Role, Translated, TranslationError, translate,
};
use chrono::NaiveDate;

use super::error::JournalFault;
use super::journal::{self, Batch};
use super::queries::{self, LogLines, Settings};
use crate::run::error::CallFault;

/// A line of an export. Debits positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExportLine {
    pub(crate) role: Role,
    pub(crate) amount: Money,
    pub(crate) functional: Money,
    /// Whose line it is, in detail.
    pub(crate) of: Option<LineOf>,
}

/// Whose a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LineOf {
    pub(crate) contract: ContractId,
    pub(crate) accounting_contract: AccountingContractId,
    pub(crate) effective_date: NaiveDate,
    pub(crate) obligation: Option<ObligationId>,
}

/// Amounts of lines of contracts in other currencies: in the contract's and in the functional one.
type Foreign = BTreeMap<(LineOf, Role, Currency), (i128, i128)>;

/// What reads exports of a tenant.
pub(crate) struct Reading<'a> {
    pub(crate) database: &'a Database,
    pub(crate) tenant: TenantId,
    pub(crate) settings: Settings,
}

impl Reading<'_> {
    /// A line per role and currency.
    pub(crate) async fn summary(&self, batch: &Batch) -> Result<Vec<ExportLine>, JournalFault> {
        let functional = self.settings.functional;
        let mut sums: BTreeMap<(Currency, Role), (i128, i128)> = BTreeMap::new();
        for (role, currency, of) in queries::range(self.database, self.tenant, batch).await? {
            if currency == functional {
                let net = of.net().map_err(|_| TranslationError::Overflow)?;
                sums.insert((currency, role), (net, net));
            }
        }
        for ((_, role, currency), (amount, worth)) in self.foreign(batch).await? {
            let sum = sums.entry((currency, role)).or_default();
            sum.0 = add(sum.0, amount)?;
            sum.1 = add(sum.1, worth)?;
        }
        sums.retain(|_, sum| *sum != (0, 0));
        let line = |((currency, role), (amount, worth))| ExportLine {
            role,
            amount: Money::from_minor(amount, currency),
            functional: Money::from_minor(worth, functional),
            of: None,
        };
        Ok(sums.into_iter().map(line).collect())
    }

    /// A line per contract, day, role and obligation, of contracts in other currencies.
    pub(crate) async fn foreign_detail(
        &self,
        batch: &Batch,
    ) -> Result<Vec<ExportLine>, JournalFault> {
        let functional = self.settings.functional;
        let line = |((of, role, currency), (amount, worth))| ExportLine {
            role,
            amount: Money::from_minor(amount, currency),
            functional: Money::from_minor(worth, functional),
            of: Some(of),
        };
        Ok(self.foreign(batch).await?.into_iter().map(line).collect())
    }

    /// A line of a contract in the functional currency, if it belongs to the export.
    pub(crate) fn own(&self, batch: &Batch, line: &JournalLine) -> Option<ExportLine> {
        let own = line.amount.currency() == self.settings.functional;
        (own && line.posting_period == batch.period).then_some(ExportLine {
            role: line.role,
            amount: line.amount,
            functional: line.amount,
            of: Some(LineOf {
                contract: line.contract,
                accounting_contract: line.accounting_contract,
                effective_date: line.effective_date,
                obligation: line.obligation,
            }),
        })
    }

    /// Checks that everything posted can be translated by the rates stated so far.
    pub(crate) async fn check(&self) -> Result<(), JournalFault> {
        let through = self.settings.included.recognition_seq;
        if !self.has_foreign().await? {
            return Ok(());
        }
        let lines = self.foreign_lines(through).await?;
        self.translated(lines.iter().map(|(_, line)| *line), &self.rates(through).await?)?;
        Ok(())
    }

    /// What contracts in other currencies post, all of it, translated by all rates.
    pub(crate) async fn translated_through(
        &self,
        lines: Vec<JournalLine>,
    ) -> Result<Vec<Translated>, JournalFault> {
        let rates = self.rates(self.settings.included.recognition_seq).await?;
        Ok(self.translated(lines, &rates)?)
    }

    async fn foreign(&self, batch: &Batch) -> Result<Foreign, JournalFault> {
        let mut difference = Foreign::new();
        if !self.has_foreign().await? {
            return Ok(difference);
        }
        let lines = self.foreign_lines(batch.through()).await?;
        for (position, sign) in [(batch.through(), 1), (batch.after(), -1)] {
            let known = lines.iter().filter(|(seq, _)| *seq <= position).map(|(_, line)| *line);
            for line in self.as_of(position, known.collect()).await? {
                if line.posting_period != batch.period {
                    continue;
                }
                let of = LineOf {
                    contract: line.contract,
                    accounting_contract: line.accounting_contract,
                    effective_date: line.effective_date,
                    obligation: line.obligation,
                };
                let key = (of, line.role, line.amount.currency());
                let sum = difference.entry(key).or_default();
                let signed = |amount: i128| amount.checked_mul(sign).ok_or(OVERFLOW);
                sum.0 = add(sum.0, signed(line.amount.minor())?)?;
                sum.1 = add(sum.1, signed(line.functional.minor())?)?;
            }
        }
        difference.retain(|_, amounts| *amounts != (0, 0));
        Ok(difference)
    }

    /// Lines translated by the rates stated up to a position. What was posted by another while an export
    /// was asked for may lack its rate then: the first ones stated since count instead.
    async fn as_of(
        &self,
        position: u64,
        lines: Vec<JournalLine>,
    ) -> Result<Vec<Translated>, JournalFault> {
        let translated = self.translated(lines.iter().copied(), &self.rates(position).await?);
        match translated {
            Err(TranslationError::RateMissing { .. }) => {
                let through = self.settings.included.recognition_seq;
                Ok(self.translated(lines, &self.rates(through).await?)?)
            }
            other => Ok(other?),
        }
    }

    fn translated(
        &self,
        lines: impl IntoIterator<Item = JournalLine>,
        rates: &Rates,
    ) -> Result<Vec<Translated>, TranslationError> {
        translate(lines, self.settings.functional, rates, self.settings.calendar)
    }

    async fn rates(&self, through: u64) -> Result<Rates, CallFault> {
        let stated = queries::rates(self.database, self.tenant, through).await?;
        Ok(journal::rates(&stated, self.settings.functional))
    }

    async fn has_foreign(&self) -> Result<bool, CallFault> {
        let functional = self.settings.functional;
        Ok(queries::has_foreign(self.database, self.tenant, functional).await?)
    }

    async fn foreign_lines(&self, through: u64) -> Result<Vec<(u64, JournalLine)>, CallFault> {
        let mut log = LogLines::new(self.database, self.tenant, 0, through);
        let mut foreign = Vec::new();
        while let Some(lines) = log.next().await? {
            let functional = self.settings.functional;
            foreign.extend(lines.into_iter().filter(|of| of.1.amount.currency() != functional));
        }
        Ok(foreign)
    }
}

const OVERFLOW: TranslationError = TranslationError::Overflow;

fn add(a: i128, b: i128) -> Result<i128, TranslationError> {
    a.checked_add(b).ok_or(OVERFLOW)
}
