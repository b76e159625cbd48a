//! What a batch knows and adds: pure accumulation. Rows of the ledgers are kept as they are, sums by key
//! are added up first, so that the batch writes each key once.

use std::collections::BTreeMap;

use backlog_audit_log::{Hash, Node, Tree};
use backlog_ids::{AccountId, ContractId, TenantId};
use backlog_money::Currency;
use backlog_proto::common::v1::Log;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use uuid::Uuid;

use super::accounting::{
    Accounting, CONTRACTS, KnownContract, MovementRow, PLAN_DUE, PlanRow, SEGMENT_CONTRACTS,
};
use super::contracts::{ContractFact, SignedContract, SignedObligation};
use super::convert::first_of_month;
use super::dimensions::DimensionSet;

/// The right edge of the tree of one log.
#[derive(Debug, Clone, Default)]
pub(crate) struct TreeEdge {
    pub(crate) tree: Tree,
    /// Hash of the last leaf; zero for an empty tree.
    pub(crate) last_leaf: Hash,
}

/// A tenant as the registry has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) account: AccountId,
    pub(crate) suspended: bool,
}

/// An entry as the audit trail keeps it: columns that are copies, and the bytes.
#[derive(Debug, Clone)]
pub(crate) struct AuditRow {
    pub(crate) log: Log,
    pub(crate) seq: u64,
    pub(crate) type_name: String,
    pub(crate) aggregate_id: String,
    pub(crate) aggregate_version: u64,
    pub(crate) effective_date: NaiveDate,
    pub(crate) recorded_at: DateTime<Utc>,
    pub(crate) actor: String,
    pub(crate) request_id: String,
    pub(crate) leaf: Hash,
    pub(crate) entry: Vec<u8>,
}

/// What one entry does.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) audit: AuditRow,
    pub(crate) what: What,
}

/// What one entry tells, by log.
#[derive(Debug)]
pub(crate) enum What {
    /// An entry of the contract log.
    Contract(ContractFact),
    /// An entry of the recognition log.
    Accounting(Accounting),
}

/// Key of a rollup row by segment, without the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentKey {
    pub(crate) effective_year: i32,
    pub(crate) segment: Uuid,
    pub(crate) measure: i16,
    pub(crate) cause: i16,
    pub(crate) currency: Currency,
    pub(crate) recorded_month: NaiveDate,
}

/// What is added to the months of a year.
pub(crate) type Months = [i128; 12];

/// Key of a rollup row by contract, without the tenant. The obligation is nil for measures of whole
/// contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ContractKey {
    pub(crate) contract: Uuid,
    pub(crate) obligation: Uuid,
    pub(crate) segment: Uuid,
    pub(crate) cell: Cell,
}

/// What a rollup by contract tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) measure: i16,
    pub(crate) cause: i16,
    pub(crate) currency: Currency,
    pub(crate) effective_month: NaiveDate,
    pub(crate) recorded_month: NaiveDate,
}

/// What is added to a rollup row. Amount in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) amount: i128,
    pub(crate) contracts: i64,
    pub(crate) segment_contracts: i64,
}

impl Sum {
    /// Adds a row. Cannot overflow: amounts are below 2^63 and a batch has fewer than 2^64 rows.
    fn add(&mut self, row: Self) {
        self.amount = self.amount.saturating_add(row.amount);
        self.contracts = self.contracts.saturating_add(row.contracts);
        self.segment_contracts = self.segment_contracts.saturating_add(row.segment_contracts);
    }
}

/// What a batch adds to the tables.
#[derive(Debug, Default)]
pub(crate) struct Added {
    pub(crate) owners: BTreeMap<TenantId, Owner>,
    pub(crate) sets: BTreeMap<(TenantId, Uuid), DimensionSet>,
    pub(crate) contracts: Vec<(TenantId, u64, SignedContract)>,
    pub(crate) obligations: Vec<(TenantId, ContractId, Vec<SignedObligation>)>,
    pub(crate) movements: Vec<(TenantId, MovementRow)>,
    pub(crate) plan: Vec<(TenantId, PlanRow)>,
    pub(crate) by_contract: BTreeMap<(TenantId, ContractKey), Sum>,
    pub(crate) by_segment: BTreeMap<(TenantId, SegmentKey), Months>,
    /// The first entry of each month of a log, as far as the batch knows.
    pub(crate) recorded: BTreeMap<(TenantId, i32, NaiveDate), u64>,
    pub(crate) covered: Vec<(TenantId, u64, u64)>,
    pub(crate) recognized: Vec<(TenantId, u64, NaiveDate)>,
    pub(crate) audit: Vec<(TenantId, AuditRow)>,
    pub(crate) nodes: Vec<(TenantId, Log, Node)>,
}

/// What a batch knows of its tenants, and what it adds.
#[derive(Debug, Default)]
pub struct Projection {
    pub(crate) owners: BTreeMap<TenantId, Owner>,
    pub(crate) trees: BTreeMap<(TenantId, i32), TreeEdge>,
    pub(crate) contracts: BTreeMap<(TenantId, ContractId), KnownContract>,
    /// Contract position that the last recognition entry covers.
    pub(crate) covered: BTreeMap<TenantId, u64>,
    pub(crate) recognized_through: BTreeMap<TenantId, NaiveDate>,
    pub(crate) added: Added,
}

impl Projection {
    /// The edge of a log's tree.
    pub(crate) fn edge(&self, tenant: TenantId, log: Log) -> TreeEdge {
        self.trees.get(&(tenant, i32::from(log))).cloned().unwrap_or_default()
    }

