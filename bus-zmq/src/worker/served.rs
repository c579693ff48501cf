//! What a worker tells its hub that it serves.

use linkbus::Kind;

use crate::{
    error::OpenError,
    protocol::{MAX_LIST, MAX_TEXT, Served},
};

/// How much of a name is shown that is too long.
const SHOWN: usize = 40;

/// These messages as they are told, in an order that does not depend on the run.
pub(super) fn served(messages: impl Iterator<Item = (Kind, &'static str)>) -> Result<Vec<Served>, OpenError> {
    let told = |(kind, name)| fits(name).map(|name| Served { kind, name: name.into() });
    let mut served = messages.map(told).collect::<Result<Vec<_>, _>>()?;
    if served.len() > MAX_LIST {
        return Err(OpenError::TooManyNames { count: served.len(), limit: MAX_LIST });
    }
    served.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(served)
}

fn fits(name: &'static str) -> Result<&'static str, OpenError> {
    if name.len() <= MAX_TEXT {
        return Ok(name);
    }
    Err(OpenError::NameTooLong { beginning: name.chars().take(SHOWN).collect(), size: name.len(), limit: MAX_TEXT })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Frame, Hello};

    /// The bytes of what a worker says to its hub with messages of these names.
    fn told(names: impl Iterator<Item = &'static str>) -> Result<usize, OpenError> {
        let mut bytes = Vec::new();
        let serves = served(names.map(|name| (Kind::Command, name)))?;
        Frame::Hello(Hello { serves, ..Hello::default() }).append_to(&mut bytes);
        Ok(bytes.len())
    }

    fn name(size: usize) -> &'static str {
        "ä".repeat(size / 2).leak()
    }

    #[test]
    fn a_name_that_fits_into_no_frame_is_refused() {
        let error = told([name(65_536)].into_iter()).unwrap_err();
        assert!(matches!(error, OpenError::NameTooLong { size: 65_536, limit: 65_535, .. }), "{error:?}");
        assert_eq!(
            error.to_string(),
            format!(
                "the name `{}..` has 65536 bytes, and at most 65535 are carried: give the message a shorter one with `name = \"..\"`",
                name(80)
            )
        );
        assert!(told([name(65_534)].into_iter()).unwrap() > 65_534);
    }

    #[test]
    fn more_names_than_fit_into_a_list_are_refused() {
        let error = told(std::iter::repeat_n("shop.Do", 65_536)).unwrap_err();
        assert!(matches!(error, OpenError::TooManyNames { count: 65_536, limit: 65_535 }), "{error:?}");
        assert!(error.to_string().contains("several workers"), "{error}");
        assert!(told(std::iter::repeat_n("shop.Do", 65_535)).is_ok());
    }
}
