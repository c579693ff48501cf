//! Versions of Rust, as written in `rust-version`.

use std::fmt;

/// Major, minor, patch; `1.89` is `1.89.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RustVersion(pub(crate) u32, pub(crate) u32, pub(crate) u32);

impl RustVersion {
    /// `None` for anything but two or three numbers with dots between them.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let numbers: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
        match *numbers?.as_slice() {
            [major, minor] => Some(Self(major, minor, 0)),
            [major, minor, patch] => Some(Self(major, minor, patch)),
            _ => None,
        }
    }
}

impl fmt::Display for RustVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)?;
        if self.2 == 0 { Ok(()) } else { write!(f, ".{}", self.2) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_patch_is_zero() {
        assert_eq!(RustVersion::parse("1.89"), RustVersion::parse("1.89.0"));
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        assert!(RustVersion::parse("1.9") < RustVersion::parse("1.89"));
        assert!(RustVersion::parse("1.89.1") > RustVersion::parse("1.89"));
        assert!(RustVersion::parse("2.0") > RustVersion::parse("1.99.9"));
    }

    #[test]
    fn what_is_not_a_version_is_refused() {
        for text in ["", "1", "stable", "1.89-beta", "1.89.0.1", "1..2"] {
            assert_eq!(RustVersion::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_patch_of_zero_is_not_shown() {
        assert_eq!(RustVersion(1, 89, 0).to_string(), "1.89");
        assert_eq!(RustVersion(1, 89, 1).to_string(), "1.89.1");
    }
}
