//! A stored contract as commands need it: its currency, and its obligations by key.

use backlog_ids::ContractId;
use backlog_money::{Currency, Money};
use backlog_proto::common::v1::LogPosition;
use backlog_proto::contract::v1 as pb;

use crate::arguments::Pair;
use crate::client::{Client, from_status, position_json, positions_text};
use crate::failure::{Exit, Failure};
use crate::session::Session;

/// A stored contract.
#[derive(Debug)]
pub(crate) struct Known {
    /// Currency of all its amounts.
    pub(crate) currency: Currency,
    /// Keys of its obligations, and their ids.
    obligations: Vec<(String, String)>,
}

impl Known {
    /// Asks the contract service.
    pub(crate) async fn ask(client: &Client, contract: ContractId) -> Result<Self, Failure> {
        let request = pb::GetContractRequest { contract_id: contract.to_string() };
        let answer = client.contracts().get_contract(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        let contract = answer.contract.unwrap_or_default();
        let terms = contract.terms.unwrap_or_default();
        let currency = Currency::parse(&terms.currency_code)
            .map_err(|error| Failure::new(Exit::Unavailable, error.to_string()))?;
        let keys = terms.obligations.into_iter().map(|promise| promise.key);
        Ok(Self { currency, obligations: keys.zip(contract.obligation_ids).collect() })
    }

    /// An amount given as an option.
    pub(crate) fn amount(&self, option: &str, text: &str) -> Result<Money, Failure> {
        Money::parse(text, self.currency)
            .map_err(|error| Failure::usage(format!("{option} {text}: {error}")))
    }

    /// The same, where the option may be absent.
    pub(crate) fn optional(
        &self,
        option: &str,
        text: Option<&str>,
    ) -> Result<Option<Money>, Failure> {
        text.map(|text| self.amount(option, text)).transpose()
    }

    /// The id of an obligation given by its key; what is no key counts as an id.
    pub(crate) fn obligation(&self, name: &str) -> String {
        let known = self.obligations.iter().find(|(key, _)| key == name);
        known.map_or_else(|| name.to_owned(), |(_, id)| id.clone())
    }

    /// Lines of an invoice or credit note given as `OBLIGATION=AMOUNT`.
    pub(crate) fn lines(&self, lines: &[Pair]) -> Result<Vec<pb::InvoiceLine>, Failure> {
        let line = |line: &Pair| {
            let amount = self.amount("--line", &line.value)?;
            let obligation_id = self.obligation(&line.name);
            Ok(pb::InvoiceLine { obligation_id, amount: Some(amount.into()) })
        };
        lines.iter().map(line).collect()
    }
}

/// Answers a write: what it made, and the position to read after.
pub(crate) fn written(
    session: &Session,
    position: Option<&LogPosition>,
    text: &str,
    mut json: serde_json::Value,
) -> Result<Exit, Failure> {
    session.book()?.note(position);
    let text = match position {
        Some(position) => {
            json["position"] = position_json(position);
            format!("{text}\nwritten at {}", positions_text(std::slice::from_ref(position)))
        }
        None => format!("{text}\nvalidated only, nothing written"),
    };
    session.answer(&text, &json);
    Ok(Exit::Done)
}
