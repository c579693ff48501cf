//! How far a long file is read.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A shorter file is read before anybody looks: 32 MiB.
const LONG: u64 = 32 << 20;

/// `file`, with a bar on the standard error where someone sees it and it does not get between the lines of the output.
pub(crate) fn shown(file: File) -> Box<dyn Read> {
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    if bytes <= LONG || !io::stderr().is_terminal() {
        return Box::new(file);
    }
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
    let style = "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
    Box::new(Watched { file, bar })
}

struct Watched {
    file: File,
    bar: ProgressBar,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.bar.inc(read as u64);
        Ok(read)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
