//! `linkbus recordings stats`

mod durations;
mod json;
mod row;
mod table;
mod timeline;
mod totals;

use std::io::Write as _;

use self::totals::Totals;
use crate::{
    failure::Failure,
    input::Manner,
    options::Stats,
    output,
    reading::{Problems, Reading},
};

pub(crate) fn run(options: &Stats) -> Result<bool, Failure> {
    let mut totals = Totals::default();
    let mut problems = Problems::default();
    for file in &options.files {
        let mut records = Reading::open(file, Manner::Watched, options.filters.filter())?;
        records.for_each(|record| totals.add(record))?;
        problems.add(records.finish());
    }
    let shown = if options.is_json { json::of(&totals, &problems) } else { table::of(&totals) };
    let mut out = output::stdout(false);
    out.write_all(shown.as_bytes())?;
    out.flush()?;
    Ok(problems.is_clean())
}
