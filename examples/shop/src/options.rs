use std::path::{Path, PathBuf};

use clap::{ArgGroup, Parser};
use shop::Place;

/// Where `--serve` keeps its data unless told otherwise.
const DEFAULT_FILE: &str = "shop.sqlite";

/// A shop of four modules that talk over a message bus.
#[derive(Debug, Parser)]
#[command(group = ArgGroup::new("action").required(true), arg_required_else_help = true)]
pub(crate) struct Options {
    /// Run a file of JSON requests, one a line, and print what each module does.
    ///
    /// The program ends with a failure if a line is no request, after it has run the others.
    #[arg(long, value_name = "FILE", group = "action")]
    script: Option<PathBuf>,

    /// Serve the HTTP API, for example at 127.0.0.1:8080. There is no authentication.
    #[arg(long, value_name = "ADDRESS", group = "action")]
    serve: Option<String>,

    /// Print which handler serves which message, and where both are written.
    #[arg(long, group = "action")]
    wiring: bool,

    /// Keep the data in this SQLite file.
    ///
    /// Without it, `--serve` keeps the data in `shop.sqlite`, and `--script` starts empty and keeps nothing.
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,

    /// Record every dispatch in a file in this folder, for `linkbus recordings` to show.
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,
}

/// What to do.
pub(crate) enum Action<'a> {
    Script(&'a Path),
    Serve(&'a str),
    Wiring,
}

impl Options {
    pub(crate) fn action(&self) -> Action<'_> {
        match (&self.script, &self.serve) {
            (Some(path), _) => Action::Script(path),
            (_, Some(address)) => Action::Serve(address),
            _ => Action::Wiring,
        }
    }

    pub(crate) fn records(&self) -> Option<&Path> {
        self.record.as_deref()
    }

    pub(crate) fn place(&self) -> Place {
        match (&self.db, &self.serve) {
            (Some(file), _) => Place::File(file.clone()),
            (None, Some(_)) => Place::File(DEFAULT_FILE.into()),
            (None, None) => Place::Memory,
        }
    }
}
