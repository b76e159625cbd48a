//! Progress of long work: a line that changes on a terminal, nothing elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output;

/// Redraws of the spinner.
const TICK: Duration = Duration::from_millis(100);

/// Steps of one piece of work. Dropping it removes the line.
#[derive(Debug)]
pub(crate) struct Steps(ProgressBar);

impl Steps {
    /// Steps whose number is not known.
    pub(crate) fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// So many steps.
    pub(crate) fn of(count: usize) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(u64::try_from(count).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// A long way, of a length that is known at about.
    pub(crate) fn long(length: u64) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(length);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:30} {percent}% {human_pos}/{human_len} {msg} {eta}")
        {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// So far on the way.
    pub(crate) fn reach(&self, place: u64, length: u64) {
        self.0.set_length(length);
        self.0.set_position(place);
    }

    /// Says what is done now.
    pub(crate) fn say(&self, text: &str) {
        self.0.set_message(text.to_owned());
    }

    /// One step is done.
    pub(crate) fn advance(&self) {
        self.0.inc(1);
    }

    /// Prints above the line, to standard output.
    pub(crate) fn print(&self, text: &str) {
        self.0.suspend(|| output::line(text));
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
