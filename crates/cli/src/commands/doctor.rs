//! `backlog doctor` and `backlog health`: whether the services answer, and how far they are.

use backlog_ids::TenantId;
use backlog_proto::common::v1::{Log, LogPosition};
use backlog_proto::contract::v1 as platform;
use backlog_proto::log::v1::{GetProcessingRequest, GetProcessingResponse};
use clap::Args;

use crate::arguments::log_name;
use crate::client::{Client, Service, from_status};
use crate::failure::{Exit, Failure};
use crate::session::{Session, claim};
use crate::stack::{Subject, is_ready};
use crate::table;

use super::tenant;

/// What to look at.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Only this tenant; that of the token, or all of the local stack when absent.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Also compute each service's digest, which reads all of the tenant's projections.
    #[arg(long)]
    digest: bool,
}

/// How one service is with one tenant.
struct Place {
    tenant: String,
    service: Service,
    state: GetProcessingResponse,
    /// Why the service could not tell; the state is then empty.
    silent: Option<String>,
}

/// Whether each service lives and is ready.
pub(crate) async fn health(session: &Session) -> Result<Exit, Failure> {
    let connections = session.connections()?;
    let mut rows = Vec::new();
    let mut json = serde_json::Map::new();
    let mut all_ready = true;
    for service in Service::ALL {
        let look = |name: &'static str| {
            let channel = connections.channel(service);
            let timeout = connections.timeout();
            async move { tokio::time::timeout(timeout, is_ready(channel, name)).await.unwrap_or(false) }
        };
        let (lives, ready) = (look("").await, look(service.health_name()).await);
        all_ready = all_ready && ready;
        let word = |yes: bool| if yes { "yes" } else { "no" };
        rows.push([service.name(), word(lives), word(ready)]);
        let state = serde_json::json!({ "lives": lives, "ready": ready });
        json.insert(service.name().to_owned(), state);
    }
    let table = table::render(&["service", "lives", "ready"], rows, &[]);
    session.answer(&table, &serde_json::Value::Object(json));
    Ok(if all_ready { Exit::Done } else { Exit::Negative })
}

impl Doctor {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let given = session.given_token()?;
        let of_tenant = given.as_deref().and_then(|token| claim(token, "tenant"));
        let mut places = Vec::new();
        match (of_tenant, given) {
            (Some(tenant), _) => self.look(&session.client()?, &tenant, &mut places).await?,
            (None, Some(_)) => return positions_of_account(session).await,
            (None, None) => {
                for (tenant, client) in self.tenants(session).await? {
                    self.look(&client, &tenant, &mut places).await?;
                }
            }
        }
        let stands = |place: &Place| place.state.stop.is_some() || place.silent.is_some();
        let stopped = places.iter().any(stands);
        session.answer(&text(&places), &json(&places));
        Ok(if stopped { Exit::Negative } else { Exit::Done })
    }

    /// The local stack's tenants, each with clients that may look at it.
    async fn tenants(&self, session: &Session) -> Result<Vec<(String, Client)>, Failure> {
        let local = session.need_local()?;
        let connections = session.connections()?;
        let mut tenants = Vec::new();
        for account in local.accounts()? {
            let admin = local.own_token(&Subject::AccountAdmin(account), session.now())?;
            for found in tenant::all(&connections.with_token(&admin)?).await? {
                let id: TenantId = found
                    .tenant_id
                    .parse()
                    .map_err(|error| Failure::new(Exit::Unavailable, format!("{error}")))?;
                if self.tenant.is_none_or(|wanted| wanted == id) {
                    let subject = Subject::Tenant(account, id, vec!["tenant_admin".to_owned()]);
                    let token = local.own_token(&subject, session.now())?;
                    tenants.push((found.tenant_id, connections.with_token(&token)?));
                }
            }
        }
        Ok(tenants)
    }

    async fn look(
        &self,
        client: &Client,
        tenant: &str,
        places: &mut Vec<Place>,
    ) -> Result<(), Failure> {
        for service in Service::ALL {
            let request = GetProcessingRequest { with_digest: self.digest };
            let answer = client.processing(service).get_processing(request).await;
            let (state, silent) = match answer {
                Ok(answer) => (answer.into_inner(), None),
                Err(status) => {
                    let failure = from_status(&status);
                    if failure.exit != Exit::Unavailable {
                        return Err(failure);
                    }
                    (GetProcessingResponse::default(), Some(failure.message.to_string()))
                }
            };
            places.push(Place { tenant: tenant.to_owned(), service, state, silent });
        }
        Ok(())
    }
}

