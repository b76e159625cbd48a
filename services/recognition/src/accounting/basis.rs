//! What of the fold's state changes rarely, as JSON that only this service reads: the columns `basis`.

use std::borrow::Cow;

use backlog_db::DbError;
use backlog_ids::{AccountingContractId, ContractId};
use backlog_money::Quantity;
use backlog_recognition_engine::{
    AccountingContract, Allocation, AtLeastOne, Clause, ContractState, Financing, Hold,
    LegalContract, Mark, Meter, Method, ObligationState, Pending, Phase, Point, Policy,
    PolicyVersion, Portion, Renewal, Rounding, Standing, Term,
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// What of a contract changes rarely, as the column `basis` holds it.
#[derive(Serialize, Deserialize)]
pub(super) struct ContractBasis<'a> {
    pub(super) term: Term,
    pub(super) allocation: Cow<'a, Allocation>,
    /// Of each accounting contract, whether its price went down; none where several legal contracts are one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) reduced: Vec<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) combined: Option<CombinedBasis<'a>>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(super) clauses: Cow<'a, [Clause]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) enforced_on: Option<NaiveDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) financing: Option<Cow<'a, Financing>>,
    #[serde(default, skip_serializing_if = "is_contract")]
    pub(super) standing: Cow<'a, Standing>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(super) policies: Cow<'a, [PolicyVersion]>,
}

/// What is known of several legal contracts that are one, beside what is known of the first.
#[derive(Serialize, Deserialize)]
pub(super) struct CombinedBasis<'a> {
    /// The policy that governs them from the beginning.
    pub(super) policy: Policy,
    /// Those that joined the first.
    pub(super) legal: Cow<'a, [LegalContract]>,
    /// Of each accounting contract its portions.
    pub(super) parts: Vec<Vec<PortionBasis>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct PortionBasis {
    pub(super) contract: ContractId,
    pub(super) id: AccountingContractId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) joined_on: Option<NaiveDate>,
    pub(super) reduced: bool,
    pub(super) moved: i128,
}

impl<'a> CombinedBasis<'a> {
    fn of(state: &'a ContractState) -> Option<Self> {
        let legal = state.legal.more();
        let portion = |of: &Portion| PortionBasis {
            contract: of.contract,
            id: of.id,
            joined_on: of.joined_on,
            reduced: of.reduced,
            moved: of.moved,
        };
        let part = |of: &AccountingContract| of.portions.iter().map(portion).collect();
        (!legal.is_empty()).then(|| Self {
            policy: state.policy,
            legal: Cow::Borrowed(legal),
            parts: state.accounting.iter().map(part).collect(),
        })
    }
}

impl PortionBasis {
    fn portion(self) -> Portion {
        let Self { contract, id, joined_on, reduced, moved } = self;
        Portion { id, joined_on, reduced, moved, ..Portion::new(contract, 0) }
    }

    /// An accounting contract of these portions.
    pub(super) fn part(portions: Vec<Self>) -> Option<AccountingContract> {
        let mut portions = portions.into_iter().map(Self::portion);
        let mut all = AtLeastOne::of(portions.next()?);
        portions.for_each(|portion| all.push(portion));
        Some(AccountingContract { portions: all })
    }
}

/// What of an obligation changes rarely, as the column `basis` holds it.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ObligationBasis<'a> {
    #[serde(default, skip_serializing_if = "is_first")]
    pub(super) part: u32,
    /// Its place among the obligations of all contracts that are one; none where that is its ordinal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<u32>,
    pub(super) method: Cow<'a, Method>,
    pub(super) rounding: Rounding,
    pub(super) minor_digits: u32,
    pub(super) term: Term,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stated: Option<i128>,
    pub(super) ssp: i128,
    pub(super) phases: Cow<'a, [Phase]>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(super) points: Cow<'a, [Point]>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(super) marks: Cow<'a, [Mark]>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(super) pending: Cow<'a, [Pending]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ended_on: Option<NaiveDate>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) conditional: i128,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) beyond: i128,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) of_variable: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) renewal: Option<Renewal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) exercised: Option<Quantity>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) potential: i128,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(super) meters: Cow<'a, [Meter]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hold: Option<Hold>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(super) held: Cow<'a, [Hold]>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(super) runs: Cow<'a, [Term]>,
}

pub(crate) fn contract_basis(state: &ContractState) -> String {
    let (own, combined) = (state.legal.first(), CombinedBasis::of(state));
    let alone = state.accounting.iter().filter(|_| combined.is_none());
    json(&ContractBasis {
        term: own.term,
        allocation: Cow::Borrowed(&state.allocation),
        reduced: alone.map(|part| part.portions.first().reduced).collect(),
        combined,
        clauses: Cow::Borrowed(&own.clauses),
        enforced_on: state.enforced_on,
        financing: state.financing.as_ref().map(Cow::Borrowed),
        standing: Cow::Borrowed(&state.standing),
        policies: Cow::Borrowed(&state.policies),
    })
}

fn is_contract(standing: &Standing) -> bool {
    *standing == Standing::Contract
}

const fn is_zero(amount: &i128) -> bool {
    *amount == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_first(part: &u32) -> bool {
    *part == 0
}

pub(crate) fn obligation_basis(of: &ObligationState) -> String {
    json(&ObligationBasis::of(of))
}

/// Whether a change of an obligation leaves its `basis` as it is.
pub(crate) fn same_basis(before: &ObligationState, after: &ObligationState) -> bool {
    ObligationBasis::of(before) == ObligationBasis::of(after)
}

impl<'a> ObligationBasis<'a> {
    fn of(of: &'a ObligationState) -> Self {
        Self {
            part: of.part,
            place: (of.place != of.ordinal).then_some(of.place),
            method: Cow::Borrowed(&of.method),
            rounding: of.rounding,
            minor_digits: of.minor_digits,
            term: of.term,
            stated: of.stated,
            ssp: of.ssp,
            phases: Cow::Borrowed(&of.phases),
            points: Cow::Borrowed(&of.points),
            marks: Cow::Borrowed(&of.marks),
            pending: Cow::Borrowed(&of.pending),
            ended_on: of.ended_on,
            conditional: of.conditional,
            beyond: of.beyond,
            of_variable: of.of_variable.as_deref().map(Cow::Borrowed),
            renewal: of.renewal,
            exercised: Some(of.exercised).filter(|share| *share != Quantity::ZERO),
            potential: of.potential,
            meters: Cow::Borrowed(&of.meters),
            hold: of.hold,
            held: Cow::Borrowed(&of.held),
            runs: Cow::Borrowed(&of.runs),
        }
    }
}

/// Values of plain data always have a text; an empty one would be found when it is read.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

pub(super) fn from_json<'a, T: Deserialize<'a>>(text: &'a str, column: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Corrupt(format!("{column}: {error}")))
}
