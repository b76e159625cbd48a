//! Limits per tenant, so that one tenant's load does not become another's latency.

use std::{
    future::Future,
    mem,
    num::NonZeroU32,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use http::{Request, Response};
use moka::future::Cache;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::body::Body;
use tower::{Layer, Service};
use uuid::Uuid;

use backlog_ids::{AccountId, TenantId};
use backlog_proto::common::v1::ErrorReason;
use backlog_tenancy::{Origin, RequestContext};

use crate::body::hold;
use crate::config::LimitsConfig;
use crate::error::{Fault, Kind, to_status};

/// How long to wait when too many calls are in flight: nobody knows when one ends.
const BUSY_RETRY: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
enum Limited {
    #[error("too many requests of this tenant; wait and try again")]
    Rate(Duration),
    #[error("too many requests of this tenant at once; wait for answers and try again")]
    Concurrency,
}

impl Fault for Limited {
    fn kind(&self) -> Kind {
        Kind::ResourceExhausted
    }

    fn reason(&self) -> ErrorReason {
        ErrorReason::RateLimited
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        let limit = match self {
            Self::Rate(_) => "requests_per_second",
            Self::Concurrency => "concurrency",
        };
        vec![("limit", limit.to_owned())]
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Rate(wait) => Some(*wait),
            Self::Concurrency => Some(BUSY_RETRY),
        }
    }
}

struct Tracked {
    rate: DefaultDirectRateLimiter,
    slots: Arc<Semaphore>,
}

/// Refuses what a tenant asks beyond its share. Tokens without a tenant share their account's
/// limits; our own services have none, since they ask because of what was let in before.
#[derive(Clone)]
pub struct LimitsLayer {
    tracked: Cache<Uuid, Arc<Tracked>>,
    quota: Quota,
    slots: usize,
    clock: DefaultClock,
}

impl LimitsLayer {
    /// The limits of `config`.
    #[must_use]
    pub fn new(config: &LimitsConfig) -> Self {
        let positive = |value| NonZeroU32::new(value).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(positive(config.tenant_requests_per_second));
        Self::with_quota(config, quota.allow_burst(positive(config.tenant_burst)))
    }

    fn with_quota(config: &LimitsConfig, quota: Quota) -> Self {
        let tracked = Cache::builder().max_capacity(config.tenants_tracked_max).build();
        let slots = usize::try_from(config.tenant_concurrency).unwrap_or(Semaphore::MAX_PERMITS);
        Self { tracked, quota, slots, clock: DefaultClock::default() }
    }

    async fn enter(&self, key: Uuid) -> Result<OwnedSemaphorePermit, Limited> {
        let (quota, slots) = (self.quota, self.slots);
        let tracked = self.tracked.get_with(key, async move {
            Arc::new(Tracked {
                rate: RateLimiter::direct(quota),
                slots: Arc::new(Semaphore::new(slots)),
            })
        });
        let tracked = tracked.await;
        // Slots first: a call that finds none has not used up the rate.
        let slot = Arc::clone(&tracked.slots).try_acquire_owned();
        let slot = slot.map_err(|_| Limited::Concurrency)?;
        match tracked.rate.check() {
            Ok(()) => Ok(slot),
            Err(refusal) => Err(Limited::Rate(refusal.wait_time_from(self.clock.now()))),
        }
    }
}

/// Whose share a call counts against; `None` for health, reflection and our own services.
fn key(context: Option<&RequestContext>) -> Option<Uuid> {
    let context = context.filter(|context| context.origin() != Origin::Service)?;
    let account = context.account().map(AccountId::uuid);
    Some(context.tenant().map(TenantId::uuid).or(account).unwrap_or_default())
}

impl<S> Layer<S> for LimitsLayer {
    type Service = LimitsService<S>;

    fn layer(&self, inner: S) -> LimitsService<S> {
        LimitsService { inner, layer: self.clone() }
    }
}

/// What [`LimitsLayer`] makes of a service.
#[derive(Clone)]
pub struct LimitsService<S> {
    inner: S,
    layer: LimitsLayer,
}

impl<S> Service<Request<Body>> for LimitsService<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let next = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, next);
        let context = request.extensions().get::<RequestContext>();
        if let Some(tenant) = context.and_then(RequestContext::tenant) {
            tracing::Span::current().record("tenant", tracing::field::display(tenant));
        }
        let Some(key) = key(context) else {
            return Box::pin(inner.call(request));
        };
        let layer = self.layer.clone();
        Box::pin(async move {
            match layer.enter(key).await {
                Ok(slot) => inner.call(request).await.map(|response| hold(response, slot)),
                Err(limited) => Ok(to_status(&limited).into_http()),
            }
        })
    }
}

#[cfg(test)]
mod tests;
