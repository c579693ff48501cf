//! A layer that calls what is inside twice, and asks for nothing.

use linkbus::layer::{Around, AsyncAround, AsyncNext, Dispatch, Done, Next};

pub(crate) struct Twice;

impl Around for Twice {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        next.run(dispatch);
        next.run(dispatch)
    }
}

impl AsyncAround for Twice {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        next.run(dispatch).await;
        next.run(dispatch).await
    }
}
