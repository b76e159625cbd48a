//! The rules that explanations name, with their paragraphs.

use crate::{amend::Treatment, method::Method, named::named_enum};

named_enum! {
    /// Why an amount is what it is.
    pub enum Rule {
        /// The price is shared by stand-alone selling prices.
        RelativeStandAlone = "relative_stand_alone",
        /// A discount belongs to some obligations.
        DiscountToSome = "discount_to_some",
        /// An unobservable price is what the others leave.
        Residual = "residual",
        /// Options to renew are looked through.
        LookThrough = "look_through",
        /// A variable amount belongs to some obligations.
        VariableToSome = "variable_to_some",
        /// Contracts that are accounted for as one share their prices.
        Combined = "combined",
        /// A changed estimate is shared as at inception.
        EstimateChange = "estimate_change",
        /// The price of metered use is what was used, at least what was committed.
        MeteredPrice = "metered_price",
        /// Revenue by time elapsed.
        TimeElapsed = "time_elapsed",
        /// Revenue when control passes.
        ControlPasses = "control_passes",
        /// Revenue by milestones reached.
        MilestonesReached = "milestones_reached",
        /// Revenue by cost incurred of cost expected.
        CostToCost = "cost_to_cost",
        /// Revenue by units transferred.
        UnitsTransferred = "units_transferred",
        /// Revenue by percent complete.
        PercentComplete = "percent_complete",
        /// Revenue by hours worked.
        HoursWorked = "hours_worked",
        /// Revenue by what may be invoiced.
        RightToInvoice = "right_to_invoice",
        /// Revenue by metered use.
        MeteredUse = "metered_use",
        /// Revenue as a material right is exercised.
        MaterialRight = "material_right",
        /// A change corrects days that are posted.
        CorrectsPosted = "corrects_posted",
        /// A change catches up what was done before it.
        PriorPerformance = "prior_performance",
        /// What remains is spread under another policy; days posted before are corrected.
        PolicyChange = "policy_change",
        /// A change ends the old contract and begins a new one.
        Prospective = "prospective",
        /// A change is a part of the contract, measured anew.
        CatchUp = "catch_up",
        /// Distinct obligations as the first, others as the second.
        Mixed = "mixed",
        /// An addition at its stand-alone selling price is a contract of its own.
        SeparateContract = "separate_contract",
        /// What remains of an obligation is given up.
        PartialTermination = "partial_termination",
        /// The contract ends.
        Termination = "termination",
        /// The price is reduced after the fact.
        Concession = "concession",
        /// An invoice moves unbilled to billed.
        Invoiced = "invoiced",
        /// A right to payment is unconditional.
        UnconditionalRight = "unconditional_right",
        /// An invoice is credited.
        CreditedInvoice = "credited_invoice",
        /// Cash settles what is owed; beyond it, it is an advance.
        CashSettles = "cash_settles",
        /// What exercising a right costs enters the price with it.
        RightExercised = "right_exercised",
        /// What an option would bring is no part of the price before it is exercised.
        OptionOpen = "option_open",
        /// An option ran out.
        OptionExpired = "option_expired",
        /// What a customer may leave before is no part of the contract's term.
        EnforceableTerm = "enforceable_term",
        /// Interest on an advance grows the liability.
        InterestAccreted = "interest_accreted",
        /// Interest on what was earned and not received grows the asset, apart from revenue.
        InterestEarned = "interest_earned",
        /// Interest on an advance is a part of the price.
        InterestInPrice = "interest_in_price",
        /// What was signed becomes a contract.
        ContractArises = "contract_arises",
        /// What never became a contract ends: what is kept of what was received is revenue.
        EndsWithoutContract = "ends_without_contract",
        /// A person adjusts revenue.
        Adjusted = "adjusted",
        /// What is unconditional beyond revenue is a contract liability.
        ContractLiability = "contract_liability",
        /// Revenue beyond what is unconditional is a contract asset.
        ContractAsset = "contract_asset",
        /// What must be given back is a refund liability.
        RefundLiability = "refund_liability",
        /// No rule of this list: the amount stands as it was posted.
        NotExplained = "not_explained",
    }
}

impl Rule {
    /// Its paragraphs of ASC 606; empty where it is policy or a person's decision.
    #[must_use]
    pub const fn paragraph(self) -> &'static str {
        match self {
            Self::RelativeStandAlone => "606-10-32-31",
            Self::DiscountToSome => "606-10-32-37",
            Self::Residual => "606-10-32-34(c)",
            Self::LookThrough => "606-10-55-45",
            Self::VariableToSome => "606-10-32-40",
            Self::Combined => "606-10-25-9",
            Self::EstimateChange => "606-10-32-43",
            Self::MeteredPrice | Self::RightToInvoice | Self::MeteredUse => "606-10-55-18",
            Self::TimeElapsed | Self::PercentComplete => "606-10-25-31",
            Self::ControlPasses => "606-10-25-30",
            Self::MilestonesReached | Self::UnitsTransferred => "606-10-55-17",
            Self::CostToCost | Self::HoursWorked => "606-10-55-20",
            Self::MaterialRight | Self::OptionOpen | Self::OptionExpired => "606-10-55-42",
            Self::RightExercised => "606-10-55-43",
            Self::EnforceableTerm => "606-10-25-3",
            Self::InterestAccreted | Self::InterestEarned => "606-10-32-20",
            Self::InterestInPrice => "606-10-32-15",
            Self::CorrectsPosted => "606-10-25-35",
            Self::PriorPerformance => "606-10-50-12A",
            Self::PolicyChange => "250-10-45-17",
            Self::Prospective => "606-10-25-13(a)",
            Self::CatchUp => "606-10-25-13(b)",
            Self::Mixed => "606-10-25-13(c)",
            Self::SeparateContract => "606-10-25-12",
            Self::PartialTermination | Self::Termination => "606-10-25-10",
            Self::ContractArises => "606-10-25-6",
            Self::EndsWithoutContract => "606-10-25-7",
            Self::Concession => "606-10-32-42",
            Self::Invoiced => "606-10-45-1",
            Self::UnconditionalRight | Self::CreditedInvoice => "606-10-45-4",
            Self::CashSettles | Self::ContractLiability => "606-10-45-2",
            Self::ContractAsset => "606-10-45-3",
            Self::RefundLiability => "606-10-32-10",
            Self::Adjusted | Self::NotExplained => "",
        }
    }

    /// The rule by which a method earns.
    pub(super) const fn of_method(method: &Method) -> Self {
        match method {
            Method::StraightLine { .. } => Self::TimeElapsed,
            Method::PointInTime { .. } => Self::ControlPasses,
            Method::Milestones(_) => Self::MilestonesReached,
            Method::CostToCost { .. } => Self::CostToCost,
            Method::Units { .. } => Self::UnitsTransferred,
            Method::PercentComplete => Self::PercentComplete,
            Method::LaborHours { .. } => Self::HoursWorked,
            Method::RightToInvoice { .. } => Self::RightToInvoice,
            Method::Usage { .. } => Self::MeteredUse,
            Method::MaterialRight { .. } => Self::MaterialRight,
        }
    }

    /// The rule of a treatment.
    #[must_use]
    pub const fn of_treatment(treatment: Treatment) -> Self {
        match treatment {
            Treatment::Separate => Self::SeparateContract,
            Treatment::Prospective => Self::Prospective,
            Treatment::CatchUp => Self::CatchUp,
            Treatment::Mixed => Self::Mixed,
        }
    }
}
