//! `backlog dev`: the private local stack, up and down.

use std::time::Duration;

use clap::Subcommand;

use crate::client::{Connections, Service};
use crate::failure::{Exit, Failure};
use crate::progress::Steps;
use crate::session::Session;
use crate::stack::{Local, RunningStack, Start, interrupted, is_ready};
use crate::table;

/// How long the services may take to become ready.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(120);

/// How long `status` waits for a service to tell how it is.
const LOOK_FOR: Duration = Duration::from_secs(5);

/// The local stack: real Postgres, real NATS and the three services, private to this user.
#[derive(Debug, Subcommand)]
pub(crate) enum Dev {
    /// Starts it, and ends it on Ctrl-C.
    Up {
        /// Leave it running; `backlog dev down` ends it.
        #[arg(long)]
        detach: bool,
    },
    /// Ends it and removes everything.
    Down,
    /// Shows what runs, and where.
    Status,
}

impl Dev {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Up { detach } => up(session, detach).await,
            Self::Down => down(session),
            Self::Status => status(session).await,
        }
    }
}

async fn up(session: &Session, detach: bool) -> Result<Exit, Failure> {
    let folder = session.stack_folder();
    if let Some(local) = session.local()? {
        let running = local.manifest().running();
        if running.postgres || running.nats {
            return Err(Failure::usage(format!("a stack runs in {} already", folder.display()))
                .advise("use it, or end it: backlog dev down"));
        }
        down(session)?;
    }
    let start = Start { folder: Some(folder), ready_within: READY_WITHIN };
    let steps = Steps::new();
    let stack = RunningStack::start(start, &steps).await?;
    drop(steps);
    let (text, json) = describe(stack.local());
    if detach {
        session.answer(&format!("{text}\nend it with: backlog dev down"), &json);
        stack.detach().await?;
        return Ok(Exit::Done);
    }
    session.answer(&format!("{text}\nend it with Ctrl-C"), &json);
    interrupted().await;
    let steps = Steps::new();
    steps.say("ending the stack");
    stack.stop().await?;
    Ok(Exit::Done)
}

fn down(session: &Session) -> Result<Exit, Failure> {
    let Some(local) = session.local()? else {
        session.answer("no stack runs", &serde_json::json!({ "ended": false }));
        return Ok(Exit::Done);
    };
    local.manifest().down().map_err(|error| Failure::usage(error.to_string()))?;
    let folder = local.manifest().folder.display().to_string();
    let json = serde_json::json!({ "ended": true, "folder": folder });
    session.answer(&format!("ended, {folder} is removed"), &json);
    Ok(Exit::Done)
}

async fn status(session: &Session) -> Result<Exit, Failure> {
    let Some(local) = session.local()? else {
        let text = format!("no stack in {}", session.stack_folder().display());
        session.answer(&text, &serde_json::json!({ "running": false }));
        return Ok(Exit::Negative);
    };
    let (mut text, mut json) = describe(&local);
    let running = local.manifest().running();
    let connections = Connections::new(&local.addresses(), LOOK_FOR)?;
    let mut silent = Vec::new();
    for service in Service::ALL {
        let look = is_ready(connections.channel(service), service.health_name());
        let ready = tokio::time::timeout(LOOK_FOR, look).await.unwrap_or(false);
        json["services"][service.name()]["ready"] = ready.into();
        silent.extend((!ready).then(|| service.name()));
    }
    text.push_str(&match silent.as_slice() {
        [] => "all services are ready".to_owned(),
        some => format!("not ready: {}", some.join(", ")),
    });
    session.answer(&text, &json);
    let all = running.postgres && running.nats && silent.is_empty();
    Ok(if all { Exit::Done } else { Exit::Negative })
}

/// Where everything is.
fn describe(local: &Local) -> (String, serde_json::Value) {
    let manifest = local.manifest();
    let running = manifest.running();
    let word = |runs: bool| if runs { "runs" } else { "does not run" }.to_owned();
    let port = format!("127.0.0.1:{}", manifest.cluster.access.port);
    let mut rows = vec![
        ["postgres".to_owned(), port.clone(), word(running.postgres)],
        ["nats".to_owned(), manifest.nats_url.clone(), word(running.nats)],
    ];
    let mut services = serde_json::Map::new();
    for files in manifest.services.all() {
        let log = files.log.display().to_string();
        rows.push([files.name.clone(), files.url.clone(), format!("log {log}")]);
        let service = serde_json::json!({ "url": files.url, "log": log });
        services.insert(files.name.clone(), service);
    }
    let table = table::render(&["", "address", ""], rows, &[]);
    let folder = manifest.folder.display().to_string();
    let json = serde_json::json!({
        "running": running.postgres && running.nats,
        "folder": folder,
        "postgres": { "address": port, "running": running.postgres },
        "nats": { "address": manifest.nats_url, "running": running.nats },
        "services": services,
    });
    (format!("stack in {folder}\n{table}"), json)
}
