//! The program backlog: the command line, the local stack, scenario files.
