//! Names of what an explanation speaks of; `render` has their words.

use crate::named::named_enum;

named_enum! {
    /// What a figure, an input or a step is.
    pub enum Label {
        /// Fixed price of the contract.
        FixedPrice = "fixed_price",
        /// Stated price of an obligation.
        StatedPrice = "stated_price",
        /// Stated price before a change.
        StatedPriceBefore = "stated_price_before",
        /// Transaction price T of an obligation.
        TransactionPrice = "transaction_price",
        /// T before the fact.
        TransactionPriceBefore = "transaction_price_before",
        /// The share of the price by the estimate before.
        SharedBefore = "shared_before",
        /// The share of the price of its own contract, before that was combined.
        OwnContractShare = "own_contract_share",
        /// Price that the contract has from those that it was combined with.
        MovedPrice = "moved_price",
        /// What of that goes back to them.
        GivenBack = "given_back",
        /// A contract that is accounted for as one with it.
        CombinedWith = "combined_with",
        /// What contracts that were combined have in sum: liability, or asset where below zero.
        CombinedNet = "combined_net",
        /// T after the change of the stated price.
        TransactionPriceStated = "transaction_price_stated",
        /// Stand-alone selling price.
        StandAlonePrice = "stand_alone_price",
        /// What an obligation weighs in the split of the price.
        AllocationWeight = "allocation_weight",
        /// Discount that belongs to some obligations.
        Discount = "discount",
        /// Weights of the others, which a residual leaves.
        OtherWeights = "other_weights",
        /// The part of a variable amount that is in T.
        VariableIncluded = "variable_included",
        /// The estimate of a variable amount.
        VariableEstimate = "variable_estimate",
        /// Committed minimum of metered use.
        Minimum = "minimum",
        /// Value of what was used to date.
        UsedValue = "used_value",
        /// What metered use earned by earlier terms, which a change leaves alone.
        MeteredBefore = "metered_before",
        /// What was used since the terms of metering changed.
        UsedSince = "used_since",
        /// Price of a unit of metered use from a change on.
        UnitPrice = "unit_price",
        /// Earned before the change, which leaves it alone.
        EarnedBefore = "earned_before",
        /// What is not earned of a price.
        Unearned = "unearned",
        /// The stand-alone selling price of what remains.
        RemainingStandAlone = "remaining_stand_alone",
        /// What a prospective change shares.
        Pool = "pool",
        /// Change of stated prices, in a pool.
        PriceChange = "price_change",
        /// Price of an added promise.
        AddedPrice = "added_price",
        /// What stays owed for what is given up.
        StillOwed = "still_owed",
        /// Price to be earned in a phase.
        PhasePrice = "phase_price",
        /// Posted before.
        PostedBefore = "posted_before",
        /// Months before, each rounded by itself.
        MonthsBefore = "months_before",
        /// Amount of the whole month.
        MonthAmount = "month_amount",
        /// Nothing is earned yet.
        NothingYet = "nothing_yet",
        /// Cost of uninstalled materials.
        Uninstalled = "uninstalled",
        /// Amount of an invoice's line.
        InvoiceLine = "invoice_line",
        /// Tax on top.
        Tax = "tax",
        /// An advance that pays first.
        Advance = "advance",
        /// Amount credited.
        Credited = "credited",
        /// Cash received or given back.
        Cash = "cash",
        /// Receivable before the fact.
        ReceivableBefore = "receivable_before",
        /// What exercising all rights costs.
        ExercisePrice = "exercise_price",
        /// Exercise price in T already.
        ExercisedBefore = "exercised_before",
        /// Billed to date.
        Billed = "billed",
        /// Amount refunded.
        Refunded = "refunded",
        /// Penalty.
        Penalty = "penalty",
        /// Amount adjusted by a person.
        Adjusted = "adjusted",
        /// Unconditional rights to date, U.
        Unconditional = "unconditional",
        /// Revenue to date, R.
        Recognized = "recognized",
        /// Estimate of what must be given back.
        RefundEstimate = "refund_estimate",
        /// Refund liability.
        RefundLiability = "refund_liability",
        /// The balance as posted up to then.
        BalanceBefore = "balance_before",
        /// Zero.
        Zero = "zero",
        /// What a termination leaves of the price.
        KeptPrice = "kept_price",
        /// What is owed beyond what was earned.
        OwedBeyond = "owed_beyond",
        /// Earned to date, as measured after the fact.
        EarnedNow = "earned_now",
        /// Catch-up that the next run posts.
        CatchUp = "catch_up",
        /// Method of recognition.
        Method = "method",
        /// Convention of weighting months.
        Convention = "convention",
        /// Rounding.
        Rounding = "rounding",
        /// Version of the tenant's policy.
        PolicyVersion = "policy_version",
        /// First day of what is spread anew.
        Since = "since",
        /// When invoices become unconditional.
        ReceivableOn = "receivable_on",
        /// Term.
        Term = "term",
        /// Last day covered.
        Through = "through",
        /// Percent complete.
        Percent = "percent",
        /// Units to date.
        Units = "units",
        /// Hours to date.
        Hours = "hours",
        /// Cost to date.
        Cost = "cost",
        /// Cost expected at completion.
        CostEstimate = "cost_estimate",
        /// Quantity used.
        Used = "used",
        /// Milestone reached.
        Milestone = "milestone",
        /// Units delivered.
        Delivered = "delivered",
        /// Gate passed.
        Gate = "gate",
        /// Share of rights exercised.
        Exercised = "exercised",
        /// Share of rights expected to be exercised.
        ExpectedShare = "expected_share",
        /// A right expired.
        Expired = "expired",
        /// Units promised.
        Promised = "promised",
        /// What remains is given up.
        Removed = "removed",
        /// A promise was added.
        Added = "added",
        /// Whether what remains is distinct.
        Distinct = "distinct",
        /// What earned revenue becomes.
        EarnedKept = "earned_kept",
        /// Last day of winding down.
        WindDown = "wind_down",
        /// Due date.
        DueOn = "due_on",
        /// Kind of a concession.
        Concession = "concession",
        /// Kind of a refund.
        Refund = "refund",
        /// Progress as the measure counts it.
        Progress = "progress",
        /// Last day of the latest closed period.
        ClosedThrough = "closed_through",
        /// First day of a period that was closed and is open again.
        OpenAgainFrom = "open_again_from",
        /// No period is closed any more.
        AllOpenAgain = "all_open_again",
        /// Why it is no contract yet.
        NotContract = "not_a_contract",
        /// It meets all criteria of a contract.
        CriteriaMet = "criteria_met",
        /// The day on which it became a contract.
        ContractSince = "contract_since",
        /// Only this obligation is withheld or released.
        Held = "held",
        /// The most that metered use can earn.
        Cap = "cap",
        /// What exercising options to renew is expected to bring.
        ExpectedRenewals = "expected_renewals",
        /// What exercising this option is expected to bring.
        ExpectedRenewal = "expected_renewal",
        /// Last day of an option.
        OptionUntil = "option_until",
        /// What an option would still bring.
        OptionOpen = "option_open",
        /// What an option would have brought before.
        OptionOpenBefore = "option_open_before",
        /// Days of notice to leave.
        NoticeDays = "notice_days",
        /// First day on which the customer can leave.
        LeaveFrom = "leave_from",
        /// Last day on which notice can be given.
        LeaveUntil = "leave_until",
        /// Last day that the customer is bound for.
        BoundThrough = "bound_through",
        /// What is planned for days after notice.
        PlannedAfterNotice = "planned_after_notice",
        /// What of that leaving would cost.
        KeptByPenalty = "kept_by_penalty",
        /// Beyond enforceable before.
        BeyondBefore = "beyond_before",
        /// Enforceable price.
        Enforceable = "enforceable",
        /// What of the bills was paid.
        PaidToDate = "paid_to_date",
        /// Billed, and no right to payment yet.
        Conditional = "conditional",
        /// The same before.
        ConditionalBefore = "conditional_before",
        /// Yearly interest.
        YearlyRate = "yearly_rate",
        /// Advances of each day, added up.
        AdvancesByDay = "advances_by_day",
        /// What was earned and not received, of the days of a year of interest, added up.
        ArrearsByDay = "arrears_by_day",
        /// Interest of the year posted before.
        InterestBefore = "interest_before",
        /// Interest of the period.
        InterestOfPeriod = "interest_of_period",
    }
}

impl Label {
    /// Whether it tells of the tenant's periods.
    pub(super) const fn is_of_periods(self) -> bool {
        matches!(self, Self::ClosedThrough | Self::OpenAgainFrom | Self::AllOpenAgain)
    }
}
