//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::filters::Filters;

const EXIT_CODES: &str = "\
Exit codes:
  0  all is well; a folder without runs is, for ls
  1  a problem was found: damaged lines, a last line that is half written, dropped records,
     or, by replay-plan, something that cannot be replayed; not with --lenient
  2  the command line is wrong, or a file cannot be read

Nothing is ever written but to the standard output and the standard error.";

const COVERAGE_EXIT_CODES: &str = "\
Exit codes:
  0  every handler ran
  1  a handler never ran, or a file is damaged; not with --lenient
  2  the command line is wrong, or the folder cannot be read

Nothing is ever written but to the standard output and the standard error.";

const ALL_EXIT_CODES: &str = "\
Exit codes:
  0  all is well
  1  a problem was found; the help of each command says what is one
  2  the command line is wrong, or a file cannot be read

Nothing is ever written but to the standard output and the standard error.";

/// Looks at what programs with linkbus wrote.
#[derive(Debug, Parser)]
#[command(name = "linkbus", version, after_help = ALL_EXIT_CODES)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists, shows and counts recordings.
    #[command(after_help = EXIT_CODES)]
    Recordings {
        #[command(subcommand)]
        command: Recordings,

        /// End with 0 where problems were found; they are still told.
        #[arg(long = "lenient", global = true)]
        is_lenient: bool,
    },
    /// Lists the handlers that no test has run, that never failed, and that were never tried again.
    ///
    /// All files of the folder are put together: a handler ran if it ran in one of them.
    #[command(after_help = COVERAGE_EXIT_CODES)]
    Coverage(Coverage),
}

impl Command {
    pub(crate) fn is_lenient(&self) -> bool {
        match self {
            Command::Recordings { is_lenient, .. } | Command::Coverage(Coverage { is_lenient, .. }) => *is_lenient,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Coverage {
    /// The folder that `LINKBUS_COVERAGE` named when the tests ran.
    pub(crate) folder: PathBuf,

    /// Print one JSON object, with every handler.
    #[arg(long = "json")]
    pub(crate) is_json: bool,

    /// End with 0 where problems were found; they are still told.
    #[arg(long = "lenient")]
    pub(crate) is_lenient: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Recordings {
    /// Lists the runs of a folder.
    #[command(after_help = EXIT_CODES)]
    Ls(Ls),
    /// Shows records, one line each.
    #[command(after_help = EXIT_CODES)]
    Show(Show),
    /// Counts records and their durations, message by message.
    ///
    /// Percentiles are right to 1 %; the least and the longest are exact. A recording of any length takes the same memory:
    /// more than 1,000 messages share a row `(other)`.
    #[command(after_help = EXIT_CODES)]
    Stats(Stats),
    /// Says what a replay would dispatch, and what it would not.
    #[command(after_help = EXIT_CODES)]
    ReplayPlan(ReplayPlan),
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// The folder that a `JsonLineStore` writes to.
    pub(crate) folder: PathBuf,

    /// Count the records of each run, which reads all of it.
    #[arg(long = "count")]
    pub(crate) counts: bool,

    /// Print one JSON object for each run.
    #[arg(long = "json")]
    pub(crate) is_json: bool,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is one flag")]
pub(crate) struct Show {
    /// The recording: a file, a folder for its newest run, or `-` for the standard input.
    pub(crate) file: PathBuf,

    /// Show no more than so many records.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,

    /// Print the lines of the recording, for programs.
    #[arg(long = "json", conflicts_with_all = ["has_payloads", "has_ids"])]
    pub(crate) is_json: bool,

    /// Show what was dispatched, and what was answered.
    #[arg(long = "payload")]
    pub(crate) has_payloads: bool,

    /// Show the ids of the dispatch and of what it belongs to.
    #[arg(long = "ids")]
    pub(crate) has_ids: bool,

    /// Wait for more at the end of the file, until Ctrl-C or until nobody reads the output; in a folder, go on with each run
    /// that is begun.
    #[arg(long = "follow", short = 'f')]
    pub(crate) follows: bool,

    #[command(flatten)]
    pub(crate) filters: Filters,
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// The recordings: files, folders for their newest run, or `-` for the standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Print one JSON object, with all durations in nanoseconds.
    #[arg(long = "json")]
    pub(crate) is_json: bool,

    #[command(flatten)]
    pub(crate) filters: Filters,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayPlan {
    /// The recording: a file, a folder for its newest run, or `-` for the standard input.
    pub(crate) file: PathBuf,

    /// Print one JSON object.
    #[arg(long = "json")]
    pub(crate) is_json: bool,
}
