//! The program: reads its options, wires the shop, and runs a script or serves HTTP.

mod options;

use std::{error::Error, path::Path, process::ExitCode};

use clap::Parser;
use linkbus::{AnyError, Bus};
use shop::{Place, Service, Split, Stop};
use tokio::net::TcpListener;

use crate::options::{Action, Options};

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    shop::print_journal();
    run(&options, &Stop::listen()).await.unwrap_or_else(|error| {
        eprintln!("shop: {}", with_causes(error.as_error()));
        ExitCode::FAILURE
    })
}

async fn run(options: &Options, stop: &Stop) -> Result<ExitCode, AnyError> {
    match options.action() {
        Action::Script(path) => script(path, Shop::open(options, stop).await?, stop).await,
        Action::Serve(address) => serve(address, options, stop).await,
        Action::Wiring => wiring().await,
        Action::Part(part, hub) => {
            shop::run_part(part, hub, &options.place(), options.records(), stop).await?;
            Ok(ExitCode::SUCCESS)
        }
        Action::Service(parts, server, data) => {
            shop::run_service(&Service::new(parts)?, server, data, options.records(), stop).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The shop, in one process or in several.
enum Shop {
    /// In this one, or behind a server.
    Whole(Bus),
    Split(Split),
}

impl Shop {
    async fn open(options: &Options, stop: &Stop) -> Result<Self, AnyError> {
        let (place, records) = (options.place(), options.records());
        if let Some(server) = options.nats() {
            return Ok(Shop::Whole(shop::open_front(server, records, options.is_settled()).await?));
        }
        Ok(match options.manner() {
            None => Shop::Whole(shop::open_recorded(&place, records).await?),
            Some(manner) => Shop::Split(Split::open(&place, records, manner, stop).await?),
        })
    }

    fn bus(&self) -> &Bus {
        match self {
            Shop::Whole(bus) => bus,
            Shop::Split(split) => split.bus(),
        }
    }

    async fn close(self) -> Result<(), AnyError> {
        match self {
            Shop::Whole(bus) => Ok(bus.close().await?),
            Shop::Split(split) => split.close().await,
        }
    }
}

async fn script(path: &Path, opened: Shop, stop: &Stop) -> Result<ExitCode, AnyError> {
    let ran = tokio::select! {
        ran = shop::script::run(path, opened.bus()) => Some(ran),
        () = stop.asked() => None,
    };
    opened.close().await?;
    let problems = match ran {
        Some(ran) => ran.map_err(|error| format!("{}: {error}", path.display()))?,
        None => return Err(format!("stopped before the end of {}", path.display()).into()),
    };
    if problems == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("shop: {problems} lines of {} could not be carried out", path.display());
    Ok(ExitCode::FAILURE)
}

async fn serve(address: &str, options: &Options, stop: &Stop) -> Result<ExitCode, AnyError> {
    let opened = Shop::open(options, stop).await?;
    let served = listen(address, options, opened.bus(), stop).await;
    opened.close().await?;
    served?;
    println!("stopped");
    Ok(ExitCode::SUCCESS)
}

async fn listen(address: &str, options: &Options, bus: &Bus, stop: &Stop) -> Result<(), AnyError> {
    let listener = TcpListener::bind(address).await.map_err(|error| format!("{address}: {error}"))?;
    println!("listening on http://{}, {}", listener.local_addr()?, options.whereabouts());
    shop::http::serve(listener, bus.clone(), stop).await?;
    Ok(())
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
