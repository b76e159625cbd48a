//! Explanations and previews, onto the wire.

use backlog_money::{Currency, Quantity};
use backlog_proto::contract::v1::ChangeTreatment;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::formula::Kind;
use backlog_recognition_engine::{
    ContractState, Explained, FactKind, Formula, Line, Preview, Rule, Step, Told, Treated,
    Treatment, Value, Warning, WarningReason, render,
};

use crate::accounting::convert::{money, movement};
use crate::plan::convert::plans;

/// A fact with its explanation; its places in the logs are the caller's. None when an amount leaves its
/// range.
pub(super) fn explained_fact(of: &Explained, currency: Currency) -> Option<pb::ExplainedFact> {
    let rendered = render(of, currency).ok()?;
    let steps = of.steps.iter().zip(&rendered.steps);
    let lines = of.lines.iter().zip(&rendered.lines);
    Some(pb::ExplainedFact {
        contract_id: String::new(),
        kind: kind(of.kind).into(),
        on: Some(of.on.into()),
        source: None,
        posted: None,
        treated: of.treatment.map(treated),
        inputs: of.told.iter().map(|told| input(told, currency)).collect(),
        figures: steps
            .map(|(step, words)| figure(step, &words.formula, currency))
            .collect::<Option<_>>()?,
        movements: lines
            .map(|(line, words)| explained_movement(line, &words.formula, currency))
            .collect::<Option<_>>()?,
        rule_version: of.rule_version,
        policy_version: of.policy_version,
        text: rendered.text(),
    })
}

fn treated(of: Treated) -> pb::Treated {
    pb::Treated {
        proposed: treatment(of.proposed).into(),
        used: treatment(of.used).into(),
        paragraph: Rule::of_treatment(of.used).paragraph().to_owned(),
    }
}

const fn treatment(of: Treatment) -> ChangeTreatment {
    match of {
        Treatment::Separate => ChangeTreatment::Separate,
        Treatment::Prospective => ChangeTreatment::Prospective,
        Treatment::CatchUp => ChangeTreatment::CatchUp,
        Treatment::Mixed => ChangeTreatment::Mixed,
    }
}

const fn kind(of: FactKind) -> pb::FactKind {
    match of {
        FactKind::Signed => pb::FactKind::Signed,
        FactKind::Invoiced => pb::FactKind::Invoiced,
        FactKind::Credited => pb::FactKind::Credited,
        FactKind::Paid => pb::FactKind::Paid,
        FactKind::Progressed => pb::FactKind::Progressed,
        FactKind::Reestimated => pb::FactKind::Reestimated,
        FactKind::Amended => pb::FactKind::Amended,
        FactKind::Terminated => pb::FactKind::Terminated,
        FactKind::Adjusted => pb::FactKind::Adjusted,
        FactKind::Held => pb::FactKind::Held,
        FactKind::Released => pb::FactKind::Released,
        FactKind::PolicyChanged => pb::FactKind::PolicyChanged,
        FactKind::Run => pb::FactKind::Run,
        FactKind::Reassessed => pb::FactKind::Reassessed,
        FactKind::Combined => pb::FactKind::Combined,
    }
}

fn input(told: &Told, currency: Currency) -> pb::ExplainedInput {
    let value = match &told.value {
        Value::Amount(amount) => money(*amount, currency).amount,
        Value::Quantity(quantity) => quantity.to_string(),
        Value::Day(day) => day.to_string(),
        Value::Term(term) => format!("{}/{}", term.from(), term.to()),
        Value::Name(name) => name.clone(),
        Value::Yes => String::new(),
    };
    let of = told.of.clone().unwrap_or_default();
    pb::ExplainedInput { name: told.label.name().to_owned(), of, value }
}

fn figure(step: &Step, text: &str, currency: Currency) -> Option<pb::ExplainedFigure> {
    Some(pb::ExplainedFigure {
        name: step.label.name().to_owned(),
        of: step.of.clone().unwrap_or_default(),
        amount: Some(money(step.amount, currency)),
        rule: step.rule.name().to_owned(),
        paragraph: step.rule.paragraph().to_owned(),
        formula: Some(formula(&step.formula, currency)?),
        text: text.to_owned(),
    })
}

