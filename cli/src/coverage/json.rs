//! Coverage for programs.

use serde::Serialize;

use super::{Covered, Merged};
use crate::display::visible_json;

#[derive(Serialize)]
struct Coverage<'m> {
    processes: u64,
    damaged_files: u64,
    left_out: u64,
    handlers: Vec<&'m Covered>,
}

pub(super) fn of(merged: &Merged) -> String {
    let Merged { handlers, processes, damaged, left_out } = merged;
    let (processes, damaged_files, left_out) = (*processes, *damaged, *left_out);
    let coverage = Coverage { processes, damaged_files, left_out, handlers: handlers.values().collect() };
    let json = serde_json::to_string(&coverage).unwrap_or_else(|_| unreachable!("texts and numbers are JSON"));
    format!("{}\n", visible_json(&json))
}
