//! A step of CI and how it can end.

/// One named check.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// One sentence for `cargo xtask list`.
    pub(crate) about: &'static str,
    pub(crate) run: fn() -> Outcome,
}

/// A remark for the table (empty if there is nothing to add), or why the step was not met.
pub(crate) type Outcome = Result<String, Unmet>;

/// Why a step did not pass. A `String` error becomes `Failed`, so that `?` fails the step.
#[derive(Debug, PartialEq)]
pub(crate) enum Unmet {
    Failed(String),
    /// The step, or a part of it, could not be run here; the text says what is missing.
    Skipped(String),
}

impl From<String> for Unmet {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}
