//! Who is refused, who is not, and for how long a slot is taken.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use backlog_ids::{AccountId, TenantId};
use backlog_tenancy::{PermissionSet, RequestContext};
use governor::Quota;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::sync::Notify;
use tonic::{Status, body::Body};
use tonic_types::StatusExt;
use tower::{Layer, Service, ServiceExt, service_fn};
use uuid::Uuid;

use super::LimitsLayer;
use crate::config::LimitsConfig;

/// A burst that refills by one an hour, so that no test waits or races.
fn layer(burst: u32, concurrency: u32) -> LimitsLayer {
    let config = LimitsConfig { tenant_concurrency: concurrency, ..LimitsConfig::default() };
    let quota = Quota::with_period(Duration::from_secs(3_600)).unwrap();
    LimitsLayer::with_quota(&config, quota.allow_burst(NonZeroU32::new(burst).unwrap()))
}

fn of(account: u128, tenant: u128) -> Request<Body> {
    let account = (account > 0).then(|| AccountId::from_uuid(Uuid::from_u128(account)));
    let tenant = (tenant > 0).then(|| TenantId::from_uuid(Uuid::from_u128(tenant)));
    let mut request = Request::new(Body::empty());
    let context = RequestContext::of_test(account, tenant, "ann", PermissionSet::NONE);
    request.extensions_mut().insert(context);
    request
}

/// Answers at once with a body of one frame.
fn quick(
    layer: &LimitsLayer,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + use<> {
    layer.layer(service_fn(|_: Request<Body>| async {
        Ok::<_, Infallible>(Response::new(Body::new(Full::from("x"))))
    }))
}

fn refusal(response: &Response<Body>) -> Option<Status> {
    Status::from_header_map(response.headers())
}

/// Beyond its burst a tenant is refused with a reason and a time to wait; its neighbor is not,
/// nor is another account; calls without a context are not counted.
#[tokio::test]
async fn the_rate_is_per_tenant() {
    let service = quick(&layer(2, 10));
    for _ in 0..2 {
        let response = service.clone().oneshot(of(1, 7)).await.unwrap();
        assert!(refusal(&response).is_none());
    }
    let status = refusal(&service.clone().oneshot(of(1, 7)).await.unwrap()).unwrap();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "RATE_LIMITED");
    assert_eq!(details.error_info().unwrap().metadata["limit"], "requests_per_second");
    let wait = details.retry_info().unwrap().retry_delay.unwrap();
    assert!(wait > Duration::from_secs(3_000) && wait <= Duration::from_secs(3_600), "{wait:?}");
    for other in [of(1, 8), of(1, 0), of(2, 0), of(0, 0), Request::new(Body::empty())] {
        assert!(refusal(&service.clone().oneshot(other).await.unwrap()).is_none());
    }
    for _ in 0..5 {
        let open = service.clone().oneshot(Request::new(Body::empty())).await.unwrap();
        assert!(refusal(&open).is_none());
    }
}

/// A call counts as in flight until its handler has answered and its body has been read.
#[tokio::test]
async fn slots_are_held_until_the_body_ends() {
    let layer = layer(100, 1);
    let (entered, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, go) = (Arc::clone(&entered), Arc::clone(&finish));
    let slow = layer.layer(service_fn(move |_: Request<Body>| {
        let (inside, go) = (Arc::clone(&inside), Arc::clone(&go));
        async move {
            inside.notify_one();
            go.notified().await;
            Ok::<_, Infallible>(Response::new(Body::new(Full::from("x"))))
        }
    }));
    let quick = quick(&layer);
    let first = tokio::spawn(slow.oneshot(of(1, 7)));
    entered.notified().await;
    let busy = refusal(&quick.clone().oneshot(of(1, 7)).await.unwrap()).unwrap();
    assert_eq!(busy.get_error_details().error_info().unwrap().metadata["limit"], "concurrency");
    assert!(refusal(&quick.clone().oneshot(of(1, 8)).await.unwrap()).is_none());
    finish.notify_one();
    let response = first.await.unwrap().unwrap();
    let still = refusal(&quick.clone().oneshot(of(1, 7)).await.unwrap());
    assert!(still.is_some(), "the body is not read yet");
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "x");
    assert!(refusal(&quick.oneshot(of(1, 7)).await.unwrap()).is_none());
}

/// However many tenants come, only so many are kept track of.
#[tokio::test]
async fn tracked_tenants_are_bounded() {
    let config = LimitsConfig { tenants_tracked_max: 10, ..LimitsConfig::default() };
    let layer = LimitsLayer::new(&config);
    let service = quick(&layer);
    for tenant in 1..=1_000 {
        service.clone().oneshot(of(1, tenant)).await.unwrap();
    }
    layer.tracked.run_pending_tasks().await;
    assert!(layer.tracked.entry_count() <= 10);
}
