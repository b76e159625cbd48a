//! Waiting until what was just made is known everywhere: services read the issuers file when they
//! meet a new issuer, and hear of a new tenant from its log.

use std::time::Duration;

use backlog_proto::contract::v1::ListTenantsRequest;
use backlog_proto::log::v1::GetProcessingRequest;

use crate::failure::{Exit, Failure};

use super::{Client, Service, from_status};

/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// Waits until the contract service takes the client's token, one of an account.
pub(crate) async fn account_known(client: &Client, within: Duration) -> Result<(), Failure> {
    settled(within, async || {
        let request = ListTenantsRequest { page_size: 1, page_token: String::new() };
        client.platform().list_tenants(request).await.map(drop)
    })
    .await
}

/// Waits until all services take the client's token, one of a tenant.
pub(crate) async fn tenant_known(client: &Client, within: Duration) -> Result<(), Failure> {
    for service in Service::ALL {
        settled(within, async || {
            let request = GetProcessingRequest { with_digest: false };
            client.processing(service).get_processing(request).await.map(drop)
        })
        .await?;
    }
    Ok(())
}

async fn settled(
    within: Duration,
    call: impl AsyncFn() -> Result<(), tonic::Status>,
) -> Result<(), Failure> {
    let settled = async {
        loop {
            match call().await {
                Ok(()) => return Ok(()),
                Err(status) => {
                    let failure = from_status(&status);
                    let reason = failure.reason.as_deref().unwrap_or_default();
                    if !matches!(reason, "UNAUTHENTICATED" | "TENANT_NOT_READY" | "NOT_FOUND") {
                        return Err(failure);
                    }
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::time::timeout(within, settled).await.unwrap_or_else(|_| {
        let message = "the services do not know the new account or tenant yet";
        Err(Failure::new(Exit::Unavailable, message).advise("see: backlog doctor"))
    })
}
