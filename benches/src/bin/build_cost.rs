//! What messages with handlers cost to build: 10, 100 and 700 of them, as plain functions, with linkbus and with medi-rs.
//! Prints a Markdown table of processor time: once everything but the dependencies, and once after one function was changed.
//!
//! `build_cost 10 100` takes other numbers of messages. medi-rs has to be downloaded: `cargo fetch` in benches/peers
//! does it.

use std::{env, io, path::Path};

use linkbus_benches::generated::{Program, Way};

const MESSAGES: [usize; 3] = [10, 100, 700];

const WAYS: [(Way, &str); 3] = [(Way::Plain, "plain functions"), (Way::Linkbus, "linkbus"), (Way::Medi, "medi-rs 3.2")];

fn main() -> io::Result<()> {
    let folder = env::current_exe()?.parent().expect("a program is in a folder").join("linkbus-build-cost");
    let asked: Vec<usize> = env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let messages = if asked.is_empty() { &MESSAGES[..] } else { &asked };
    println!("| processor time, s | messages | dev | dev, one function changed | release |\n|---|--:|--:|--:|--:|");
    for (way, name) in WAYS {
        build_dependencies(&folder, way)?;
        for count in messages {
            row(&folder, way, name, *count)?;
        }
    }
    Ok(())
}

/// All programs of a way share them, and with their profiles.
fn build_dependencies(folder: &Path, way: Way) -> io::Result<()> {
    let program = Program::new(folder, way, 1);
    program.write()?;
    for flags in [&[][..], &["--release"]] {
        program.build(flags, false)?;
    }
    program.build(&[], true).map(drop)
}

fn row(folder: &Path, way: Way, name: &str, messages: usize) -> io::Result<()> {
    let program = Program::new(folder, way, messages);
    program.write()?;
    let (dev, release) = (program.build(&[], false)?, program.build(&["--release"], false)?);
    program.build(&[], true)?;
    program.edit(1)?;
    let changed = program.build(&[], true)?;
    let [dev, changed, release] = [dev, changed, release].map(|time| time.as_secs_f64());
    println!("| {name} | {messages} | {dev:.1} | {changed:.1} | {release:.1} |");
    Ok(())
}
