//! Where things are printed.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use crate::display::visible;

/// The standard output, line by line where someone waits for each line, and in large pieces elsewhere.
pub(crate) fn stdout(by_line: bool) -> Box<dyn Write> {
    let stdout = io::stdout();
    if by_line || stdout.is_terminal() {
        Box::new(stdout.lock())
    } else {
        Box::new(BufWriter::with_capacity(64 << 10, stdout.lock()))
    }
}

/// Tells the user something that is not the result.
pub(crate) fn tell(what: &str) {
    // Where nobody hears, nothing can be told.
    let _ = writeln!(io::stderr(), "linkbus: {}", visible(what));
}
