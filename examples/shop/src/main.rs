//! The program: reads its options, wires the shop, and runs a script or serves HTTP.

mod options;

use std::{error::Error, path::Path, process::ExitCode};

use clap::Parser;
use linkbus::{AnyError, Bus};
use shop::Place;
use tokio::net::TcpListener;

use crate::options::{Action, Options};

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    shop::print_journal();
    run(&options).await.unwrap_or_else(|error| {
        eprintln!("shop: {}", with_causes(error.as_error()));
        ExitCode::FAILURE
    })
}

async fn run(options: &Options) -> Result<ExitCode, AnyError> {
    match options.action() {
        Action::Script(path) => script(path, open(options).await?).await,
        Action::Serve(address) => serve(address, options).await,
        Action::Wiring => wiring().await,
    }
}

async fn open(options: &Options) -> Result<Bus, AnyError> {
    shop::open_recorded(&options.place(), options.records()).await
}

async fn script(path: &Path, bus: Bus) -> Result<ExitCode, AnyError> {
    let problems = shop::script::run(path, &bus).await.map_err(|error| format!("{}: {error}", path.display()))?;
    bus.close().await?;
    if problems == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("shop: {problems} lines of {} could not be carried out", path.display());
    Ok(ExitCode::FAILURE)
}

async fn serve(address: &str, options: &Options) -> Result<ExitCode, AnyError> {
    let bus = open(options).await?;
    let listener = TcpListener::bind(address).await.map_err(|error| format!("{address}: {error}"))?;
    println!("listening on http://{}, data is kept in {}", listener.local_addr()?, options.place());
    shop::http::serve(listener, bus.clone()).await?;
    bus.close().await?;
    println!("stopped");
    Ok(ExitCode::SUCCESS)
}

async fn wiring() -> Result<ExitCode, AnyError> {
    print!("{}", shop::open(&Place::Memory).await?.wiring());
    Ok(ExitCode::SUCCESS)
}

/// `cannot open the database shop.sqlite: file is not a database`
fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
