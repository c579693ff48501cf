/// What a handler may return: the reply `R` itself, or a `Result` of it with an error that converts into `E`.
#[diagnostic::on_unimplemented(
    message = "a handler of this message cannot return `{Self}`",
    label = "expected `{R}`, or `Result<{R}, _>` with an error that converts into `{E}`",
    note = "`reply` and `error` of the message's derive say what its handler returns; without `error = ..`, any type that implements `std::error::Error + Send + Sync` fits",
    note = "a future is no reply: write an `async fn`, or give an async closure to the method that ends in `_async`"
)]
pub trait IntoOutcome<R, E> {
    /// The reply or the error.
    fn into_outcome(self) -> Result<R, E>;
}

#[diagnostic::do_not_recommend]
impl<R, E> IntoOutcome<R, E> for R {
    #[inline]
    fn into_outcome(self) -> Result<R, E> {
        Ok(self)
    }
}

// No overlap with the implementation above: `R` would have to be `Result<R, F>`, a type that contains itself.
#[diagnostic::do_not_recommend]
impl<R, E, F: Into<E>> IntoOutcome<R, E> for Result<R, F> {
    #[inline]
    fn into_outcome(self) -> Result<R, E> {
        self.map_err(Into::into)
    }
}