fn explained_movement(
    line: &Line,
    text: &str,
    currency: Currency,
) -> Option<pb::ExplainedMovement> {
    let formula = match &line.formula {
        Some(of) => Some(formula(of, currency)?),
        None => None,
    };
    Some(pb::ExplainedMovement {
        movement: Some(movement(&line.movement)),
        obligation_key: line.obligation.clone().unwrap_or_default(),
        rule: line.rule.name().to_owned(),
        paragraph: line.rule.paragraph().to_owned(),
        inputs: line.inputs.iter().map(|told| input(told, currency)).collect(),
        formula,
        text: text.to_owned(),
        unexplained: (line.unexplained != 0).then(|| money(line.unexplained, currency)),
    })
}

fn formula(of: &Formula, currency: Currency) -> Option<pb::Formula> {
    let part = |of: &Formula| formula(of, currency).map(Box::new);
    let pair = |one: &Formula, two: &Formula| {
        Some(Box::new(pb::FormulaPair { one: Some(part(one)?), two: Some(part(two)?) }))
    };
    let kind = match of {
        Formula::Figure { label, of, .. } => Kind::Figure(pb::FormulaFigure {
            name: label.name().to_owned(),
            of: of.clone().unwrap_or_default(),
        }),
        Formula::Share { of, part: numerator, whole, unit, down } => {
            Kind::Share(Box::new(pb::FormulaShare {
                of: Some(part(of)?),
                part: numerator.to_string(),
                whole: whole.to_string(),
                unit: unit.name().to_owned(),
                down: *down,
            }))
        }
        Formula::Split { of, weights, place } => Kind::Split(Box::new(pb::FormulaSplit {
            of: Some(part(of)?),
            weights: weights.iter().map(ToString::to_string).collect(),
            place: u32::try_from(*place).ok()?,
        })),
        Formula::Sum(terms) => {
            let term = |(minus, of): &(bool, Formula)| {
                let formula = Some(formula(of, currency)?);
                Some(pb::FormulaTerm { minus: *minus, formula })
            };
            let terms = terms.iter().map(term).collect::<Option<_>>()?;
            Kind::Sum(pb::FormulaSum { terms })
        }
        Formula::AtLeast(one, two) => Kind::AtLeast(pair(one, two)?),
        Formula::AtMost(one, two) => Kind::AtMost(pair(one, two)?),
    };
    Some(pb::Formula { amount: Some(money(of.amount().ok()?, currency)), kind: Some(kind) })
}

/// Something to look at, what it compares in the words of the method.
pub(super) fn warning(of: &Warning, state: &ContractState) -> pb::Warning {
    let known = state.obligations.iter().find(|known| known.id == of.obligation);
    let told = |amount: i128| match of.reason {
        WarningReason::ProgressOutOfRange => Quantity::from_scaled(amount).to_string(),
        WarningReason::OnerousEstimate => money(amount, state.currency).amount,
    };
    pb::Warning {
        obligation_id: of.obligation.to_string(),
        obligation_key: known.map(|known| known.key.clone()).unwrap_or_default(),
        reason: of.reason.name().to_owned(),
        found: told(of.found),
        limit: told(of.limit),
    }
}

/// A preview under one treatment.
pub(super) fn preview_alternative(of: &Preview) -> Option<pb::PreviewAlternative> {
    let currency = of.state.currency;
    let paragraph = of.treatment.map_or("", |of| Rule::of_treatment(of).paragraph());
    let run = match &of.run {
        Some(run) => Some(explained_fact(run, currency)?),
        None => None,
    };
    Some(pb::PreviewAlternative {
        treatment: of.treatment.map_or(ChangeTreatment::Unspecified, treatment).into(),
        proposed: of.proposed,
        paragraph: paragraph.to_owned(),
        transaction_price_before: Some(money(of.price_before, currency)),
        transaction_price_after: Some(money(of.price_after, currency)),
        catch_up: Some(money(of.catch_up, currency)),
        backlog_before: Some(money(of.backlog_before, currency)),
        backlog_after: Some(money(of.backlog_after, currency)),
        obligations: plans(&of.state.obligations, currency).ok()?,
        change: Some(explained_fact(&of.change, currency)?),
        run,
    })
}
