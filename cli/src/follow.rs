//! A file to which is still written.

use std::{
    fs::File,
    io::{self, Read},
    time::Duration,
};

use crate::runs::Runs;

/// How often the file is looked at.
const POLL: Duration = Duration::from_millis(200);

/// A file that ends only when another run was begun: what reads it waits there for more. So a line that is half written is
/// read when it is whole.
///
/// Fails with [`io::ErrorKind::BrokenPipe`] when nobody reads the output of this process any more.
pub(crate) struct Following {
    file: File,
    position: u64,
    later: Option<Runs>,
    /// Another run was begun, so that nothing is added here any more.
    is_left: bool,
}

impl Following {
    pub(crate) fn new(file: File, later: Option<Runs>) -> Self {
        Following { file, position: 0, later, is_left: false }
    }

    fn has_next(&self) -> io::Result<bool> {
        self.later.as_ref().map_or(Ok(false), Runs::has_next)
    }

    fn became_shorter(&self) -> io::Result<bool> {
        let metadata = self.file.metadata()?;
        Ok(metadata.is_file() && metadata.len() < self.position)
    }
}

impl Read for Following {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.file.read(buffer)?;
            self.position += read as u64;
            if read > 0 || buffer.is_empty() || self.is_left {
                return Ok(read);
            }
            if self.became_shorter()? {
                return Err(io::Error::other(
                    "it became shorter while it was followed, and what is in it now is not known: show it again from the beginning",
                ));
            }
            // What was written before the other was begun is still to be read.
            self.is_left = self.has_next()?;
            if !self.is_left && !wait() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
    }
}

/// Waits for a while; `false` as soon as nobody reads the output any more.
#[cfg(unix)]
fn wait() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let stdout = io::stdout();
    let mut output = [PollFd::new(&stdout, PollFlags::empty())];
    let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(POLL.subsec_nanos()) };
    if poll(&mut output, Some(&timeout)).is_err() {
        // A signal, or something that cannot be polled: then the next write tells.
        std::thread::sleep(POLL);
    }
    !output[0].revents().intersects(PollFlags::ERR | PollFlags::NVAL)
}

#[cfg(not(unix))]
fn wait() -> bool {
    std::thread::sleep(POLL);
    true
}
