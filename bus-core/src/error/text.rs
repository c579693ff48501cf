//! What errors say, as far as it is kept.

use std::error::Error;

/// No text that an error says is kept beyond this many bytes.
const LONGEST: usize = 4096;
/// No more causes of an error are kept.
const MOST_CAUSES: usize = 16;

/// The causes of an error, outermost first.
pub(crate) fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source()).take(MOST_CAUSES)
}

/// What an error says, and what its causes say: `the till is broken: no paper`.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    causes(error).fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// As much of `text` as is kept.
pub(crate) fn short(mut text: String) -> String {
    let end = (0..=LONGEST.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    text.truncate(end.unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_two_characters() {
        assert_eq!(short("a".repeat(LONGEST)).len(), LONGEST);
        assert_eq!(short(format!("{}é", "a".repeat(LONGEST - 1))).len(), LONGEST - 1);
    }
}
