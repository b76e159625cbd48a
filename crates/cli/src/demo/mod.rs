//! `backlog demo`: a private stack, a story of one year, every figure compared with what was
//! written down by hand; everything removed afterwards, however it ends.

mod figures;
mod isolation;
mod story;

use clap::Args;

use crate::commands::dev::READY_WITHIN;
use crate::failure::{Exit, Failure};
use crate::progress::Steps;
use crate::session::Session;
use crate::stack::{RunningStack, Start, interrupted, was_interrupted};

use figures::Figures;

/// The demo.
#[derive(Debug, Args)]
pub(crate) struct Demo {}

impl Demo {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let steps = Steps::new();
        let start = Start { folder: None, ready_within: READY_WITHIN };
        let stack = RunningStack::start(start, &steps).await?;
        let mut figures = Figures::new(session.is_human());
        let played = tokio::select! {
            played = story::play(session, stack.local(), &steps, &mut figures) => played,
            () = interrupted() => Err(was_interrupted()),
        };
        steps.say("ending the stack");
        let ended = stack.stop().await;
        drop(steps);
        played?;
        ended?;
        Ok(figures.sum_up(session))
    }
}
