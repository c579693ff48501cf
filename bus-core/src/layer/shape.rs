//! What may be given to `.layer(..)`: a layer, or one of the shapes that are layers of all messages.

use std::sync::Arc;

use super::{Around, AsyncAround, AsyncNext, Dispatch, Done, Layer, Link, Next, Observer, Site};
use crate::{bus::Bus, flavor::Flavor, sync_bus::SyncBus};

/// What `.layer(..)` takes: a [`Layer`], an [`Observer`], on a `SyncBus` an [`Around`], on a `Bus` an [`AsyncAround`].
///
/// `Shape` says which of them, and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layer of a `{B}`",
    label = "expected a `Layer`, an `Observer`, or an around of this bus",
    note = "on a `SyncBus` implement `layer::Around`, on a `Bus` `layer::AsyncAround`; a `layer::Observer` fits both"
)]
pub trait IntoLayer<B: Flavor, Shape> {
    /// The layer itself.
    type Layer: Layer<B>;

    /// Makes it a layer.
    fn into_layer(self) -> Self::Layer;
}

impl<B: Flavor, L: Layer<B>> IntoLayer<B, ()> for L {
    type Layer = L;

    fn into_layer(self) -> L {
        self
    }
}

/// The shape of an [`Observer`].
pub struct AsObserver<O>(Arc<O>);

/// The shape of an [`Around`].
pub struct AsAround<A>(Arc<A>);

/// The shape of an [`AsyncAround`].
pub struct AsAsyncAround<A>(Arc<A>);

impl<B: Flavor, O: Observer> IntoLayer<B, AsObserver<O>> for O {
    type Layer = AsObserver<O>;

    fn into_layer(self) -> AsObserver<O> {
        AsObserver(Arc::new(self))
    }
}

impl<A: Around> IntoLayer<SyncBus, AsAround<A>> for A {
    type Layer = AsAround<A>;

    fn into_layer(self) -> AsAround<A> {
        AsAround(Arc::new(self))
    }
}

impl<A: AsyncAround> IntoLayer<Bus, AsAsyncAround<A>> for A {
    type Layer = AsAsyncAround<A>;

    fn into_layer(self) -> AsAsyncAround<A> {
        AsAsyncAround(Arc::new(self))
    }
}

impl<B: Flavor, O: Observer> Layer<B> for AsObserver<O> {
    fn link(&self, _: &mut Site<'_>) -> Option<Link<B>> {
        Some(Link::observer(Arc::clone(&self.0)))
    }

    fn name(&self) -> &str {
        crate::message::last_segment(std::any::type_name::<O>())
    }
}

impl<A: Around> Layer<SyncBus> for AsAround<A> {
    fn link(&self, _: &mut Site<'_>) -> Option<Link<SyncBus>> {
        Some(Link::around(Arc::clone(&self.0)))
    }

    fn name(&self) -> &str {
        crate::message::last_segment(std::any::type_name::<A>())
    }
}

impl<A: AsyncAround> Layer<Bus> for AsAsyncAround<A> {
    fn link(&self, _: &mut Site<'_>) -> Option<Link<Bus>> {
        Some(Link::async_around(Arc::clone(&self.0)))
    }

    fn name(&self) -> &str {
        crate::message::last_segment(std::any::type_name::<A>())
    }
}

impl<O: Observer> Observer for Arc<O> {
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        (**self).start(dispatch);
    }

    fn end(&self, dispatch: &mut Dispatch<'_>) {
        (**self).end(dispatch);
    }

    fn reads_clock(&self) -> bool {
        (**self).reads_clock()
    }
}

impl<T: Around> Around for Arc<T> {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        (**self).call(dispatch, next)
    }
}

impl<T: AsyncAround> AsyncAround for Arc<T> {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> impl Future<Output = Done> + Send {
        (**self).call(dispatch, next)
    }
}
