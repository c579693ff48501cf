//! A dispatch takes no more instructions than were accepted.

use crate::instructions;
use crate::step::Outcome;

pub(super) fn run() -> Outcome {
    instructions::check()
}
