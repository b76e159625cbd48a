//! The program backlog: the command line, the local stack, scenario files.
//!
//! | room | holds |
//! | --- | --- |
//! | `cli.rs`, `commands/` | what there is to say, one file a family of commands |
//! | `session.rs` | options, addresses, tokens, time, answers: what every command has |
//! | `client/` | connections, statuses, positions: what is said to the services |
//! | `stack/`, `books.rs` | the local stack, its keys, tenants made with them |
//! | `scenario/` | scenario files: read, played through a stack or the fold, compared |
//! | `demo/` | the story that the demo plays |
//! | `policy.rs`, `terms.rs` | policies and terms on the wire |
//! | `proof.rs` | checking a proof offline |

mod arguments;
mod books;
mod cli;
mod client;
mod combine;
mod commands;
mod demo;
mod failure;
mod output;
mod policy;
mod progress;
mod proof;
mod scenario;
mod session;
mod stack;
mod table;
mod terms;

pub use cli::Cli;
pub use failure::{Exit, Failure};
pub use session::Output;
