//! The words of what explanations name.

use crate::{
    amend::Treatment,
    effects::Measure,
    explain::{label::Label, statement::FactKind},
};

/// What happened.
pub(super) const fn kind(kind: FactKind) -> &'static str {
    match kind {
        FactKind::Signed => "Contract signed",
        FactKind::Invoiced => "Invoice issued",
        FactKind::Credited => "Credit note issued",
        FactKind::Paid => "Cash received or given back",
        FactKind::Progressed => "Progress reported",
        FactKind::Reestimated => "Estimate changed",
        FactKind::Amended => "Contract changed",
        FactKind::Terminated => "Contract terminated",
        FactKind::Reassessed => "Contract assessed anew",
        FactKind::Adjusted => "Revenue adjusted",
        FactKind::Held => "Revenue withheld",
        FactKind::Released => "Revenue released",
        FactKind::Combined => "Contracts combined",
        FactKind::PolicyChanged => "Policy changed",
        FactKind::Run => "Revenue posted",
    }
}

/// A treatment of a change.
pub(super) const fn treatment(treatment: Treatment) -> &'static str {
    match treatment {
        Treatment::Separate => "a contract of its own",
        Treatment::Prospective => "prospective: the old contract ends, a new one begins",
        Treatment::CatchUp => "cumulative catch-up: part of the contract, measured anew",
        Treatment::Mixed => "both: prospective where distinct, catch-up where not",
    }
}

/// A measure.
pub(super) const fn measure(measure: Measure) -> &'static str {
    match measure {
        Measure::TransactionPrice => "Transaction price",
        Measure::BeyondEnforceable => "Beyond the enforceable term",
        Measure::Recognized => "Revenue",
        Measure::Billed => "Billed",
        Measure::Unconditional => "Unconditional right to payment",
        Measure::DeferredRevenue => "Contract liability (deferred revenue)",
        Measure::ContractAsset => "Contract asset",
        Measure::RefundLiability => "Refund liability",
        Measure::Receivable => "Receivable",
        Measure::Cash => "Cash",
        Measure::Interest => "Interest",
        Measure::Potential => "Options not exercised",
        Measure::Tax => "Tax payable",
    }
}

/// What a figure or input is, to be read after its amount.
pub(super) fn label(label: Label) -> &'static str {
    let known = LABELS.iter().find(|(known, _)| *known == label);
    known.map_or(label.name(), |(_, words)| words)
}