    /// Applies what an entry does.
    pub(crate) fn apply(&mut self, tenant: TenantId, step: Step) {
        let (log, seq, recorded_at) = (step.audit.log, step.audit.seq, step.audit.recorded_at);
        let edge = self.trees.entry((tenant, i32::from(log))).or_default();
        edge.last_leaf = step.audit.leaf;
        let nodes = edge.tree.append(step.audit.leaf);
        self.added.nodes.extend(nodes.into_iter().map(|node| (tenant, log, node)));
        self.added.audit.push((tenant, step.audit));
        let month = first_of_month(recorded_at.date_naive());
        self.added.recorded.entry((tenant, i32::from(log), month)).or_insert(seq);
        match step.what {
            What::Contract(fact) => self.apply_fact(tenant, seq, fact),
            What::Accounting(accounting) => self.apply_accounting(tenant, seq, month, accounting),
        }
    }

    fn apply_fact(&mut self, tenant: TenantId, seq: u64, fact: ContractFact) {
        match fact {
            ContractFact::TenantCreated { account, suspended } => {
                self.set_owner(tenant, Owner { account, suspended });
            }
            ContractFact::SuspensionChanged(suspended) => {
                if let Some(owner) = self.owners.get(&tenant).copied() {
                    self.set_owner(tenant, Owner { suspended, ..owner });
                }
            }
            ContractFact::Signed(contract) => {
                let obligations =
                    contract.obligations.iter().map(|o| (o.obligation, o.segment)).collect();
                let known = KnownContract {
                    currency: contract.currency,
                    segment: contract.segment,
                    obligations,
                };
                self.contracts.insert((tenant, contract.contract), known);
                for set in &contract.sets {
                    self.added.sets.insert((tenant, set.segment), set.clone());
                }
                self.added.contracts.push((tenant, seq, contract));
            }
            ContractFact::Amended(contract) => {
                let Some(known) = self.contracts.get_mut(&(tenant, contract.contract)) else {
                    return;
                };
                let mut added = Vec::new();
                for obligation in contract.obligations {
                    if known.obligations.contains_key(&obligation.obligation) {
                        continue;
                    }
                    known.obligations.insert(obligation.obligation, obligation.segment);
                    added.push(obligation);
                }
                for set in &contract.sets {
                    self.added.sets.insert((tenant, set.segment), set.clone());
                }
                self.added.obligations.push((tenant, contract.contract, added));
            }
            ContractFact::Other => {}
        }
    }

    fn set_owner(&mut self, tenant: TenantId, owner: Owner) {
        self.owners.insert(tenant, owner);
        self.added.owners.insert(tenant, owner);
    }

    fn apply_accounting(
        &mut self,
        tenant: TenantId,
        seq: u64,
        recorded_month: NaiveDate,
        accounting: Accounting,
    ) {
        self.covered.insert(tenant, accounting.covered);
        self.added.covered.push((tenant, seq, accounting.covered));
        self.move_recognized_through(tenant, seq, &accounting);
        for row in accounting.movements {
            let cell = Cell {
                measure: row.measure,
                cause: row.cause,
                currency: row.currency,
                effective_month: first_of_month(row.effective_date),
                recorded_month,
            };
            let sum = Sum {
                amount: row.amount.into(),
                contracts: row.contracts.into(),
                segment_contracts: row.segment_contracts.into(),
            };
            let key = ContractKey {
                contract: row.contract,
                obligation: row.obligation,
                segment: row.segment,
                cell,
            };
            self.added.by_contract.entry((tenant, key)).or_default().add(sum);
            self.roll_up(tenant, row.segment, cell, sum.amount);
            for (measure, count) in
                [(CONTRACTS, sum.contracts), (SEGMENT_CONTRACTS, sum.segment_contracts)]
            {
                self.roll_up(tenant, row.segment, Cell { measure, ..cell }, count.into());
            }
            self.added.movements.push((tenant, row));
        }
        for row in accounting.plan {
            let cell = Cell {
                measure: PLAN_DUE,
                cause: 0,
                currency: row.currency,
                effective_month: first_of_month(row.due_date()),
                recorded_month,
            };
            // What time does not earn does not accrue.
            if row.timed {
                self.roll_up(tenant, row.segment, cell, row.amount.into());
            }
            self.added.plan.push((tenant, row));
        }
    }

    /// Adds to the rollup by segment.
    fn roll_up(&mut self, tenant: TenantId, segment: Uuid, cell: Cell, amount: i128) {
        if amount == 0 {
            return;
        }
        let key = SegmentKey {
            effective_year: cell.effective_month.year(),
            segment,
            measure: cell.measure,
            cause: cell.cause,
            currency: cell.currency,
            recorded_month: cell.recorded_month,
        };
        let months = self.added.by_segment.entry((tenant, key)).or_default();
        let place = usize::try_from(cell.effective_month.month0()).unwrap_or_default();
        if let Some(month) = months.get_mut(place) {
            // Cannot overflow: amounts are below 2^63 and a batch has fewer than 2^64 rows.
            *month = month.saturating_add(amount);
        }
    }

    /// A finished run over all contracts moves the day on. Revenue planned anew for days that were
    /// posted already, as by a contract signed late, takes it back until the next run.
    fn move_recognized_through(&mut self, tenant: TenantId, seq: u64, accounting: &Accounting) {
        let before = self.recognized_through.get(&tenant).copied();
        let mut through = before;
        for row in accounting.plan.iter().filter(|row| row.amount > 0) {
            let unposted = row.service_from.max(row.effective_date).pred_opt();
            through = through.map(|through| unposted.map_or(through, |day| through.min(day)));
        }
        through = through.max(accounting.run_through);
        if let Some(day) = through.filter(|_| through != before) {
            self.recognized_through.insert(tenant, day);
            self.added.recognized.push((tenant, seq, day));
        }
    }
}
