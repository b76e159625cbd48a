//! The tower layer at the door of every service.

use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use chrono::{DateTime, Utc};
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use tower::{Layer, Service};

use crate::context::{Denied, Origin, RequestContext};
use crate::directory::{TenantCache, TenantStanding, UnknownTenant};
use crate::error::{AuthError, TokenError};
use crate::issuers::Binding;
use crate::verify::{Verified, Verifier};

/// The source of time.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What may be called without a token: health and reflection, which tell nothing about anybody.
const OPEN_PREFIXES: [&str; 3] = [
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
];

/// Turns the headers of a request into its context.
pub struct Authenticator {
    verifier: Verifier,
    tenants: TenantCache,
    unknown_tenant: UnknownTenant,
    now: Now,
}

impl Authenticator {
    /// Verifies with `verifier` at the time that `now` says, and asks `tenants` whose they are.
    #[must_use]
    pub fn new(
        verifier: Verifier,
        tenants: TenantCache,
        unknown_tenant: UnknownTenant,
        now: Now,
    ) -> Self {
        Self { verifier, tenants, unknown_tenant, now }
    }

    /// The context of a request with these headers.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<RequestContext, AuthError> {
        let token = bearer(headers)?;
        let verified = self.verifier.verify(token, (self.now)()).await?;
        let Some(tenant) = verified.tenant else {
            let account = match verified.binding {
                Binding::Account(account) => Some(account),
                Binding::Operator | Binding::Services => None,
            };
            return Ok(of_token(&verified, account));
        };
        let standing = self.tenants.standing(tenant).await;
        match standing.map_err(|error| AuthError::Unavailable(Box::new(error)))? {
            TenantStanding::Known { account, suspended } => {
                let own = match verified.binding {
                    Binding::Account(issuer) => issuer == account,
                    Binding::Services => true,
                    // Operators see no business data, so they have no tenant.
                    Binding::Operator => false,
                };
                if !own {
                    return Err(Denied::ForeignTenant.into());
                }
                let context = of_token(&verified, Some(account));
                Ok(if suspended { context.suspended() } else { context })
            }
            TenantStanding::Unknown => Err(match self.unknown_tenant {
                UnknownTenant::Denied => Denied::ForeignTenant.into(),
                UnknownTenant::NotReady => AuthError::TenantNotReady(tenant),
            }),
        }
    }
}

fn of_token(verified: &Verified, account: Option<backlog_ids::AccountId>) -> RequestContext {
    let origin = match verified.binding {
        Binding::Services => Origin::Service,
        Binding::Account(_) | Binding::Operator => Origin::User,
    };
    let actor = Arc::clone(&verified.actor);
    RequestContext::of_token(origin, account, verified.tenant, actor, verified.permissions)
}

/// The one bearer token of a request.
fn bearer(headers: &HeaderMap) -> Result<&str, TokenError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(TokenError::NoHeader)?;
    if values.next().is_some() {
        return Err(TokenError::ManyHeaders);
    }
    let text = value.to_str().map_err(|_| TokenError::NotBearer)?;
    let (scheme, token) = text.split_once(' ').ok_or(TokenError::NotBearer)?;
    let plausible = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if scheme.eq_ignore_ascii_case("bearer") && plausible {
        Ok(token)
    } else {
        Err(TokenError::NotBearer)
    }
}

/// The context that the layer left in the request.
pub fn context<T>(request: &tonic::Request<T>) -> Result<&RequestContext, AuthError> {
    request.extensions().get::<RequestContext>().ok_or(AuthError::NoContext)
}

/// Authenticates every request but those for health and reflection.
#[derive(Clone)]
pub struct AuthLayer {
    authenticator: Arc<Authenticator>,
    render: fn(&AuthError) -> tonic::Status,
}

impl AuthLayer {
    /// `render` is the one function that turns errors into statuses.
    #[must_use]
    pub fn new(authenticator: Arc<Authenticator>, render: fn(&AuthError) -> tonic::Status) -> Self {
        Self { authenticator, render }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthService { inner, layer: self.clone() }
    }
}

/// What [`AuthLayer`] makes of a service.
#[derive(Clone)]
pub struct AuthService<S> {
    inner: S,
    layer: AuthLayer,
}

impl<S, Body, Answer> Service<Request<Body>> for AuthService<S>
where
    S: Service<Request<Body>, Response = Response<Answer>> + Clone + Send + 'static,
    S::Future: Send,
    Body: Send + 'static,
    Answer: Default,
{
    type Response = Response<Answer>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The service that was polled ready goes with the call; its clone waits for the next.
        let next = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, next);
        let path = request.uri().path();
        if OPEN_PREFIXES.iter().any(|prefix| path.starts_with(prefix)) {
            return Box::pin(inner.call(request));
        }
        let layer = self.layer.clone();
        Box::pin(async move {
            // The body is no part of the future that waits, so it need not be shareable.
            let headers = mem::take(request.headers_mut());
            match layer.authenticator.authenticate(&headers).await {
                Ok(context) => {
                    *request.headers_mut() = headers;
                    request.extensions_mut().insert(context);
                    inner.call(request).await
                }
                Err(error) => Ok((layer.render)(&error).into_http()),
            }
        })
    }
}

#[cfg(test)]
mod tests;
