//! The door of `RunService`: a run that is followed while it works.

use std::pin::Pin;
use std::time::Duration;

use backlog_event_log::Positions;
use backlog_proto::recognition::v1::run_service_server::RunService;
use backlog_proto::recognition::v1::stream_run_response::News;
use backlog_proto::recognition::v1::{RunRecognitionRequest, StreamRunRequest, StreamRunResponse};
use backlog_service_kit::{context, deadline, to_status};
use backlog_tenancy::{Permission, TenantScope};
use futures::Stream;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::convert::{run_progress, run_request, run_response};
use super::error::CallFault;
use super::recognize::{Finished, RunRequest, Runs};
use super::run::run_id;

/// Serves runs that are followed.
pub struct RunServer {
    runs: Runs,
    positions: Positions,
    wait_max: Duration,
}

type Answers = Pin<Box<dyn Stream<Item = Result<StreamRunResponse, Status>> + Send + 'static>>;

impl RunServer {
    /// Serves these runs. `wait_max` is how long a call waits for positions at most.
    #[must_use]
    pub fn new(runs: Runs, positions: Positions, wait_max: Duration) -> Self {
        Self { runs, positions, wait_max }
    }

    async fn asked(
        &self,
        scope: &TenantScope,
        request: StreamRunRequest,
        deadline: Instant,
    ) -> Result<RunRequest, CallFault> {
        let StreamRunRequest { request_id, through, contract_id, min_positions } = request;
        let same = RunRecognitionRequest { request_id, through, contract_id, min_positions };
        let (run, wanted) = run_request(&same, scope)?;
        self.positions.wait_for(scope.tenant, &wanted, deadline).await??;
        Ok(run)
    }
}

#[tonic::async_trait]
impl RunService for RunServer {
    type StreamRunStream = Answers;

    async fn stream_run(
        &self,
        request: Request<StreamRunRequest>,
    ) -> Result<Response<Answers>, Status> {
        let scope = context(&request)?
            .tenant_scope(Permission::RecognitionRun)
            .map_err(|denied| to_status(&denied))?;
        let deadline = deadline(request.metadata(), Instant::now(), self.wait_max);
        let run = self.asked(&scope, request.into_inner(), deadline).await;
        let run = run.map_err(|fault| to_status(&fault))?;
        let (sender, receiver) = mpsc::channel(2);
        tokio::spawn(follow(self.runs.clone(), run, sender));
        let answers = futures::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|answer| (answer, receiver))
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

/// Carries a run out and tells how far it is as fast as the caller listens; the run waits for nobody.
async fn follow(
    runs: Runs,
    request: RunRequest,
    answers: mpsc::Sender<Result<StreamRunResponse, Status>>,
) {
    let expected = match runs.expected(&request).await {
        Ok(expected) => expected,
        Err(error) => {
            drop(answers.send(Err(to_status(&CallFault::from(error)))).await);
            return;
        }
    };
    let id = run_id(request.tenant, &request.key.id).to_string();
    let (progress, mut seen) = watch::channel(run_progress(&id, expected));
    let told = answers.clone();
    let telling = tokio::spawn(async move {
        loop {
            let now = seen.borrow_and_update().clone();
            let news = StreamRunResponse { news: Some(News::Progress(now)) };
            if told.send(Ok(news)).await.is_err() || seen.changed().await.is_err() {
                return;
            }
        }
    });
    let outcome = runs.recognize(request, Some(progress)).await;
    // The last news comes after all others.
    drop(telling.await);
    drop(answers.send(outcome.map(result).map_err(|fault| to_status(&fault))).await);
}

fn result(finished: Finished) -> StreamRunResponse {
    StreamRunResponse { news: Some(News::Result(run_response(finished))) }
}
