//! Writes the tables and the chart of what was measured.

mod cells;
mod chart;
mod rows;
mod tables;
mod text;

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
};

use linkbus_peers::{
    CASES, Case,
    results::{self, Comparison, Done, Figure, Interval, PeerResults},
};

const USAGE: &str = "\
usage: report FOLDER PLAIN STRICT PYTHON    of two files of `measure` and what the benchmark of the Python reference printed
       report FOLDER                        of the `peers.json` that the folder has already
       report FOLDER into FILE              puts what is seen at a glance between the marks of FILE";

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [folder] => draw(&results::read(&kept(folder))?, Path::new(folder)),
        [folder, "into", file] => text::put_into(Path::new(file), &tables::short(&results::read(&kept(folder))?)),
        [folder, plain, strict, printed] => {
            let (plain, strict) = (results::read(Path::new(plain))?, results::read(Path::new(strict))?);
            let comparison = Comparison { plain, strict, reference: reference(printed) };
            results::write(&kept(folder), &comparison)?;
            draw(&comparison, Path::new(folder))
        }
        _ => Err(io::Error::other(USAGE)),
    }
}

/// Where all that was measured is kept.
fn kept(folder: &str) -> PathBuf {
    Path::new(folder).join("peers.json")
}

fn draw(comparison: &Comparison, folder: &Path) -> io::Result<()> {
    fs::write(folder.join("peers.md"), tables::all(comparison))?;
    chart::draw(comparison, &folder.join("peers.svg")).map_err(io::Error::other)
}

/// The Python reference, which only its own benchmark measures.
fn reference(printed: &str) -> PeerResults {
    let figure = match printed.trim().parse() {
        Ok(median) => {
            Figure::Done(Done { nanoseconds: Some(Interval { median, low: median, high: median }), ..Done::default() })
        }
        Err(_) => Figure::NotAsked(printed.trim().to_owned()),
    };
    let not_asked = || Figure::NotAsked("its benchmark does not ask for it".to_owned());
    let mut cases: BTreeMap<String, Figure> = CASES.iter().map(|case| (case.to_string(), not_asked())).collect();
    cases.insert(Case::Sync.to_string(), figure);
    let gives = "Python; as its README measures it".to_owned();
    PeerResults { peer: "py-message-bus, CPython 3.11".to_owned(), gives, cases }
}
