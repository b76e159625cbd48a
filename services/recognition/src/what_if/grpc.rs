//! The door of `WhatIfService`.

use std::time::Duration;

use backlog_db::Database;
use backlog_event_log::{Positions, Refused};
use backlog_ids::TenantId;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::what_if_service_server::WhatIfService;
use backlog_service_kit::page::{PageScope, PageTokens};
use backlog_service_kit::{Clock, deadline, tenant_scope, to_status};
use backlog_tenancy::{Permission, TenantScope};
use chrono::DateTime;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::convert::{
    Asked, cursor, cursor_from, id_request, page_size, start_request, start_response, started,
};
use super::error::WhatIfFault;
use super::queries::{self, Reach};
use super::rows::Kept;
use super::what_if::what_if_id;
use crate::domain::Refusal;
use crate::policy::error::PolicyRefusal;
use crate::run::error::CallFault;

const LIST: &str = "backlog.recognition.v1.WhatIfService/ListWhatIfs";

/// Serves what-ifs.
pub struct WhatIfServer {
    database: Database,
    positions: Positions,
    pages: PageTokens,
    clock: Clock,
    kept_max: u64,
    wait_max: Duration,
}

impl WhatIfServer {
    /// Serves what-ifs of these books. `kept_max` is how many a tenant may have, `wait_max` how long a call
    /// waits for positions at most.
    #[must_use]
    pub fn new(
        database: Database,
        positions: Positions,
        pages: PageTokens,
        clock: Clock,
        (kept_max, wait_max): (u64, Duration),
    ) -> Self {
        Self { database, positions, pages, clock, kept_max, wait_max }
    }

    async fn start(
        &self,
        scope: &TenantScope,
        request: &pb::StartWhatIfRequest,
        deadline: Instant,
    ) -> Result<pb::StartWhatIfResponse, WhatIfFault> {
        let asked = start_request(request)?;
        let waited = self.positions.wait_for(scope.tenant, &asked.positions, deadline).await;
        waited.map_err(CallFault::from)??;
        let reach = queries::reach(&self.database, scope.tenant).await?;
        let reach = reach.ok_or(CallFault::Refused(Refused::TenantNotReady))?;
        let (id, at) = (what_if_id(scope.tenant, &asked.key.id), self.clock.now());
        // As precise as a column holds it.
        let at = DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at);
        let content = started(&asked, (id, &scope.actor), &reach, at);
        let refused = turn(&asked, &reach).err();
        let starts = refused.is_none() && !request.validate_only;
        let stored = queries::start(
            &self.database,
            (scope.tenant, id),
            (asked.key.content_hash, &content),
            (at, &Kept::start(reach.policy_versions)),
            if starts { self.kept_max } else { 0 },
        )
        .await?;
        match (stored, refused) {
            (Some(stored), _) if stored.content_hash == asked.key.content_hash => {
                Ok(start_response(stored.content))
            }
            (Some(_), _) => Err(Refused::<Refusal>::RequestIdReused(asked.key.id).into()),
            (None, Some(refusal)) => Err(Refused::Domain(Refusal::Policy(refusal)).into()),
            (None, None) if request.validate_only => Ok(start_response(content)),
            (None, None) => Err(WhatIfFault::TooMany(self.kept_max)),
        }
    }

    async fn get(
        &self,
        tenant: TenantId,
        request: &pb::GetWhatIfRequest,
    ) -> Result<pb::GetWhatIfResponse, WhatIfFault> {
        let id = id_request(&request.what_if_id)?;
        let what_if = queries::what_if_of(&self.database, tenant, id).await?;
        let what_if = what_if.ok_or(WhatIfFault::Unknown(id))?;
        Ok(pb::GetWhatIfResponse { what_if: Some(what_if) })
    }

    async fn list(
        &self,
        tenant: TenantId,
        request: &pb::ListWhatIfsRequest,
    ) -> Result<pb::ListWhatIfsResponse, WhatIfFault> {
        let scope = PageScope { owner: tenant.uuid(), rpc: LIST, filter: &[] };
        let before = self.pages.open(&scope, &request.page_token)?;
        let before = before.map(|cursor| cursor_from(&cursor)).transpose()?;
        let size = page_size(request)?;
        let limit = size.saturating_add(1);
        let mut found = queries::what_ifs_of(&self.database, tenant, before, limit).await?;
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more).and_then(cursor);
        Ok(pb::ListWhatIfsResponse {
            what_ifs: found,
            next_page_token: last.map(|last| self.pages.issue(&scope, &last)).unwrap_or_default(),
        })
    }

    async fn delete(
        &self,
        tenant: TenantId,
        request: &pb::DeleteWhatIfRequest,
    ) -> Result<pb::DeleteWhatIfResponse, WhatIfFault> {
        let id = id_request(&request.what_if_id)?;
        let found = if request.validate_only {
            queries::what_if_of(&self.database, tenant, id).await?.is_some()
        } else {
            queries::delete(&self.database, tenant, id).await?
        };
        if found { Ok(pb::DeleteWhatIfResponse {}) } else { Err(WhatIfFault::Unknown(id)) }
    }
}

/// What is assumed from a day on comes after all versions of the policy.
fn turn(asked: &Asked, reach: &Reach) -> Result<(), PolicyRefusal> {
    match asked.assumed.from.zip(reach.latest_from) {
        Some((from, latest)) if from <= latest => {
            let free = latest.succ_opt().unwrap_or(latest);
            Err(PolicyRefusal::OutOfOrder { from, free })
        }
        _ => Ok(()),
    }
}

#[tonic::async_trait]
impl WhatIfService for WhatIfServer {
    async fn start_what_if(
        &self,
        request: Request<pb::StartWhatIfRequest>,
    ) -> Result<Response<pb::StartWhatIfResponse>, Status> {
        let scope = tenant_scope(&request, Permission::PolicyManage)?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let answer = self.start(&scope, request.get_ref(), deadline).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }

    async fn get_what_if(
        &self,
        request: Request<pb::GetWhatIfRequest>,
    ) -> Result<Response<pb::GetWhatIfResponse>, Status> {
        let scope = tenant_scope(&request, Permission::PolicyRead)?;
        let answer = self.get(scope.tenant, request.get_ref()).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }

    async fn list_what_ifs(
        &self,
        request: Request<pb::ListWhatIfsRequest>,
    ) -> Result<Response<pb::ListWhatIfsResponse>, Status> {
        let scope = tenant_scope(&request, Permission::PolicyRead)?;
        let answer = self.list(scope.tenant, request.get_ref()).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }

    async fn delete_what_if(
        &self,
        request: Request<pb::DeleteWhatIfRequest>,
    ) -> Result<Response<pb::DeleteWhatIfResponse>, Status> {
        let scope = tenant_scope(&request, Permission::PolicyManage)?;
        let answer = self.delete(scope.tenant, request.get_ref()).await;
        answer.map(Response::new).map_err(|fault| to_status(&fault))
    }
}
