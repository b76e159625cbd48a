//! The main job through the public API of three real processes.
#![expect(clippy::expect_used, reason = "a test without its stack has nothing to say")]

mod year;
