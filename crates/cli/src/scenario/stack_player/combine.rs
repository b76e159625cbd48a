//! Contracts that become one.

use backlog_proto::recognition::v1 as pb;
use chrono::NaiveDate;

use super::StackPlayer;
use crate::client::{date, from_status};
use crate::combine::criterion;
use crate::failure::Failure;
use crate::scenario::model::Combine;

impl StackPlayer {
    pub(super) async fn combine(&mut self, on: NaiveDate, of: &Combine) -> Result<(), Failure> {
        let request = pb::CombineContractsRequest {
            request_id: self.session.request_id(None),
            combination: Some(pb::Combination {
                contract_ids: of.contracts.iter().map(|of| self.contract_id(of)).collect(),
                on: date(on),
                criterion: criterion(of.criterion).into(),
                reason: of.reason.clone(),
            }),
            min_positions: self.positions.clone(),
            validate_only: false,
        };
        let answer = self.client.combinations().combine_contracts(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        self.wrote(answer.position, on);
        Ok(())
    }
}
