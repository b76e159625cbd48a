//! The program backlog: the command line, the local stack, scenario files.

pub mod failure;
pub mod scenario;
pub mod table;
