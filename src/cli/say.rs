//! Lines for the person at the terminal. Unlike `println!` they survive a terminal that is gone.

use std::fmt::Display;
use std::io::{self, Write};

/// A line of what was asked for, to standard output.
pub(super) fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// A line about what went wrong, to standard error.
pub(super) fn complain(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
