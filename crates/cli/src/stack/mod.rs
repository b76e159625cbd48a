//! The local stack: starting and ending it, its development keys, and what is remembered of it.

mod keys;
mod local;
mod start;

pub(crate) use keys::Subject;
pub(crate) use local::{Local, default_folder};
pub(crate) use start::{RunningStack, Start, interrupted, is_ready, was_interrupted};
