use std::{error::Error, fmt};

/// Any error, boxed: what a message fails with when it names no error type of its own.
///
/// Every error converts into it with `?`, and it can be taken apart again by type. Like `anyhow::Error` it does not
/// implement `std::error::Error` itself, because then nothing could convert into it; [`as_error`](Self::as_error) gives
/// the error inside.
///
/// ```
/// use linkbus::AnyError;
///
/// fn parse(text: &str) -> Result<u32, AnyError> {
///     Ok(text.parse()?)
/// }
///
/// let error = parse("seven").unwrap_err();
/// assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
/// assert_eq!(error.to_string(), "invalid digit found in string");
/// ```
pub struct AnyError(Box<dyn Error + Send + Sync>);

impl AnyError {
    /// The error inside.
    pub fn as_error(&self) -> &(dyn Error + 'static) {
        &*self.0
    }

    /// The error inside, if it is an `E`.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }

    /// The error inside by value, if it is an `E`.
    ///
    /// # Errors
    /// Gives `self` back when it is something else.
    pub fn downcast<E: Error + 'static>(self) -> Result<E, AnyError> {
        self.0.downcast().map(|error| *error).map_err(AnyError)
    }

    /// The box itself, for an interface that asks for one.
    pub fn into_box(self) -> Box<dyn Error + Send + Sync> {
        self.0
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for AnyError {
    fn from(error: E) -> Self {
        AnyError(error.into())
    }
}

/// For a function that gives `Box<dyn Error>`, such as `main`.
impl From<AnyError> for Box<dyn Error> {
    fn from(error: AnyError) -> Self {
        error.0
    }
}

impl fmt::Debug for AnyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for AnyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_downcast_gives_the_error_back() {
        let error = AnyError::from(std::fmt::Error);
        let error = error.downcast::<std::num::ParseIntError>().unwrap_err();
        assert_eq!(error.downcast::<std::fmt::Error>().unwrap(), std::fmt::Error);
    }
}
