//! Lines of an export as CSV, the same bytes each time.

use backlog_proto::common::v1::Money;
use backlog_proto::recognition::v1::JournalLine;
use serde_json::{Value, json};

use super::role_name;
use crate::client::{day, money_json};

const HEADER: &str = "batch_id,line,account,role,debit,credit,currency,functional_debit,\
functional_credit,functional_currency,contract_id,accounting_contract_id,obligation_id,\
effective_date\n";

/// No field has a comma or a quote: codes, ids, amounts and dates only.
pub(super) fn render(batch_id: &str, lines: &[JournalLine]) -> String {
    let mut text = HEADER.to_owned();
    for (number, line) in (1..).zip(lines) {
        let on = day(line.effective_date.as_ref()).map(|on| on.to_string()).unwrap_or_default();
        let fields = [
            batch_id,
            &format!("{number}"),
            &line.account_code,
            &role_name(line.role()),
            &sides(line.amount.as_ref()),
            &sides(line.functional_amount.as_ref()),
            &line.contract_id,
            &line.accounting_contract_id,
            &line.obligation_id,
            &on,
        ];
        text.push_str(&fields.join(","));
        text.push('\n');
    }
    text
}

/// "debit,credit,currency" of an amount, a debit when positive.
fn sides(amount: Option<&Money>) -> String {
    let Some(Money { amount, currency_code }) = amount else { return ",,".to_owned() };
    match amount.strip_prefix('-') {
        Some(credit) => format!(",{credit},{currency_code}"),
        None => format!("{amount},,{currency_code}"),
    }
}

pub(super) fn json(line: &JournalLine) -> Value {
    json!({
        "account": line.account_code,
        "role": role_name(line.role()),
        "amount": money_json(line.amount.as_ref()),
        "functional_amount": money_json(line.functional_amount.as_ref()),
        "contract_id": line.contract_id,
        "accounting_contract_id": line.accounting_contract_id,
        "obligation_id": line.obligation_id,
        "effective_date": day(line.effective_date.as_ref()).map(|on| on.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // Shows the columns: debits and credits stand apart and are never negative.
    #[test]
    fn debits_and_credits_stand_apart() {
        let usd =
            |amount: &str| Money { currency_code: "USD".to_owned(), amount: amount.to_owned() };
        let line = |amount: &str| JournalLine {
            role: backlog_proto::recognition::v1::AccountRole::ContractLiability.into(),
            account_code: "2400".to_owned(),
            amount: Some(usd(amount)),
            functional_amount: Some(usd(amount)),
            ..JournalLine::default()
        };
        let text = render("jrn_1", &[line("12.50"), line("-3.00")]);
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows[1], "jrn_1,1,2400,contract_liability,12.50,,USD,12.50,,USD,,,,");
        assert_eq!(rows[2], "jrn_1,2,2400,contract_liability,,3.00,USD,,3.00,USD,,,,");
        let columns = rows[0].split(',').count();
        assert!(rows.iter().all(|row| row.split(',').count() == columns), "{text}");
    }
}