/// The words of labels.
const LABELS: &[(Label, &str)] = &[
    (Label::FixedPrice, "fixed price"),
    (Label::StatedPrice, "stated price"),
    (Label::StatedPriceBefore, "stated before"),
    (Label::TransactionPrice, "transaction price"),
    (Label::TransactionPriceBefore, "transaction price before"),
    (Label::SharedBefore, "by the estimate before"),
    (Label::OwnContractShare, "by its own contract alone"),
    (Label::MovedPrice, "price from those that it was combined with"),
    (Label::GivenBack, "price given back"),
    (Label::CombinedWith, "combined with contract"),
    (Label::CombinedNet, "net position of all that are combined"),
    (Label::TransactionPriceStated, "transaction price with its own change"),
    (Label::StandAlonePrice, "stand-alone selling price"),
    (Label::AllocationWeight, "weight in the allocation"),
    (Label::Discount, "discount"),
    (Label::OtherWeights, "prices of the others"),
    (Label::VariableIncluded, "variable amount, not constrained"),
    (Label::VariableEstimate, "variable amount, estimated"),
    (Label::Minimum, "committed minimum"),
    (Label::UsedValue, "value of use to date"),
    (Label::MeteredBefore, "by the terms of metering before"),
    (Label::UsedSince, "value of use since they changed"),
    (Label::UnitPrice, "price of each unit from then on"),
    (Label::EarnedBefore, "earned before"),
    (Label::Unearned, "price not yet earned"),
    (Label::RemainingStandAlone, "stand-alone selling price of what remains"),
    (Label::Pool, "price to be shared over what remains"),
    (Label::PriceChange, "change of the stated price"),
    (Label::AddedPrice, "price of what is added"),
    (Label::StillOwed, "still owed"),
    (Label::PhasePrice, "price"),
    (Label::PostedBefore, "posted before"),
    (Label::MonthsBefore, "of the months before"),
    (Label::MonthAmount, "of the month"),
    (Label::NothingYet, "before anything is earned"),
    (Label::Uninstalled, "uninstalled materials at cost"),
    (Label::InvoiceLine, "invoiced"),
    (Label::Tax, "tax"),
    (Label::Advance, "paid in advance"),
    (Label::Credited, "credited"),
    (Label::Cash, "cash"),
    (Label::ReceivableBefore, "receivable before"),
    (Label::ExercisePrice, "for exercising all rights"),
    (Label::ExercisedBefore, "in the price before"),
    (Label::Billed, "billed to date"),
    (Label::Refunded, "refunded"),
    (Label::Penalty, "penalty"),
    (Label::Adjusted, "adjusted by a person"),
    (Label::Unconditional, "unconditional to date"),
    (Label::Recognized, "revenue to date"),
    (Label::RefundEstimate, "expected to be given back"),
    (Label::RefundLiability, "refund liability"),
    (Label::BalanceBefore, "posted before"),
    (Label::Zero, ""),
    (Label::KeptPrice, "owed after all"),
    (Label::OwedBeyond, "owed beyond what is earned"),
    (Label::EarnedNow, "earned to date"),
    (Label::CatchUp, "correction that the next run posts"),
    (Label::Method, "method"),
    (Label::Convention, "convention"),
    (Label::Rounding, "rounding"),
    (Label::PolicyVersion, "version of the policy"),
    (Label::Since, "spread anew from"),
    (Label::ReceivableOn, "invoices are receivable on"),
    (Label::Term, "term"),
    (Label::Through, "through"),
    (Label::Percent, "percent complete"),
    (Label::Units, "units to date"),
    (Label::Hours, "hours to date"),
    (Label::Cost, "cost to date"),
    (Label::CostEstimate, "cost expected at completion"),
    (Label::Used, "units used"),
    (Label::Milestone, "milestone reached"),
    (Label::Delivered, "delivered"),
    (Label::Gate, "gate"),
    (Label::Exercised, "share of rights exercised"),
    (Label::ExpectedShare, "share of rights expected to be exercised"),
    (Label::Expired, "expired"),
    (Label::Promised, "promised in all"),
    (Label::Removed, "terminated in part, what remains is given up"),
    (Label::Added, "added, by method"),
    (Label::Distinct, "distinct from what was transferred"),
    (Label::EarnedKept, "what was earned stays earned"),
    (Label::WindDown, "winding down through"),
    (Label::DueOn, "due on"),
    (Label::Concession, "price reduced"),
    (Label::Refund, "refund"),
    (Label::Progress, "progress"),
    (Label::ClosedThrough, "periods closed through"),
    (Label::OpenAgainFrom, "period opened again from"),
    (Label::AllOpenAgain, "periods opened again, none is closed"),
    (Label::NotContract, "no contract yet:"),
    (Label::CriteriaMet, "all criteria of a contract are met"),
    (Label::ContractSince, "a contract since"),
    (Label::Held, "this obligation only"),
    (Label::Cap, "cap"),
    (Label::ExpectedRenewals, "expected for renewals"),
    (Label::ExpectedRenewal, "expected for this renewal, in the price once it is exercised"),
    (Label::OptionUntil, "can be exercised until"),
    (Label::OptionOpen, "for what can still be exercised"),
    (Label::OptionOpenBefore, "for what could be exercised before"),
    (Label::NoticeDays, "can be left with notice of days:"),
    (Label::LeaveFrom, "can be left from"),
    (Label::LeaveUntil, "notice can be given until"),
    (Label::BoundThrough, "customer bound through"),
    (Label::PlannedAfterNotice, "planned for later days"),
    (Label::KeptByPenalty, "that leaving would cost"),
    (Label::BeyondBefore, "beyond the enforceable term before"),
    (Label::Enforceable, "enforceable price"),
    (Label::PaidToDate, "paid to date"),
    (Label::Conditional, "billed and not a right to payment yet"),
    (Label::ConditionalBefore, "no right to payment before"),
    (Label::YearlyRate, "yearly interest"),
    (Label::AdvancesByDay, "advances of each day, added up"),
    (Label::ArrearsByDay, "earned and not received of each day, added up"),
    (Label::InterestBefore, "interest of the year posted before"),
    (Label::InterestOfPeriod, "interest of the period"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Every label has words of its own, once.
    #[test]
    fn every_label_has_words() {
        for label in Label::ALL {
            let of = LABELS.iter().filter(|(known, _)| known == label);
            assert_eq!(of.count(), 1, "{}", label.name());
        }
    }
}
