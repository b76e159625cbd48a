//! Explanations, page by page.

use backlog_proto::recognition::v1 as pb;

use super::{Client, from_status};
use crate::failure::Failure;

/// Everything that a request for explanations asks for.
pub(crate) async fn explained(
    client: &Client,
    request: pb::ExplainContractRequest,
) -> Result<pb::ExplainContractResponse, Failure> {
    let mut all = pb::ExplainContractResponse::default();
    let mut page_token = String::new();
    loop {
        let request = pb::ExplainContractRequest { page_token, page_size: 500, ..request.clone() };
        let answer = client.explain().explain_contract(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        page_token = answer.next_page_token.clone();
        all.facts.extend(answer.facts);
        (all.warnings, all.watermark) = (answer.warnings, answer.watermark);
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}
