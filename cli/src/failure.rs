//! Why a command came to nothing.

use std::{
    error::Error,
    io, iter,
    path::{Path, PathBuf},
};

use linkbus::recording::ReadError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Unreadable(ReadError),
    #[error("`{}` is a file: name the folder that it is in, or look into it with `linkbus recordings show`", path.display())]
    NoFolder { path: PathBuf },
    #[error("`{}` has no recording: its runs are named run_*.jsonl", folder.display())]
    NoRun { folder: PathBuf },
    #[error(
        "`{}` has no coverage: run the tests with LINKBUS_COVERAGE=`{}`, as an absolute path",
        folder.display(), folder.display()
    )]
    NoCoverage { folder: PathBuf },
    #[error("{name}")]
    Broken { name: String, source: ReadError },
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
}

impl Failure {
    pub(crate) fn unreadable(path: &Path, source: io::Error) -> Self {
        Failure::Unreadable(ReadError::Io { path: Some(path.to_owned()), source })
    }

    /// Whether nobody reads the output any more.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        match self {
            Failure::Output(source) | Failure::Broken { source: ReadError::Io { source, .. }, .. } => {
                source.kind() == io::ErrorKind::BrokenPipe
            }
            _ => false,
        }
    }

    /// `run_1.jsonl: the recording cannot be read: Input/output error (os error 5)`
    pub(crate) fn with_causes(&self) -> String {
        let causes = iter::successors(Some(self as &dyn Error), |&error| error.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }
}
