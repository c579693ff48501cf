use std::path::{Path, PathBuf};

use clap::{
    ArgGroup, Parser,
    builder::{EnumValueParser, TypedValueParser as _},
};
use shop::{Manner, Part, Place};

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

    /// Be a service of a shop of several, with this module, and with more if it is there more than once. It needs `--nats`.
    #[arg(long, value_name = "MODULE", group = "action", requires_all = ["way", "db"])]
    module: Vec<Part>,

    /// Where the hub is that gives this process its messages: what `--processes` starts.
    #[arg(long, value_name = "ENDPOINT", group = "way", requires = "module", hide = true)]
    hub: Option<String>,

    /// Send through the NATS server at this address, such as `nats://127.0.0.1:4222`, what services handle: see `--module`.
    #[arg(long, value_name = "URL", group = "way", conflicts_with_all = ["wiring", "processes"])]
    nats: Option<String>,

    /// Run each module in a process of its own.
    #[arg(long, conflicts_with_all = ["wiring", "module"])]
    processes: bool,

    /// Kill the process of this module (SIGKILL) while it has the second command of the script for it.
    #[arg(long, value_name = "MODULE", requires_all = ["processes", "script"],
          value_parser = EnumValueParser::<Part>::new().try_map(killable))]
    kill: Option<Part>,

    /// Keep the data in this SQLite file.
    ///
    /// Without it, `--serve` keeps the data in `shop.sqlite`, and `--script` starts empty and keeps nothing.
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,

    /// Record every dispatch in a file in this folder, for `linkbus recordings` to show. Each process has a file of its own.
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,
}

/// The part, if the demonstration of what survives is true of it.
fn killable(part: Part) -> Result<Part, &'static str> {
    match part {
        Part::Notifications => Err("it has no commands, and an event that is with it would be lost"),
        part => Ok(part),
    }
}

/// What to do.
pub(crate) enum Action<'a> {
    Script(&'a Path),
    Serve(&'a str),
    Wiring,
    Part(Part, &'a str),
    Service(&'a [Part], &'a str, &'a Path),
}

impl Options {
    pub(crate) fn action(&self) -> Action<'_> {
        match self {
            Options { script: Some(path), .. } => Action::Script(path),
            Options { serve: Some(address), .. } => Action::Serve(address),
            Options { hub: Some(hub), module, .. } => Action::Part(module[0], hub),
            Options { nats: Some(server), db: Some(data), module, .. } => Action::Service(module, server, data),
            _ => Action::Wiring,
        }
    }

    pub(crate) fn records(&self) -> Option<&Path> {
        self.record.as_deref()
    }

    /// The server through which a front end sends, if it does.
    pub(crate) fn nats(&self) -> Option<&str> {
        self.nats.as_deref()
    }

    /// Whether what a request sets off is waited for: in a script.
    pub(crate) fn is_settled(&self) -> bool {
        self.script.is_some()
    }

    /// How the shop is split, if it is.
    pub(crate) fn manner(&self) -> Option<Manner> {
        self.processes.then(|| Manner { is_settled: self.is_settled(), kill: self.kill })
    }

    /// Where the data is, for whoever looks for it.
    pub(crate) fn whereabouts(&self) -> String {
        match self.nats {
            Some(_) => "data is kept by the services".to_owned(),
            None => format!("data is kept in {}", self.place()),
        }
    }

    pub(crate) fn place(&self) -> Place {
        match (&self.db, &self.serve) {
            (Some(file), _) => Place::File(file.clone()),
            (None, Some(_)) => Place::File(DEFAULT_FILE.into()),
            (None, None) => Place::Memory,
        }
    }
}