/// What an account may know of its tenants: positions, and whether they are suspended.
async fn positions_of_account(session: &Session) -> Result<Exit, Failure> {
    let client = session.client()?;
    let mut tenants = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = platform::GetPlatformHealthRequest { page_size: 1_000, page_token };
        let answer = client.platform().get_platform_health(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        tenants.extend(answer.tenants);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let rows = tenants.iter().map(|tenant| {
        [
            tenant.tenant_id.clone(),
            if tenant.suspended { "suspended" } else { "active" }.to_owned(),
            tenant.contract_seq.to_string(),
            tenant.published_seq.to_string(),
        ]
    });
    let table = table::render(&["tenant", "state", "contract log", "published"], rows, &[2, 3]);
    let list: Vec<_> = tenants
        .iter()
        .map(|tenant| {
            serde_json::json!({
                "tenant_id": tenant.tenant_id,
                "suspended": tenant.suspended,
                "contract_seq": tenant.contract_seq,
                "published_seq": tenant.published_seq,
            })
        })
        .collect();
    session.answer(&table, &serde_json::json!({ "tenants": list }));
    Ok(Exit::Done)
}

/// How many entries of `log` a service has still to apply, given the owner's head.
fn lag(places: &[Place], tenant: &str, applied: &LogPosition) -> Option<u64> {
    let owner = places.iter().find(|place| {
        place.tenant == tenant && place.state.head.is_some_and(|head| head.log == applied.log)
    });
    owner?.state.head.map(|head| head.seq.saturating_sub(applied.seq))
}

fn text(places: &[Place]) -> String {
    let rows = places.iter().map(|place| {
        let head = place.state.head.map(|head| head.seq.to_string()).unwrap_or_default();
        let applied: Vec<_> = place
            .state
            .applied
            .iter()
            .map(|applied| {
                let lag = lag(places, &place.tenant, applied);
                let lag = lag.map(|lag| format!(" (lag {lag})")).unwrap_or_default();
                format!("{}={}{lag}", log_name(applied.log()), applied.seq)
            })
            .collect();
        [
            place.tenant.clone(),
            place.service.name().to_owned(),
            head,
            applied.join(", "),
            state_word(place),
            hex(&place.state.digest),
        ]
    });
    let header = ["tenant", "service", "head", "applied", "state", "digest"];
    table::render(&header, rows, &[2])
}

fn state_word(place: &Place) -> String {
    if let Some(message) = &place.silent {
        return format!("DOES NOT ANSWER: {message}");
    }
    place.state.stop.as_ref().map_or("runs".to_owned(), |stop| {
        let log = Log::try_from(stop.log).unwrap_or(Log::Unspecified);
        format!("STOPPED at {}={}: {}: {}", log_name(log), stop.seq, stop.reason, stop.detail)
    })
}

fn json(places: &[Place]) -> serde_json::Value {
    let list: Vec<_> = places
        .iter()
        .map(|place| {
            let applied: Vec<_> = place
                .state
                .applied
                .iter()
                .map(|applied| {
                    serde_json::json!({
                        "log": log_name(applied.log()),
                        "seq": applied.seq,
                        "lag": lag(places, &place.tenant, applied),
                    })
                })
                .collect();
            let stop = place.state.stop.as_ref().map(|stop| {
                serde_json::json!({
                    "log": log_name(stop.log()),
                    "seq": stop.seq,
                    "reason": stop.reason,
                    "detail": stop.detail,
                })
            });
            serde_json::json!({
                "tenant_id": place.tenant,
                "service": place.service.name(),
                "head": place.state.head.map(|head| head.seq),
                "applied": applied,
                "stop": stop,
                "does_not_answer": place.silent,
                "digest": hex(&place.state.digest),
            })
        })
        .collect();
    serde_json::json!({ "processing": list })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
