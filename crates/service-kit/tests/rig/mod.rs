//! A server with one small service behind the real door, and tokens that open it.

use std::fs;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use backlog_ids::{AccountId, TenantId};
use backlog_proto::log::v1::event_log_service_server::{EventLogService, EventLogServiceServer};
use backlog_proto::log::v1::{ReadRequest, ReadResponse};
use backlog_proto::recognition::v1::recognition_service_server::{
    RecognitionService, RecognitionServiceServer,
};
use backlog_proto::recognition::v1::{
    GetPlanRequest, GetPlanResponse, RunRecognitionRequest, RunRecognitionResponse,
};
use backlog_service_kit::config::{LimitsConfig, ServerConfig};
use backlog_service_kit::limits::LimitsLayer;
use backlog_service_kit::server::Door;
use backlog_service_kit::{Clock, Readiness, Server, Services, context, grpc_service, to_status};
use backlog_tenancy::{
    AuthLayer, Authenticator, Lookup, Permission, TenantCache, TenantDirectory, TenantStanding,
    TokenSigner, UnknownTenant, UserToken, Verifier, VerifierConfig,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use uuid::Uuid;

pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap()
}

pub(crate) fn tenant() -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(7))
}

fn account() -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(1))
}

struct Table;

impl TenantDirectory for Table {
    fn standing(&self, _: TenantId) -> Lookup<'_> {
        Box::pin(async { Ok(TenantStanding::Known { account: account(), suspended: false }) })
    }
}

/// Told from outside when to answer.
#[derive(Clone, Default)]
pub(crate) struct Handler {
    pub(crate) entered: Arc<Notify>,
    pub(crate) finish: Arc<Notify>,
}

#[tonic::async_trait]
impl RecognitionService for Handler {
    /// Answers when told to; panics for the request id `panic`.
    async fn run_recognition(
        &self,
        request: Request<RunRecognitionRequest>,
    ) -> Result<Response<RunRecognitionResponse>, Status> {
        let scope = context(&request)?.tenant_scope(Permission::RecognitionRun);
        scope.map_err(|denied| to_status(&denied))?;
        assert_ne!(request.get_ref().request_id, "panic", "on purpose");
        self.entered.notify_one();
        self.finish.notified().await;
        Ok(Response::new(RunRecognitionResponse::default()))
    }

    /// Answers at once.
    async fn get_plan(
        &self,
        request: Request<GetPlanRequest>,
    ) -> Result<Response<GetPlanResponse>, Status> {
        let scope = context(&request)?.tenant_scope(Permission::PlanRead);
        scope.map_err(|denied| to_status(&denied))?;
        Ok(Response::new(GetPlanResponse::default()))
    }
}

#[tonic::async_trait]
impl EventLogService for Handler {
    type ReadStream = Pin<Box<dyn Stream<Item = Result<ReadResponse, Status>> + Send>>;

    /// One answer and then nothing for ever, or a panic after it for limit 1.
    async fn read(
        &self,
        request: Request<ReadRequest>,
    ) -> Result<Response<Self::ReadStream>, Status> {
        let (send, receive) = mpsc::channel(1);
        send.try_send(Ok(ReadResponse::default())).unwrap();
        if request.get_ref().limit == 1 {
            drop(send);
            let rest = tokio_stream::iter([()]).map_panic();
            return Ok(Response::new(Box::pin(ReceiverStream::new(receive).chained(rest))));
        }
        tokio::spawn(async move { send.closed().await });
        Ok(Response::new(Box::pin(ReceiverStream::new(receive))))
    }
}

/// Small stream helpers, named for what the tests need.
trait Odd: Stream + Sized {
    fn map_panic(self) -> impl Stream<Item = Result<ReadResponse, Status>> + Send
    where
        Self: Send,
    {
        tokio_stream::StreamExt::map(self, |_| panic!("in the stream"))
    }

    fn chained<S: Stream<Item = Self::Item>>(self, next: S) -> impl Stream<Item = Self::Item> {
        tokio_stream::StreamExt::chain(self, next)
    }
}

impl<S: Stream> Odd for S {}

pub(crate) struct Rig {
    pub(crate) address: SocketAddr,
    pub(crate) handler: Handler,
    pub(crate) readiness: Readiness,
    pub(crate) shutdown: CancellationToken,
    pub(crate) serving: JoinHandle<()>,
    signer: TokenSigner,
    _folder: tempfile::TempDir,
}

impl Rig {
    /// A server with these milliseconds to shut down.
    pub(crate) async fn start(shutdown_deadline_ms: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let header = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
        let der = STANDARD.encode([header.as_slice(), &[1; 32]].concat());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
        let signer = TokenSigner::try_new("k", pem.as_bytes()).unwrap();
        let keys = serde_json::json!({"keys": [signer.public_jwk().unwrap()]});
        fs::write(folder.path().join("keys.json"), keys.to_string()).unwrap();
        let issuers = format!(
            "[[issuer]]\nissuer=\"vendor\"\nalgorithm=\"EdDSA\"\njwks=\"keys.json\"\n\
             audience=\"backlog\"\naccount=\"{}\"\n",
            account()
        );
        fs::write(folder.path().join("issuers.toml"), issuers).unwrap();
        let verifier = VerifierConfig::new("test", folder.path().join("issuers.toml"));
        let verifier = Verifier::start(verifier, now()).await.unwrap();
        let tenants = TenantCache::new(Arc::new(Table), 10, Duration::from_secs(60));
        let clock = Clock::fixed(now());
        let clock = Arc::new(move || clock.now());
        let auth = Authenticator::new(verifier, tenants, UnknownTenant::Denied, clock);
        let auth = AuthLayer::new(Arc::new(auth), to_status);
        let door = Door { auth, limits: LimitsLayer::new(&LimitsConfig::default()) };

        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = ServerConfig { listen, shutdown_deadline_ms, ..ServerConfig::default() };
        let handler = Handler::default();
        let services = Services::new()
            .with(grpc_service!(RecognitionServiceServer<_>, handler.clone(), &config))
            .with(grpc_service!(EventLogServiceServer<_>, handler.clone(), &config));
        let server = Server::bind(&config).await.unwrap();
        let (address, readiness) = (server.address(), Readiness::new());
        let shutdown = CancellationToken::new();
        let serve = server.serve(services, door, readiness.clone(), shutdown.clone());
        let serving = tokio::spawn(async move { serve.await.unwrap() });
        Self { address, handler, readiness, shutdown, serving, signer, _folder: folder }
    }

    pub(crate) async fn channel(&self) -> tonic::transport::Channel {
        let endpoint = tonic::transport::Endpoint::try_from(format!("http://{}", self.address));
        endpoint.unwrap().connect().await.unwrap()
    }

    /// A request with a token of a controller.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let token = self.signer.user_token(&UserToken {
            issuer: "vendor",
            subject: "ann",
            audience: "backlog",
            tenant: Some(tenant()),
            roles: &["controller"],
            expires: now() + TimeDelta::seconds(60),
        });
        let mut request = Request::new(message);
        let value = format!("Bearer {}", token.unwrap()).parse().unwrap();
        request.metadata_mut().insert("authorization", value);
        request
    }
}
