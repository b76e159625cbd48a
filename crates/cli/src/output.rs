//! Standard output that may be closed early, as by `| head`: what nobody reads is not an error.

use std::io::Write;

/// Writes a line to standard output.
pub(crate) fn line(text: &str) {
    // A reader that went away has seen what it wanted.
    let _: std::io::Result<()> = writeln!(std::io::stdout().lock(), "{text}");
}
