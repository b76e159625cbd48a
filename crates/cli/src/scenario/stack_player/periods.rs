//! Closing periods and opening the latest again.

use backlog_proto::recognition::v1 as pb;
use chrono::NaiveDate;

use crate::client::from_status;
use crate::failure::Failure;

use super::StackPlayer;

impl StackPlayer {
    pub(super) async fn close_period(
        &mut self,
        on: NaiveDate,
        period: &str,
    ) -> Result<(), Failure> {
        let request = pb::ClosePeriodRequest {
            request_id: self.session.request_id(None),
            period: period.to_owned(),
            min_positions: self.positions.clone(),
            validate_only: false,
        };
        let answer = self.client.periods().close_period(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        self.wrote(answer.position, on);
        Ok(())
    }

    pub(super) async fn reopen_period(
        &mut self,
        on: NaiveDate,
        period: &str,
    ) -> Result<(), Failure> {
        let request = pb::ReopenPeriodRequest {
            request_id: self.session.request_id(None),
            period: period.to_owned(),
            reason: "the scenario says so".to_owned(),
            validate_only: false,
        };
        let answer = self.client.periods().reopen_period(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        self.wrote(answer.position, on);
        Ok(())
    }
}
